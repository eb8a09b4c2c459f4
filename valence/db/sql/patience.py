# SPDX-License-Identifier: Apache-2.0
"""How long a connection waits for a server that says nothing, because it hangs or its host is gone."""

import contextlib
import functools
import socket

import sqlalchemy

#: milliseconds after which a host that acknowledges nothing is given up, by the kernel
SILENCE_MS = 1500
#: seconds that a statement may take
STATEMENT_SECONDS = 30
#: seconds that a look whether the server is there may take
HURRIED_SECONDS = 1.5


def limit(engine):
    """Make the connections of an engine wait for STATEMENT_SECONDS at most."""
    if engine.dialect.name == "postgresql":
        sqlalchemy.event.listen(engine, "do_connect", _connect_to_postgresql)
    sqlalchemy.event.listen(engine, "connect", _limit_one)


def lift(connection):
    """Let statements of a SQLAlchemy connection, that changes the schema, take any time."""
    _set(connection.connection.dbapi_connection, None)


@contextlib.contextmanager
def hurried(connection):
    """Let statements of a SQLAlchemy connection take HURRIED_SECONDS inside of a ``with`` block."""
    _set(connection.connection.dbapi_connection, HURRIED_SECONDS)
    yield
    _set(connection.connection.dbapi_connection, STATEMENT_SECONDS)


def _limit_one(connection, _record):
    _watch_silence(connection)
    _set(connection, STATEMENT_SECONDS)


def _set(connection, seconds):
    for name in ("_read_timeout", "statement_seconds"):  # of PyMySQL, of ours
        if hasattr(connection, name):
            setattr(connection, name, seconds)


def _watch_silence(connection):
    """Do for PyMySQL what libpq does by itself."""
    if plug := getattr(connection, "_sock", None):
        with contextlib.suppress(OSError):  # a local socket has no TCP options
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)


def _connect_to_postgresql(_dialect, _record, arguments, options):
    return _limited_class().connect(*arguments, **options)


@functools.cache
def _limited_class():
    """Return a psycopg connection that closes itself when the server does not answer in time."""
    import psycopg  # noqa: PLC0415  # several megabytes, for those who use it

    class LimitedConnection(psycopg.Connection):
        statement_seconds = None

        def wait(self, generator, interval=0.1, timeout=None):
            try:
                return super().wait(generator, interval, timeout or self.statement_seconds)
            except psycopg.errors._WaitTimeout as error:
                self.close()
                raise psycopg.OperationalError(f"no answer in {self.statement_seconds} s") from error

    return LimitedConnection
