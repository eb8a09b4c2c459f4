# SPDX-License-Identifier: Apache-2.0
"""The store on SQLite, MariaDB, MySQL and PostgreSQL.

Reads are here: their statements are built once for each shape of a list, then only given values. NULL is smaller than
every value, on all databases. Writes are in ``commit``.
"""

import contextlib
import functools
import typing

import sqlalchemy
from oslo_config import cfg

from valence.common import errors
from valence.db import changes as changesets
from valence.db import models
from valence.db import store
from valence.db import values
from valence.db.sql import bulk
from valence.db.sql import commit
from valence.db.sql import connections
from valence.db.sql import engine
from valence.db.sql import failures
from valence.db.sql import leases
from valence.db.sql import rows
from valence.db.sql import schema
from valence.db.sql import tables

COMPARISONS = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}


Select = sqlalchemy.Select[typing.Any]
Column = sqlalchemy.ColumnElement[typing.Any]
Condition = sqlalchemy.ColumnElement[bool]
#: a statement and its parameters
Statement = tuple[Select, store.RowValues]
#: the filters of a question: (field, op, whether None is among the values)
Shape = tuple[tuple[str, str, bool], ...]


class Question(typing.NamedTuple):
    """The shape of a list: everything but the values."""

    model: store.Model
    names: tuple[str, ...]
    filters: Shape
    sorts: values.SortKeys
    after: tuple[bool, ...] | None  # for each sort, whether the marker's value there is None
    limited: bool
    attached: store.Attached | None = None
    packed: bool = False


def is_by_key(sorts: values.SortKeys) -> bool:
    """Return whether rows are sorted by their key alone."""
    return len(sorts) == 1


