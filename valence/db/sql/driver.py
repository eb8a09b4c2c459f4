# SPDX-License-Identifier: Apache-2.0
"""The store on SQLite, MariaDB, MySQL and PostgreSQL; statements of reads are in ``queries``, writes in ``commit``."""

import contextlib
import functools
import json
import typing

import sqlalchemy
from oslo_config import cfg

from valence.common import errors
from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db import values
from valence.db.sql import bulk
from valence.db.sql import commit
from valence.db.sql import connections
from valence.db.sql import engine
from valence.db.sql import failures
from valence.db.sql import leases
from valence.db.sql import queries
from valence.db.sql import rows
from valence.db.sql import schema
from valence.db.sql import tables

#: how often a commit is tried whose obstacle was gone when it was looked for
ATTEMPTS = 5


class SQLAlchemyStore(store.Store):
    """A store in a database that SQLAlchemy knows."""

    #: the models that have a table each
    stored: tuple[store.Model, ...] = models.STORED

    def __init__(self, conf: cfg.ConfigOpts, cipher: store.Cipher) -> None:
        self._cipher = cipher
        self.connections = connections.Connections(conf.database)
        dialect = self.connections.engine.dialect
        self.tables = tables.shared(dialect.name, self.stored)
        self._is_packed = dialect.name in rows.DIALECTS
        self._rows = rows.Rows(dialect.name, cipher)
        self._queries = queries.Queries(self.tables, self._rows, dialect.name)
        self.writer = commit.Writer(self.tables, self._rows, dialect)
        self._loading = bulk.Loading(self.connections, self.tables, self._rows, dialect.name)
        self.fences = leases.Leases(self.connections, self.tables.leases)
        self.markers = commit.Markers(self.tables.commit_markers, is_text=dialect.name == "sqlite")
        self.schema = schema.Schema(self.connections, self.tables)
        self._clock = connections.Clock(self.connections.read_clock)

    def get(self, model: type[store.AnyModel], key: store.Key) -> store.AnyModel:
        names = tuple(model.fields)
        parameters = {"key": self._rows.operand(model, model.key, key)}
        found = self.connections.read(self._queries.get(model, names), parameters)
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return self._rows.decoder(model, names)(found[0])

    def list(
        self, model: type[store.AnyModel], **query: typing.Unpack[store.Query]
    ) -> typing.Sequence[store.AnyModel]:
        names = values.names(model, query.get("fields"))
        return [*map(self._rows.decoder(model, names), self._page(model, names, query))]

    def list_with(
        self, attached: store.Attached, model: type[store.AnyModel], **query: typing.Unpack[store.Query]
    ) -> typing.Sequence[store.Listed[store.AnyModel]]:
        names = values.names(model, query.get("fields"))
        found = self._page(model, names, query, attached)
        listed = self._rows.grouped(found, model, names, attached)
        sorts = values.sorts(model, query.get("sort", ()))
        return _by_key(listed, *sorts[0]) if queries.is_by_key(sorts) else listed

    def page(
        self,
        model: store.Model,
        looked_up: models.LookedUp | None = None,
        **query: typing.Unpack[store.Query],
    ) -> store.Page:
        # Only a connection tells MariaDB from MySQL.
        if getattr(self.connections.engine.dialect, "is_mariadb", False):
            with contextlib.suppress(rows.TooLong):
                return self._encoded(model, looked_up, query)
        return super().page(model, looked_up, **query)

    def _encoded(
        self, model: store.Model, looked_up: models.LookedUp | None, query: store.Query
    ) -> store.Page:
        """Return a page whose JSON the database makes: to make it of objects here takes twice the time."""
        limit, shown = query.get("limit"), tuple(query.get("fields") or model.public_fields())
        names = values.names(model, looked_up.own(shown) if looked_up else shown)
        statement = self._statement(model, names, query | {"limit": limit and limit + 1})
        read = self.connections.read(*statement(shown=shown, looked_up=looked_up))
        # Should several rows be found for one, one of them is shown. A text with its key in it stands for the key.
        found = dict(
            typing.cast(typing.Sequence[tuple[store.Key, str | None]], [(row[0], row[-1]) for row in read])
        )
        keys = list(found)[:limit]
        text = rows.text(found[key] for key in keys)
        if len(found) == len(keys):
            return text, len(keys), None
        return text, len(keys), keys[-1] if len(read[0]) > 1 else json.loads(keys[-1])[model.key]

    def _page(
        self,
        model: store.Model,
        names: tuple[str, ...],
        query: store.Query,
        attached: store.Attached | None = None,
    ) -> typing.Sequence[rows.Cells]:
        page = self._statement(model, names, query, attached)
        if self._is_packed:
            with contextlib.suppress(rows.TooLong):
                return rows.unpack(self.connections.read(*page(packed=True)))
        return self.connections.read(*page())

    def _statement(
        self,
        model: store.Model,
        names: tuple[str, ...],
        query: store.Query,
        attached: store.Attached | None = None,
    ) -> typing.Callable[..., queries.Statement]:
        """Return the function that makes the statement of a page; it takes the form that rows are to have."""
        values.require_known(query)
        sorts, marker = values.sorts(model, query.get("sort", ())), query.get("marker")
        return functools.partial(
            self._queries.page,
            model,
            filters=query.get("filters", ()),
            sorts=sorts,
            after=None if marker is None else self._position(model, sorts, marker),
            limit=query.get("limit"),
            names=names,
            attached=attached,
        )

    def count(self, model: store.Model, *, filters: store.Filters = ()) -> int:
        ((number,),) = self.connections.read(*self._queries.count(model, filters=filters))
        return int(number)

    def clock(self) -> tuple[float, float]:
        return self.connections.clock()

    def commit(
        self, *changes: store.Change, lease: store.Lease | None = None, before: float | None = None
    ) -> typing.Sequence[typing.Any]:
        if not changes:
            return []
        changesets.require_keys(changes, self._rows.operand)
        batch = changesets.Changes(changes)
        one = commit.Commit(self, batch, lease, before)
        for _ in range(ATTEMPTS):
            if one.persist():
                return batch.in_order()
            self.connections.run(lambda connection: self._explain(connection, batch))
        raise errors.Conflict(reason="Others change the same things all the time.") from one.obstacle

    def _explain(self, connection: sqlalchemy.Connection, batch: changesets.Changes) -> None:
        failures.Explanation(self.tables, self._rows, connection, batch).explain()

    def load(
        self,
        model: store.Model,
        objects: typing.Iterable[models.ModelBase],
        *,
        last_number: int | None = None,
    ) -> None:
        self._loading.load(model, objects, last_number)

    def last_number(self, model: store.Model) -> int:
        return self._loading.last_number(model)

    def _position(self, model: store.Model, sorts: values.SortKeys, marker: store.Key) -> values.Position:
        """Return the values that the row with the key ``marker`` is sorted by."""
        if sorts[0][0] == model.key:
            return (marker,)
        names = tuple(name for name, _ in sorts)
        parameters = {"key": self._rows.operand(model, model.key, marker)}
        found = self.connections.read(self._queries.get(model, names), parameters)
        if not found:
            raise errors.gone_marker(model.kind, marker)
        row = self._rows.decoder(model, names)(found[0])
        return tuple(getattr(row, name) for name in names)

    def lease(self, name: str, holder: str, ttl: float, *, steal: bool = False) -> store.Lease:
        return self.fences.take(name, holder, ttl, steal)

    def renew(self, leases: typing.Collection[store.Lease]) -> typing.Sequence[store.Lease]:
        # Whoever works under many leases renews them by one statement, or would take longer for it than they last.
        return [] if self.fences.renew_all(leases) else super().renew(leases)

    def leases(self, prefix: str) -> typing.Sequence[store.HeldLease]:
        return self.fences.held(prefix)

    def renew_secrets(self) -> int:
        return bulk.renew(self.connections, self.tables, self._cipher)

    def now(self) -> float:
        return self._clock.now()

    def ping(self) -> None:
        self.connections.run(_ping)

    def close(self) -> None:
        self.connections.close()


def _by_key(
    listed: list[store.Listed[store.AnyModel]], name: str, is_descending: bool
) -> list[store.Listed[store.AnyModel]]:
    """Return (row, attached) pairs in the order of their keys: databases compare texts by code points, as here."""
    return sorted(listed, key=lambda each: getattr(each[0], name), reverse=is_descending)


def _ping(connection: sqlalchemy.Connection) -> None:
    with engine.hurried(connection):
        connection.exec_driver_sql("SELECT 1")
