# SPDX-License-Identifier: Apache-2.0
"""A process that stands still in the middle of a transaction does not keep the others waiting for long."""

import threading

import testscenarios

from tests import base
from tests import clock
from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store
from valence.db.sql import engine
from valence.db.sql import failures


class PausedTest(testscenarios.WithScenarios, base.TestCase):
    scenarios = [each for each in databases.SQL if each in databases.WITH_SERVER]

    def setUp(self):
        super().setUp()
        self.database = databases.shared(self.driver)
        self.database.clear()
        self.paused, self.other = self.connect(), self.connect()

    def connect(self):
        connected = self.database.connect()
        self.addCleanup(connected.close)
        return connected

    def test_its_locks_are_released_and_what_it_wrote_is_undone(self):
        [counter] = self.other.commit(store.Create(examples.Counter(name="a")))
        stands, may_go_on, ended = threading.Event(), threading.Event(), []

        def stand_still(connection):
            table = self.paused.tables[examples.Counter]
            connection.execute(table.update().values(value=7))
            stands.set()
            may_go_on.wait(30)

        def transact():
            try:
                self.paused.connections.transact(stand_still)
            except failures.Lost as lost:
                ended.append(lost)

        thread = threading.Thread(target=transact)
        thread.start()
        self.assertTrue(stands.wait(60))
        began = clock.seconds()
        [stored] = self.wait_for(lambda: self.attempt(counter), timeout=15)
        self.assert_in_time(clock.seconds() - began, engine.IDLE_SECONDS + 3)
        may_go_on.set()
        thread.join(60)
        self.assertEqual(1, len(ended))
        self.assertEqual(stored.value, self.other.get(examples.Counter, "a").value)

    def attempt(self, counter):
        """Return what is stored, or None while the lock is in the way."""
        try:
            return self.other.commit(store.Update(counter, {"value": 1}))
        except errors.StoreUnavailable:
            return None
