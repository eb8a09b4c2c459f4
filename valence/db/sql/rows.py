# SPDX-License-Identifier: Apache-2.0
"""Column types of fields, and the conversion of rows between models and columns.

The column types compare and sort in the same way on SQLite, MariaDB, MySQL and PostgreSQL. PyMySQL takes three times
as long to read a row of 20 columns cell by cell as JSON takes to parse it, so a page of rows comes as JSON arrays.
"""

import datetime
import json
import operator
import typing

import sqlalchemy
from sqlalchemy.dialects import mysql
from sqlalchemy.sql import type_api

from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db import values

#: the values of a row as the database's library returns them, one a column
Cells = typing.Sequence[typing.Any]
DecodeCell = typing.Callable[[typing.Any], typing.Any]
#: a row that is attached, and the row that it names, behind what they are sorted by
Positioned = tuple[tuple[typing.Any, ...], models.ModelBase, models.ModelBase]
Column = sqlalchemy.ColumnElement[typing.Any]
ServerDefault = sqlalchemy.TextClause | sqlalchemy.ColumnElement[bool] | str | None

#: longest text that is a VARCHAR; MySQL limits a row to 64 KiB
LONGEST_VARCHAR = 2048


class Words(sqlalchemy.TypeDecorator[str]):
    """A text of limited length that compares by code points: case and trailing spaces count, on every database."""

    impl = sqlalchemy.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sqlalchemy.Dialect) -> type_api.TypeEngine[str]:
        return dialect.type_descriptor(sqlalchemy.String(self.impl.length, collation=_collation(dialect)))  # type: ignore[misc]


class Document(sqlalchemy.TypeDecorator[str]):
    """A text of any length that compares by code points, as Words does."""

    impl = sqlalchemy.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sqlalchemy.Dialect) -> type_api.TypeEngine[str]:
        kind = mysql.LONGTEXT if dialect.name == "mysql" else sqlalchemy.Text
        return dialect.type_descriptor(kind(collation=_collation(dialect)))


class Moment(sqlalchemy.TypeDecorator[typing.Any]):
    """A moment in UTC to the second: DATETIME, in SQLite the text itself."""

    impl = sqlalchemy.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sqlalchemy.Dialect) -> type_api.TypeEngine[typing.Any]:
        return dialect.type_descriptor(
            sqlalchemy.String(20) if dialect.name == "sqlite" else sqlalchemy.DateTime()
        )


TYPES = (Words, Document, Moment)


def _collation(dialect: sqlalchemy.Dialect) -> str | None:
    if dialect.name == "postgresql":
        return "C"
    if dialect.name == "mysql":
        return "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return None


def column_type(field: types.Field) -> type_api.TypeEngine[typing.Any]:
    """Return the SQLAlchemy type of a field."""
    if isinstance(field, types.DateTime):
        return Moment()
    if isinstance(field, types.JSON) or (isinstance(field, types.Text) and _is_document(field)):
        return Document()
    if isinstance(field, types.Text):
        return Words(field.max)
    return sqlalchemy.Boolean() if isinstance(field, types.Boolean) else sqlalchemy.BigInteger()


def _is_document(field: types.Text) -> bool:
    return isinstance(field, types.Secret) or field.max > LONGEST_VARCHAR


def is_nullable(name: str, field: types.Field) -> bool:
    """Whether the field's column takes NULL."""
    return isinstance(field, types.JSON) or (field.nullable and name not in changesets.STAMPS)


def server_default(field: types.Field) -> ServerDefault:
    """Return what a row has that a conductor wrote which does not know the field yet, or None."""
    if field.default in (None, types.REQUIRED) or isinstance(field, (types.JSON, types.DateTime)):
        return None
    if isinstance(field, types.Text) and _is_document(field):
        # In parentheses, as MySQL wants the default of a LONGTEXT.
        return None if field.default else sqlalchemy.text("('')")
    if isinstance(field, types.Boolean):
        return sqlalchemy.true() if field.default else sqlalchemy.false()
    return str(field.default)


