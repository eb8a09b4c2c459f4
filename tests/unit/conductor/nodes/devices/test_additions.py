# SPDX-License-Identifier: Apache-2.0
"""A node gets devices that its machine can have, on a simulated service, and gives them back."""

from concurrent import futures

import requests

from tests.unit.conductor.nodes import test_creation
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.conductor.inventory import drift
from valence.db import models
from valence.db import store

NODE = {"processor": {"total_cores": 1}}
DRIVE = {"storage": [{"capacity_gib": 1, "count": 1}]}
GPU = {"accelerator": [{"type": "GPU", "count": 1}]}


class AdditionCase(test_creation.CreationCase):
    def setUp(self):
        super().setUp()
        self.node = self.make_node()
        self.assertEqual("composed", self.node.kind)

    def make_node(self):
        """Compose a node of a base alone, and return it."""
        # A whole system would have the processor alone.
        for device in self.devices(device_type="System"):
            self.store.commit(store.Update(device, {"state": "unhealthy"}))
        node, operation = self.create(properties=NODE)
        self.assertEqual("succeeded", operation.state, operation.cause)
        return node

    def act(self, node=None, **action):
        """Request an action on a node, and return its operation."""
        return self.nodes.act(self.context, None, (node or self.node).uuid, action)

    def done(self, node=None, **action):
        """Request an action, and return its operation after its success."""
        operation = self.ended(self.act(node, **action))
        self.assertEqual("succeeded", operation.state, operation.cause)
        return operation

    def refused(self, kind, node=None, **action):
        """Return the error that an action is refused with."""
        return self.assertRaises(kind, self.act, node, **action)

    def parts(self, node=None):
        """Return the parts of a node with the states of their claims."""
        claims = self.nodes.devices(self.context, None, (node or self.node).uuid)
        return {claim["part"]: claim["state"] for claim in claims}

    def blocks(self, node=None):
        """Return the paths of the blocks that the machine has, as the service says."""
        url = (node or self.node).resource_url
        return {block for system in self.composed() if system["path"] == url for block in system["blocks"]}

    def free(self, kind):
        """Return the free devices of a type."""
        return self.devices(device_type=kind, state="free", full=False)

    def url(self, device):
        """Return the path of a device."""
        return self.store.get(models.Resource, device.uuid).resource_url

    def take(self, device):
        """Compose a system of a device, and of a base, as another client does."""
        blocks = [{"@odata.id": self.url(each)} for each in (self.free("Compute")[0], device)]
        body = {"Name": "other", "Links": {"ResourceBlocks": blocks}}
        systems = f"{self.pod.url}/redfish/v1/Systems"
        answer = requests.post(systems, json=body, auth=("admin", "password"), timeout=60)
        self.assertEqual(201, answer.status_code, answer.text)


