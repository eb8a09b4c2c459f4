# SPDX-License-Identifier: Apache-2.0
"""Data of machines that are gone."""

from tests.unit.api.introspection import case
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.storages import storage


class SweepTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.sweep = self.backend.introspecting.sweep
        self.storage = self.backend.introspecting.history.backend
        self.introspect(self.document(logs="text"))

    def remove_machine(self):
        self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, self.uuid)))

    def names(self):
        return {suffix for _, suffix in self.storage.names()}

    def test_what_is_there_stays(self):
        self.sweep.sweep()
        self.assertEqual({None, storage.UNPROCESSED, storage.LOGS, "V1", "UNPROCESSED-V1"}, self.names())

    def test_data_go_with_their_machine(self):
        self.remove_machine()
        self.sweep.sweep()
        self.assertEqual(set(), self.names())
        self.assertEqual(0, self.backend.store.count(models.Introspection))

    def test_what_somebody_works_on_is_removed_next_time(self):
        self.remove_machine()
        with self.backend.store.lease(f"introspection/{self.uuid}", "another", 60):
            self.sweep.sweep()
            self.assertEqual(1, self.backend.store.count(models.Introspection))
        self.sweep.sweep()
        self.assertEqual(0, self.backend.store.count(models.Introspection))

    def test_removal_is_tried_again_while_the_storage_is_away(self):
        self.remove_machine()
        delete, self.storage.delete = self.storage.delete, self.away
        self.assertRaises(introspection_errors.StorageUnavailable, self.sweep.sweep)
        self.assertEqual(1, self.backend.store.count(models.Introspection))
        self.storage.delete = delete
        self.sweep.sweep()
        self.assertEqual(set(), self.names())

    def away(self, node_id, suffix=None):
        raise introspection_errors.StorageUnavailable(storage="test", reason="away")

    def test_a_purge_is_done_by_one_conductor(self):
        purged = []
        self.storage.purge = lambda: purged.append(True)
        with self.backend.store.lease("introspection-purge", "another", 60):
            self.sweep.purge()
        self.assertEqual([], purged)
        self.sweep.purge()
        self.assertEqual([True], purged)
