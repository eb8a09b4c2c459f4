# SPDX-License-Identifier: Apache-2.0
"""What failed on a node is requested again: its machine is made of hardware that is chosen again, or taken apart."""

from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import composing
from tests.unit.conductor.nodes import test_creation
from valence.common import composition_errors
from valence.common import errors
from valence.db import models
from valence.db import store


class MakeTest(test_creation.CreationCase):
    def setUp(self):
        super().setUp()
        self.retry = self.conductor.client.operations.retry

    def failed(self, **values):
        """Return a node that could not be composed, and its operation."""
        self.pod.set_faults(compose_fail_rate=1.0)
        node, operation = self.create(**values)
        self.pod.set_faults(compose_fail_rate=0.0)
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        return node, operation

    def retried(self, node, operation):
        """Retry an operation; return the node and the new operation after its end."""
        answer = self.retry(self.context, operation.uuid)
        self.assertNotEqual(operation.uuid, answer["uuid"])
        return self.store.get(models.Node, node.uuid), self.ended(answer)

    def test_a_node_gets_its_machine(self):
        node, operation = self.failed(properties=test_creation.SMALL, power="on", policy="spread")
        _, again = self.retried(node, operation)
        self.assertEqual("succeeded", again.state, again.cause)
        self.assertEqual(["boot", "power"][1:], [step["name"] for step in again.steps][-1:])
        made = self.store.get(models.Node, node.uuid)
        self.assertEqual(("composed", None, "web"), (made.state, made.error, made.name))
        self.assertEqual([made.resource_url], [system["path"] for system in self.composed()])
        claims = self.store.list(models.Claim)
        self.assertEqual({"processor", "storage/0"}, {claim.part for claim in claims})
        self.assertEqual({(node.uuid, "attached")}, {(claim.node_id, claim.state) for claim in claims})

    def test_of_the_devices_that_were_named(self):
        uuids = [self.devices(device_type=kind, state="free")[0].uuid for kind in ("Compute", "Storage")]
        node, operation = self.failed(resources=uuids)
        _, again = self.retried(node, operation)
        self.assertEqual("succeeded", again.state, again.cause)
        self.assertEqual(set(uuids), {claim.device_id for claim in self.store.list(models.Claim)})

    def test_what_does_not_fit_any_more_is_explained(self):
        node, operation = self.failed(properties=test_creation.SMALL)
        for device in self.devices(device_type="Storage"):
            self.store.commit(store.Update(device, {"state": "unhealthy"}))
        error = self.assertRaises(composition_errors.NothingFits, self.retry, self.context, operation.uuid)
        self.assertIn("unhealthy", error.detail)
        self.assertEqual(
            ("error", []), (self.store.get(models.Node, node.uuid).state, self.store.list(models.Claim))
        )

    def test_a_repeated_request_makes_one_machine(self):
        _, operation = self.failed(properties=test_creation.SMALL)
        key = {"key": "k", "request": "r"}
        first = self.retry(self.context, operation.uuid, idempotency=key)
        self.assertEqual(first, self.retry(self.context, operation.uuid, idempotency=key))
        self.ended(first)
        self.assertEqual(1, len(self.composed()))

    def test_a_node_that_has_a_machine_is_refused(self):
        node, operation = self.failed(properties=test_creation.SMALL)
        self.retried(node, operation)
        error = self.assertRaises(errors.Conflict, self.retry, self.context, operation.uuid)
        self.assertIn("has its machine", error.detail)

    def test_a_node_that_is_gone_is_not_found(self):
        node, operation = self.failed(properties=test_creation.SMALL)
        self.nodes.delete(self.context, None, node.uuid)
        self.assertRaises(errors.NotFound, self.retry, self.context, operation.uuid)

    def test_while_an_operation_is_open_the_node_is_busy(self):
        _, operation = self.failed(properties=test_creation.SMALL)
        self.conductor.service._node_worker._loop.stop()
        self.retry(self.context, operation.uuid)
        self.assertRaises(composition_errors.NodeBusy, self.retry, self.context, operation.uuid)


class AdoptTest(case.NodesCase):
    def setUp(self):
        super().setUp()
        self.retry = self.conductor.client.operations.retry
        state = self.machines.machine_state
        gone = errors.ResourceGone(url="http://127.0.0.1", reason="404")
        self.is_gone = True

        def machine_state(_driver, url):
            if self.is_gone:
                raise gone
            return state(_driver, url)

        self.useFixture(
            case.fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.machine_state", machine_state)
        )

    def test_a_machine_is_adopted_after_all(self):
        node, operation = self.failed()
        answer = self.retry(self.context, operation.uuid)
        self.assertEqual("succeeded", self.ended(answer).state)
        self.assertEqual("composed", self.node(node.uuid).state)
        (claim,) = self.claims()
        self.assertEqual((node.uuid, "attached"), (claim.node_id, claim.state))

    def test_a_machine_that_another_node_has_is_refused(self):
        node, operation = self.failed()
        self.store.commit(store.Update(self.node(node.uuid), {"resource_url": "/elsewhere"}))
        self.adopt(name="other")
        self.store.commit(store.Update(self.node(node.uuid), {"resource_url": node.resource_url}))
        self.assertRaises(composition_errors.DeviceTaken, self.retry, self.context, operation.uuid)

    def failed(self):
        """Return a node whose machine was gone, and its operation; the machine is back after that."""
        node = self.adopt()
        self.is_gone = False
        (operation,) = self.store.list(models.Operation, filters=[store.Filter("target_id", "eq", node.uuid)])
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        return node, operation


class RemoveTest(composing.ComposingCase):
    def setUp(self):
        super().setUp()
        self.retry = self.conductor.client.operations.retry

    def failed(self):
        """Return a node that could not be taken apart, and its operation."""
        node, _ = self.compose()
        self.hardware.obeys = False
        operation = self.decompose(node)
        self.assertEqual("failed", operation.state)
        self.hardware.obeys = True
        return self.node(node.uuid), operation

    def test_a_removal_goes_on(self):
        _, operation = self.failed()
        again = self.ended(self.retry(self.context, operation.uuid))
        self.assertEqual(("succeeded", "decompose"), (again.state, again.operation_kind), again.cause)
        self.assertEqual(([], [], {}), (self.store.list(models.Node), self.claims(), self.hardware.machines_))

    def test_a_node_that_is_being_taken_apart_is_not_composed(self):
        node, _ = self.failed()
        (composed,) = self.store.list(
            models.Operation, filters=[store.Filter("operation_kind", "eq", "compose")]
        )
        self.change(composed, state="failed")
        error = self.assertRaises(errors.Conflict, self.retry, self.context, composed.uuid)
        self.assertIn("is being taken apart", error.detail)

    def test_a_pod_manager_in_maintenance_is_left_alone(self):
        _, operation = self.failed()
        self.conductor.client.pod_managers.update(self.context, self.podm_id, {"maintenance": True})
        self.assertRaises(errors.InMaintenance, self.retry, self.context, operation.uuid)

    def test_an_action_is_to_be_sent_again(self):
        node, _ = self.compose()
        self.machines.answers, self.machines.obeys = [case.unreachable()], False
        operation = self.act(node, power="force_off")
        self.assertEqual("failed", operation.state)
        error = self.assertRaises(errors.Conflict, self.retry, self.context, operation.uuid)
        self.assertIn("Send the action", error.detail)
