# SPDX-License-Identifier: Apache-2.0
"""When a pod manager is synchronized that has told something."""

from tests import base
from tests import embedded
from valence.conductor.work import pacing
from valence.db import models
from valence.db import store
from valence.db import types


class MakeDueTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())

    def add(self, **values):
        new = models.PodManager(name="pod", url="http://127.0.0.1:1", **values)
        return self.database.store.commit(store.Create(new))[0]

    def made_due(self, pod_manager, **more):
        """Make it due and return when it is."""
        with self.database.keeper().hold("work") as lease:
            pacing.make_due(self.database.store, pod_manager, lease, **more)
        return self.database.store.get(models.PodManager, pod_manager.uuid).next_sync_at

    def test_it_is_now(self):
        self.assertLessEqual(self.made_due(self.add(next_sync_at=self.database.store.at(500))), types.now())

    def test_one_that_was_just_synchronized_rests(self):
        moment = self.made_due(self.add(last_synced_at=types.now()))
        self.assertTrue(self.database.store.at(2) < moment <= self.database.store.at(5), moment)

    def test_one_that_is_due_sooner_stays_so(self):
        soon = self.database.store.at(-10)
        self.assertEqual(soon, self.made_due(self.add(next_sync_at=soon)))

    def test_many_are_spread_over_a_time(self):
        moments = {self.made_due(self.add(next_sync_at=self.database.store.at(9000)), within=3600)}
        self.assertTrue(
            all(types.now() <= moment <= self.database.store.at(3600) for moment in moments), moments
        )

    def test_a_pause_may_come_first(self):
        moment = self.made_due(self.add(next_sync_at=self.database.store.at(9000)), after=60)
        self.assertTrue(self.database.store.at(40) < moment <= self.database.store.at(60), moment)

    def test_what_a_client_changes_at_the_same_time_stays(self):
        stale = self.add(next_sync_at=self.database.store.at(500))
        self.database.store.commit(store.Update(stale, {"description": "mine"}))
        self.assertLessEqual(self.made_due(stale), types.now())
        self.assertEqual("mine", self.database.store.get(models.PodManager, stale.uuid).description)
