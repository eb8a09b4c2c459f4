# SPDX-License-Identifier: Apache-2.0
"""Nodes are found by a device that they have, and by the UUID of their machine, in few queries."""

from oslo_utils import uuidutils

from tests import base
from tests import embedded
from valence.conductor.endpoints import node_filters
from valence.db import models
from valence.db import store

PRODUCT = "0c4a4d8e-5b0f-4d1a-9a65-3f1c6e0b7d21"


class Counting:
    """A store that counts its queries."""

    def __init__(self, real):
        self._real, self.queries = real, 0

    def list(self, *arguments, **keywords):
        """Return what the store lists."""
        self.queries += 1
        return self._real.list(*arguments, **keywords)


class FilterTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.pod_managers = [
            self.add(models.PodManager(name=name, url=f"http://127.0.0.1/{name}")) for name in ("a", "b")
        ]

    def add(self, *rows):
        """Store rows and return the last one."""
        return self.store.commit(*map(store.Create, rows))[-1]

    def machine(self, pod_manager, number, identity, resource_type="System", *, has_node=True):
        """Store a resource and the node of its machine, and return the node."""
        url = f"/redfish/v1/Systems/{number}"
        resource = models.Resource(
            podm_id=pod_manager.uuid, resource_url=url, resource_type=resource_type, root="x"
        )
        self.add(resource, models.ResourceState(uuid=resource.uuid, identity=identity))
        node = models.Node(name=f"n{number}", podm_id=pod_manager.uuid, resource_url=url)
        return self.add(node) if has_node else None

    def found(self, name, value):
        """Return the names of the nodes that a filter selects."""
        wanted = node_filters.filters(self.store, [[name, "eq", value]])
        return sorted(row.name for row in self.store.list(models.Node, filters=wanted))

    def test_the_node_of_a_machine(self):
        here, there = self.pod_managers
        self.machine(here, 1, PRODUCT)
        self.machine(here, 2, uuidutils.generate_uuid())
        self.machine(there, 1, uuidutils.generate_uuid())
        self.machine(there, 3, PRODUCT, "Chassis")
        self.assertEqual(["n1"], self.found("system_uuid", PRODUCT))
        self.assertEqual([], self.found("system_uuid", uuidutils.generate_uuid()))

    def test_machines_that_have_the_same_uuid(self):
        here, there = self.pod_managers
        self.machine(here, 1, PRODUCT)
        self.machine(here, 2, PRODUCT, has_node=False)
        self.machine(there, 2, PRODUCT)
        self.machine(there, 1, None)
        wanted = node_filters.filters(self.store, [["system_uuid", "eq", PRODUCT]])
        nodes = self.store.list(models.Node, filters=wanted)
        self.assertEqual(
            {(here.uuid, "n1"), (there.uuid, "n2")}, {(node.podm_id, node.name) for node in nodes}
        )

    def test_the_nodes_that_share_a_device(self):
        device, other = uuidutils.generate_uuid(), uuidutils.generate_uuid()
        podm_id = self.pod_managers[0].uuid
        for number, uuid in enumerate((device, device, other), start=1):
            node = self.add(models.Node(name=f"n{number}", podm_id=podm_id))
            claim = models.Claim(
                id=f"{uuid}/{number}", node_id=node.uuid, device_id=uuid, podm_id=podm_id, part="storage/0"
            )
            self.add(claim)
        self.assertEqual(["n1", "n2"], self.found("device_id", device))
        self.assertEqual(["n3"], self.found("device_id", other))
        self.assertEqual([], self.found("device_id", uuidutils.generate_uuid()))

    def test_the_number_of_queries_does_not_grow(self):
        for number in range(20):
            self.machine(self.pod_managers[0], number, PRODUCT)
        counting = Counting(self.store)
        (wanted,) = node_filters.filters(counting, [["system_uuid", "eq", PRODUCT]])
        self.assertEqual((20, 3), (len(wanted.value), counting.queries))

    def test_fields_are_filtered_as_they_are(self):
        self.assertEqual(
            [store.Filter("name", "in", ["a"])], node_filters.filters(self.store, [["name", "in", ["a"]]])
        )
