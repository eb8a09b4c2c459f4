# SPDX-License-Identifier: Apache-2.0
"""The command ``valence-migrate-data``."""

import contextlib
import io

import fixtures
from oslo_config import cfg

from tests.unit.api.introspection import case
from valence.cmd import migrate_data
from valence.introspection.storages import storage


class MigrateDataTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.introspect()
        self.file = self.make_folder() / "valence.conf"
        self.file.write_text(
            f"[DEFAULT]\nstate_dir = {self.conf.state_dir}\n[processing]\ndirectory = {self.file.parent}/data\n"
        )

    def migrate(self, *arguments, expected=0):
        """Run the command in this process; return what it printed, errors included."""
        printed, conf = io.StringIO(), cfg.ConfigOpts()
        self.useFixture(fixtures.MonkeyPatch("oslo_log.log.setup", lambda *_: None))
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = migrate_data.main(["--config-file", str(self.file), *arguments], conf=conf)
        self.assertEqual(expected, code, printed.getvalue())
        return printed.getvalue()

    def test_everything_is_moved_once(self):
        self.assertIn("Dry run: 4 copied", self.migrate("--from", "database", "--to", "file", "--dry-run"))
        self.assertIn("4 copied, 0 equal", self.migrate("--from", "database", "--to", "file"))
        self.assertIn("0 copied, 4 equal", self.migrate("--from", "database", "--to", "file"))
        files = {path.name for path in (self.file.parent / "data").iterdir()}
        suffixes = ("", "-V1", f"-{storage.UNPROCESSED}", f"-{storage.UNPROCESSED}-V1")
        self.assertEqual({f"{self.uuid}{suffix}" for suffix in suffixes}, files)

    def test_what_cannot_be_is_told(self):
        for arguments, word in (
            (("--from", "database", "--to", "database"), "source"),
            (("--from", "database", "--to", "none"), "keeps nothing"),
            (("--from", "bogus", "--to", "database"), "bogus"),
        ):
            self.assertIn(word, self.migrate(*arguments, expected=1))

    def test_every_option_that_is_missing_is_named(self):
        first, second = self.migrate(expected=2).splitlines()
        self.assertIn("--from is missing. Storage that has the data.", first)
        self.assertIn(
            "--to is missing. Storage that is to have them. See valence-migrate-data --help.", second
        )
        self.assertIn("--to is missing", self.migrate("--from", "database", expected=2))

    def test_a_failure_is_the_exit_code(self):
        self.migrate("--from", "database", "--to", "file")
        (self.file.parent / "data" / self.uuid).unlink()
        (self.file.parent / "data" / self.uuid).mkdir()
        self.assertIn("1 failed", self.migrate("--from", "database", "--to", "file", expected=1))
