# SPDX-License-Identifier: Apache-2.0
"""The clock of a store: one for all processes, whatever the clocks of their hosts say."""

import os
import pathlib
import subprocess
import sys
import time

import fixtures

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from valence.db import types

SHIFTED = pathlib.Path(__file__).parents[1] / "shifted_clock"
#: what a process of the host with the wrong clock prints: its own clock, the store's, and the stamp of a new row
SCRIPT = """
import sys, time
from tests.contract import databases, examples
from valence.db import store
driver, url, folder = sys.argv[1:]
database = databases.DATABASES[driver][0](url, folder).connect()
(shelf,) = database.commit(store.Create(examples.shelf("a")))
print(time.time(), database.now(), shelf.created_at, database.at(60))
"""
#: seconds by which two readings may differ: those of etcd are to the second, and the process takes a while to start
CLOSE = 2


class NowTest(case.ContractCase):
    def elsewhere(self, seconds):
        """Return what a process prints on a host whose clock is wrong by ``seconds``."""
        place = os.pathsep.join([str(SHIFTED), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, self.driver, self.database.url, self.database.folder],
            env=os.environ | {"PYTHONPATH": place, "SHIFT_SECONDS": str(seconds)},
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.split()

    def assert_is_agreed_on(self, seconds):
        before = self.store.now()
        host, now, created_at, in_a_minute = self.elsewhere(seconds)
        after = self.store.now()
        self.assertLess(abs(float(host) - time.time() - seconds), 600)
        self.assertTrue(before - CLOSE < float(now) < after + CLOSE, (before, now, after))
        earliest, latest = types.moment(before - CLOSE), types.moment(after + CLOSE)
        self.assertTrue(earliest <= created_at <= latest, (earliest, created_at, latest))
        earliest, latest = types.moment(before + 60 - CLOSE), types.moment(after + 60 + CLOSE)
        self.assertTrue(earliest <= in_a_minute <= latest, (earliest, in_a_minute, latest))

    def test_a_host_that_is_an_hour_ahead_tells_the_same_time(self):
        self.assert_is_agreed_on(3600)

    def test_a_host_that_is_an_hour_behind_tells_the_same_time(self):
        self.assert_is_agreed_on(-3600)

    def test_the_time_goes_on_and_is_a_moment_of_the_form_of_stored_ones(self):
        first = self.store.now()
        self.wait_for(lambda: self.store.now() > first + 0.2)
        self.assertRegex(self.store.at(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertGreater(self.store.at(60), self.store.at(-60))

    def test_a_new_row_has_the_time_of_the_store(self):
        before = self.store.at(-CLOSE)
        (shelf,) = self.create_shelves("a")
        self.assertTrue(before <= shelf.created_at <= self.store.at(CLOSE), shelf.created_at)
        self.assertEqual(shelf, self.store.get(examples.Shelf, shelf.uuid))


class AwayTest(case.ContractCase):
    scenarios = databases.WITH_SERVER

    def test_the_time_goes_on_while_the_database_is_away(self):
        database = databases.of_own(self.driver, *self._own_server())
        connected = database.connect()
        self.addCleanup(connected.close)
        first = connected.now()
        self.useFixture(fixtures.MonkeyPatch("valence.db.sql.connections.REFRESH_SECONDS", 0.1))
        self.server.kill()
        self.wait_for(lambda: connected.now() > first + 1)

    def _own_server(self):
        self.server = self.useFixture(databases.DATABASES[self.driver][2]())
        return [self.server]
