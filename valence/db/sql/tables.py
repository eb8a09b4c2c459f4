# SPDX-License-Identifier: Apache-2.0
"""The tables: one for each model, made from its fields, and the driver's own."""

import functools
import threading
import typing

import sqlalchemy
from sqlalchemy import schema

from valence.db import store
from valence.db import types
from valence.db.sql import rows

#: what the removal of a row means for rows that refer to it -> as SQL says it
ON_DELETE = {"restrict": "RESTRICT", "cascade": "CASCADE", "clear": "SET NULL"}


#: the table of a model, or the join of a joined one
AnyTable = sqlalchemy.Table | sqlalchemy.Join


class Tables:
    """The tables of some models; ``tables[model]`` is the table of a model, or the join of a joined one."""

    def __init__(self, dialect_name: str, models: typing.Iterable[store.Model]) -> None:
        self._dialect_name = dialect_name
        self._by_model: dict[store.Model, AnyTable] = {}
        self._lock = threading.RLock()
        self.metadata = sqlalchemy.MetaData()
        self.sequences = self._own("sequences", _words("name", 64, primary_key=True), _number("value"))
        self.leases = self._own(
            "leases",
            _words("name", 255, primary_key=True),
            _words("holder", 255),
            _words("nonce", 32),
            _number("token"),
            sqlalchemy.Column("expires_at", sqlalchemy.Double(), nullable=False),
        )
        self.commit_markers = self._own(
            "commit_markers", _words("uuid", 36, primary_key=True), _moment("created_at", index=True)
        )
        for model in models:
            self._add(model)

    def __getitem__(self, model: store.Model) -> AnyTable:
        table = self._by_model.get(model)
        if table is not None:
            return table
        if not model.joins:  # another store may share these tables, and its database has no such table
            raise KeyError(model)
        return self._add(model)

    def models(self) -> list[store.Model]:
        """Return the models that have tables of their own."""
        return [model for model in self._by_model if not model.joins]

    def column(self, model: store.Model, name: str) -> sqlalchemy.Column[typing.Any]:
        """Return the column of a field; a joined model has it from the first of its models that has the field."""
        for part in model.joins or (model,):
            if name in part.fields:
                table = self[part]
                assert isinstance(table, sqlalchemy.Table)
                return table.c[name]
        raise KeyError(name)

    def is_nullable(self, model: store.Model, name: str) -> bool:
        """Whether a row can have NULL there; what is joined may be missing as a whole."""
        column = self.column(model, name)
        return column.nullable or (bool(model.joins) and column.table is not self[model.joins[0]])

    def _add(self, model: store.Model) -> AnyTable:
        with self._lock:
            if model not in self._by_model:
                self._by_model[model] = self._join(model) if model.joins else self._table(model)
            return self._by_model[model]

    def _join(self, model: store.Model) -> AnyTable:
        first, *others = model.joins
        joined = self[first]
        for other in others:
            joined = joined.outerjoin(self[other], self[first].c[first.key] == self[other].c[other.key])
        return joined

    def _table(self, model: store.Model) -> sqlalchemy.Table:
        fields = model.fields.items()
        for field in model.fields.values():
            if isinstance(field, types.Reference):
                self._add(field.model)
        return self._own(
            model.path,
            *(self._column(model, name, field) for name, field in fields),
            *(_unique(model, name) for name, field in fields if field.unique),
            *(self._index(model, names) for names in _indexed(model)),
            comment=(model.__doc__ or "").partition("\n")[0],
        )

    def _own(self, name: str, *parts: schema.SchemaItem, **options: typing.Any) -> sqlalchemy.Table:
        return sqlalchemy.Table(
            name, self.metadata, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4", **options
        )

    def _column(self, model: store.Model, name: str, field: types.Field) -> sqlalchemy.Column[typing.Any]:
        references = [self._foreign_key(model, name, field)] if isinstance(field, types.Reference) else []
        return sqlalchemy.Column(
            name,
            rows.column_type(field),
            *references,
            primary_key=name == model.key,
            nullable=name != model.key and rows.is_nullable(name, field),
            server_default=None if name == model.key else rows.server_default(field),
            comment=field.doc,
        )

    def _foreign_key(self, model: store.Model, name: str, field: types.Reference) -> sqlalchemy.ForeignKey:
        target = f"{field.model.path}.{field.model.key}"
        return sqlalchemy.ForeignKey(
            target, name=f"fk_{model.path}_{name}", ondelete=ON_DELETE[field.on_delete]
        )

    def _index(self, model: store.Model, names: tuple[str, ...]) -> sqlalchemy.Index:
        return sqlalchemy.Index(
            f"ix_{model.path}_{'_'.join(names)}", *(self._index_part(model, name) for name in names)
        )

    def _index_part(self, model: store.Model, name: str) -> sqlalchemy.TextClause | str:
        is_nullable = rows.is_nullable(name, model.fields[name])
        return rows.with_nulls_first(name, self._dialect_name) if is_nullable else name


@functools.cache
def shared(dialect_name: str, models: tuple[store.Model, ...]) -> Tables:
    """Return the tables of some models. A process makes them once: they take 35 ms of CPU time, a store takes 3."""
    return Tables(dialect_name, models)


def _unique(model: store.Model, name: str) -> sqlalchemy.UniqueConstraint:
    return sqlalchemy.UniqueConstraint(name, name=f"uniq_{model.path}0{name}")


def _indexed(model: store.Model) -> dict[tuple[str, ...], None]:
    """Return the field groups that have an index; each ends with the key, by which equal rows are ordered."""
    single = [(name, model.key) for name, field in model.fields.items() if field.index and not field.unique]
    return dict.fromkeys([*model.indexes, *single])


def _words(name: str, length: int, **options: typing.Any) -> sqlalchemy.Column[str]:
    return sqlalchemy.Column(name, rows.Words(length), nullable=False, **options)


def _number(name: str) -> sqlalchemy.Column[int]:
    return sqlalchemy.Column(name, sqlalchemy.BigInteger(), nullable=False)


def _moment(name: str, **options: typing.Any) -> sqlalchemy.Column[typing.Any]:
    return sqlalchemy.Column(name, rows.Moment(), nullable=False, **options)
