# SPDX-License-Identifier: Apache-2.0
"""One commit: retried until its outcome is known, and never applied twice.

A connection that breaks during COMMIT leaves open whether the commit took place. So every commit leaves a row that
no other commit makes: a row with a key that Valence made, or else a marker. After such a break the driver looks for
that row. If the first COMMIT is still running then, the repetition waits for it at that row and fails on it.
"""

import datetime
import json
import time
import typing
import uuid

import sqlalchemy

from valence.common import bus_errors
from valence.common import errors
from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db import values
from valence.db.sql import failures
from valence.db.sql import rows
from valence.db.sql import tables

if typing.TYPE_CHECKING:
    from valence.db.sql import driver

#: column name -> the name that its value has in the parameters
Matches = dict[str, str]


class Sequences:
    """The table of counters."""

    def __init__(self, table: sqlalchemy.Table, dialect_name: str) -> None:
        self._table, self._dialect_name = table, dialect_name
        self._insert = sqlalchemy.insert(table)
        moved = table.c.value + sqlalchemy.bindparam("count", type_=sqlalchemy.BigInteger())
        self._update = sqlalchemy.update(table).where(table.c.name == sqlalchemy.bindparam("counter"))
        if dialect_name == "mysql":
            # The statement's own answer brings the value that LAST_INSERT_ID was given.
            self._update = self._update.values(value=sqlalchemy.func.last_insert_id(moved))
        else:
            self._update = self._update.values(value=moved).returning(table.c.value)

    def advance(self, connection: sqlalchemy.Connection, name: str, count: int) -> int:
        """Return the last number after adding ``count``; others wait for theirs until this commit ends."""
        last = self._move(connection, {"counter": name, "count": count})
        if last is None:
            connection.execute(self._insert, {"name": name, "value": count})
        return last or count

    def last(self, connection: sqlalchemy.Connection, name: str) -> int:
        """Return the last number that was given, 0 before the first."""
        found = sqlalchemy.select(self._table.c.value).where(self._table.c.name == name)
        return connection.execute(found).scalar() or 0

    def restart(self, connection: sqlalchemy.Connection, name: str, last: int) -> None:
        """Let the next number be the one after ``last``."""
        connection.execute(sqlalchemy.delete(self._table).where(self._table.c.name == name))
        connection.execute(self._insert, {"name": name, "value": last})

    def _move(self, connection: sqlalchemy.Connection, parameters: store.RowValues) -> int | None:
        moved = connection.execute(self._update, parameters)
        if self._dialect_name == "mysql":
            return moved.lastrowid if moved.rowcount else None
        return moved.scalar()


#: fewest updates that are worth it
WORTHWHILE = 8
_JSON = "JSON_TABLE(:updates, '$[*]' COLUMNS ({columns})) AS given"


def statement(
    table: sqlalchemy.Table, dialect: sqlalchemy.Dialect, names: store.Names, matches: Matches
) -> sqlalchemy.TextClause:
    """Return a statement that sets the columns ``names`` of every row of ``:updates``, a JSON list of objects.

    A row is the one in which each column of ``matches`` has the value of the member that the dict names.
    """
    members = {f"new_{name}": table.c[name] for name in names} | {
        matches[name]: table.c[name] for name in matches
    }
    columns = ", ".join(_member(member, column, dialect) for member, column in members.items())
    same = " AND ".join(f"{_column(table, name)} = given.`{member}`" for name, member in matches.items())
    changes = ", ".join(f"{_column(table, name)} = given.`new_{name}`" for name in names)
    source = _JSON.format(columns=columns)
    return sqlalchemy.text(f"UPDATE `{table.name}` JOIN {source} ON {same} SET {changes}")  # noqa: S608


def update_parameters(names: store.Names, matches: Matches, rows: list[store.RowValues]) -> dict[str, str]:
    """Return the parameters of ``statement`` for rows that hold new values by ``names`` and old ones by member."""
    wanted = {name: f"new_{name}" for name in names} | {member: member for member in matches.values()}
    updates = [{member: row[name] for name, member in wanted.items()} for row in rows]
    return {"updates": json.dumps(updates, default=str)}


def _member(member: str, column: sqlalchemy.ColumnElement[typing.Any], dialect: sqlalchemy.Dialect) -> str:
    return f"`{member}` {column.type.compile(dialect)} PATH '$.{member}'"


def _column(table: sqlalchemy.Table, name: str) -> str:
    return f"`{table.name}`.`{name}`"


#: most keys in one statement
BATCH = 1000
#: by what an update finds its row
IDENTITY = ("_key", "_revision")