def nulls_first(name: str, op: typing.Any) -> sqlalchemy.TextClause | str:
    """Return what an index of a migration has for a column that takes NULL; ``op`` is alembic's."""
    return with_nulls_first(name, op.get_bind().dialect.name)


def with_nulls_first(name: str, dialect_name: str) -> sqlalchemy.TextClause | str:
    """Return what an index has for a column that takes NULL: pages begin with NULLs, PostgreSQL would end with them."""
    return sqlalchemy.text(f"{name} NULLS FIRST") if dialect_name == "postgresql" else name


#: reads a document without the white space around it, which ``encode_document`` never writes
_read = json.JSONDecoder().raw_decode


class Rows(values.Values):
    """Encodes and decodes the rows of one database; ``cipher`` encrypts secrets."""

    def __init__(self, dialect_name: str, cipher: store.Cipher) -> None:
        super().__init__(cipher)
        self._dialect_name = dialect_name
        self._texts_hold_times = dialect_name == "sqlite"
        self._decode_time = _decode_text if dialect_name == "mysql" else values.decode_time
        self.decoder = values.remembering(self._build_decoder)

    def encode_document(self, value: typing.Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    def encode_time(self, value: str, moment: datetime.datetime) -> str | datetime.datetime:
        return value if self._texts_hold_times else moment

    def grouped(
        self,
        found: typing.Iterable[Cells],
        model: type[store.AnyModel],
        names: tuple[str, ...],
        attached: store.Attached,
    ) -> list[store.Listed[store.AnyModel]]:
        """Return what ``list_with`` does of rows that repeat the columns ``names`` for each that is attached.

        A row ends with the place of what is attached, which is put into its order here; the others stay in theirs.
        """
        (inner, inner_names), (target, target_names) = attached.parts
        decode, place = self.decoder(model, names), names.index(model.key)
        decode_inner, decode_target = self.decoder(inner, inner_names), self.decoder(target, target_names)
        own, both = len(names), len(names) + len(inner_names)
        listed: dict[store.Key, tuple[store.AnyModel, list[Positioned]]] = {}
        for row in found:
            if row[place] not in listed:
                listed[row[place]] = decode(row), []
            if row[own] is not None:
                position, inside = (row[-1], row[own]), listed[row[place]][1]
                inside.append((position, decode_inner(row[own:]), decode_target(row[both:])))
        return [(row, _in_order(inside)) for row, inside in listed.values()]

    def _build_decoder(
        self, model: type[store.AnyModel], names: tuple[str, ...]
    ) -> typing.Callable[[Cells], store.AnyModel]:
        """Return the function that makes an object of a row that begins with ``names``; other fields are initial."""
        decoders = [
            (name, decode)
            for name, field in model.fields.items()
            if name in names and (decode := self._decoder(field))
        ]
        others = {name: field for name, field in model.fields.items() if name not in names}
        fresh = [(name, field.initial) for name, field in others.items() if isinstance(field, types.JSON)]
        initial = dict.fromkeys(names) | {name: field.initial() for name, field in others.items()}

        def decode_row(row: Cells) -> store.AnyModel:
            # Every cell of a page passes here: to fill in a copy takes a fifth of the time of making a dict anew.
            row_values = initial.copy()
            row_values.update(zip(names, row, strict=False))
            for name, decode_one in decoders:
                row_values[name] = decode_one(row_values[name])
            for name, make in fresh:
                row_values[name] = make()
            return model.load(row_values)

        return decode_row

    def _decoder(self, field: types.Field) -> DecodeCell | None:
        if isinstance(field, types.DateTime) and not self._texts_hold_times:
            return self._decode_time
        if isinstance(field, types.Secret):
            return lambda value: value and self._cipher.decrypt(value)
        if isinstance(field, types.Boolean) and self._dialect_name in DIALECTS:
            return lambda value: None if value is None else bool(value)
        if isinstance(field, types.JSON):
            return lambda value: field.initial() if value is None else _read(value)[0]
        return None


def _in_order(positioned: list[Positioned]) -> list[store.Pair]:
    """Return (attached, target) pairs of those with their positions before them."""
    return [(attached, target) for _, attached, target in sorted(positioned, key=operator.itemgetter(0))]


def _decode_text(value: str | None) -> str | None:
    """Return the DateTime value of what MySQL sends, ``2026-11-21 03:37:02``."""
    return value and f"{value[:10]}T{value[11:19]}Z"


#: the dialects whose driver is written in Python
DIALECTS = ("mysql",)


#: texts without a character that JSON escapes: to look for one takes MariaDB longer than to read the text
WORDS = (types.UUID, types.Choice)


class TooLong(Exception):
    """A row is longer as JSON than the server sends, max_allowed_packet: it comes as NULL."""


def pack(statement: sqlalchemy.Select[typing.Any]) -> sqlalchemy.Select[typing.Any]:
    """Return a SELECT whose rows are JSON arrays of what the rows of ``statement`` are; truths are 0 and 1."""
    return statement.with_only_columns(sqlalchemy.func.json_array(*statement.selected_columns))


def unpack(found: typing.Iterable[Cells]) -> list[Cells]:
    """Return the rows, lists, of what a packed SELECT found; raise TooLong."""
    texts = [text for (text,) in found]
    if None in texts:
        raise TooLong
    unpacked: list[Cells] = json.loads(f"[{','.join(texts)}]")
    return unpacked


def encode(
    statement: sqlalchemy.Select[typing.Any], fields: typing.Mapping[str, types.Field], key: str | None
) -> sqlalchemy.Select[typing.Any]:
    """Return a SELECT of a JSON object of the ``fields`` by name, after the column ``key``, of each row.

    It is one of MariaDB, whose json_object would quote the names again for each row: the query would take a third
    longer. It would also refuse documents that are nested more than 32 levels deep.
    """
    columns = dict(statement.selected_columns.items())
    parts: list[Column] = []
    for name, field in fields.items():
        parts += [_quoted(f'{"," if parts else "{"}"{name}":'), _member(field, columns[name])]
    text: Column = sqlalchemy.func.concat(*parts, _quoted("}"))
    return statement.with_only_columns(*([columns[key]] if key else []), text)


def _member(field: types.Field, column: Column) -> Column:
    """Return the JSON text of a field's value; documents are stored as such."""
    text: Column = column
    if isinstance(field, types.DateTime):
        text = sqlalchemy.func.date_format(column, _quoted('"%Y-%m-%dT%TZ"'))
    elif isinstance(field, types.Boolean):
        text = sqlalchemy.func.elt(column + sqlalchemy.literal_column("1"), _quoted("false"), _quoted("true"))
    elif isinstance(_target(field), WORDS):
        text = sqlalchemy.func.concat(_quoted('"'), column, _quoted('"'))
    elif isinstance(field, types.Text):
        text = sqlalchemy.func.json_quote(column)
    absent = json.dumps(field.initial() if isinstance(field, types.JSON) else None)
    return sqlalchemy.func.coalesce(text, _quoted(absent))


def _target(field: types.Field) -> types.Field:
    """Return the key that a reference has the value of, or the field itself if it is none."""
    return _target(field.model.fields[field.model.key]) if isinstance(field, types.Reference) else field


def _quoted(text: str) -> Column:
    """Return a literal of SQL; as parameters, the names of fields would be sent one by one."""
    return sqlalchemy.literal_column(f"'{text}'")


def text(objects: typing.Iterable[str | None]) -> str:
    """Return the JSON objects of an encoded SELECT as one list; raise TooLong."""
    texts = list(objects)
    if None in texts:
        raise TooLong
    return f"[{','.join(typing.cast(list[str], texts))}]"
