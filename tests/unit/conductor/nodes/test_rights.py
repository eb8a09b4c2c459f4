# SPDX-License-Identifier: Apache-2.0
"""What a node has is given back with it, and what others took is noted."""

from tests import message_bus
from tests.unit.conductor.nodes import case
from valence.conductor.nodes import rights
from valence.db import models
from valence.db import store


class RightsTest(case.NodesCase):
    def device(self, node):
        """Return the device of the machine of a node."""
        (claim,) = rights.claims(self.store, node)
        return self.store.get(models.Device, claim.device_id)

    def test_a_node_that_is_forgotten_gives_its_device_back(self):
        node = self.adopt()
        device = self.device(node)
        self.assertEqual((node.uuid, True), (device.node_id, device.full))
        self.store.commit(*rights.removal(self.store, self.context, node))
        device = self.store.get(models.Device, device.uuid)
        self.assertEqual((None, False), (device.node_id, device.full))

    def test_devices_that_go_with_their_pod_manager_are_left_alone(self):
        node = self.adopt()
        changes = rights.removal(self.store, self.context, node, with_devices=False)
        touched = [type(change.obj) for change in changes if isinstance(change, store.Update)]
        self.assertNotIn(models.Device, touched)

    def test_what_is_under_way_on_it_ends(self):
        node = self.adopt()
        self.machines.obeys = False
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.nodes.delete(self.context, None, node.uuid, force=True)
        self.assertEqual("cancelled", self.ended(operation).state)

    def test_a_device_that_another_client_took_is_not_free(self):
        node = self.adopt()
        rights.note_taken(self.store, node, {node.resource_url: "another client has it"})
        device = self.device(node)
        self.assertEqual(("in_use", "another client has it"), (device.state, device.reason))

    def test_a_system_without_a_device_is_claimed_by_itself(self):
        node = models.Node(name="web", podm_id=self.podm_id)
        (change,) = rights.adoption(self.store, node, node.uuid)
        self.assertEqual(f"{node.uuid}/1", change.obj.id)


class DecompositionTest(case.base.TestCase):
    def handle(self, before, **flags):
        """Return the handle of a node whose removal is requested."""
        node = models.Node(name="web", podm_id="1", state="error", handle=before)
        context = message_bus.user_context()
        _, update, _ = rights.decomposition(context, node, "2026-01-01T00:00:00Z", **flags)
        return update.values.get("handle", before)

    def test_each_request_of_a_client_says_whether_it_forces_and_erases(self):
        seen = {"seen": "1"}
        before = seen | {"force": True, "erase": True}
        self.assertEqual(seen, self.handle(before, force=False, erase=False))
        self.assertEqual(seen | {"erase": True}, self.handle(before, force=False, erase=True))
        self.assertEqual(before, self.handle(seen, force=True, erase=True))

    def test_a_removal_that_is_tried_again_wants_what_it_wanted(self):
        before = {"force": True, "erase": True}
        self.assertEqual(before, self.handle(before))

    def test_drives_that_are_being_erased_are_followed_to_the_end(self):
        before = {"force": True, "erase": True, "erasure": {"1": {"media": {}}}}
        self.assertEqual({"erase", "erasure"}, self.handle(before, force=False, erase=False).keys())
