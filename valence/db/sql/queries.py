# SPDX-License-Identifier: Apache-2.0
"""The statements that read: built once for each shape of a question, then only given values.

NULL is smaller than every value, on all databases.
"""

import functools
import typing

import sqlalchemy

from valence.db import questions
from valence.db import store
from valence.db.sql import json_rows

COMPARISONS = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}
#: shapes of questions whose statements are kept
SHAPES = 500


class Question(typing.NamedTuple):
    """The shape of a list: everything but the values."""

    model: type
    names: tuple
    filters: tuple  # of (field, op, whether None is among the values)
    sorts: tuple  # of (field, descending); the last is the key
    after: tuple | None  # for each sort, whether the marker's value there is None
    limited: bool
    attached: store.Attached | None = None
    packed: bool = False


class Queries:
    """The statements that read the tables of one database."""

    def __init__(self, tables, rows, dialect_name):
        self._tables, self._rows, self._dialect_name = tables, rows, dialect_name
        self._page = functools.lru_cache(SHAPES)(self._build_page)
        self._count = functools.lru_cache(SHAPES)(self._build_count)
        self._get = functools.lru_cache(SHAPES)(self._build_get)

    def get(self, model, names):
        """Return the statement that reads the columns ``names`` of the row with the key ``key``."""
        return self._get(model, names)

    def page(self, model, *, filters, sorts, after, limit, names, attached=None, packed=False):
        """Return statement and parameters of a page; ``after`` has the marker's value for each sort.

        With ``attached`` (store.Attached) a row is repeated for each that is attached to it. Its columns are then
        followed by those of ``attached.parts``. The rows of a ``packed`` page are as ``json_rows.unpack`` takes them.
        """
        shape, parameters = self._conditions(model, filters)
        gaps = None if after is None else tuple(value is None for value in after)
        for number, (name, _) in enumerate(sorts if after else ()):
            parameters[f"after_{number}"] = self._rows.operand(model, name, after[number])
        if limit is not None:
            parameters["page_limit"] = limit
        question = Question(model, names, shape, sorts, gaps, limit is not None, attached, packed)
        return self._page(question), parameters

    def count(self, model, *, filters):
        """Return statement and parameters that count."""
        shape, parameters = self._conditions(model, filters)
        return self._count(model, shape), parameters

    def _conditions(self, model, filters):
        shape, parameters = [], {}
        given = questions.filters(model, filters, self._rows.operand)
        for number, (name, op, value) in enumerate(given):
            gap = None in value if op == "in" else value is None
            if op == "in":
                value = [each for each in value if each is not None]
            shape.append((name, op, gap))
            parameters[f"filter_{number}"] = value
        return tuple(shape), parameters

    def _build_get(self, model, names):
        table = self._tables[model]
        key = self._tables.column(model, model.key)
        wanted = [self._tables.column(model, name) for name in names]
        return sqlalchemy.select(*wanted).select_from(table).where(key == sqlalchemy.bindparam("key"))

    def _build_count(self, model, filters):
        counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(self._tables[model])
        return counted.where(*self._filters(model, filters))

    def _build_page(self, question):
        if question.packed:
            return json_rows.pack(self._build_page(question._replace(packed=False)))
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

    def _is_about_first(self, question):
        """Whether the first of the joined models alone decides which rows make the page."""
        names = {name for name, *_ in (*question.filters, *question.sorts)}
        return names <= set(question.model.joins[0].fields)

    def _page_joined(self, question):
        """Return a page of one model with others joined to it; PostgreSQL would read them from their start."""
        model, attached = question.model, question.attached
        first, *others = model.joins if model.joins and self._is_about_first(question) else (model,)
        needed = {first.key, *question.names, *(name for name, _ in question.sorts)}
        names = tuple(name for name in first.fields if name in needed)
        page = self._build_page(question._replace(model=first, names=names, attached=None)).subquery("page")
        source = page
        for other in others:
            source = self._joined(source, page.c[first.key], other)
        columns = [
            page.c[name] if name in first.fields else self._tables.column(model, name)
            for name in question.names
        ]
        order = [self._order(first, name, descending, page.c[name]) for name, descending in question.sorts]
        if attached:
            rows = self._tables[attached.model]
            source = source.outerjoin(rows, rows.c[attached.owner] == page.c[first.key])
            source = self._joined(source, rows.c[attached.target], attached.parts[1][0])
            columns += [self._tables.column(part, name) for part, names in attached.parts for name in names]
            order += [rows.c[attached.order], rows.c[attached.model.key]]
        return sqlalchemy.select(*columns).select_from(source).order_by(*order)

    def _joined(self, source, key, model):
        """Return a source with the rows of a model joined to it that have a key."""
        return source.outerjoin(self._tables[model], key == self._tables[model].c[model.key])

    def _filters(self, model, filters):
        return [self._filter(model, number, *each) for number, each in enumerate(filters)]

    def _filter(self, model, number, name, op, gap):
        column = self._tables.column(model, name)
        value = sqlalchemy.bindparam(f"filter_{number}", expanding=op == "in", type_=column.type)
        if op == "in":
            return column.in_(value) | column.is_(None) if gap else column.in_(value)
        if op == "eq":
            return column.is_(None) if gap else column == value
        if op == "neq":
            return self._differs(model, name, value, gap)
        return sqlalchemy.false() if gap else getattr(column, COMPARISONS[op])(value)

    def _differs(self, model, name, value, gap):
        column = self._tables.column(model, name)
        if gap:
            return column.is_not(None)
        return (
            (column != value) | column.is_(None) if self._tables.is_nullable(model, name) else column != value
        )

    def _order(self, model, name, descending, column):
        order = column.desc() if descending else column.asc()
        if self._dialect_name == "postgresql" and self._tables.is_nullable(model, name):
            return order.nulls_last() if descending else order.nulls_first()
        return order

    def _after(self, model, sorts, gaps):
        """Return the condition of the rows that come after the marker."""
        steps = [self._step(model, number, gap, *sorts[number]) for number, gap in enumerate(gaps)]
        if self._has_row_values(model, sorts, gaps):
            return self._row_value(model, sorts)
        after = sqlalchemy.false()
        for further, same in reversed(steps):
            after = further | (same & after)
        return after

    def _has_row_values(self, model, sorts, gaps):
        """Whether ``(a, b) > (x, y)`` says it, which all but MySQL answer straight from an index."""
        directions = {descending for _, descending in sorts}
        gapless = not any(gaps) and not any(self._tables.is_nullable(model, name) for name, _ in sorts)
        ascending = directions == {False} and not any(gaps)
        return self._dialect_name != "mysql" and len(directions) == 1 and (gapless or ascending)

    def _row_value(self, model, sorts):
        columns = [self._tables.column(model, name) for name, _ in sorts]
        marks = [self._mark(column, number) for number, column in enumerate(columns)]
        row, marker = sqlalchemy.tuple_(*columns), sqlalchemy.tuple_(*marks)
        return row < marker if sorts[0][1] else row > marker

    def _mark(self, column, number):
        return sqlalchemy.bindparam(f"after_{number}", type_=column.type)

    def _step(self, model, number, gap, name, descending):
        """Return the conditions of being after, and of being equal to, the marker in one sort key."""
        column = self._tables.column(model, name)
        if gap:
            return sqlalchemy.false() if descending else column.is_not(None), column.is_(None)
        mark = self._mark(column, number)
        further = column < mark if descending else column > mark
        if descending and self._tables.is_nullable(model, name):
            further = further | column.is_(None)
        return further, column == mark
