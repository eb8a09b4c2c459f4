# SPDX-License-Identifier: Apache-2.0
"""Commits that have to take place before a moment of the database's clock, wherever their process stands still."""

import threading

import testscenarios

from tests import base
from tests.contract import databases
from tests.contract import examples
from valence.common import bus_errors
from valence.common import errors
from valence.db import store


class DeadlineTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = databases.SCENARIOS

    def setUp(self):
        super().setUp()
        self.database = databases.shared(self.driver)
        self.database.clear()
        self.store = self.connect()
        [self.counter] = self.store.commit(store.Create(examples.Counter(name="a")))

    def connect(self):
        connected = self.database.connect()
        self.addCleanup(connected.close)
        return connected

    def after(self, seconds):
        """Return a moment of the database's clock."""
        return self.store.clock()[1] + seconds

    def update(self, database, value, **options):
        return database.commit(store.Update(self.counter, {"value": value}), **options)

    def value(self):
        return self.store.get(examples.Counter, "a").value

    def test_the_clock_is_known_within_seconds(self):
        for _ in range(3):
            earliest, latest = self.store.clock()
            self.assertLessEqual(earliest, latest)
            self.assertLess(abs(self.store.now() - earliest), 5)

    def test_in_time_it_is_stored(self):
        self.update(self.store, 7, before=self.after(60))
        self.assertEqual(7, self.value())

    def test_too_late_nothing_is_stored(self):
        self.assertRaises(bus_errors.TooLate, self.update, self.store, 7, before=self.after(-10))
        self.assertRaises(
            bus_errors.TooLate,
            self.store.commit,
            store.Create(examples.Counter(name="b")),
            before=self.after(-10),
        )
        self.assertEqual(0, self.value())
        self.assertEqual(1, self.store.count(examples.Counter))
        self.update(self.store, 8)
        self.assertEqual(8, self.value())

    def test_a_process_that_stands_still_before_it_commits_stores_nothing_after_a_later_commit(self):
        paused, late, ended = self.connect(), self.after(2), []
        stands, may_go_on = threading.Event(), threading.Event()
        self.addCleanup(may_go_on.set)
        self.stand_still(paused, stands, may_go_on)

        def run():
            try:
                self.update(paused, 7, before=late)
                ended.append("stored")
            except errors.ValenceError as error:
                ended.append(type(error).__name__)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.assertTrue(stands.wait(60))
        self.wait_for(lambda: self.store.clock()[0] > late)
        # On SQLite everybody else waits until it goes on.
        later = 0 if self.driver == "sqlite" else self.wait_for(self.insist, 20) and 8
        may_go_on.set()
        thread.join(60)
        self.assertEqual(later, self.value())
        self.assertNotIn("stored", ended)

    def insist(self):
        """Return whether another process has stored a later value."""
        try:
            self.update(self.store, 8)
        except (errors.StoreUnavailable, errors.Conflict):
            return False
        return True

    def stand_still(self, database, stands, may_go_on):
        """Let a store stop in the middle of its next commit: all but the last step is done."""

        def wait():
            if not stands.is_set():
                stands.set()
                may_go_on.wait(30)

        if hasattr(database, "writer"):
            write = database.writer.write
            database.writer.write = lambda *arguments: (write(*arguments), wait())[0]
        else:
            write = database.keyspace.write
            database.commits._keyspace.write = lambda *arguments: (wait(), write(*arguments))[1]
