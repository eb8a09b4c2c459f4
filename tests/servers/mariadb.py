# SPDX-License-Identifier: Apache-2.0
"""A real MariaDB server."""

import uuid

import pymysql

from tests.servers import server

#: skip fsync, but write in the usual order, with the double-write buffer, so that SIGKILL loses nothing
NO_SYNC = ("--debug-no-sync", "--innodb-flush-method=nosync")


class MariaDB(server.Server):
    """One server; ``root`` signs in without a password."""

    #: further options of the server
    options: tuple = ()

    def prepare(self):
        self.execute(
            "mariadb-install-db",
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            f"--datadir={self.folder}/data",
            f"--user={self.run_as()}",
            "--skip-test-db",
            *self._all_options(),
        )

    def spawn(self):
        self.spawn_process(
            "mariadbd",
            "--no-defaults",
            f"--user={self.run_as()}",
            f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            # At its start, MariaDB removes all temporary tables in this folder, also those of other servers.
            f"--tmpdir={self.folder}/data",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            "--max-connections=300",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
            *self._all_options(),
        )

    def _all_options(self):
        return self.options if self.syncs else (*NO_SYNC, *self.options)

    def is_ready(self):
        try:
            self._connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def new_database(self):
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"valence_{uuid.uuid4().hex}"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return f"mysql+pymysql://root@127.0.0.1:{self.port}/{name}"

    def _connect(self):
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", connect_timeout=2, read_timeout=20
        )
