# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server."""

import pathlib
import signal
import uuid

import psycopg

from tests.servers import server

HOME = pathlib.Path("/usr/lib/postgresql")


class PostgreSQL(server.Server):
    """One server; ``postgres`` signs in without a password."""

    # It refuses to run as root.
    system_user = "postgres"
    # Its immediate shutdown; SIGKILL would leave its shared memory behind.
    end_signal = signal.SIGQUIT
    # Its fast shutdown; SIGTERM would wait until every client has disconnected.
    stop_signal = signal.SIGINT

    def prepare(self):
        self.execute(
            self._program("initdb"),
            f"--pgdata={self.folder}/data",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-locale",
            *(() if self.syncs else ("--no-sync",)),
        )

    def spawn(self):
        self.spawn_process(
            self._program("postgres"),
            *("-D", f"{self.folder}/data"),
            *("-p", self.port),
            *("-h", "127.0.0.1"),
            *("-k", self.folder),
            *("-c", "shared_buffers=64MB"),
            *("-c", "max_connections=300"),
            *("-c", f"fsync={'on' if self.syncs else 'off'}"),
        )

    def is_ready(self):
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def new_database(self):
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"valence_{uuid.uuid4().hex}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _connect(self):
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _program(self, name):
        # Debian keeps the server's programs out of PATH, one folder for each version.
        return max(HOME.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
