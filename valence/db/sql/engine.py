# SPDX-License-Identifier: Apache-2.0
"""The engine of a database, made by oslo.db, and what differs between SQLite, MySQL and PostgreSQL."""

import contextlib
import os
import typing

import sqlalchemy
from oslo_db.sqlalchemy import enginefacade
from pymysql.constants import FIELD_TYPE as field_types

from valence.common import errors
from valence.db.sql import columns
from valence.db.sql import failures
from valence.db.sql import patience

#: seconds after which a statement that waits for another transaction's locks gives up and is tried again
LOCK_SECONDS = 2
#: seconds after which the server ends a transaction, with its locks, whose process does not go on
IDLE_SECONDS = 3
#: bytes of a text that decide its place in a sorted page: MySQL compares 1,024 by default, so that pages sorted by
#: texts with a longer common prefix lose and repeat rows
SORT_BYTES = 8 * columns.LONGEST_VARCHAR
#: seconds that a process waits for another one that changes the schema
SCHEMA_SECONDS = 60
PASSED_ON = (
    "connection_debug",
    "connection_recycle_time",
    "connection_trace",
    "max_overflow",
    "max_pool_size",
    "mysql_sql_mode",
    "mysql_wsrep_sync_wait",
    "sqlite_synchronous",
)


class Dialect(typing.NamedTuple):
    """What one kind of database needs: driver arguments, statements on each new connection, SQL."""

    arguments: dict
    session: tuple
    begin: str
    #: seconds since 1970 on the database's clock
    clock: str
    #: statements around a change of the schema that keep other processes from theirs
    lock_schema: tuple
    unlock_schema: str
    #: statements before that, which return what a change has broken
    check_schema: tuple = ()
    #: commits in one statement if ``clock`` shows less than ``before``, else fails; None where there is no such one
    timed_commit: str | None = None

    def commit_before(self, dialect):
        """Return ``timed_commit`` where the server knows it; MySQL does not know MariaDB's."""
        return self.timed_commit if getattr(dialect, "is_mariadb", True) else None


DIALECTS = {
    "sqlite": Dialect(
        arguments={},
        session=(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}", "PRAGMA journal_mode = WAL"),
        begin="BEGIN IMMEDIATE",
        clock="((julianday('now') - 2440587.5) * 86400.0)",
        # A table that is copied is dropped, which would remove what refers to it; a transaction cannot switch that off.
        lock_schema=(
            f"PRAGMA busy_timeout = {SCHEMA_SECONDS * 1000}",
            "PRAGMA foreign_keys = OFF",
            "BEGIN IMMEDIATE",
        ),
        check_schema=("PRAGMA foreign_key_check",),
        unlock_schema="COMMIT",
    ),
    "mysql": Dialect(
        arguments={
            "charset": "utf8mb4",
            "collation": "utf8mb4_bin",
            "connect_timeout": "1",
            # While it signs in; then valence.db.sql.patience decides.
            "read_timeout": "2",
        },
        session=(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            f"SET SESSION time_zone = '+00:00', SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}"
            # MySQL has no such limit, and takes this for a comment.
            f" /*M!100300 , SESSION idle_transaction_timeout = {IDLE_SECONDS} */",
            f"SET SESSION max_sort_length = {SORT_BYTES}",
        ),
        begin="START TRANSACTION",
        clock="UNIX_TIMESTAMP(NOW(6))",
        lock_schema=(f"SELECT GET_LOCK('valence_schema', {SCHEMA_SECONDS})",),
        unlock_schema="SELECT RELEASE_LOCK('valence_schema')",
        timed_commit="BEGIN NOT ATOMIC IF {clock} < {before!r} THEN COMMIT; "
        f"ELSE SIGNAL SQLSTATE '{failures.TOO_LATE}'; END IF; END",
    ),
    "postgresql": Dialect(
        arguments={
            "connect_timeout": "2",
            "tcp_user_timeout": str(patience.SILENCE_MS),
            "keepalives_idle": "2",
            "keepalives_interval": "1",
            "keepalives_count": "2",
        },
        session=(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
            f"SET SESSION lock_timeout = '{LOCK_SECONDS}s'",
            f"SET SESSION idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'",
            "SET SESSION TIME ZONE 'UTC'",
        ),
        begin="BEGIN",
        clock="extract(epoch FROM clock_timestamp())::float8",
        lock_schema=(
            "BEGIN",
            f"SET LOCAL lock_timeout = '{SCHEMA_SECONDS}s'",
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            "SELECT pg_advisory_xact_lock(8181)",
        ),
        unlock_schema="COMMIT",
        # The server stops at the first of them that fails: by a division by zero.
        timed_commit="SELECT 1 / ({clock} < {before!r})::int; COMMIT",
    ),
}


def create(database):
    """Return the engine of the [database] options; nothing connects yet."""
    try:
        url = sqlalchemy.make_url(database.connection)
        url.get_dialect().import_dbapi()
    except (sqlalchemy.exc.ArgumentError, ImportError) as error:
        raise _invalid(str(error)) from None
    dialect = DIALECTS[url.get_backend_name()]
    if url.get_backend_name() == "sqlite":
        _create_private(url.database)
    url = url.set(query=dialect.arguments | url.query)
    context = enginefacade.transaction_context()
    context.configure(
        connection=url.render_as_string(hide_password=False),
        connection_parameters=database.connection_parameters,
        # SQLite keeps references only when asked to.
        sqlite_fk=True,
        # Who calls the store decides how long to wait for a database that is away.
        max_retries=0,
        # A sleep for the sake of eventlet.
        thread_checkin=False,
        # oslo.db opens a connection a time for SQLite, and fails when that is to have a time-out.
        pool_timeout=None if url.get_backend_name() == "sqlite" else database.pool_timeout,
        **{name: getattr(database, name) for name in PASSED_ON},
    )
    engine = context.writer.get_engine()
    sqlalchemy.event.listen(engine, "connect", _prepare(dialect))
    patience.limit(engine)
    return engine


def _create_private(file):
    """Make the file of an SQLite database, which nobody else may read: SQLite makes it readable for everybody.

    SQLite gives its journal the same mode. A file that cannot be made is reported by the first connection. One that is
    there is not opened: closing it again would end all locks that this process has on it (POSIX, fcntl), after which
    another process that closes the database removes the journal that is in use here.
    """
    if file and not file.startswith((":memory:", "file:")):
        with contextlib.suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _invalid(reason):
    detail = f"[database] connection cannot be used: {reason}."
    hint = "Examples are sqlite:///FILE, mysql+pymysql://USER:PASSWORD@HOST/NAME and postgresql+psycopg://…"
    return errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}])


def _prepare(dialect):
    def prepare(connection, _record):
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            _leave_times(connection)
            cursor = connection.cursor()
            for statement in dialect.session:
                cursor.execute(statement)
            cursor.close()
            connection.commit()
            stack.pop_all()

    return prepare


def _leave_times(connection):
    """Let PyMySQL hand times on as the text that comes: to make objects of them is a third of what a page costs."""
    if decoders := getattr(connection, "decoders", None):
        decoders.pop(field_types.DATETIME)
