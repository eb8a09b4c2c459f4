# SPDX-License-Identifier: Apache-2.0
"""The command ``valence-manage backup import-es``."""

import json
import pathlib

from tests import elasticsearch
from tests.unit.cmd.manage import test_main
from valence.db import models

DUMP = pathlib.Path(__file__).parents[3] / "data" / "freezer" / "es-dump-v1.ndjson"
ALICE, BOB = "53c1d0b45026c22d760866291743e0b6", "d97e6f3e717be2ae880b657a28413548"


class ImportTest(test_main.ManageCase):
    def setUp(self):
        super().setUp()
        self.manage("db", "upgrade")

    def run_import(self, *arguments, expected=0):
        return self.manage("backup", "import-es", *map(str, arguments), expected=expected)

    def test_a_dump(self):
        printed = self.run_import("--file", DUMP, "--default-project", "demo")
        for line in (
            "clients: 9 imported",
            "actions: 87 imported",
            "jobs: 40 imported",
            "sessions: 6 imported",
            "backups: 40 imported",
        ):
            self.assertIn(line, printed)
        self.assertIn("nothing to do", self.run_import("--file", DUMP, "--default-project", "demo"))

    def test_users_have_projects(self):
        self.run_import("--file", DUMP, "--project", f"{ALICE}=a", "--project", f"{BOB}=b")
        found = {row.project_id for row in self.connect_without_keys().list(models.Job)}
        self.assertEqual({"a", "b"}, found)

    def connect_without_keys(self):
        self.manage("secrets", "create")
        return self.connect()

    def test_users_without_a_project_are_refused_and_reported(self):
        report = self.folder / "report.txt"
        printed = self.run_import("--file", DUMP, "--project", f"{ALICE}=a", "--report", report, expected=1)
        self.assertIn("and 39 more", printed)
        lines = report.read_text().splitlines()
        self.assertEqual(
            (89, True), (len(lines), all(f"no project for the user {BOB}" in line for line in lines))
        )

    def test_broken_lines_are_counted_and_reported(self):
        file, report = self.folder / "dump.ndjson", self.folder / "report.txt"
        broken = ['{"_id": "1", "_source": {"\\ud800": 1}}', '{"_id"', "[]"]
        file.write_text("\n".join([*broken, *DUMP.read_text().splitlines()]))
        arguments = ("--file", file, "--default-project", "demo", "--report", report)
        printed = self.run_import(*arguments, expected=1)
        for line in ("unknown: 0 imported, 0 present, 3 refused", "jobs: 40 imported", "line 2: not JSON"):
            self.assertIn(line, printed)
        self.assertEqual(3, len(report.read_text().splitlines()))
        self.assertNotIn("nothing to do", self.run_import(*arguments, expected=1))

    def test_a_server(self):
        hits = [json.loads(line) for line in DUMP.read_text().splitlines()]
        for version in (1, 8):
            server = self.useFixture(elasticsearch.Elasticsearch(hits, version=version))
            printed = self.run_import("--url", server.url, "--default-project", f"of-{version}", "--dry-run")
            self.assertIn("jobs: 40 imported", printed)
            self.assertIn("Nothing was stored", printed)

    def test_what_is_wrong_is_said(self):
        self.assertIn("USER=PROJECT", self.run_import("--file", DUMP, "--project", "alice", expected=1))
        self.assertIn("cannot be read", self.run_import("--file", "/nowhere", expected=1))
        for option in ("--default-project=a/b", "--project=alice=a b"):
            self.assertIn("not a project id", self.run_import("--file", DUMP, option, expected=1))
        self.assertIn("does not answer", self.run_import("--url", "http://127.0.0.1:1", expected=1))
