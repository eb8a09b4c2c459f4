# SPDX-License-Identifier: Apache-2.0
"""A full or read-only SQL database says so, keeps what it has, and goes on when it takes changes again.

The disks are small file systems in memory, which only root may mount. MariaDB crashes on one, so it gets a data file
that cannot grow.
"""

import pathlib
import subprocess

import fixtures
import sqlalchemy
import testscenarios

from tests import base
from tests import servers
from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store

SMALL, LARGE = "size=8M", "size=64M"
#: commits that more than fill the small disk
COMMITS = 2000
#: a table of somebody else, which makes room when it is removed, and one that shows whether there is room
OTHER, PROBE = "other", "probe"
BALLAST = {"text": "".join(chr(0x4E00 + number * 7 % 20000) for number in range(3_000))}


class Disk(fixtures.Fixture):
    """A small disk mounted at a folder that belongs to ``owner``."""

    def __init__(self, folder, owner):
        super().__init__()
        self.folder, self.owner = pathlib.Path(folder), owner

    def _setUp(self):
        files = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", self.folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.folder], check=True)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        subprocess.run(["chown", "--recursive", self.owner, self.folder], check=True)
        self.folder.chmod(0o700)

    def enlarge(self):
        subprocess.run(["mount", "-o", f"remount,{LARGE}", self.folder], check=True)


class SmallMariaDB(servers.MariaDB):
    # Undo logs have files of their own: in a full one, nothing could be removed either.
    options = (
        "--innodb-file-per-table=0",
        "--innodb-data-file-path=ibdata1:24M",
        "--innodb-undo-tablespaces=2",
    )


class FullTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = databases.SQL

    def setUp(self):
        super().setUp()
        _, _, own = databases.DATABASES[self.driver]
        own = SmallMariaDB if self.driver == "mariadb" else own
        self.server = self.useFixture(own()) if own else databases.SQLiteServer()
        self.database = databases.of_own(self.driver, self.server)
        if self.driver != "mariadb":
            self.disk = getattr(self, f"put_{self.driver}_on_a_disk")()
        else:
            self.run_sql(
                f"CREATE TABLE {OTHER} (content LONGBLOB)",
                f"INSERT INTO {OTHER} VALUES (REPEAT('x', 4000000))",
                f"CREATE TABLE {PROBE} (content VARCHAR(7000))",
            )
        self.database.prepare()
        self.store = self.database.connect()
        self.addCleanup(self.store.close)

    def run_sql(self, *statements):
        """Run statements as an operator of the database does."""
        with sqlalchemy.create_engine(self.database.url).begin() as connection:
            for each in statements:
                connection.execute(sqlalchemy.text(each))

    def put_sqlite_on_a_disk(self):
        url = sqlalchemy.make_url(self.database.url)
        return self.useFixture(Disk(pathlib.Path(url.database).parent, "root"))

    def put_postgresql_on_a_disk(self):
        folder = self.server.folder / "disk"
        folder.mkdir()
        disk = self.useFixture(Disk(folder, self.server.run_as()))
        url = sqlalchemy.make_url(self.database.url)
        with self.server._connect() as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            # A database of its own has 7 MB of catalogues: only the tables go there.
            connection.execute(f"ALTER DATABASE {url.database} SET default_tablespace = small")
        return disk

    def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(self):
        (kept,) = self.store.commit(store.Create(examples.shelf("kept")))
        error = self.assertRaises(errors.StoreFull, self.fill)
        self.assertIn("Make room", error.problems[0]["hint"])
        self.assertEqual(kept, self.store.get(examples.Shelf, kept.uuid))
        self.make_room()
        (changed,) = self.store.commit(store.Update(kept, {"weight": 1}))
        self.assertEqual(changed, self.store.get(examples.Shelf, kept.uuid))
        rows = self.store.list(examples.Shelf, fields=["name"])
        self.assertEqual(self.acknowledged | {"kept"}, {row.name for row in rows})

    def make_room(self):
        if self.driver == "mariadb":
            # The server frees the pages in the background, after the table is gone.
            self.wait_for(lambda: self.has_room_to(f"DROP TABLE IF EXISTS {OTHER}"), 30)
            rows = f"INSERT INTO {PROBE} SELECT REPEAT('x', 7000) FROM seq_1_to_100"
            self.wait_for(lambda: self.has_room_to(rows), 30)
        else:
            self.disk.enlarge()

    def has_room_to(self, statement):
        """Tell whether the server had room to run a statement, without Valence."""
        try:
            self.run_sql(statement)
        except sqlalchemy.exc.OperationalError as error:
            self.assertIn("is full", str(error))
            return False
        return True

    def fill(self):
        self.acknowledged = set()
        for number in range(COMMITS):
            self.store.commit(store.Create(examples.shelf(str(number), extra=BALLAST)))
            self.acknowledged.add(str(number))


class ReadOnlyTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = databases.SQL

    def setUp(self):
        super().setUp()
        self.database = databases.of_own(self.driver)
        self.database.prepare()

    def connect(self):
        connected = self.database.connect()
        self.addCleanup(connected.close)
        return connected

    def switch(self, connected, on):
        statements = {
            "sqlite": f"PRAGMA query_only = {on}",
            "mariadb": f"SET SESSION TRANSACTION {'READ ONLY' if on else 'READ WRITE'}",
            "postgresql": f"SET SESSION default_transaction_read_only = {'on' if on else 'off'}",
        }
        statement = sqlalchemy.text(statements[self.driver])
        connected.connections.run(lambda connection: connection.execute(statement))

    def test_a_database_that_takes_no_changes_says_so(self):
        connected = self.connect()
        (kept,) = connected.commit(store.Create(examples.shelf("kept")))
        self.switch(connected, 1)
        update = store.Update(kept, {"weight": 1})
        error = self.assertRaises(errors.StoreFull, connected.commit, update)
        self.assertIn("takes no changes", error.detail)
        self.assertEqual(kept, connected.get(examples.Shelf, kept.uuid))
        self.switch(connected, 0)
        connected.commit(update)
