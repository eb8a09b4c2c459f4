# SPDX-License-Identifier: Apache-2.0
"""What one transaction does for the changes of a commit."""

import functools
import uuid

import sqlalchemy

from valence.db import changes as changesets
from valence.db import store
from valence.db.sql import failures
from valence.db.sql import mysql_updates
from valence.db.sql import sequences

#: most keys in one statement
BATCH = 1000
#: by what an update finds its row
IDENTITY = ("_key", "_revision")


class Writer:
    """Writes changes into the tables of one database, inside a transaction that somebody else begins and ends."""

    def __init__(self, tables, rows, dialect):
        self._tables, self._rows, self._dialect = tables, rows, dialect
        self._sequences = sequences.Sequences(tables.sequences, dialect.name)
        self._insert_statement = functools.lru_cache(500)(lambda model: sqlalchemy.insert(tables[model]))
        self._update_statement = functools.lru_cache(500)(self._build_update)

    def write(self, connection, changes, now):
        """Write all groups at the time ``now``, a DateTime value, and return the stored objects.

        Raises Missed, or the database's own integrity error.
        """
        results = {}
        self._vacate(connection, changes.vacated)
        act = {
            store.Require: self._require,
            store.Delete: self._delete,
            store.Update: self._update,
            store.Create: self._create,
        }
        for group in changes:
            act[group.kind](connection, group, now, results)
        return results

    def _vacate(self, connection, places):
        """Free unique values that other rows of this transaction take: databases check each statement by itself."""
        for obj, name in places:
            table = self._tables[type(obj)]
            free = None if obj.fields[name].nullable else str(uuid.uuid4())
            row = table.c[type(obj).key] == changesets.key_of(obj)
            connection.execute(sqlalchemy.update(table).where(row).values({name: free}))

    def _require(self, connection, group, _now, _results):
        """Lock the rows, so that nobody removes them before this transaction ends; raise Missed."""
        key = self._tables[group.model].c[group.model.key]
        for start in range(0, len(group.objects), BATCH):
            keys = [changesets.key_of(obj) for obj in group.objects[start : start + BATCH]]
            there = sqlalchemy.select(key).where(key.in_(keys)).order_by(key)
            if len(connection.execute(there.with_for_update(read=True, key_share=True)).all()) != len(keys):
                raise failures.Missed

    def _delete(self, connection, group, _now, _results):
        for start in range(0, len(group.objects), BATCH):
            batch = group.objects[start : start + BATCH]
            done = connection.execute(self._delete_statement(group.model, batch))
            if done.rowcount != len(batch):
                raise failures.Missed

    def _delete_statement(self, model, objects):
        table = self._tables[model]
        keys = [changesets.key_of(obj) for obj in objects]
        statement = sqlalchemy.delete(table).where(table.c[model.key].in_(keys))
        if "revision" not in model.fields:
            return statement
        pairs = [(changesets.key_of(obj), obj.revision) for obj in objects]
        return statement.where(sqlalchemy.tuple_(table.c[model.key], table.c.revision).in_(pairs))

    def _update(self, connection, group, now, results):
        rows = []
        for change in group.changes:
            values = change.values | changesets.touched(change, now)
            rows.append(self._rows.encode(group.model, values) | _identity(change.obj))
            results[id(change)] = change.obj.replace(**values)
        names = tuple(name for name in rows[0] if name not in IDENTITY)
        if not names:
            # Nothing changes, but the rows have to be there as they were read.
            names, rows = (group.model.key,), [row | {group.model.key: row["_key"]} for row in rows]
        if self._update_all(connection, group.model, names, rows) != len(rows):
            raise failures.Missed

    def _update_all(self, connection, model, names, rows):
        """Return how many rows were found as they were read, and changed."""
        is_batch = self._dialect.name == "mysql" and len(rows) >= mysql_updates.WORTHWHILE
        statement = self._update_statement(model, names, is_batch)
        parameters = mysql_updates.parameters(names, _matches(model), rows) if is_batch else rows
        return connection.execute(statement, parameters).rowcount

    def _build_update(self, model, names, is_batch):
        table = self._tables[model]
        if is_batch:
            return mysql_updates.statement(table, self._dialect, names, _matches(model))
        same = [table.c[name] == sqlalchemy.bindparam(member) for name, member in _matches(model).items()]
        return (
            sqlalchemy.update(table).where(*same).values({name: sqlalchemy.bindparam(name) for name in names})
        )

    def _create(self, connection, group, now, results):
        stored = [change.obj.replace(**changesets.stamps(change.obj, now)) for change in group.changes]
        if sequence := changesets.sequence_of(group.model):
            last = self._sequences.advance(connection, group.model.path, len(stored))
            for number, obj in enumerate(stored, last - len(stored) + 1):
                setattr(obj, sequence, number)
        rows = [self._rows.encode(group.model, obj.as_dict()) for obj in stored]
        connection.execute(self._insert_statement(group.model), rows)
        results.update((id(change), obj) for change, obj in zip(group.changes, stored, strict=True))


def _identity(obj):
    identity = {"_key": changesets.key_of(obj)}
    return identity | {"_revision": obj.revision} if "revision" in obj.fields else identity


def _matches(model):
    """Return which columns find a row, with the names that their values have in ``_identity``."""
    matches = {model.key: "_key"}
    return matches | {"revision": "_revision"} if "revision" in model.fields else matches
