# SPDX-License-Identifier: Apache-2.0
"""Nodes are compared with the inventory."""

from tests.unit.conductor.nodes import case
from valence.db import store


class SweepTest(case.NodesCase):
    def sweep(self):
        (sweep,) = (
            part for part in self.conductor.service._parts if type(part).__module__.endswith("nodes.sweep")
        )
        sweep.sweep()

    def test_a_node_whose_machine_is_gone_says_so_until_it_is_back(self):
        node = self.adopt()
        (resource,) = (row for row in self.systems() if row.resource_url == node.resource_url)
        stored = self.store.get(case.models.Resource, resource.uuid)
        self.store.commit(store.Update(stored, {"resource_url": "/redfish/v1/Systems/elsewhere"}))
        self.sweep()
        gone = self.node(node.uuid)
        self.assertEqual("error", gone.state)
        self.assertIn("is gone", gone.error)
        (claim,) = self.claims()
        self.change(claim, state="failed", error="Its health is Critical.")
        stored = self.store.get(case.models.Resource, resource.uuid)
        self.store.commit(store.Update(stored, {"resource_url": node.resource_url}))
        self.sweep()
        self.assertEqual("composed", self.node(node.uuid).state)
        self.assertIn("Its health is Critical.", self.node(node.uuid).error, "that is not over")

    def test_a_node_that_has_its_machine_stays_as_it_is(self):
        node = self.adopt()
        self.sweep()
        self.assertEqual(node, self.node(node.uuid))

    def test_a_machine_that_no_synchronization_has_seen_yet_is_not_gone(self):
        node = self.adopt()
        new = self.change(node, kind="composed", resource_url="/redfish/v1/Systems/Composed1")
        self.sweep()
        self.assertEqual("composed", self.node(node.uuid).state)
        self.change(new, resource_url=node.resource_url)
        self.sweep()
        self.change(self.node(node.uuid), resource_url="/redfish/v1/Systems/Composed1")
        self.sweep()
        self.assertEqual("error", self.node(node.uuid).state)

    def test_the_power_of_a_machine_that_is_gone_is_not_shown(self):
        node = self.adopt()
        self.sweep()
        (resource,) = (row for row in self.systems() if row.resource_url == node.resource_url)
        self.store.commit(store.Delete(self.store.get(case.models.Resource, resource.uuid)))
        self.assertEqual("On", self.nodes.get(self.context, None, node.uuid)["power_state"])
        self.sweep()
        self.assertIsNone(self.nodes.get(self.context, None, node.uuid)["power_state"])

    def test_another_machine_at_the_path_of_one_that_is_gone_is_not_that_machine(self):
        node = self.change(self.adopt(), kind="composed")
        self.sweep()
        (resource,) = (row for row in self.systems() if row.resource_url == node.resource_url)
        self.store.commit(store.Delete(self.store.get(case.models.Resource, resource.uuid)))
        self.sweep()
        self.assertEqual("error", self.node(node.uuid).state)
        place = {"podm_id": self.podm_id, "resource_url": node.resource_url, "resource_type": "System"}
        (other,) = self.store.commit(store.Create(case.models.Resource(**place)))
        self.sweep()
        self.assertEqual("error", self.node(node.uuid).state)
        self.store.commit(store.Delete(other))
        self.store.commit(store.Create(case.models.Resource(uuid=resource.uuid, **place)))
        self.sweep()
        self.assertEqual("composed", self.node(node.uuid).state)
