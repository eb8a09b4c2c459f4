# SPDX-License-Identifier: Apache-2.0
"""Bulk writes: rows of another store as they are, and the re-encryption of stored secrets while conductors run."""

import typing

import sqlalchemy

from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.sql import commit
from valence.db.sql import connections
from valence.db.sql import failures
from valence.db.sql import rows
from valence.db.sql import tables


class Loading:
    """Loads rows into the tables of one database; a load is one transaction."""

    def __init__(
        self, connections: connections.Connections, tables: tables.Tables, rows: rows.Rows, dialect_name: str
    ) -> None:
        self._connections, self._tables, self._rows = connections, tables, rows
        self._sequences = commit.Sequences(tables.sequences, dialect_name)

    def load(
        self, model: store.Model, objects: typing.Iterable[models.ModelBase], last_number: int | None
    ) -> None:
        """Store those of the objects that are not there yet; raise Conflict for what breaks a rule."""
        rows = [self._rows.encode(model, obj.as_dict()) for obj in objects]
        try:
            self._write(model, lambda _: rows, last_number)
        except failures.INTEGRITY:
            self._write_missing(model, rows, last_number)

    def last_number(self, model: store.Model) -> int:
        """Return the last number that the model's sequence gave."""
        return self._connections.run(lambda connection: self._sequences.last(connection, model.path))

    def _write_missing(
        self, model: store.Model, rows: list[store.RowValues], last_number: int | None
    ) -> None:
        """Write what is not there: all of it is, where only the answer to an earlier COMMIT was lost."""
        try:
            self._write(model, lambda connection: self._missing(connection, model, rows), last_number)
        except failures.INTEGRITY as obstacle:
            reason = f"Rows of {model.path} do not fit: {failures.reason(obstacle)}"
            raise errors.Conflict(reason=reason) from obstacle

    def _write(
        self, model: store.Model, choose: connections.Work[list[store.RowValues]], last_number: int | None
    ) -> None:
        """Insert the rows that ``choose(connection)`` returns, in one transaction."""

        def write(connection: sqlalchemy.Connection) -> None:
            if rows := choose(connection):
                connection.execute(sqlalchemy.insert(self._tables[model]), rows)
            if last_number is not None:
                self._sequences.restart(connection, model.path, last_number)

        self._connections.persist(lambda: self._connections.transact(write))

    def _missing(
        self, connection: sqlalchemy.Connection, model: store.Model, rows: list[store.RowValues]
    ) -> list[store.RowValues]:
        key = self._tables[model].c[model.key]
        known = connection.execute(sqlalchemy.select(key).where(key.in_([row[model.key] for row in rows])))
        there = {each for (each,) in known}
        return [row for row in rows if row[model.key] not in there]


BATCH = 100


def renew(connections: connections.Connections, tables: tables.Tables, cipher: store.Cipher) -> int:
    """Encrypt anew what another than the newest key of ``cipher`` encrypted; return how many secrets that were."""
    return sum(
        _renew(connections, tables[model], model.key, name, cipher)
        for model in tables.models()
        for name, field in model.fields.items()
        if isinstance(field, types.Secret)
    )


def _renew(
    connections: connections.Connections, table: tables.AnyTable, key: str, name: str, cipher: store.Cipher
) -> int:
    # What a conductor writes in the meantime has the newest key already.
    same = table.c[key] == sqlalchemy.bindparam("_key"), table.c[name] == sqlalchemy.bindparam("_old")
    update = sqlalchemy.update(table).where(*same).values({name: sqlalchemy.bindparam(name)})
    renewed, last = 0, None
    while rows := connections.read(_page(table, key, name, last)):
        last = rows[-1][0]
        tokens = [{"_key": each, "_old": old, name: cipher.renew(old)} for each, old in rows]
        renewed += _write(connections, update, [each for each in tokens if each[name] != each["_old"]])
    return renewed


def _write(
    connections: connections.Connections, update: sqlalchemy.Update, rows: list[store.RowValues]
) -> int:
    return connections.write(lambda connection: connection.execute(update, rows).rowcount) if rows else 0


def _page(table: tables.AnyTable, key: str, name: str, last: str | None) -> sqlalchemy.Select[typing.Any]:
    page = sqlalchemy.select(table.c[key], table.c[name]).where(table.c[name] != "")
    if last is not None:
        page = page.where(table.c[key] > last)
    return page.order_by(table.c[key]).limit(BATCH)
