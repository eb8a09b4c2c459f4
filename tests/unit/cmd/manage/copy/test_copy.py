# SPDX-License-Identifier: Apache-2.0
"""``valence-manage db copy``, between SQLite files."""

from tests.unit.cmd.manage import test_main
from valence.cmd.manage import copy
from valence.common import secrets
from valence.db import models
from valence.db import store


class CopyTest(test_main.ManageCase):
    def setUp(self):
        super().setUp()
        self.manage("secrets", "create")
        self.manage("db", "upgrade")
        self.target = f"sqlite:///{self.folder}/target.db"
        pod_manager = models.PodManager(name="a", url="http://a", password="open sesame")
        (self.pod_manager,) = self.connect().commit(store.Create(pod_manager))

    def copy(self, *options, expected=0):
        return self.manage("db", "copy", "--to", self.target, *options, expected=expected)

    def at_target(self):
        conf = test_main.cfg.ConfigOpts()
        test_main.main.config.register(conf)
        conf(["--config-file", str(self.file)])
        store.options.register(conf)
        conf.set_override("connection", self.target, group="database")
        database = store.connect(conf, secrets.load(conf))
        self.addCleanup(database.close)
        return database

    def test_an_empty_database_gets_schema_and_rows(self):
        self.assertIn("Both are equal.", self.copy())
        self.assertEqual(self.pod_manager, self.at_target().get(models.PodManager, self.pod_manager.uuid))

    def test_the_source_may_be_named(self):
        self.manage("db", "copy", "--from", f"sqlite:///{self.folder}/valence.db", "--to", self.target)
        self.assertIn("Both are equal", self.copy("--verify"))

    def test_a_dry_run_says_what_there_is_and_writes_nothing(self):
        self.assertIn("pod_managers                   1 rows", self.copy("--dry-run"))
        self.assertIsNone(self.at_target().schema.version())
        self.copy()
        self.assertIn("--replace", self.copy("--dry-run", expected=1))

    def test_a_filled_target_is_refused_unless_told(self):
        self.copy()
        self.assertIn("not empty", self.copy(expected=1))
        self.assertIn("Both are equal", self.copy("--replace"))

    def test_a_verification_finds_a_changed_row(self):
        self.copy()
        database = self.at_target()
        database.commit(
            store.Update(database.list(models.PodManager)[0], {"description": "changed"}, touch=False)
        )
        printed = self.copy("--verify", expected=1)
        self.assertIn(f"{self.pod_manager.uuid} differs in description\n", printed)
        self.assertIn("They are not equal.", printed)

    def test_a_source_without_schema_is_refused(self):
        empty = f"sqlite:///{self.folder}/empty.db"
        self.assertIn(
            "db upgrade", self.manage("db", "copy", "--from", empty, "--to", self.target, expected=1)
        )

    def test_an_unknown_kind_of_database_is_refused(self):
        self.target = "paper://desk"
        self.assertIn("mysql, postgresql, sqlite", self.copy(expected=1))

    def test_a_password_is_not_shown(self):
        url = "mysql+pymysql://valence:secret@db:3306/valence?ssl_key=private"
        self.assertEqual("mysql+pymysql://db:3306/valence", copy.without_password(url))
