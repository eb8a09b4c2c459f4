# SPDX-License-Identifier: Apache-2.0
"""The statements that read tables: built once for each shape of a list, then only given values.

NULL is smaller than every value, on all databases.
"""

import typing

import sqlalchemy

from valence.db import models
from valence.db import store
from valence.db import values
from valence.db.sql import rows
from valence.db.sql import tables

COMPARISONS = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}


Select = sqlalchemy.Select[typing.Any]
Column = sqlalchemy.ColumnElement[typing.Any]
Columns = sqlalchemy.ColumnCollection[str, Column]
Condition = sqlalchemy.ColumnElement[bool]
#: a statement and its parameters
Statement = tuple[Select, store.RowValues]
#: the filters of a question: (field, op, whether None is among the values); of "begins" the number of its texts
Shape = tuple[tuple[str, str, int], ...]


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
    shown: tuple[str, ...] | None = None  # the fields of the JSON objects that rows are to be
    looked_up: models.LookedUp | None = None


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
        shown: tuple[str, ...] | None = None,
        looked_up: models.LookedUp | None = None,
    ) -> Statement:
        """Return statement and parameters of a page; ``after`` has the marker's value for each sort.

        With ``attached`` (store.Attached) a row is repeated for each that is attached to it, in any order of these,
        and of the rows too if they are sorted by their key alone: the database would copy whole rows to sort them. Its
        columns are then followed by those of ``attached.parts``, and by ``attached.order``. The rows of a ``packed``
        page are as ``rows.unpack`` takes them, those that have ``shown`` fields, some of them perhaps
        ``looked_up``, as ``rows.text`` does.
        """
        shape, parameters = self._conditions(model, filters)
        gaps = None if after is None else tuple(value is None for value in after)
        for number, value in enumerate(after or ()):
            parameters[f"after_{number}"] = self._rows.operand(model, sorts[number][0], value)
        if limit is not None:
            parameters["page_limit"] = limit
        question = Question(
            model, names, shape, sorts, gaps, limit is not None, attached, packed, shown, looked_up
        )
        return self._page(question), parameters

    def count(self, model: store.Model, *, filters: store.Filters) -> Statement:
        """Return statement and parameters that count."""
        shape, parameters = self._conditions(model, filters)
        return self._count(model, shape), parameters

    def _conditions(self, model: store.Model, filters: store.Filters) -> tuple[Shape, store.RowValues]:
        shape: list[tuple[str, str, int]] = []
        parameters: store.RowValues = {}
        given = values.filters(model, filters, self._rows.operand)
        for number, (name, op, value) in enumerate(given):
            if op == "begins":
                shape.append((name, op, len(value)))
                parameters |= _bounds(number, value)
                continue
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
        if question.shown:
            return self._encoded(question._replace(shown=None), question.shown)
        if question.attached or question.looked_up or (model.joins and self._is_about_first(question)):
            return self._page_joined(question)
        wanted = [self._tables.column(model, name) for name in question.names]
        page = sqlalchemy.select(*wanted).select_from(self._tables[model])
        page = page.where(*self._filters(model, question.filters))
        if question.after is not None:
            page = page.where(self._after(model, question.sorts, question.after))
        sorts = [(name, descending, self._tables.column(model, name)) for name, descending in question.sorts]
        page = page.order_by(*(self._order(model, *each) for each in sorts))
        return page.limit(sqlalchemy.bindparam("page_limit")) if question.limited else page

    def _encoded(self, question: Question, shown: tuple[str, ...]) -> Select:
        """Return a page of the JSON object of each row, after its key if the object may lack it or repeat it."""
        model = question.model
        others = question.looked_up.fields_of(shown) if question.looked_up else {}
        fields = {name: others[name] if name in others else model.fields[name] for name in shown}
        key = model.key if question.looked_up or model.key not in shown else None
        return rows.encode(self._build_page(question), fields, key)

    def _is_about_first(self, question: Question) -> bool:
        """Whether the first of the joined models alone decides which rows make the page."""
        names = {name for name, *_ in (*question.filters, *question.sorts)}
        return names <= set(question.model.joins[0].fields)

    def _page_joined(self, question: Question) -> Select:
        """Return a page of one model with other models joined to it.

        The page is a subquery: without it, PostgreSQL would read the joined tables from their start. MariaDB writes the
        result of a subquery that contains documents to a temporary file, so in that case the subquery selects only the
        columns that rows are sorted by, and the rest of each row is joined to it.
        """
        model, attached = question.model, question.attached
        first, *others = model.joins if model.joins and self._is_about_first(question) else (model,)
        keys = {first.key, *(name for name, _ in question.sorts)}
        names = tuple(name for name in first.fields if name in {*keys, *question.names})
        is_long = self._dialect_name == "mysql" and not first.joins and self._has_documents(first, names)
        if is_long:
            names = tuple(name for name in names if name in keys)
        page = self._build_page(
            question._replace(model=first, names=names, attached=None, looked_up=None)
        ).subquery("page")
        source: sqlalchemy.FromClause = page
        for other in (first, *others) if is_long else others:
            source = self._joined(source, page.c[first.key], other)
        own = self._tables[first].c if is_long else page.c
        columns: list[Column] = [
            own[name] if name in first.fields else self._tables.column(model, name) for name in question.names
        ]
        sorts = () if attached and is_by_key(question.sorts) else question.sorts
        order = [self._order(first, name, descending, page.c[name]) for name, descending in sorts]
        if question.looked_up:
            source, found = self._looked_up(source, own, question.looked_up)
            columns.extend(found)
        if attached:
            inner = self._tables[attached.model]
            source = source.outerjoin(inner, inner.c[attached.owner] == page.c[first.key])
            source = self._joined(source, inner.c[attached.target], attached.parts[1][0])
            columns += [self._tables.column(part, name) for part, names in attached.parts for name in names]
            columns.append(inner.c[attached.order])
        return sqlalchemy.select(*columns).select_from(source).order_by(*order)

    def _looked_up(
        self, source: sqlalchemy.FromClause, own: Columns, looked_up: models.LookedUp
    ) -> tuple[sqlalchemy.FromClause, list[Column]]:
        """Join the rows of ``looked_up`` to a source with the columns ``own``; return the source and their columns."""
        model = looked_up.model
        first, *others = model.joins or (model,)
        table, instead = self._tables[first], dict(looked_up.otherwise)
        is_same = sqlalchemy.and_(*(table.c[name] == own[name] for name in looked_up.by))
        source = source.outerjoin(table, is_same)
        for other in others:
            source = self._joined(source, table.c[first.key], other)
        columns: dict[str, Column] = {}
        for name, there in looked_up.fields:
            columns[name] = self._tables.column(model, there)
            if name in instead and instead[name] in own:
                is_missing = table.c[first.key].is_(None)
                columns[name] = sqlalchemy.case((is_missing, own[instead[name]]), else_=columns[name])
        return source, [column.label(name) for name, column in columns.items()]

    def _has_documents(self, model: store.Model, names: tuple[str, ...]) -> bool:
        return any(isinstance(self._tables.column(model, name).type, rows.Document) for name in names)

    def _joined(self, source: sqlalchemy.FromClause, key: Column, model: store.Model) -> sqlalchemy.Join:
        """Return a source with the rows of a model joined to it that have a key."""
        return source.outerjoin(self._tables[model], key == self._tables[model].c[model.key])

    def _filters(self, model: store.Model, filters: Shape) -> list[Condition]:
        return [self._filter(model, number, *each) for number, each in enumerate(filters)]

    def _filter(self, model: store.Model, number: int, name: str, op: str, gap: int) -> Condition:
        column = self._tables.column(model, name)
        if op == "begins":
            return _any([_is_between(column, number, each) for each in range(gap)])
        value = sqlalchemy.bindparam(f"filter_{number}", expanding=op == "in", type_=column.type)
        if op == "in":
            return column.in_(value) | column.is_(None) if gap else column.in_(value)
        if op == "eq":
            return column.is_(None) if gap else column == value
        if op == "neq":
            return self._differs(model, name, value, gap)
        return sqlalchemy.false() if gap else getattr(column, COMPARISONS[op])(value)

    def _differs(self, model: store.Model, name: str, value: Column, gap: int) -> Condition:
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


def _bounds(number: int, texts: list[str]) -> store.RowValues:
    """Return the parameters of a filter by what texts begin with: the first such text, and the first after them."""
    bounds: store.RowValues = {}
    for each, text in enumerate(texts):
        bounds |= {f"low_{number}_{each}": text, f"high_{number}_{each}": values.after_beginning(text)}
    return bounds


def _is_between(column: Column, number: int, each: int) -> Condition:
    low, high = (sqlalchemy.bindparam(f"{end}_{number}_{each}", type_=column.type) for end in ("low", "high"))
    return (column >= low) & (column < high)


def _any(conditions: list[Condition]) -> Condition:
    """Return whether one of the conditions holds, nested in halves: SQLite takes expressions of limited depth."""
    if len(conditions) < 2:
        return conditions[0] if conditions else sqlalchemy.false()
    half = len(conditions) // 2
    return sqlalchemy.or_(*(_any(part).self_group() for part in (conditions[:half], conditions[half:])))