class AttachTest(AdditionCase):
    def test_a_device_that_satisfies_requirements_is_added_and_given_back(self):
        before = self.blocks()
        self.done(attach=GPU)
        self.assertEqual({"processor": "attached", "accelerator/0": "attached"}, self.parts())
        (added,) = self.blocks() - before
        (gpu,) = self.devices(device_type="Accelerator", full=True)
        self.assertEqual((added, self.node.uuid), (self.url(gpu), gpu.node_id))
        self.done(detach={"device_id": gpu.uuid})
        self.assertEqual({"processor": "attached"}, self.parts())
        self.assertEqual(before, self.blocks())
        self.assertEqual([], self.devices(device_type="Accelerator", full=True))

    def test_what_is_attached_counts_until_it_is_detached(self):
        quotas = self.conductor.client.quotas
        project = self.node.project_id or models.quota.NO_PROJECT
        quotas.update(self.context, project, {"accelerators": 0})
        before = quotas.get(self.context, project)["used"]
        error = self.refused(composition_errors.QuotaExceeded, attach=GPU)
        self.assertEqual(["accelerators"], [problem["resource"] for problem in error.problems])
        self.assertEqual({"processor": "attached"}, self.parts())
        quotas.update(self.context, project, {"accelerators": None})
        self.done(attach=GPU)
        (gpu,) = self.devices(device_type="Accelerator", full=True)
        used = quotas.get(self.context, project)["used"]
        self.assertEqual((0, gpu.accelerators), (before["accelerators"], used["accelerators"]))
        self.done(detach={"device_id": gpu.uuid})
        self.assertEqual(before, quotas.get(self.context, project)["used"])

    def test_the_machine_of_a_managed_node_gets_devices_and_is_not_switched_off(self):
        node = self.store.get(models.Node, self.node.uuid)
        self.store.commit(store.Update(node, {"managed_by": "ironic"}))
        self.refused(composition_errors.NodeManaged, attach=GPU | {"power_off": True})
        self.assertEqual({"processor": "attached"}, self.parts())
        self.done(attach=GPU | {"power_off": False})
        self.assertEqual({"processor": "attached", "accelerator/0": "attached"}, self.parts())

    def test_a_named_device_is_the_one(self):
        for number, name in enumerate(("resource_id", "device_id")):
            device = self.free("Storage")[0]
            self.done(attach={name: device.uuid})
            self.assertEqual("attached", self.parts()[f"storage/{number}"])
            self.assertIn(self.url(device), self.blocks())

    def test_what_does_not_fit_is_explained_and_nothing_is_stored(self):
        wanted = {"accelerator": [{"model": "H100", "count": 1}]}
        error = self.refused(composition_errors.NothingFits, attach=wanted)
        self.assertIn("H100", error.detail)
        self.assertEqual(["$.attach.accelerator"], [each["path"] for each in error.problems])
        self.assertEqual("composed", self.store.get(models.Node, self.node.uuid).state)
        self.assertEqual({"processor": "attached"}, self.parts())

    def test_a_device_that_is_unknown_or_a_machine_is_refused(self):
        for uuid in (self.free("Compute")[0].uuid, "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"):
            error = self.refused(errors.ValidationFailed, attach={"uuid": uuid})
            self.assertEqual({"$.attach.uuid"}, {problem["path"] for problem in error.problems})

    def test_a_device_that_a_node_has_is_refused(self):
        device = self.free("Storage")[0]
        self.done(attach={"uuid": device.uuid})
        error = self.refused(composition_errors.DeviceTaken, attach={"uuid": device.uuid})
        self.assertIn("already", error.detail)
        other, _ = self.create(properties=NODE)
        error = self.refused(composition_errors.DeviceTaken, other, attach={"uuid": device.uuid})
        self.assertIn("a node has it", error.detail)

    def fail(self, uuid, error):
        """Store what a synchronization stores of a device that failed."""
        (claim,) = (claim for claim in self.store.list(models.Claim) if claim.device_id == uuid)
        failed = store.Update(claim, {"state": "failed", "error": error})
        node = self.store.get(models.Node, self.node.uuid)
        text = drift.summary([claim.replace(**failed.values)])
        self.store.commit(failed, store.Update(node, {"error": text}))
        return text

    def test_a_device_that_failed_is_named_until_it_is_detached(self):
        device = self.free("Storage")[0]
        self.done(attach={"uuid": device.uuid})
        text = self.fail(device.uuid, "Its health is Critical.")
        error = self.refused(composition_errors.DeviceTaken, attach={"uuid": device.uuid})
        self.assertIn("it failed: Its health is Critical.", error.detail)
        self.done(attach=GPU)  # one that shall be there instead can be had first
        self.assertEqual(text, self.store.get(models.Node, self.node.uuid).error)
        self.assertEqual("failed", self.parts()["storage/0"])
        self.done(detach={"uuid": device.uuid})
        self.assertIsNone(self.store.get(models.Node, self.node.uuid).error)
        self.assertNotIn("storage/0", self.parts())

    def test_a_device_that_is_gone_cannot_be_detached_before_it_is_back(self):
        device = self.free("Storage")[0]
        self.done(attach={"uuid": device.uuid})
        row = self.store.get(models.Resource, device.uuid)
        self.store.commit(store.Delete(row))
        error = self.refused(errors.Conflict, detach={"uuid": device.uuid})
        self.assertIn(drift.GONE, error.detail)
        self.assertEqual("attached", self.parts()["storage/0"])
        self.store.commit(store.Create(row))
        self.done(detach={"uuid": device.uuid})

    def test_a_device_that_is_gone_for_good_is_detached_once_that_was_noted(self):
        device = self.free("Storage")[0]
        self.done(attach={"uuid": device.uuid})
        self.store.commit(store.Delete(self.store.get(models.Resource, device.uuid)))
        claim = self.store.get(models.Claim, f"{device.uuid}/1")
        self.store.commit(store.Update(claim, {"state": "failed", "error": drift.GONE}))
        self.done(detach={"uuid": device.uuid, "power_off": True})
        self.assertNotIn("storage/0", self.parts())
        self.assertEqual("composed", self.store.get(models.Node, self.node.uuid).state)

    def test_a_node_is_changed_by_one_operation_at_a_time(self):
        self.conductor.service._node_worker._loop.stop()
        self.act(attach=GPU)
        for action in ({"attach": DRIVE}, {"power": "on"}):
            self.refused(composition_errors.NodeBusy, **action)

    def test_in_maintenance_nothing_is_changed(self):
        self.conductor.client.pod_managers.update(self.context, self.podm_id, {"maintenance": True})
        self.refused(errors.InMaintenance, attach=DRIVE)

    def test_a_system_that_was_not_composed_cannot_be_changed(self):
        for device in self.devices(device_type="System"):
            self.store.commit(store.Update(device, {"state": "free"}))
        system, _ = self.create(resources=[self.devices(device_type="System")[0].uuid])
        self.assertEqual("system", system.kind)
        for action in ({"attach": DRIVE}, {"detach": {"uuid": system.uuid}}):
            self.refused(introspection_errors.NotOffered, system, **action)

    def test_the_same_request_is_one_operation(self):
        idempotency = {"key": "k" * 64, "request": "r" * 64}
        answers = [
            self.nodes.act(self.context, None, self.node.uuid, {"attach": DRIVE}, idempotency=idempotency)
            for _ in range(2)
        ]
        self.assertEqual(answers[0]["uuid"], answers[1]["uuid"])
        self.ended(answers[0])
        self.assertEqual({"processor", "storage/0"}, set(self.parts()))

    def test_of_two_nodes_that_want_the_same_device_one_gets_it(self):
        other, _ = self.create(properties=NODE)

        def request(node):
            try:
                return self.act(node, attach=GPU)
            except (composition_errors.NothingFits, composition_errors.DeviceTaken) as error:
                return error

        with futures.ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(request, (self.node, other)))
        (operation,) = (answer for answer in answers if isinstance(answer, dict))
        self.assertEqual("succeeded", self.ended(operation).state)
        having = [node for node in (self.node, other) if "accelerator/0" in self.parts(node)]
        self.assertEqual([operation["target_id"]], [node.uuid for node in having])

    def test_of_two_nodes_that_want_alike_devices_both_get_one(self):
        other, _ = self.create(properties=NODE)
        with futures.ThreadPoolExecutor(2) as pool:
            started = list(pool.map(lambda node: self.act(node, attach=DRIVE), (self.node, other)))
        self.assertEqual({"succeeded"}, {self.ended(operation).state for operation in started})
        self.assertEqual(2, len({claim.device_id for claim in self.store.list(models.Claim)
                                 if claim.part == "storage/0"}))  # fmt: skip

    def test_a_node_without_known_devices_is_refused_until_a_synchronization(self):
        self.store.commit(*map(store.Delete, self.store.list(models.Device)))
        error = self.refused(errors.Conflict, attach=DRIVE)
        self.assertIn("synchronized", error.detail)
        self.ended(self.conductor.client.pod_managers.sync(self.context, self.podm_id))
        self.done(attach=DRIVE)


