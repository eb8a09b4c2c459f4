# SPDX-License-Identifier: Apache-2.0
"""What a node has is given back with it, and what others took is noted."""

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
