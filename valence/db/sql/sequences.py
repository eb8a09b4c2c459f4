# SPDX-License-Identifier: Apache-2.0
"""The counters of Sequence fields: a row each, locked from the moment it moves until the commit ends."""

import sqlalchemy


class Sequences:
    """The table of counters."""

    def __init__(self, table, dialect_name):
        self._table, self._dialect_name = table, dialect_name
        self._insert = sqlalchemy.insert(table)
        moved = table.c.value + sqlalchemy.bindparam("count", type_=sqlalchemy.BigInteger())
        self._update = sqlalchemy.update(table).where(table.c.name == sqlalchemy.bindparam("counter"))
        if dialect_name == "mysql":
            # The statement's own answer brings the value that LAST_INSERT_ID was given.
            self._update = self._update.values(value=sqlalchemy.func.last_insert_id(moved))
        else:
            self._update = self._update.values(value=moved).returning(table.c.value)

    def advance(self, connection, name, count):
        """Return the last number after adding ``count``; others wait for theirs until this commit ends."""
        last = self._move(connection, {"counter": name, "count": count})
        if last is None:
            connection.execute(self._insert, {"name": name, "value": count})
        return last or count

    def last(self, connection, name):
        """Return the last number that was given, 0 before the first."""
        found = sqlalchemy.select(self._table.c.value).where(self._table.c.name == name)
        return connection.execute(found).scalar() or 0

    def restart(self, connection, name, last):
        """Let the next number be the one after ``last``."""
        connection.execute(sqlalchemy.delete(self._table).where(self._table.c.name == name))
        connection.execute(self._insert, {"name": name, "value": last})

    def _move(self, connection, parameters):
        moved = connection.execute(self._update, parameters)
        if self._dialect_name == "mysql":
            return moved.lastrowid if moved.rowcount else None
        return moved.scalar()