class OtherHardwareTest(AdditionCase):
    def test_a_device_that_another_client_took_is_replaced(self):
        one, other, *rest = self.free("Storage")
        self.take(one)
        for device in (other, *rest):
            self.store.commit(store.Update(device, {"state": "unhealthy"}))
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        operation = self.act(attach=DRIVE)["uuid"]
        self.store.commit(store.Update(other, {"state": "free"}))
        self.wait_for(
            lambda: worker.look() or self.store.get(models.Operation, operation).ended_at, timeout=30
        )
        ended = self.store.get(models.Operation, operation)
        self.assertEqual("succeeded", ended.state, ended.cause)
        self.assertIn(self.url(other), self.blocks())
        self.assertEqual([], self.devices(uuid=one.uuid, full=True))

    def test_a_named_device_is_not_replaced(self):
        one = self.free("Storage")[0]
        self.take(one)
        ended = self.ended(self.act(attach={"uuid": one.uuid}))
        self.assertEqual("failed", ended.state)
        self.assertEqual({"processor": "attached"}, self.parts())
        self.assertEqual("composed", self.store.get(models.Node, self.node.uuid).state)


class ZonesTest(AdditionCase):
    pod_options = test_creation.POD | {"racks": 2}

    def test_a_device_of_another_zone_is_refused(self):
        mine = self.devices(node_id=self.node.uuid)[0].zoning
        elsewhere = [device for device in self.free("Storage") if device.zoning != mine]
        error = self.refused(errors.ValidationFailed, attach={"uuid": elsewhere[0].uuid})
        self.assertEqual(["$.attach.uuid"], [problem["path"] for problem in error.problems])
        self.assertIn("no zone in common", error.problems[0]["detail"])

    def test_chosen_devices_are_in_the_zone_of_the_node(self):
        mine = self.devices(node_id=self.node.uuid)[0].zoning
        for device in self.free("Accelerator"):
            if device.zoning == mine:
                self.store.commit(store.Update(device, {"state": "unhealthy"}))
        error = self.refused(composition_errors.NothingFits, attach=GPU)
        self.assertNotIn("There are no", error.detail)
        self.done(attach=DRIVE)
        self.assertEqual({mine}, {device.zoning for device in self.devices(node_id=self.node.uuid)})


