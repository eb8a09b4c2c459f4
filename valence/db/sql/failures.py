# SPDX-License-Identifier: Apache-2.0
"""What a failed statement means: the only place that knows the libraries' errors."""

import sqlite3

import sqlalchemy
from oslo_db import exception

from valence.common import errors

#: SQLSTATE: serialization failure, deadlock, lock not available
COLLISIONS = {"40001", "40P01", "55P03"}
#: SQLSTATE classes: connection exception, operator intervention (shutdown, start-up); a transaction idle for too long
LOSSES = ("08", "57P", "25P03")
#: MySQL: server shutdown in progress, normal shutdown, connection killed
MYSQL_LOSSES = {1053, 1077, 1927}
#: what a commit that comes too late fails with: our SQLSTATE, PostgreSQL's, and MySQL's code for ours
TOO_LATE, DIVISION_BY_ZERO, MYSQL_SIGNAL = "45000", "22012", 1644
SQLITE_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
#: the disk or the table is full, or the database is read-only; SQLSTATE of PostgreSQL, numbers of MySQL and SQLite
FULL = {"53100", "25006"}
MYSQL_FULL = {3, 20, 1021, 1026, 1114, 1290, 1792, 1836}
SQLITE_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)

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


def translate(error):
    """Return the Lost, Collision or StoreFull that ``error`` means, or ``error`` itself."""
    if isinstance(error, (exception.DBDeadlock, exception.DBConsistencyError)):
        return Collision(reason(error))
    if isinstance(
        error, (exception.DBConnectionError, exception.DBNonExistentDatabase, sqlalchemy.exc.TimeoutError)
    ):
        return Lost(reason(error))
    original = original_of(error)
    state = getattr(original, "sqlstate", None) or ""
    if state in COLLISIONS or getattr(original, "sqlite_errorcode", 0) & 0xFF in SQLITE_BUSY:
        return Collision(reason(error))
    if state.startswith(LOSSES) or (original.args and original.args[0] in MYSQL_LOSSES):
        return Lost(reason(error))
    return errors.StoreFull(reason=reason(error)) if _is_full(original, state) else error


def _is_full(original, state):
    number = original.args[0] if original.args else None
    return (
        state in FULL
        or number in MYSQL_FULL
        or getattr(original, "sqlite_errorcode", 0) & 0xFF in SQLITE_FULL
    )


def is_too_late(error):
    """Return whether ``error`` says that a commit came too late: see ``engine.Dialect.timed_commit``."""
    original = original_of(error)
    state = getattr(original, "sqlstate", None)
    return state == DIVISION_BY_ZERO or (original.args and original.args[0] == MYSQL_SIGNAL)


def original_of(error):
    """Return the error of the database's own library."""
    while (inner := getattr(error, "inner_exception", None) or getattr(error, "orig", None)) is not None:
        error = inner
    return error


def reason(error):
    """Return what the database's own library says, on one line."""
    return (
        " ".join(str(each) for each in original_of(error).args).strip().replace("\n", " ")
        or type(error).__name__
    )
