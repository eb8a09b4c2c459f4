# SPDX-License-Identifier: Apache-2.0
"""The store on SQLite, MariaDB, MySQL and PostgreSQL."""

import contextlib
import functools

from valence.common import errors
from valence.db import changes as changesets
from valence.db import clock
from valence.db import models
from valence.db import questions
from valence.db import store
from valence.db.sql import commit
from valence.db.sql import conflicts
from valence.db.sql import connections
from valence.db.sql import json_rows
from valence.db.sql import leases
from valence.db.sql import loading
from valence.db.sql import patience
from valence.db.sql import queries
from valence.db.sql import renewal
from valence.db.sql import rows
from valence.db.sql import schema
from valence.db.sql import tables
from valence.db.sql import transaction

#: how often a commit is tried whose obstacle was gone when it was looked for
ATTEMPTS = 5


class SQLAlchemyStore(store.Store):
    """A store in a database that SQLAlchemy knows."""

    def __init__(self, conf, cipher):
        self._cipher = cipher
        self.connections = connections.Connections(conf.database)
        dialect = self.connections.engine.dialect
        self.tables = tables.Tables(dialect.name, models.STORED)
        self._is_packed = dialect.name in json_rows.DIALECTS
        self._rows = rows.Rows(dialect.name, cipher)
        self._queries = queries.Queries(self.tables, self._rows, dialect.name)
        self._conflicts = conflicts.Conflicts(self.tables, self._rows)
        self.writer = transaction.Writer(self.tables, self._rows, dialect)
        self._loading = loading.Loading(self.connections, self.tables, self._rows, dialect.name)
        self.fences = leases.Leases(self.connections, self.tables.leases)
        self.markers = commit.Markers(self.tables.commit_markers, is_text=dialect.name == "sqlite")
        self.schema = schema.Schema(self.connections, self.tables)
        self._clock = clock.Clock(self._read_clock)

    def get(self, model, key):
        names = tuple(model.fields)
        parameters = {"key": self._rows.operand(model, model.key, key)}
        found = self.connections.read(self._queries.get(model, names), parameters)
        if not found:
            raise errors.NotFound(kind=model.kind, key=key)
        return self._rows.decoder(model, names)(found[0])

    def list(self, model, *, fields=None, **asked):
        names = _names(model, fields)
        return [*map(self._rows.decoder(model, names), self._page(model, names, **asked))]

    def list_with(self, attached, model, *, fields=None, **asked):
        names = _names(model, fields)
        found = self._page(model, names, attached, **asked)
        return self._rows.grouped(found, model, names, attached.parts)

    def _page(self, model, names, attached=None, *, filters=(), sort=(), marker=None, limit=None):
        sorts = questions.sorts(model, sort)
        after = None if marker is None else self._position(model, sorts, marker)
        asked = {"filters": filters, "sorts": sorts, "after": after, "limit": limit}
        page = functools.partial(self._queries.page, model, names=names, attached=attached, **asked)
        if self._is_packed:
            with contextlib.suppress(json_rows.TooLong):
                return json_rows.unpack(self.connections.read(*page(packed=True)))
        return self.connections.read(*page())

    def count(self, model, *, filters=()):
        return self.connections.read(*self._queries.count(model, filters=filters))[0][0]

    def clock(self):
        return self.connections.clock()

    def commit(self, *changes, lease=None, before=None):
        if not changes:
            return []
        batch = changesets.Changes(changes)
        one = commit.Commit(self, batch, lease, before)
        for _ in range(ATTEMPTS):
            if self._persist(one):
                return batch.in_order()
            self.connections.run(lambda connection: self._conflicts.explain(connection, batch))
        raise errors.Conflict(reason="Others change the same things all the time.") from one.obstacle

    def load(self, model, objects, *, last_number=None):
        self._loading.load(model, objects, last_number)

    def last_number(self, model):
        return self._loading.last_number(model)

    def _persist(self, one):
        try:
            return self.connections.persist(one.attempt)
        except errors.StoreUnavailable as error:
            if one.is_open:
                raise errors.OutcomeUnknown(**error.kwargs) from error
            raise

    def _position(self, model, sorts, marker):
        """Return the values that the row with the key ``marker`` is sorted by."""
        if sorts[0][0] == model.key:
            return (marker,)
        names = tuple(name for name, _ in sorts)
        parameters = {"key": self._rows.operand(model, model.key, marker)}
        found = self.connections.read(self._queries.get(model, names), parameters)
        if not found:
            raise questions.gone_marker(model, marker)
        row = self._rows.decoder(model, names)(found[0])
        return tuple(getattr(row, name) for name in names)

    def lease(self, name, holder, ttl, *, steal=False):
        return self.fences.take(name, holder, ttl, steal)

    def renew(self, leases):
        # Whoever works under many leases renews them by one statement, or would take longer for it than they last.
        return [] if self.fences.renew_all(leases) else super().renew(leases)

    def leases(self, prefix):
        return self.fences.held(prefix)

    def renew_secrets(self):
        return renewal.renew(self.connections, self.tables, self._cipher)

    def now(self):
        return self._clock.now()

    def _read_clock(self):
        return self.connections.read(self.fences.clock)[0][0]

    def ping(self):
        self.connections.run(_ping)

    def close(self):
        self.connections.close()


def _names(model, fields):
    """Return the names of the columns that are read, the key's first unless all are."""
    return tuple(model.fields) if fields is None else tuple(dict.fromkeys((model.key, *fields)))


def _ping(connection):
    with patience.hurried(connection):
        connection.exec_driver_sql("SELECT 1")