class Queries:
    """The statements that read the tables of one database."""

    def __init__(self, tables: tables.Tables, rows: rows.Rows, dialect_name: str) -> None:
        self._tables, self._rows, self._dialect_name = tables, rows, dialect_name
        self._page = values.remembering(self._build_page)
        self._count = values.remembering(self._build_count)
        self.get = values.remembering(self._build_get)

    def page(
        self,
        model: store.Model,
        *,
        filters: store.Filters,
        sorts: values.SortKeys,
        after: values.Position | None,
        limit: int | None,
        names: tuple[str, ...],
        attached: store.Attached | None = None,
        packed: bool = False,
    ) -> Statement:
        """Return statement and parameters of a page; ``after`` has the marker's value for each sort.

        With ``attached`` (store.Attached) a row is repeated for each that is attached to it, in any order of these,
        and of the rows too if they are sorted by their key alone: the database would copy whole rows to sort them. Its
        columns are then followed by those of ``attached.parts``, and by ``attached.order``. The rows of a ``packed``
        page are as ``rows.unpack`` takes them.
        """
        shape, parameters = self._conditions(model, filters)
        gaps = None if after is None else tuple(value is None for value in after)
        for number, value in enumerate(after or ()):
            parameters[f"after_{number}"] = self._rows.operand(model, sorts[number][0], value)
        if limit is not None:
            parameters["page_limit"] = limit
        question = Question(model, names, shape, sorts, gaps, limit is not None, attached, packed)
        return self._page(question), parameters

    def count(self, model: store.Model, *, filters: store.Filters) -> Statement:
        """Return statement and parameters that count."""
        shape, parameters = self._conditions(model, filters)
        return self._count(model, shape), parameters

    def _conditions(self, model: store.Model, filters: store.Filters) -> tuple[Shape, store.RowValues]:
        shape, parameters = [], {}
        given = values.filters(model, filters, self._rows.operand)
        for number, (name, op, value) in enumerate(given):
            gap = None in value if op == "in" else value is None
            if op == "in":
                value = [each for each in value if each is not None]
            shape.append((name, op, gap))
            parameters[f"filter_{number}"] = value
        return tuple(shape), parameters

    def _build_get(self, model: store.Model, names: tuple[str, ...]) -> Select:
        """Return the statement that reads the columns ``names`` of the row with the key ``key``."""
        table = self._tables[model]
        key = self._tables.column(model, model.key)
        wanted = [self._tables.column(model, name) for name in names]
        return sqlalchemy.select(*wanted).select_from(table).where(key == sqlalchemy.bindparam("key"))

    def _build_count(self, model: store.Model, filters: Shape) -> Select:
        counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(self._tables[model])
        return counted.where(*self._filters(model, filters))

    def _build_page(self, question: Question) -> Select:
        if question.packed:
            return rows.pack(self._build_page(question._replace(packed=False)))
        model = question.model
        if question.attached or (model.joins and self._is_about_first(question)):
            return self._page_joined(question)
        wanted = [self._tables.column(model, name) for name in question.names]
        page = sqlalchemy.select(*wanted).select_from(self._tables[model])
        page = page.where(*self._filters(model, question.filters))
        if question.after is not None:
            page = page.where(self._after(model, question.sorts, question.after))
        sorts = [(name, descending, self._tables.column(model, name)) for name, descending in question.sorts]
        page = page.order_by(*(self._order(model, *each) for each in sorts))
        return page.limit(sqlalchemy.bindparam("page_limit")) if question.limited else page

    def _is_about_first(self, question: Question) -> bool:
        """Whether the first of the joined models alone decides which rows make the page."""
        names = {name for name, *_ in (*question.filters, *question.sorts)}
        return names <= set(question.model.joins[0].fields)

    def _page_joined(self, question: Question) -> Select:
        """Return a page of one model with others joined to it; PostgreSQL would read them from their start."""
        model, attached = question.model, question.attached
        first, *others = model.joins if model.joins and self._is_about_first(question) else (model,)
        needed = {first.key, *question.names, *(name for name, _ in question.sorts)}
        names = tuple(name for name in first.fields if name in needed)
        page = self._build_page(question._replace(model=first, names=names, attached=None)).subquery("page")
        source: sqlalchemy.FromClause = page
        for other in others:
            source = self._joined(source, page.c[first.key], other)
        columns = [
            page.c[name] if name in first.fields else self._tables.column(model, name)
            for name in question.names
        ]
        sorts = () if attached and is_by_key(question.sorts) else question.sorts
        order = [self._order(first, name, descending, page.c[name]) for name, descending in sorts]
        if attached:
            rows = self._tables[attached.model]
            source = source.outerjoin(rows, rows.c[attached.owner] == page.c[first.key])
            source = self._joined(source, rows.c[attached.target], attached.parts[1][0])
            columns += [self._tables.column(part, name) for part, names in attached.parts for name in names]
            columns.append(rows.c[attached.order])
        return sqlalchemy.select(*columns).select_from(source).order_by(*order)

    def _joined(self, source: sqlalchemy.FromClause, key: Column, model: store.Model) -> sqlalchemy.Join:
        """Return a source with the rows of a model joined to it that have a key."""
        return source.outerjoin(self._tables[model], key == self._tables[model].c[model.key])

    def _filters(self, model: store.Model, filters: Shape) -> list[Condition]:
        return [self._filter(model, number, *each) for number, each in enumerate(filters)]

    def _filter(self, model: store.Model, number: int, name: str, op: str, gap: bool) -> Condition:
        column = self._tables.column(model, name)
        value = sqlalchemy.bindparam(f"filter_{number}", expanding=op == "in", type_=column.type)
        if op == "in":
            return column.in_(value) | column.is_(None) if gap else column.in_(value)
        if op == "eq":
            return column.is_(None) if gap else column == value
        if op == "neq":
            return self._differs(model, name, value, gap)
        return sqlalchemy.false() if gap else getattr(column, COMPARISONS[op])(value)

    def _differs(self, model: store.Model, name: str, value: Column, gap: bool) -> Condition:
        column = self._tables.column(model, name)
        if gap:
            return column.is_not(None)
        return (
            (column != value) | column.is_(None) if self._tables.is_nullable(model, name) else column != value
        )

    def _order(self, model: store.Model, name: str, descending: bool, column: Column) -> Column:
        order = column.desc() if descending else column.asc()
        if self._dialect_name == "postgresql" and self._tables.is_nullable(model, name):
            return order.nulls_last() if descending else order.nulls_first()
        return order

    def _after(self, model: store.Model, sorts: values.SortKeys, gaps: tuple[bool, ...]) -> Condition:
        """Return the condition of the rows that come after the marker."""
        steps = [self._step(model, number, gap, *sorts[number]) for number, gap in enumerate(gaps)]
        if self._has_row_values(model, sorts, gaps):
            return self._row_value(model, sorts)
        after: Condition = sqlalchemy.false()
        for further, same in reversed(steps):
            after = further | (same & after)
        return after

    def _has_row_values(self, model: store.Model, sorts: values.SortKeys, gaps: tuple[bool, ...]) -> bool:
        """Whether ``(a, b) > (x, y)`` says it, which all but MySQL answer straight from an index."""
        directions = {descending for _, descending in sorts}
        gapless = not any(gaps) and not any(self._tables.is_nullable(model, name) for name, _ in sorts)
        ascending = directions == {False} and not any(gaps)
        return self._dialect_name != "mysql" and len(directions) == 1 and (gapless or ascending)

    def _row_value(self, model: store.Model, sorts: values.SortKeys) -> Condition:
        columns = [self._tables.column(model, name) for name, _ in sorts]
        marks = [self._mark(column, number) for number, column in enumerate(columns)]
        row, marker = sqlalchemy.tuple_(*columns), sqlalchemy.tuple_(*marks)
        return row < marker if sorts[0][1] else row > marker

    def _mark(self, column: Column, number: int) -> Column:
        return sqlalchemy.bindparam(f"after_{number}", type_=column.type)

    def _step(
        self, model: store.Model, number: int, gap: bool, name: str, descending: bool
    ) -> tuple[Condition, Condition]:
        """Return the conditions of being after, and of being equal to, the marker in one sort key."""
        column = self._tables.column(model, name)
        if gap:
            return sqlalchemy.false() if descending else column.is_not(None), column.is_(None)
        mark = self._mark(column, number)
        further = column < mark if descending else column > mark
        if descending and self._tables.is_nullable(model, name):
            further = further | column.is_(None)
        return further, column == mark


