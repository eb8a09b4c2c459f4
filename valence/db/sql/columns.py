# SPDX-License-Identifier: Apache-2.0
"""How fields are stored in SQL: column types that compare and sort alike on SQLite, MariaDB, MySQL and PostgreSQL."""

import sqlalchemy
from sqlalchemy.dialects import mysql

from valence.db import changes
from valence.db import types

#: longest text that is a VARCHAR; MySQL limits a row to 64 KiB
LONGEST_VARCHAR = 2048


class Words(sqlalchemy.TypeDecorator):
    """A text of limited length that compares by code points: case and trailing spaces count, on every database."""

    impl = sqlalchemy.String
    cache_ok = True

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(sqlalchemy.String(self.impl.length, collation=_collation(dialect)))  # type: ignore[misc]


class Document(sqlalchemy.TypeDecorator):
    """A text of any length that compares by code points, as Words does."""

    impl = sqlalchemy.Text
    cache_ok = True

    def load_dialect_impl(self, dialect):
        kind = mysql.LONGTEXT if dialect.name == "mysql" else sqlalchemy.Text
        return dialect.type_descriptor(kind(collation=_collation(dialect)))


class Moment(sqlalchemy.TypeDecorator):
    """A moment in UTC to the second: DATETIME, in SQLite the text itself."""

    impl = sqlalchemy.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(
            sqlalchemy.String(20) if dialect.name == "sqlite" else sqlalchemy.DateTime()
        )


TYPES = (Words, Document, Moment)


def _collation(dialect):
    if dialect.name == "postgresql":
        return "C"
    if dialect.name == "mysql":
        return "utf8mb4_nopad_bin" if dialect.is_mariadb else "utf8mb4_0900_bin"
    return None


def column_type(field):
    """Return the SQLAlchemy type of a field."""
    if isinstance(field, types.DateTime):
        return Moment()
    if isinstance(field, types.JSON) or (isinstance(field, types.Text) and _is_document(field)):
        return Document()
    if isinstance(field, types.Text):
        return Words(field.max)
    return sqlalchemy.Boolean() if isinstance(field, types.Boolean) else sqlalchemy.BigInteger()


def _is_document(field):
    return isinstance(field, types.Secret) or field.max > LONGEST_VARCHAR


def is_nullable(name, field):
    """Whether the field's column takes NULL."""
    return isinstance(field, types.JSON) or (field.nullable and name not in changes.STAMPS)


def server_default(field):
    """Return what a row has that a conductor wrote which does not know the field yet, or None."""
    if field.default in (None, types.REQUIRED) or isinstance(field, (types.JSON, types.DateTime)):
        return None
    if isinstance(field, types.Text) and _is_document(field):
        # In parentheses, as MySQL wants the default of a LONGTEXT.
        return None if field.default else sqlalchemy.text("('')")
    if isinstance(field, types.Boolean):
        return sqlalchemy.true() if field.default else sqlalchemy.false()
    return str(field.default)


def nulls_first(name, op):
    """Return what an index of a migration has for a column that takes NULL; ``op`` is alembic's."""
    return with_nulls_first(name, op.get_bind().dialect.name)


def with_nulls_first(name, dialect_name):
    """Return what an index has for a column that takes NULL: pages begin with NULLs, PostgreSQL would end with them."""
    return sqlalchemy.text(f"{name} NULLS FIRST") if dialect_name == "postgresql" else name
