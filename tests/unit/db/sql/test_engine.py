# SPDX-License-Identifier: Apache-2.0
"""Engines of SQL databases."""

import stat

from tests import base
from tests.unit.api import case
from valence.common import secrets
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
