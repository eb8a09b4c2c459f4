# SPDX-License-Identifier: Apache-2.0
"""Operations are cancelled, and asked for once more, where that is possible."""

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import errors
from valence.conductor.work import operations
from valence.db import models
from valence.db import store


class OperationsCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod()).simulator
        self.conductor = self.useFixture(embedded.Conductor())
        self.operations = self.conductor.client.operations
        self.context = message_bus.user_context()

    def register(self):
        access = {"url": f"{self.pod.url}/redfish/v1", "username": "admin", "password": "password"}
        made = self.conductor.client.pod_managers.create(self.context, {"name": "pod"} | access)
        return made["operation"]["uuid"]

    def operation(self, uuid):
        return self.conductor.database.store.get(models.Operation, uuid)

    def ended(self, uuid):
        self.wait_for(lambda: self.operation(uuid).ended_at, timeout=20)
        return self.operation(uuid)

    def unserved(self, **values):
        """Store a pod manager that no conductor serves, so that nobody works on its operations, and return it."""
        values = {"conductor_group": "nobody", "next_sync_at": None} | values
        return self.conductor.database.register(self.pod, **values)

    def add(self, target_id, **values):
        """Store an operation and return it."""
        operation = operations.new(self.context, "sync", "pod_manager", target_id).replace(**values)
        return self.conductor.database.store.commit(store.Create(operation))[0]


class CancelTest(OperationsCase):
    def test_one_that_waits_has_ended_at_once(self):
        uuid = self.add(self.unserved().uuid).uuid
        answer = self.operations.cancel(self.context, uuid)
        self.assertEqual(("cancelled", errors.Cancelled().detail), (answer["state"], answer["cause"]))
        self.assertTrue(answer["ended_at"])
        self.assertEqual(answer, self.operations.cancel(self.context, uuid))

    def test_one_that_runs_ends_soon_even_if_its_pod_manager_hangs(self):
        self.pod.set_faults(hang_rate=1.0)
        uuid = self.register()
        self.wait_for(lambda: self.pod.stats()["requests"])
        answer = self.operations.cancel(self.context, uuid)
        self.assertEqual("running", answer["state"])
        self.assertTrue(answer["cancel_requested_at"])
        ended = self.ended(uuid)
        self.assertEqual(("cancelled", ["cancelled"]), (ended.state, [step["state"] for step in ended.steps]))
        self.assertEqual(1, len(self.conductor.database.events("pod_manager.sync.error")))

    def test_after_it_the_pod_manager_is_worked_on_again(self):
        self.test_one_that_runs_ends_soon_even_if_its_pod_manager_hangs()
        self.pod.set_faults(hang_rate=0.0)
        [pod_manager] = self.conductor.database.store.list(models.PodManager)
        again = self.conductor.client.pod_managers.sync(self.context, pod_manager.uuid)
        self.assertEqual("succeeded", self.ended(again["uuid"]).state)

    def test_one_whose_conductor_died_and_that_nobody_serves_ends_at_once(self):
        pod_manager = self.unserved(conductor="dead")
        values = {"state": "running", "conductor": "dead", "started_at": "2026-11-21T03:37:02Z"}
        uuid = self.add(pod_manager.uuid, **values).uuid
        answer = self.operations.cancel(self.context, uuid)
        self.assertEqual(("cancelled", True), (answer["state"], bool(answer["ended_at"])))
        (told,) = self.conductor.database.events("pod_manager.sync.error")
        self.assertEqual(self.context.request_id, told.request_id)

    def test_one_that_began_and_waits_again_ends_with_its_event(self):
        uuid = self.add(self.unserved().uuid, started_at="2026-11-21T03:37:02Z").uuid
        self.operations.cancel(self.context, uuid)
        self.assertEqual(1, len(self.conductor.database.events("pod_manager.sync.error")))

    def test_one_that_has_ended_otherwise_is_refused(self):
        uuid = self.add("nobody", state="succeeded", ended_at="2026-11-21T03:37:02Z").uuid
        error = self.assertRaises(errors.Conflict, self.operations.cancel, self.context, uuid)
        self.assertIn("succeeded", error.detail)

    def test_one_that_is_not_there_is_not_found(self):
        self.assertRaises(errors.NotFound, self.operations.cancel, self.context, "nobody")


class RetryTest(OperationsCase):
    def test_what_failed_is_done_by_a_new_one(self):
        self.pod.set_faults(error_rate=1.0)
        failed = self.ended(self.register())
        self.assertEqual("failed", failed.state)
        self.pod.set_faults(error_rate=0.0)
        again = self.operations.retry(self.context, failed.uuid)
        self.assertNotEqual(failed.uuid, again["uuid"])
        self.assertEqual(
            ("sync", failed.target_id, "u1"),
            tuple(again[name] for name in ("operation_kind", "target_id", "actor")),
        )
        self.assertEqual("succeeded", self.ended(again["uuid"]).state)

    def test_a_repeated_request_is_answered_and_not_done_again(self):
        self.conductor.service._worker.stop()
        self.register()
        [pod_manager] = self.conductor.database.store.list(models.PodManager)
        uuid = self.add(pod_manager.uuid, state="failed", ended_at="2026-11-21T03:37:02Z").uuid
        key = {"key": "k", "request": "r"}
        first = self.operations.retry(self.context, uuid, idempotency=key)
        self.assertEqual(first, self.operations.retry(self.context, uuid, idempotency=key))
        # Neither what became of the operation nor of the pod manager changes what was answered.
        self.conductor.client.pod_managers.update(self.context, pod_manager.uuid, {"maintenance": True})
        self.assertEqual(first, self.operations.retry(self.context, uuid, idempotency=key))
        self.conductor.client.pod_managers.delete(self.context, pod_manager.uuid)
        self.conductor.database.store.commit(store.Delete(self.operation(uuid)))
        self.assertEqual(first, self.operations.retry(self.context, uuid, idempotency=key))

    def test_what_was_done_or_still_runs_is_refused(self):
        target_id = self.unserved().uuid
        for state in ("succeeded", "pending", "running"):
            uuid = self.add(target_id, state=state).uuid
            error = self.assertRaises(errors.Conflict, self.operations.retry, self.context, uuid)
            self.assertIn(state, error.detail)

    def test_what_cannot_be_repeated_is_refused(self):
        uuid = self.add("nobody", state="failed", operation_kind="burn").uuid
        self.assertRaises(errors.Conflict, self.operations.retry, self.context, uuid)

    def test_on_a_pod_manager_that_is_gone_it_is_not_found(self):
        uuid = self.add("nobody", state="failed").uuid
        self.assertRaises(errors.NotFound, self.operations.retry, self.context, uuid)
