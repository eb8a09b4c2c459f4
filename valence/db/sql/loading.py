# SPDX-License-Identifier: Apache-2.0
"""Rows of another store, written in bulk as they are."""

import sqlalchemy

from valence.common import errors
from valence.db.sql import failures
from valence.db.sql import sequences


class Loading:
    """Loads rows into the tables of one database; a load is one transaction."""

    def __init__(self, connections, tables, rows, dialect_name):
        self._connections, self._tables, self._rows = connections, tables, rows
        self._sequences = sequences.Sequences(tables.sequences, dialect_name)

    def load(self, model, objects, last_number):
        """Store those of the objects that are not there yet; raise Conflict for what breaks a rule."""
        rows = [self._rows.encode(model, obj.as_dict()) for obj in objects]
        try:
            self._write(model, lambda _: rows, last_number)
        except failures.INTEGRITY:
            self._write_missing(model, rows, last_number)

    def last_number(self, model):
        """Return the last number that the model's sequence gave."""
        return self._connections.run(lambda connection: self._sequences.last(connection, model.path))

    def _write_missing(self, model, rows, last_number):
        """Write what is not there: all of it is, where only the answer to an earlier COMMIT was lost."""
        try:
            self._write(model, lambda connection: self._missing(connection, model, rows), last_number)
        except failures.INTEGRITY as obstacle:
            reason = f"Rows of {model.path} do not fit: {failures.reason(obstacle)}"
            raise errors.Conflict(reason=reason) from obstacle

    def _write(self, model, choose, last_number):
        """Insert the rows that ``choose(connection)`` returns, in one transaction."""

        def write(connection):
            if rows := choose(connection):
                connection.execute(sqlalchemy.insert(self._tables[model]), rows)
            if last_number is not None:
                self._sequences.restart(connection, model.path, last_number)

        self._connections.persist(lambda: self._connections.transact(write))

    def _missing(self, connection, model, rows):
        key = self._tables[model].c[model.key]
        known = connection.execute(sqlalchemy.select(key).where(key.in_([row[model.key] for row in rows])))
        there = {each for (each,) in known}
        return [row for row in rows if row[model.key] not in there]