class DetachTest(AdditionCase):
    def test_what_the_node_does_not_have_is_refused(self):
        error = self.refused(errors.ValidationFailed, detach={"device_id": self.free("Storage")[0].uuid})
        self.assertEqual(["$.detach.device_id"], [problem["path"] for problem in error.problems])

    def test_what_the_node_is_built_on_is_refused(self):
        (base,) = self.devices(node_id=self.node.uuid)
        error = self.refused(errors.Conflict, detach={"device_id": base.uuid})
        self.assertIn("built on", error.detail)
        self.assertEqual({"processor": "attached"}, self.parts())

    def test_the_claim_says_that_the_device_is_removed(self):
        self.done(attach=GPU)
        self.conductor.service._node_worker._loop.stop()
        (gpu,) = self.devices(device_type="Accelerator", full=True)
        self.act(detach={"resource_id": gpu.uuid})
        self.assertEqual("detaching", self.parts()["accelerator/0"])


class FaultsTest(AdditionCase):
    def assert_changes(self, **faults):
        self.pod.set_faults(**faults)
        before = self.blocks()
        self.done(attach=DRIVE)
        self.assertEqual(1, len(self.blocks() - before))
        (drive,) = self.devices(device_type="Storage", full=True)
        self.done(detach={"uuid": drive.uuid})
        self.assertEqual(before, self.blocks())

    def test_answers_that_are_cut_after_doing_it(self):
        self.assert_changes(compose_cut_rate=1.0)

    def test_blocks_that_are_said_to_be_unused_for_ever(self):
        self.assert_changes(stale_state_rate=1.0)

    def test_a_service_that_fails_leaves_everything_as_it_was(self):
        self.pod.set_faults(compose_fail_rate=1.0)
        before = self.blocks()
        ended = self.ended(self.act(attach=DRIVE))
        self.assertEqual("failed", ended.state)
        self.assertEqual(({"processor": "attached"}, before), (self.parts(), self.blocks()))


class ExpandTest(FaultsTest):
    """Systems that exist by themselves, and get blocks."""

    pod_options = test_creation.POD | {"system_blocks": 1, "compute_blocks": 0, "composition": "expand"}

    def make_node(self):
        (base,) = (device for device in self.devices(state="free") if "-System" in self.url(device))
        drive = self.free("Storage")[0]
        node, operation = self.create(resources=[base.uuid, drive.uuid])
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.done(node, detach={"uuid": drive.uuid})
        return node
