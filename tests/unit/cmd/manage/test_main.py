# SPDX-License-Identifier: Apache-2.0
"""The command ``valence-manage``."""

import contextlib
import io
import pathlib
import subprocess
import sys

import fixtures
import sqlalchemy
from oslo_config import cfg

from tests import base
from valence.cmd.manage import main
from valence.common import secrets
from valence.db import models
from valence.db import store


class ManageCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.file = self.folder / "valence.conf"
        self.file.write_text(f"[DEFAULT]\nstate_dir = {self.folder}\n")

    def manage(self, *arguments, expected=0):
        """Run a command in this process; return what it printed, errors included."""
        printed, conf = io.StringIO(), cfg.ConfigOpts()
        # The log of the command would stay with the next test.
        self.useFixture(fixtures.MonkeyPatch("oslo_log.log.setup", lambda *_: None))
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main.main(["--config-file", str(self.file), *arguments], conf=conf)
        self.assertEqual(expected, code, printed.getvalue())
        return printed.getvalue()

    def connect(self):
        """Return a store as the conductors of this configuration have."""
        conf = cfg.ConfigOpts()
        main.config.register(conf)
        conf(["--config-file", str(self.file)])
        database = store.connect(conf, secrets.load(conf))
        self.addCleanup(database.close)
        return database

    def keys(self):
        lines = (self.folder / "secrets.keys").read_text().splitlines()
        return [line for line in lines if not line.startswith("#")]


class DatabaseTest(ManageCase):
    def test_an_empty_database_has_no_version(self):
        self.assertIn("version none", self.manage("db", "version"))

    def test_an_upgrade_makes_the_newest_version_and_needs_no_keys(self):
        self.assertIn("before it had none", self.manage("db", "upgrade"))
        version = self.manage("db", "version")
        head = version.split("newest is ")[1].rstrip(".\n")
        self.assertIn(f"version {head},", version)

    def test_a_second_upgrade_changes_nothing(self):
        self.manage("db", "upgrade")
        printed = self.manage("db", "upgrade")
        words = printed.replace(",", "").replace(".", "").split()
        self.assertEqual(words[4], words[-1])

    def test_a_check_of_an_empty_database_says_what_to_do(self):
        self.assertIn("valence-manage db upgrade", self.manage("db", "check", expected=1))

    def test_a_check_of_the_newest_version_is_content(self):
        self.manage("db", "upgrade")
        self.assertIn("as it should be", self.manage("db", "check"))

    def test_a_check_says_what_somebody_changed(self):
        self.manage("db", "upgrade")
        engine = sqlalchemy.create_engine(f"sqlite:///{self.folder}/valence.db")
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP INDEX ix_resources_podm_id_uuid"))
        engine.dispose()
        self.assertIn("ix_resources_podm_id_uuid", self.manage("db", "check", expected=1))

    def test_a_database_that_is_away_is_explained(self):
        self.file.write_text("[database]\nconnection = mysql+pymysql://nobody@127.0.0.1:1/nothing\n")
        self.assertIn("not reachable", self.manage("db", "upgrade", expected=1))


class SecretsTest(ManageCase):
    def setUp(self):
        super().setUp()
        self.manage("db", "upgrade")

    def register(self, count):
        pod_managers = [
            models.PodManager(name=str(number), url=f"http://{number}", password=f"password {number}")
            for number in range(count)
        ]
        return self.connect().commit(*map(store.Create, pod_managers))

    def test_created_keys_can_be_used(self):
        self.assertIn(str(self.folder), self.manage("secrets", "create"))
        (pod_manager,) = self.register(1)
        self.assertEqual("password 0", self.connect().get(models.PodManager, pod_manager.uuid).password)

    def test_keys_are_created_once(self):
        self.manage("secrets", "create")
        before = self.keys()
        self.assertIn("exists", self.manage("secrets", "create", expected=1))
        self.assertEqual(before, self.keys())

    def test_without_keys_nothing_is_rotated(self):
        self.assertIn("valence-manage secrets create", self.manage("secrets", "rotate", expected=1))

    def test_a_rotation_adds_a_key_and_encrypts_everything_with_it_while_conductors_run(self):
        self.manage("secrets", "create")
        stored = self.register(3)
        running = self.connect()
        self.assertIn("3 secrets", self.manage("secrets", "rotate"))
        self.assertEqual(2, len(self.keys()))
        self.assertEqual(stored[0], running.get(models.PodManager, stored[0].uuid))
        (self.folder / "secrets.keys").write_text(self.keys()[0] + "\n")
        self.assertEqual(stored[1], running.get(models.PodManager, stored[1].uuid))
        self.assertEqual(stored[2], self.connect().get(models.PodManager, stored[2].uuid))

    def test_a_rotation_in_two_steps(self):
        self.manage("secrets", "create")
        self.register(2)
        self.assertNotIn("encrypted", self.manage("secrets", "rotate", "--add-only"))
        self.assertEqual(2, len(self.keys()))
        self.assertIn("2 secrets", self.manage("secrets", "rotate", "--encrypt-only"))
        self.assertIn("0 secrets", self.manage("secrets", "rotate", "--encrypt-only"))
        self.assertEqual(2, len(self.keys()))


class HelpTest(base.TestCase):
    def run_command(self, *arguments):
        command = [pathlib.Path(sys.executable).parent / "valence-manage", *arguments]
        return subprocess.run(command, text=True, capture_output=True, check=False)

    def test_help_has_examples(self):
        for arguments in (["db"], ["secrets", "rotate"]):
            done = self.run_command(*arguments, "--help")
            self.assertEqual(0, done.returncode)
            own = f"valence-manage {' '.join(arguments)}"
            _, *examples = done.stdout.partition("\nexamples:\n")[2].splitlines()
            self.assertTrue(examples)
            self.assertEqual([], [each for each in examples if own not in each])

    def test_what_is_missing_is_said(self):
        for arguments in ((), ("db",), ("secrets",)):
            done = self.run_command(*arguments)
            self.assertEqual(2, done.returncode)
            self.assertIn("required", done.stderr)
