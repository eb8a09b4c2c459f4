# SPDX-License-Identifier: Apache-2.0
"""Engines of SQL databases."""

import stat
import subprocess
import sys

from tests import base
from tests.unit.api import case
from valence.common import secrets
from valence.db import models
from valence.db import store


class SQLiteTest(base.TestCase):
    def test_the_file_of_a_new_database_is_for_its_owner_alone(self):
        folder = self.make_folder()
        conf = case.configuration(folder)
        secrets.create(secrets.key_file(conf))
        database = store.connect(conf, secrets.load(conf))
        self.addCleanup(database.close)
        database.schema.upgrade()
        files = list(folder.glob("valence.db*"))
        self.assertIn("valence.db", [file.name for file in files])
        self.assertEqual({0o600}, {stat.S_IMODE(file.stat().st_mode) for file in files})

    def test_another_process_that_leaves_takes_nothing_from_this_one(self):
        folder = self.make_folder()
        conf = case.configuration(folder)
        secrets.create(secrets.key_file(conf))
        database, second = (store.connect(conf, secrets.load(conf)) for _ in range(2))
        self.addCleanup(database.close)
        self.addCleanup(second.close)
        database.schema.upgrade()
        self.assertEqual([0, 0], [each.count(models.Conductor) for each in (database, second)])
        store.connect(conf, secrets.load(conf)).close()
        look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM leases'); c.close()"
        subprocess.run([sys.executable, "-c", look, folder / "valence.db"], check=True)
        self.assertTrue((folder / "valence.db-wal").exists())
        database.commit(store.Create(models.Conductor(hostname="a")))
        self.assertEqual("a", second.get(models.Conductor, "a").hostname)
