# SPDX-License-Identifier: Apache-2.0
"""The store as the conductor uses it: timed, and counting what is written."""

from tests import base
from tests import embedded
from tests import figures
from valence.common import context
from valence.common import errors
from valence.conductor import metered_store
from valence.conductor import operations
from valence.db import models
from valence.db import store


class MeteredStoreTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = metered_store.MeteredStore(self.database.store)

    def test_it_is_the_store(self):
        [stored] = self.store.commit(store.Create(models.Cursor(name="c")))
        self.assertEqual(stored.revision, self.store.get(models.Cursor, "c").revision)
        self.assertEqual(1, self.store.count(models.Cursor))
        self.assertIs(self.database.store.schema, self.store.schema)
        self.store.ping()

    def test_every_access_is_timed_the_one_that_fails_too(self):
        with figures.growth("valence_conductor_store_seconds_count", access="get") as count:
            self.assertRaises(errors.NotFound, self.store.get, models.Cursor, "none")
        self.assertEqual(1, count())

    def test_an_operation_is_counted_when_its_end_is_stored(self):
        [operation] = self.store.commit(
            store.Create(operations.new(context.service_context(), "sync", "pod_manager", "p"))
        )
        name = "valence_conductor_operations_total"
        with (
            figures.growth(name, kind="sync", result="running") as running,
            figures.growth(name, kind="sync", result="failed") as failed,
        ):
            [operation] = self.store.commit(store.Update(operation, {"state": "running"}))
            self.store.commit(store.Update(operation, {"state": "failed"}))
            # that one is stale and not stored
            self.assertRaises(
                errors.RevisionMismatch, self.store.commit, store.Update(operation, {"state": "failed"})
            )
        self.assertEqual((0, 1), (running(), failed()))

    def test_a_lease_that_a_commit_finds_lost_is_counted(self):
        one, two = self.database.keeper("one"), self.database.keeper("two")
        creation = store.Create(models.Cursor(name="c"))
        with (
            figures.growth("valence_conductor_lease_losses_total", noticed_by="commit") as losses,
            one.hold("work") as lost,
            two.hold("work", steal=True),
        ):
            self.assertRaises(errors.LeaseLost, self.store.commit, creation, lease=lost)
        self.assertEqual(1, losses())