class Writer:
    """Writes changes into the tables of one database, inside a transaction that somebody else begins and ends."""

    def __init__(self, tables: tables.Tables, rows: rows.Rows, dialect: sqlalchemy.Dialect) -> None:
        self._tables, self._rows, self._dialect = tables, rows, dialect
        self._sequences = Sequences(tables.sequences, dialect.name)
        self._insert_statement = values.remembering(self._build_insert)
        self._update_statement = values.remembering(self._build_update)
        self._delete_statement = values.remembering(self._build_delete)

    def write(
        self, connection: sqlalchemy.Connection, changes: changesets.Changes, now: str
    ) -> changesets.Results:
        """Write all groups at the time ``now``, a DateTime value, and return the stored objects.

        Raises Missed, or the database's own integrity error.
        """
        results: changesets.Results = {}
        self._vacate(connection, changes.vacated)
        act: dict[type, typing.Callable[..., None]] = {
            store.Require: self._require,
            store.Delete: self._delete,
            store.Update: self._update,
            store.Create: self._create,
        }
        for group in changes:
            act[group.kind](connection, group, now, results)
        return results

    def _vacate(
        self, connection: sqlalchemy.Connection, places: typing.Iterable[tuple[models.ModelBase, str]]
    ) -> None:
        """Free unique values that other rows of this transaction take: databases check each statement by itself."""
        for obj, name in places:
            table = self._tables[type(obj)]
            free = None if obj.fields[name].nullable else str(uuid.uuid4())
            row = table.c[type(obj).key] == changesets.key_of(obj)
            connection.execute(sqlalchemy.update(table).where(row).values({name: free}))

    def _require(
        self,
        connection: sqlalchemy.Connection,
        group: changesets.Group[store.Require],
        _now: str,
        _results: changesets.Results,
    ) -> None:
        """Lock the rows, so that nobody removes them before this transaction ends; raise Missed."""
        key = self._tables[group.model].c[group.model.key]
        for start in range(0, len(group.objects), BATCH):
            keys = [changesets.key_of(obj) for obj in group.objects[start : start + BATCH]]
            there = sqlalchemy.select(key).where(key.in_(keys)).order_by(key)
            if len(connection.execute(there.with_for_update(read=True, key_share=True)).all()) != len(keys):
                raise failures.Missed

    def _delete(
        self,
        connection: sqlalchemy.Connection,
        group: changesets.Group[store.Delete],
        _now: str,
        _results: changesets.Results,
    ) -> None:
        for start in range(0, len(group.objects), BATCH):
            batch = group.objects[start : start + BATCH]
            parameters: store.RowValues = {"keys": [changesets.key_of(obj) for obj in batch]}
            if "revision" in group.model.fields:
                parameters["pairs"] = [(changesets.key_of(obj), obj.revision) for obj in batch]
            done = connection.execute(self._delete_statement(group.model), parameters)
            if done.rowcount != len(batch):
                raise failures.Missed

    def _build_delete(self, model: store.Model) -> sqlalchemy.Delete:
        """Return the statement that removes the rows with ``keys`` and, where rows have revisions, with ``pairs``."""
        table = self._tables[model]
        keys: sqlalchemy.BindParameter[typing.Any] = sqlalchemy.bindparam("keys", expanding=True)
        statement = sqlalchemy.delete(table).where(table.c[model.key].in_(keys))
        if "revision" not in model.fields:
            return statement
        pairs: sqlalchemy.BindParameter[typing.Any] = sqlalchemy.bindparam("pairs", expanding=True)
        return statement.where(sqlalchemy.tuple_(table.c[model.key], table.c.revision).in_(pairs))

    def _update(
        self,
        connection: sqlalchemy.Connection,
        group: changesets.Group[store.Update],
        now: str,
        results: changesets.Results,
    ) -> None:
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

    def _update_all(
        self,
        connection: sqlalchemy.Connection,
        model: store.Model,
        names: tuple[str, ...],
        rows: list[store.RowValues],
    ) -> int:
        """Return how many rows were found as they were read, and changed."""
        is_batch = self._dialect.name == "mysql" and len(rows) >= WORTHWHILE
        statement = self._update_statement(model, names, is_batch)
        parameters = update_parameters(names, _matches(model), rows) if is_batch else rows
        return connection.execute(statement, parameters).rowcount

    def _build_insert(self, model: store.Model) -> sqlalchemy.Insert:
        return sqlalchemy.insert(self._tables[model])

    def _build_update(
        self, model: store.Model, names: tuple[str, ...], is_batch: bool
    ) -> sqlalchemy.Update | sqlalchemy.TextClause:
        table = self._tables[model]
        if is_batch:
            assert isinstance(table, sqlalchemy.Table)
            return statement(table, self._dialect, names, _matches(model))
        same = [table.c[name] == sqlalchemy.bindparam(member) for name, member in _matches(model).items()]
        return (
            sqlalchemy.update(table).where(*same).values({name: sqlalchemy.bindparam(name) for name in names})
        )

    def _create(
        self,
        connection: sqlalchemy.Connection,
        group: changesets.Group[store.Create],
        now: str,
        results: changesets.Results,
    ) -> None:
        stored = [change.obj.replace(**changesets.stamps(change.obj, now)) for change in group.changes]
        if sequence := changesets.sequence_of(group.model):
            last = self._sequences.advance(connection, group.model.path, len(stored))
            for number, obj in enumerate(stored, last - len(stored) + 1):
                setattr(obj, sequence, number)
        rows = [self._rows.encode(group.model, obj.as_dict()) for obj in stored]
        connection.execute(self._insert_statement(group.model), rows)
        results.update((id(change), obj) for change, obj in zip(group.changes, stored, strict=True))


