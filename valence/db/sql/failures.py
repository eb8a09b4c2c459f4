# SPDX-License-Identifier: Apache-2.0
"""Translate errors of the database libraries, and find out why a database refused a commit.

Databases report a refusal in different ways, so the driver looks at the stored rows. If the obstacle is gone by then,
nothing is raised and the commit is retried.
"""

import itertools
import sqlite3
import typing

import sqlalchemy
from oslo_db import exception

from valence.common import errors
from valence.db import changesets
from valence.db import store
from valence.db.sql import rows
from valence.db.sql import tables

AnyGroup = changesets.Group[typing.Any]

#: SQLSTATE: serialization failure, deadlock, lock not available
COLLISIONS = {"40001", "40P01", "55P03"}
#: SQLSTATE classes: connection exception, insufficient resources, operator intervention (shutdown, start-up), system
#: error of the server; a transaction idle for too long
LOSSES = ("08", "53", "57P", "58", "25P03")
#: MySQL: server shutdown in progress, normal shutdown, connection killed
MYSQL_LOSSES = {1053, 1077, 1927}
#: MySQL: the server cannot use one of its files, such as a temporary table, or has not enough memory for a query
MYSQL_TROUBLE = {*range(1, 31), 1004, 1016, 1017, 1023, 1024, 1030, 1034, 1035, 1037, 1038, 1041, 1194, 1195}
#: what a commit that comes too late fails with: our SQLSTATE, PostgreSQL's, and MySQL's code for ours
TOO_LATE, DIVISION_BY_ZERO, MYSQL_SIGNAL = "45000", "22012", 1644
SQLITE_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
SQLITE_TROUBLE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM)
#: the disk or the table is full, or the database is read-only; SQLSTATE of PostgreSQL, numbers of MySQL and SQLite
FULL = {"53100", "25006"}
MYSQL_FULL = {3, 20, 1021, 1026, 1114, 1290, 1792, 1836}
SQLITE_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)
NO_SPACE = "No space left on device"

#: everything that a statement may raise
ERRORS = (sqlalchemy.exc.SQLAlchemyError, exception.DBError)
#: a unique field that is taken, a reference to nothing, a row that is referred to
INTEGRITY = (exception.DBDuplicateEntry, exception.DBReferenceError, sqlalchemy.exc.IntegrityError)


class Lost(Exception):
    """The database cannot be reached, or the connection broke before anything was committed."""


class LostInCommit(Lost):
    """The connection broke during COMMIT: whether it took place is not known."""


class Collision(Exception):
    """Another transaction was in the way; nothing was written, the same again may succeed."""


class Missed(Exception):
    """A row that was to be changed or removed is not there, or not as it was read."""


def translate(error: Exception) -> Exception:
    """Return the Lost, Collision or StoreFull that ``error`` means, or ``error`` itself."""
    if isinstance(error, (exception.DBDeadlock, exception.DBConsistencyError)):
        return Collision(reason(error))
    if isinstance(
        error, (exception.DBConnectionError, exception.DBNonExistentDatabase, sqlalchemy.exc.TimeoutError)
    ):
        return Lost(reason(error))
    original = original_of(error)
    state = getattr(original, "sqlstate", None) or ""
    number = original.args[0] if original.args else None
    kind = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if state in COLLISIONS or kind in SQLITE_BUSY:
        return Collision(reason(error))
    if state in FULL or number in MYSQL_FULL or kind in SQLITE_FULL:
        return errors.StoreFull(reason=reason(error))
    if number in MYSQL_TROUBLE and NO_SPACE in reason(error):
        return errors.StoreFull(reason=reason(error))
    is_lost = state.startswith(LOSSES) or kind in SQLITE_TROUBLE
    return Lost(reason(error)) if is_lost or number in MYSQL_LOSSES | MYSQL_TROUBLE else error


def is_too_late(error: BaseException) -> bool:
    """Return whether ``error`` says that a commit came too late: see ``engine.Dialect.timed_commit``."""
    original = original_of(error)
    state = getattr(original, "sqlstate", None)
    return state == DIVISION_BY_ZERO or original.args[:1] == (MYSQL_SIGNAL,)


def original_of(error: BaseException) -> BaseException:
    """Return the error of the database's own library."""
    while (inner := getattr(error, "inner_exception", None) or getattr(error, "orig", None)) is not None:
        error = inner
    return error


def reason(error: BaseException) -> str:
    """Return what the database's own library says, on one line."""
    return (
        " ".join(str(each) for each in original_of(error).args).strip().replace("\n", " ")
        or type(error).__name__
    )


BATCH = 500


