# SPDX-License-Identifier: Apache-2.0
"""The tables: one for each model, made from its fields, and the driver's own."""

import threading

import sqlalchemy

from valence.db import types
from valence.db.sql import columns


class Tables:
    """The tables of one database; ``tables[model]`` is the table of a model, or the join of a joined one."""

    def __init__(self, dialect_name, models):
        self._dialect_name = dialect_name
        self._by_model, self._lock = {}, threading.RLock()
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
            self[model]

    def __getitem__(self, model):
        table = self._by_model.get(model)
        return table if table is not None else self._add(model)

    def models(self):
        """Return the models that have tables of their own."""
        return [model for model in self._by_model if not model.joins]

    def column(self, model, name):
        """Return the column of a field; a joined model has it from the first of its models that has the field."""
        for part in model.joins or (model,):
            if name in part.fields:
                return self[part].c[name]
        raise KeyError(name)

    def is_nullable(self, model, name):
        """Whether a row can have NULL there; what is joined may be missing as a whole."""
        column = self.column(model, name)
        return column.nullable or (bool(model.joins) and column.table is not self[model.joins[0]])

    def _add(self, model):
        with self._lock:
            if model not in self._by_model:
                self._by_model[model] = self._join(model) if model.joins else self._table(model)
            return self._by_model[model]

    def _join(self, model):
        first, *others = model.joins
        joined = self[first]
        for other in others:
            joined = joined.outerjoin(self[other], self[first].c[first.key] == self[other].c[other.key])
        return joined

    def _table(self, model):
        fields = model.fields.items()
        for field in model.fields.values():
            if isinstance(field, types.Reference):
                self[field.model]
        return self._own(
            model.path,
            *(self._column(model, name, field) for name, field in fields),
            *(_unique(model, name) for name, field in fields if field.unique),
            *(self._index(model, names) for names in _indexed(model)),
            comment=(model.__doc__ or "").partition("\n")[0],
        )

    def _own(self, name, *parts, **options):
        return sqlalchemy.Table(
            name, self.metadata, *parts, mysql_engine="InnoDB", mysql_charset="utf8mb4", **options
        )

    def _column(self, model, name, field):
        references = [self._foreign_key(model, name, field)] if isinstance(field, types.Reference) else []
        return sqlalchemy.Column(
            name,
            columns.column_type(field),
            *references,
            primary_key=name == model.key,
            nullable=name != model.key and columns.is_nullable(name, field),
            server_default=None if name == model.key else columns.server_default(field),
            comment=field.doc,
        )

    def _foreign_key(self, model, name, field):
        target = f"{field.model.path}.{field.model.key}"
        action = "CASCADE" if field.on_delete == "cascade" else "RESTRICT"
        return sqlalchemy.ForeignKey(target, name=f"fk_{model.path}_{name}", ondelete=action)

    def _index(self, model, names):
        return sqlalchemy.Index(
            f"ix_{model.path}_{'_'.join(names)}", *(self._index_part(model, name) for name in names)
        )

    def _index_part(self, model, name):
        is_nullable = columns.is_nullable(name, model.fields[name])
        return columns.with_nulls_first(name, self._dialect_name) if is_nullable else name


def _unique(model, name):
    return sqlalchemy.UniqueConstraint(name, name=f"uniq_{model.path}0{name}")


def _indexed(model):
    """Return the field groups that have an index; each ends with the key, by which equal rows are ordered."""
    single = [(name, model.key) for name, field in model.fields.items() if field.index and not field.unique]
    return dict.fromkeys([*model.indexes, *single])


def _words(name, length, **options):
    return sqlalchemy.Column(name, columns.Words(length), nullable=False, **options)


def _number(name):
    return sqlalchemy.Column(name, sqlalchemy.BigInteger(), nullable=False)


def _moment(name, **options):
    return sqlalchemy.Column(name, columns.Moment(), nullable=False, **options)