def _identity(obj: models.ModelBase) -> store.RowValues:
    identity = {"_key": changesets.key_of(obj)}
    return identity | {"_revision": obj.revision} if "revision" in obj.fields else identity


def _matches(model: store.Model) -> Matches:
    """Return which columns find a row, with the names that their values have in ``_identity``."""
    matches = {model.key: "_key"}
    return matches | {"revision": "_revision"} if "revision" in model.fields else matches


#: seconds between two removals of old markers, and the age from which on they are removed
PURGE_SECONDS = 600
OLD = datetime.timedelta(hours=1)


class Commit:
    """The attempts at one commit; ``results`` are the stored objects of the attempt that got through."""

    def __init__(
        self,
        database: "driver.SQLAlchemyStore",
        changes: changesets.Changes,
        lease: store.Lease | None,
        before: float | None,
    ) -> None:
        self._database, self._changes = database, changes
        self._lease, self._before = lease, before
        # Before the transaction: a query on another connection inside of it would wait with its locks held.
        self._now = database.at()
        self._results: changesets.Results = {}
        #: whether an attempt ended without an answer to its COMMIT
        self.is_open = False
        #: what was in the way of the last attempt
        self.obstacle: Exception | None = None

    def attempt(self) -> bool:
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

    def persist(self) -> bool:
        """Return what ``attempt`` does, repeated while the database fails; raise OutcomeUnknown, StoreUnavailable."""
        try:
            return self._database.connections.persist(self.attempt)
        except errors.StoreUnavailable as error:
            if self.is_open:
                raise errors.OutcomeUnknown(**error.kwargs) from error
            raise

    def _write(self, connection: sqlalchemy.Connection) -> None:
        if self._lease:
            self._database.fences.require(connection, self._lease)
        if not (self._changes.witness or self._changes.is_repeatable):
            self._database.markers.write(connection, self._changes.marker, self._now)
        self._results = self._database.writer.write(connection, self._changes, self._now)

    def _is_proven(self) -> bool:
        """Whether an earlier attempt that got no answer is known to have taken place."""
        if not self.is_open or self._changes.is_repeatable:
            return False
        with self._database.connections.connection() as connection:
            if witness := self._changes.witness:
                return self._has(connection, witness.obj)
            return self._database.markers.has(connection, self._changes.marker)

    def _has(self, connection: sqlalchemy.Connection, obj: models.ModelBase) -> bool:
        table = self._database.tables[type(obj)]
        found = sqlalchemy.select(table.c[type(obj).key]).where(
            table.c[type(obj).key] == changesets.key_of(obj)
        )
        return connection.execute(found).first() is not None


class Markers:
    """The table of markers, emptied of old ones now and then."""

    def __init__(self, table: sqlalchemy.Table, is_text: bool) -> None:
        self._table, self._is_text = table, is_text
        self._purge_at = 0.0

    def write(self, connection: sqlalchemy.Connection, marker: str, now: str) -> None:
        """Leave a marker in the present transaction; ``now`` is a DateTime value."""
        moment = types.parse_time(now)
        if time.monotonic() > self._purge_at:
            self._purge_at = time.monotonic() + PURGE_SECONDS
            connection.execute(
                sqlalchemy.delete(self._table).where(self._table.c.created_at < self._time(moment - OLD))
            )
        row = {"uuid": marker, "created_at": self._time(moment)}
        connection.execute(sqlalchemy.insert(self._table), row)

    def has(self, connection: sqlalchemy.Connection, marker: str) -> bool:
        """Whether the marker was left."""
        found = sqlalchemy.select(self._table.c.uuid).where(self._table.c.uuid == marker)
        return connection.execute(found).first() is not None

    def _time(self, moment: datetime.datetime) -> str | datetime.datetime:
        moment = moment.replace(tzinfo=None)
        return moment.isoformat() + "Z" if self._is_text else moment
