# SPDX-License-Identifier: Apache-2.0
"""One commit: tried until it is known to be done, and never done twice.

A connection that breaks during COMMIT leaves open whether the commit took place. So every commit leaves a row
that no other commit makes: one of its own that has a key made by Valence, or else a marker. After such a
break the row is looked for; and should the first COMMIT still be under way then, the repetition waits for it
at that row and fails on it.
"""

import datetime
import time

import sqlalchemy

from valence.common import bus_errors
from valence.common import errors
from valence.db import changes as changesets
from valence.db import types
from valence.db.sql import failures

#: seconds between two removals of old markers, and the age from which on they are removed
PURGE_SECONDS = 600
OLD = datetime.timedelta(hours=1)


class Commit:
    """The attempts at one commit; ``results`` are the stored objects of the attempt that got through."""

    def __init__(self, database, changes, lease, before):
        self._database, self._changes = database, changes
        self._lease, self._before = lease, before
        # Before the transaction: a query on another connection inside of it would wait with its locks held.
        self._results, self._now = None, database.at()
        #: whether an attempt ended without an answer to its COMMIT
        self.is_open = False
        #: what was in the way of the last attempt
        self.obstacle = None

    def attempt(self):
        """Try once; return whether it is done, False when a rule of the database was in the way."""
        if self._is_proven():
            return True
        try:
            self._database.connections.transact(self._write, self._before)
        except failures.LostInCommit:
            self.is_open, self._changes.results = True, self._results
            raise
        except (*failures.INTEGRITY, failures.Missed) as obstacle:
            self.obstacle = obstacle
            return self._is_proven()
        except (errors.LeaseLost, bus_errors.TooLate):
            if self._is_proven():
                return True
            raise
        self._changes.results = self._results
        return True

    def _write(self, connection):
        if self._lease:
            self._database.fences.require(connection, self._lease)
        if not (self._changes.witness or self._changes.is_repeatable):
            self._database.markers.write(connection, self._changes.marker, self._now)
        self._results = self._database.writer.write(connection, self._changes, self._now)

    def _is_proven(self):
        """Whether an earlier attempt that got no answer is known to have taken place."""
        if not self.is_open or self._changes.is_repeatable:
            return False
        with self._database.connections.connection() as connection:
            if witness := self._changes.witness:
                return self._has(connection, witness.obj)
            return self._database.markers.has(connection, self._changes.marker)

    def _has(self, connection, obj):
        table = self._database.tables[type(obj)]
        found = sqlalchemy.select(table.c[type(obj).key]).where(
            table.c[type(obj).key] == changesets.key_of(obj)
        )
        return connection.execute(found).first() is not None


class Markers:
    """The table of markers, emptied of old ones now and then."""

    def __init__(self, table, is_text):
        self._table, self._is_text = table, is_text
        self._purge_at = 0.0

    def write(self, connection, marker, now):
        """Leave a marker in the present transaction; ``now`` is a DateTime value."""
        now = types.parse_time(now)
        if time.monotonic() > self._purge_at:
            self._purge_at = time.monotonic() + PURGE_SECONDS
            connection.execute(
                sqlalchemy.delete(self._table).where(self._table.c.created_at < self._time(now - OLD))
            )
        row = {"uuid": marker, "created_at": self._time(now)}
        connection.execute(sqlalchemy.insert(self._table), row)

    def has(self, connection, marker):
        """Whether the marker was left."""
        found = sqlalchemy.select(self._table.c.uuid).where(self._table.c.uuid == marker)
        return connection.execute(found).first() is not None

    def _time(self, moment):
        moment = moment.replace(tzinfo=None)
        return moment.isoformat() + "Z" if self._is_text else moment
