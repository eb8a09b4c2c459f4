# SPDX-License-Identifier: Apache-2.0
"""History ends, but not before it was told."""

import fixtures

from tests import base
from tests import embedded
from valence.common import context
from valence.conductor.events import outbox
from valence.conductor.events import purge
from valence.db import models
from valence.db import store


class PurgeTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = self.database.store

    def purge(self, holder="one"):
        purge.Purge(self.database.conf, self.store, self.database.keeper(holder)).purge()

    def store_events(self, number):
        pod_manager = models.PodManager(name="p", url="http://p")
        mine = context.service_context()
        self.store.commit(
            *(outbox.event("pod_manager", mine, "create", new=pod_manager) for _ in range(number))
        )

    def keep_no_time(self):
        """Make a day so short that everything is too old."""
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.events.purge.DAY", -1))

    def test_what_is_young_stays(self):
        self.store_events(3)
        self.purge()
        self.assertEqual(3, len(self.database.events()))

    def test_old_events_go_in_batches(self):
        self.store_events(purge.BATCH + 1)
        self.keep_no_time()
        self.purge()
        self.assertEqual([], self.database.events())

    def test_events_that_were_not_published_stay(self):
        self.store_events(3)
        cursors = [models.Cursor(name=partition.name, sequence=2) for partition in outbox.PARTITIONS]
        self.store.commit(*map(store.Create, cursors))
        self.keep_no_time()
        self.purge()
        self.assertEqual([3], [each.sequence for each in self.database.events()])

    def test_open_operations_stay(self):
        ended = models.Operation(
            operation_kind="sync", target_kind="x", target_id="1", ended_at="2020-01-01T00:00:00Z"
        )
        running = models.Operation(operation_kind="sync", target_kind="x", target_id="2")
        self.store.commit(store.Create(ended), store.Create(running))
        self.purge()
        self.assertEqual(["2"], [each.target_id for each in self.store.list(models.Operation)])

    def test_another_conductor_that_purges_is_left_to_it(self):
        self.store_events(1)
        self.keep_no_time()
        with self.database.keeper("two").hold(purge.LEASE):
            self.purge()
        self.assertEqual(1, len(self.database.events()))

    def test_dead_conductors_are_forgotten_and_those_that_live_are_not(self):
        for name, alive in (("dead", False), ("lives", True)):
            row = models.Conductor(hostname=name, alive=alive, heartbeat_at="2020-01-01T00:00:00Z")
            self.store.commit(store.Create(row))
        self.purge()
        self.assertEqual(["lives"], [each.hostname for each in self.store.list(models.Conductor)])
