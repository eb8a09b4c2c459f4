# SPDX-License-Identifier: Apache-2.0
"""Processes that commit at random and are killed: what they leave is whole.

``VALENCE_TEST_STORM=8x500`` makes it eight processes with five hundred commits each.
"""

import collections
import os
import subprocess
import sys
import threading

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from tests.contract import storm
from tests.functional.chaos import audit
from valence.db import store

MANY = storm.MANY // storm.ENTRIES * storm.ENTRIES
PROCESSES, COMMITS = map(int, os.environ.get("VALENCE_TEST_STORM", "4x12").split("x"))


class Writer(threading.Thread):
    """Runs a process, and another one for the remaining commits whenever it was killed."""

    def __init__(self, database, driver, name):
        super().__init__()
        self._arguments = [driver, database.url, database.folder, name]
        self.begun, self.acknowledged, self.kills, self.failed = set(), set(), 0, None

    def run(self):
        while len(self.begun) < COMMITS and not self.failed:
            first = len(self.begun) + 1
            command = [
                sys.executable,
                "-m",
                "tests.contract.storm",
                *self._arguments,
                str(first),
                str(COMMITS),
            ]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process:
                for line in process.stdout:
                    word, number = line.split()
                    (self.begun if word == "begin" else self.acknowledged).add(int(number))
                said = process.stderr.read()
            self.kills += process.returncode == -9
            self.failed = said if process.returncode not in (0, -9) else None


class StormTest(case.ContractCase):
    scenarios = databases.ETCD
    time_limit = 90 + 2 * PROCESSES * COMMITS

    def test_what_killed_writers_leave_is_whole(self):
        self.database.restart_sequences()
        self.writers = {name: Writer(self.database, self.driver, name) for name in "abcdefgh"[:PROCESSES]}
        for writer in self.writers.values():
            writer.start()
        for writer in self.writers.values():
            writer.join()
            self.assertIsNone(writer.failed)
        self.settle()
        self.assert_whole_commits()
        self.assertEqual([], [*audit.rules(self.store, examples.MODELS)])
        self.assertEqual([], self.store.read(lambda snapshot: [*audit.indexes(self.store, snapshot)]))
        self.assert_no_journal()
        self.report()

    def settle(self):
        """Commit once more, which writes the rest of a journal whose writer was killed, and sweeps the others away."""
        last = examples.shelf("last", extra={"text": "x" * storm.LONG})
        self.create(last, *(examples.Entry(text="last 1") for _ in range(MANY)))

    def assert_whole_commits(self):
        rows = self.store.list(examples.Entry, sort=[store.Sort("sequence")])
        self.assertEqual(list(range(1, len(rows) + 1)), [row.sequence for row in rows])
        found = collections.Counter(row.text for row in rows)
        self.assertLessEqual(set(found.values()), {storm.ENTRIES, MANY})
        for name, writer in self.writers.items():
            self.assertLessEqual({f"{name} {number}" for number in writer.acknowledged}, set(found))

    def assert_no_journal(self):
        self.wait_for(lambda: not self.database.journals(), 30, self.database.journals)

    def report(self):
        kills, made = (sum(map(count, self.writers.values())) for count in (_kills, _acknowledged))
        print(
            f"storm on {self.driver}: {PROCESSES} processes, {PROCESSES * COMMITS} commits, {made} acknowledged, "
            f"{kills} kills, {self.store.count(examples.Entry)} entries"
        )


def _kills(writer):
    return writer.kills


def _acknowledged(writer):
    return len(writer.acknowledged)
