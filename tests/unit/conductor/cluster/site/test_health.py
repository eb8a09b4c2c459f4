# SPDX-License-Identifier: Apache-2.0
"""Whether the store answers, found out in the background."""

import threading
import time

import fixtures

from tests import base
from valence.common import context
from valence.common import errors
from valence.conductor.cluster import site


class Store:
    """A store that answers or not, as the test says; real ones are stopped in tests/functional."""

    def __init__(self):
        self.away = False
        self.may_answer = threading.Event()
        self.may_answer.set()

    def clock(self):
        return time.time(), time.time()

    def ping(self):
        self.may_answer.wait(60)
        if self.away:
            raise errors.StoreUnavailable(reason="refused")


class StoreHealthTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database, self.clock = Store(), context.Clock()
        self.health = site.StoreHealth(self.database, self.clock)

    def test_it_says_why_and_since_when(self):
        self.health.look()
        self.assertIsNone(self.health.problem)
        self.database.away = True
        self.health.look()
        since = self.health.problem["since"]
        self.health.look()
        expected = {"reason": "The database is not reachable: refused.", "since": since}
        self.assertEqual(expected, self.health.problem)
        self.database.away = False
        self.health.look()
        self.assertIsNone(self.health.problem)

    def test_a_database_that_says_nothing_is_away_until_it_answers(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.cluster.site.PATIENCE", 0.05))
        self.database.may_answer.clear()
        self.health.start()
        self.addCleanup(self.health.stop)
        problem = self.wait_for(lambda: self.health.problem)
        self.assertEqual(site.SILENT, problem["reason"])
        self.database.may_answer.set()
        self.wait_for(lambda: self.health.problem is None)