#: how often a commit is tried whose obstacle was gone when it was looked for
ATTEMPTS = 5


class SQLAlchemyStore(store.Store):
    """A store in a database that SQLAlchemy knows."""

    def __init__(self, conf: cfg.ConfigOpts, cipher: store.Cipher) -> None:
        self._cipher = cipher
        self.connections = connections.Connections(conf.database)
        dialect = self.connections.engine.dialect
        self.tables = tables.Tables(dialect.name, models.STORED)
        self._is_packed = dialect.name in rows.DIALECTS
        self._rows = rows.Rows(dialect.name, cipher)
        self._queries = Queries(self.tables, self._rows, dialect.name)
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
        return _by_key(listed, *sorts[0]) if is_by_key(sorts) else listed

    def _page(
        self,
        model: store.Model,
        names: tuple[str, ...],
        query: store.Query,
        attached: store.Attached | None = None,
    ) -> typing.Sequence[rows.Cells]:
        values.require_known(query)
        sorts, marker = values.sorts(model, query.get("sort", ())), query.get("marker")
        page = functools.partial(
            self._queries.page,
            model,
            filters=query.get("filters", ()),
            sorts=sorts,
            after=None if marker is None else self._position(model, sorts, marker),
            limit=query.get("limit"),
            names=names,
            attached=attached,
        )
        if self._is_packed:
            with contextlib.suppress(rows.TooLong):
                return rows.unpack(self.connections.read(*page(packed=True)))
        return self.connections.read(*page())

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
