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

        def write(connection):
            self._insert_missing(connection, model, rows)
            if last_number is not None:
                self._sequences.restart(connection, model.path, last_number)

        try:
            # A COMMIT whose answer was lost may be repeated: what it stored is there then.
            self._connections.persist(lambda: self._connections.transact(write))
        except failures.INTEGRITY as obstacle:
            raise errors.Conflict(
                reason=f"Rows of {model.path} do not fit: {failures.reason(obstacle)}"
            ) from obstacle

    def last_number(self, model):
        """Return the last number that the model's sequence gave."""
        return self._connections.run(lambda connection: self._sequences.last(connection, model.path))

    def _insert_missing(self, connection, model, rows):
        table = self._tables[model]
        key = table.c[model.key]
        known = connection.execute(sqlalchemy.select(key).where(key.in_([row[model.key] for row in rows])))
        there = {each for (each,) in known}
        if missing := [row for row in rows if row[model.key] not in there]:
            connection.execute(sqlalchemy.insert(table), missing)
