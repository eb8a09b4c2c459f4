# SPDX-License-Identifier: Apache-2.0
"""The engine of a database, made by oslo.db: differences between SQLite, MySQL and PostgreSQL, and time-outs.

A server that hangs, or whose host is gone, sends nothing. The time-outs end the wait of a connection for it.
"""

import contextlib
import functools
import os
import socket
import typing

import sqlalchemy
from oslo_config import cfg
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy.engine import interfaces

from valence.common import errors
from valence.common.configuration import extras
from valence.db import values
from valence.db.sql import failures

if typing.TYPE_CHECKING:
    import psycopg

Answer = typing.TypeVar("Answer")
#: what SQLAlchemy calls with each new connection
Listener = typing.Callable[[interfaces.DBAPIConnection, sqlalchemy.PoolProxiedConnection], None]

#: milliseconds after which a host that acknowledges nothing is given up, by the kernel
SILENCE_MS = 1500
#: seconds that a statement may take
STATEMENT_SECONDS = 30
#: seconds that a look whether the server is there may take
HURRIED_SECONDS = 1.5


def limit(engine: sqlalchemy.Engine) -> None:
    """Make the connections of an engine wait for STATEMENT_SECONDS at most."""
    if engine.dialect.name == "postgresql":
        sqlalchemy.event.listen(engine, "do_connect", _connect_to_postgresql)
    sqlalchemy.event.listen(engine, "connect", _limit_one)


def lift(connection: sqlalchemy.Connection) -> None:
    """Let statements of a SQLAlchemy connection, that changes the schema, take any time."""
    _set(connection.connection.dbapi_connection, None)


@contextlib.contextmanager
def hurried(connection: sqlalchemy.Connection) -> typing.Iterator[None]:
    """Let statements of a SQLAlchemy connection take HURRIED_SECONDS inside of a ``with`` block."""
    _set(connection.connection.dbapi_connection, HURRIED_SECONDS)
    yield
    _set(connection.connection.dbapi_connection, STATEMENT_SECONDS)


def _limit_one(connection: interfaces.DBAPIConnection, _record: sqlalchemy.PoolProxiedConnection) -> None:
    _watch_silence(connection)
    _set(connection, STATEMENT_SECONDS)


def _set(connection: interfaces.DBAPIConnection | None, seconds: float | None) -> None:
    for name in ("_read_timeout", "statement_seconds"):  # of PyMySQL, of ours
        if hasattr(connection, name):
            setattr(connection, name, seconds)


def _watch_silence(connection: interfaces.DBAPIConnection) -> None:
    """Do for PyMySQL what libpq does by itself."""
    if plug := getattr(connection, "_sock", None):
        with contextlib.suppress(OSError):  # a local socket has no TCP options
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)


def _connect_to_postgresql(
    _dialect: sqlalchemy.Dialect,
    _record: sqlalchemy.PoolProxiedConnection,
    arguments: tuple[str, ...],
    options: dict[str, typing.Any],
) -> "psycopg.Connection[typing.Any]":
    return _limited_class().connect(*arguments, **options)


@functools.cache
def _limited_class() -> "type[psycopg.Connection[typing.Any]]":
    """Return a psycopg connection that closes itself when the server does not answer in time."""
    import psycopg  # noqa: PLC0415  # several megabytes, for those who use it

    class LimitedConnection(psycopg.Connection):
        statement_seconds: float | None = None

        def wait(
            self, generator: "psycopg.abc.PQGen[Answer]", interval: float = 0.1, timeout: float | None = None
        ) -> Answer:
            try:
                return super().wait(generator, interval, timeout or self.statement_seconds)
            except psycopg.errors._WaitTimeout as error:
                self.close()
                raise psycopg.OperationalError(f"no answer in {self.statement_seconds} s") from error

    return LimitedConnection


#: seconds after which a statement that waits for another transaction's locks gives up and is tried again
LOCK_SECONDS = 2
#: seconds after which the server ends a transaction, with its locks, whose process does not go on
IDLE_SECONDS = 3
#: bytes of a text that decide its place in a sorted page: MySQL compares 1,024 by default, so that pages sorted by
#: texts with a longer common prefix lose and repeat rows
SORT_BYTES = 4 * values.LONGEST_SORTED
#: seconds that a process waits for another one that changes the schema
SCHEMA_SECONDS = 60
#: the type DATETIME in MySQL's protocol; a constant here because only MySQL's driver has it
MYSQL_DATETIME = 12
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

    arguments: dict[str, str]
    session: tuple[str, ...]
    begin: str
    #: seconds since 1970 on the database's clock
    clock: str
    #: statements around a change of the schema that keep other processes from theirs
    lock_schema: tuple[str, ...]
    unlock_schema: str
    #: statements before that, which return what a change has broken
    check_schema: tuple[str, ...] = ()
    #: commits in one statement if ``clock`` shows less than ``before``, else fails; None where there is no such one
    timed_commit: str | None = None


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
            # While it signs in; then valence.db.sql.engine decides.
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
            "tcp_user_timeout": str(SILENCE_MS),
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


def create(database: cfg.ConfigOpts.GroupAttr) -> sqlalchemy.Engine:
    """Return the engine of the [database] options; nothing connects yet."""
    try:
        url = sqlalchemy.make_url(database.connection)
        with extras.required():
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
    engine: sqlalchemy.Engine = context.writer.get_engine()
    sqlalchemy.event.listen(engine, "connect", _prepare(dialect))
    limit(engine)
    return engine


def _create_private(file: str | None) -> None:
    """Make the file of an SQLite database, which nobody else may read: SQLite makes it readable for everybody.

    SQLite gives its journal the same mode. A file that cannot be made is reported by the first connection. One that is
    there is not opened: closing it again would end all locks that this process has on it (POSIX, fcntl), after which
    another process that closes the database removes the journal that is in use here.
    """
    if file and not file.startswith((":memory:", "file:")):
        with contextlib.suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _invalid(reason: str) -> errors.ConfigurationInvalid:
    detail = f"[database] connection cannot be used: {reason}."
    hint = "Examples are sqlite:///FILE, mysql+pymysql://USER:PASSWORD@HOST/NAME and postgresql+psycopg://…"
    return errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}])


def _prepare(dialect: Dialect) -> Listener:
    def prepare(connection: interfaces.DBAPIConnection, _record: sqlalchemy.PoolProxiedConnection) -> None:
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


def _leave_times(connection: interfaces.DBAPIConnection) -> None:
    """Let PyMySQL hand times on as the text that comes: to make objects of them is a third of what a page costs."""
    if decoders := getattr(connection, "decoders", None):
        decoders.pop(MYSQL_DATETIME)
