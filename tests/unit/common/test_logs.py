# SPDX-License-Identifier: Apache-2.0
"""Log lines that no input can break."""

import io
import logging
import subprocess
import sys

from oslo_log import formatters

from tests import base
from tests.unit.api import case
from valence.common import logs

PROGRAM = """
import logging
from valence.common.configuration import config
config.load([], "valence-api", config_files=[])
logging.getLogger("urllib3").error("User %s", "a\\nb")
logging.getLogger("psycopg").warning("error ignored terminating connection")
"""
FORGED = "x\n2026-11-28 22:00:00 INFO valence.api.http.app: admin signed in"


class RecordTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(logging.setLogRecordFactory, logging.getLogRecordFactory())
        logs.protect()
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.logger = logging.Logger("a")
        self.logger.addHandler(self.handler)

    def line(self, *arguments, **keywords):
        """Return what is written for a record."""
        self.logger.error(*arguments, **keywords)
        return self.stream.getvalue()

    def test_a_message_is_one_line(self):
        for text in (
            FORGED,
            "a\rb",
            "a\x1b[2Jb",
            "a\u2028b",
            "a\x85b",
            "a\u202eb",
            "a\x00b",
            "a\x9bb",
            "a\ud800b",
        ):
            self.stream.truncate(0)
            self.stream.seek(0)
            written = self.line("User %s not found", text)
            self.assertTrue(written.removesuffix("\n").isprintable(), ascii(written))

    def test_an_error_that_the_message_tells_is_not_told_twice(self):
        self.handler.setFormatter(formatters.ContextFormatter(config=case.configuration(self.make_folder())))
        try:
            raise ValueError("away")
        except ValueError as error:
            written = self.line("it waits: %s", error)
        self.assertEqual(1, written.count("away"), written)

    def test_what_prints_stays_as_it_is(self):
        self.assertEqual("Zürich 東京 '\\' 50 %\n", self.line("Zürich 東京 '\\' 50 %"))

    def test_a_traceback_keeps_its_lines_and_forges_none(self):
        for formatter in (None, formatters.ContextFormatter(config=case.configuration(self.make_folder()))):
            self.stream.truncate(0)
            self.stream.seek(0)
            self.handler.setFormatter(formatter)
            try:
                raise ValueError("a\rb\x1b[2J")
            except ValueError:
                written = self.line("failed", exc_info=True)
            self.assertIn("Traceback", written)
            self.assertGreater(written.count("\n"), 2)
            self.assertIn("ValueError: a\\rb\\x1b[2J", written)

    def test_a_line_has_a_limit(self):
        self.assertLess(len(self.line("%s", "x" * 1_000_000)), logs.LONGEST_MESSAGE + 50)
        self.assertIn("characters", self.stream.getvalue())

    def test_a_traceback_has_a_limit(self):
        try:
            raise ValueError("x" * 1_000_000)
        except ValueError:
            written = self.line("failed", exc_info=True)
        self.assertLess(len(written), logs.LONGEST_TRACEBACK + 100)

    def test_no_secret_of_a_url_is_written(self):
        for name in logs.SECRET_PARAMETERS:
            self.line("GET http://h/v1/continue?a=b&%s=%s#x 200", name.upper(), "SESAME")
        self.assertNotIn("SESAME", self.stream.getvalue())
        self.assertIn("a=b", self.stream.getvalue())


class QueryTest(base.TestCase):
    def test_secrets_are_found_however_their_names_are_written(self):
        for name in ("token", "TOKEN", "%74oken", "t%6Fken", "token+", "%20token"):
            self.assertNotIn("SESAME", logs.masked_query(f"a=b&{name}=SESAME"), name)

    def test_the_rest_stays(self):
        self.assertEqual("a=b&token=***&c&token=", logs.masked_query("a=b&token=x=y&c&token="))


class LoadTest(base.TestCase):
    def test_every_command_protects_its_log(self):
        """All of them read their configuration by it."""
        done = subprocess.run([sys.executable, "-c", PROGRAM], text=True, capture_output=True, check=True)
        self.assertIn("User a\\nb", done.stdout)
        # psycopg warns of each connection that it closes itself, as it does of each commit that comes too late.
        self.assertNotIn("ignored", done.stdout + done.stderr)