class Explanation:
    """One search for what is in the way of a commit; ``leaving`` has the keys, by model, of what it removes."""

    def __init__(
        self,
        tables: tables.Tables,
        rows: rows.Rows,
        connection: sqlalchemy.Connection,
        changes: changesets.Changes,
    ) -> None:
        self._tables, self._rows, self._connection, self._changes = tables, rows, connection, changes
        self._leaving: dict[store.Model, set[store.Key]] = {model: set() for model in tables.models()}

    def explain(self) -> None:
        """Raise the precise error of the first thing that is in the way, if there is any."""
        group: AnyGroup
        for group in self._changes.requires:
            self._explain_absence(group)
        for group in self._changes.deletes:
            self._explain_missed(group)
            self._leave(group.model, {changesets.key_of(obj) for obj in group.objects})
        for group in self._changes.deletes:
            self._explain_use(group)
        for group in self._changes.updates:
            self._explain_missed(group)
        for group in itertools.chain[AnyGroup](self._changes.updates, self._changes.creates):
            self._explain_references(group)
            self._explain_duplicates(group)

    def _leave(self, model: store.Model, keys: set[store.Key]) -> None:
        """Take the rows, and those that go with them, as removed."""
        self._leaving[model] |= keys
        for other, name in self._referring(model, "cascade"):
            found = {key for (key,) in self._select(other, (other.key,), name, keys)}
            if new := found - self._leaving[other]:
                self._leave(other, new)

    def _explain_absence(self, group: AnyGroup) -> None:
        model, keys = group.model, [changesets.key_of(obj) for obj in group.objects]
        there = {key for (key,) in self._select(model, (model.key,), model.key, keys)}
        for key in keys:
            if key not in there:
                raise errors.NotFound(kind=model.kind, key=key)

    def _explain_missed(self, group: AnyGroup) -> None:
        model = group.model
        names = (model.key, "revision") if "revision" in model.fields else (model.key, model.key)
        keys = [changesets.key_of(obj) for obj in group.objects]
        revisions = {row[0]: row[1] for row in self._select(model, names, model.key, keys)}
        for obj, key in zip(group.objects, keys, strict=True):
            if key not in revisions or key in self._gone_before(group):
                raise errors.NotFound(kind=model.kind, key=key)
            if "revision" in model.fields and revisions[key] != obj.revision:
                raise errors.RevisionMismatch(kind=model.kind, key=key)

    def _gone_before(self, group: AnyGroup) -> typing.Collection[store.Key]:
        return () if group.kind is store.Delete else self._leaving[group.model]

    def _explain_references(self, group: AnyGroup) -> None:
        for name, field in changesets.references_of(group.model):
            key = field.model.key
            wanted = [value for _, value in _given(group, name)]
            known = {found for (found,) in self._select(field.model, (key,), key, wanted)}
            known -= self._leaving[field.model]
            known |= {changesets.key_of(change.obj) for change in self._created(field.model)}
            for value in wanted:
                if value not in known:
                    raise errors.NotFound(kind=field.model.kind, key=value)

    def _explain_duplicates(self, group: AnyGroup) -> None:
        model = group.model
        for name in [model.key, *(name for name, field in model.fields.items() if field.unique)]:
            owners: dict[typing.Any, store.Key] = {}
            for key, value in _given(group, name):
                if owners.setdefault(value, key) is not key:
                    raise errors.Duplicate(kind=model.kind, field=name, value=value)
            for value, key in self._select(model, (name, model.key), name, list(owners)):
                if key not in self._leaving[model] and not self._is_own(group, key, owners[value]):
                    raise errors.Duplicate(kind=model.kind, field=name, value=value)

    def _is_own(self, group: AnyGroup, key: store.Key, owner: store.Key) -> bool:
        return key == owner and group.kind is store.Update

    def _explain_use(self, group: AnyGroup) -> None:
        keys = [changesets.key_of(obj) for obj in group.objects]
        for model, name in self._referring(group.model, "restrict"):
            for key, used in self._select(model, (model.key, name), name, keys):
                if key not in self._leaving[model]:
                    reason = f"the {model.kind} {key} refers to it"
                    raise errors.InUse(kind=group.model.kind, key=used, reason=reason)

    def _referring(self, model: store.Model, on_delete: str) -> typing.Iterator[tuple[store.Model, str]]:
        """Yield the models and fields that refer to a model."""
        for other in self._tables.models():
            for name, field in changesets.references_of(other):
                if field.model is model and field.on_delete == on_delete:
                    yield other, name

    def _created(self, model: store.Model) -> typing.Iterator[store.Create]:
        return itertools.chain.from_iterable(
            group.changes for group in self._changes.creates if group.model is model
        )

    def _select(
        self, model: store.Model, names: store.Names, by: str, values: typing.Iterable[typing.Any]
    ) -> typing.Iterator[rows.Cells]:
        """Yield the columns ``names`` of all rows whose column ``by`` is among ``values``."""
        table = self._tables[model]
        operands = [self._rows.operand(model, by, value) for value in values]
        for start in range(0, len(operands), BATCH):
            wanted = sqlalchemy.select(*(table.c[name] for name in names))
            yield from self._connection.execute(
                wanted.where(table.c[by].in_(operands[start : start + BATCH]))
            )


def _given(group: AnyGroup, name: str) -> typing.Iterator[tuple[store.Key, typing.Any]]:
    """Yield key and new value of each change that gives the field one."""
    for change in group.changes:
        values = change.values if type(change) is store.Update else change.obj.__dict__
        if values.get(name) is not None:
            yield changesets.key_of(change.obj), values[name]
