# SPDX-License-Identifier: Apache-2.0
"""Operations that nobody works on, and nobody can, are ended."""

from tests import base
from tests import embedded
from valence.common import context
from valence.conductor.work import leftovers
from valence.conductor.work import operations
from valence.conductor.work import worker
from valence.db import models
from valence.db import store
from valence.db import types


class LeftoversTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.pod_manager = self.database.store.commit(
            store.Create(models.PodManager(name="pod", url="http://127.0.0.1:1/redfish/v1"))
        )[0]
        self.finished: list[str] = []
        self.sweep = leftovers.Leftovers(
            self.database.store, self.database.keeper(), self.finished.append
        ).sweep

    def add(self, target_id=None, **values):
        asked = context.RequestContext(overwrite=False)
        operation = operations.new(asked, "sync", "pod_manager", target_id or self.pod_manager.uuid)
        return self.database.store.commit(store.Create(operation.replace(**values)))[0]

    def state(self, operation):
        return self.database.store.get(models.Operation, operation.uuid).state

    def test_one_on_a_deleted_pod_manager_is_cancelled_and_says_why(self):
        orphans = [self.add("gone"), self.add("gone", state="running", started_at=types.now())]
        kept = self.add()
        self.sweep()
        self.assertEqual(["cancelled", "cancelled", "pending"], [*map(self.state, [*orphans, kept])])
        ended = self.database.store.get(models.Operation, orphans[0].uuid)
        self.assertEqual("The pod manager was deleted.", ended.cause)
        self.assertTrue(ended.ended_at)

    def test_a_cancelled_one_that_nobody_works_on_ends_with_its_event(self):
        left = self.add(
            state="running", started_at=types.now(), conductor="dead", cancel_requested_at=types.now()
        )
        self.sweep()
        self.assertEqual("cancelled", self.state(left))
        (told,) = self.database.events("pod_manager.sync.error")
        self.assertEqual("It was cancelled.", told.new["error"])

    def test_a_cancelled_one_that_somebody_works_on_is_left_to_him(self):
        left = self.add(state="running", cancel_requested_at=types.now())
        with self.database.keeper("other").hold(worker.lease_name(self.pod_manager.uuid)):
            self.sweep()
        self.assertEqual("running", self.state(left))

    def test_one_that_runs_is_left_alone(self):
        left = self.add(state="running")
        self.sweep()
        self.assertEqual("running", self.state(left))

    def test_an_interrupted_deletion_is_finished_and_never_cancelled(self):
        left = self.add(operation_kind="delete", state="running", cancel_requested_at=types.now())
        self.sweep()
        self.assertEqual((["running"], [self.pod_manager.uuid]), ([self.state(left)], self.finished))

    def test_many_are_ended_a_page_at_a_time(self):
        self.patch(leftovers, "PAGE", 2)
        orphans = [self.add("gone") for _ in range(5)]
        self.sweep()
        self.assertEqual({"cancelled"}, {*map(self.state, orphans)})

    def test_while_another_conductor_sweeps_nothing_is_done(self):
        orphan = self.add("gone")
        with self.database.keeper("other").hold(leftovers.LEASE):
            self.sweep()
        self.assertEqual("pending", self.state(orphan))
