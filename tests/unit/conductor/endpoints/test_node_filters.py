# SPDX-License-Identifier: Apache-2.0
"""Nodes are found by a device that they have, and by the UUID of their machine, in few queries."""

from oslo_utils import uuidutils

from tests import stores
from tests.unit.conductor.endpoints import case
from valence.common import errors
from valence.conductor.endpoints import node_filters
from valence.db import models
from valence.db import store

PRODUCT = "0c4a4d8e-5b0f-4d1a-9a65-3f1c6e0b7d21"


class FilterCase(case.StoreCase):
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


class FilterTest(FilterCase):
    def test_the_node_of_a_machine(self):
        here, there = self.pod_managers
        self.machine(here, 1, PRODUCT)
        self.machine(here, 2, uuidutils.generate_uuid())
        self.machine(there, 1, uuidutils.generate_uuid())
        self.machine(there, 3, PRODUCT, "Chassis")
        self.assertEqual(["n1"], self.found("system_uuid", PRODUCT))
        self.assertEqual([], self.found("system_uuid", uuidutils.generate_uuid()))

    def test_a_node_that_stands_on_the_system_of_a_uuid(self):
        here = self.pod_managers[0]
        self.machine(here, 1, PRODUCT, has_node=False)
        (system,) = self.store.list(models.Resource)
        node = self.add(models.Node(name="rsd", podm_id=here.uuid, kind="allocated", resource_url="/Nodes/1"))
        mine = {"node_id": node.uuid, "device_id": system.uuid, "podm_id": here.uuid, "part": "processor"}
        self.add(models.Claim(id=f"{system.uuid}/1", **mine))
        self.assertEqual(["rsd"], self.found("system_uuid", PRODUCT))

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
        counting = stores.Counting(self.store)
        (wanted,) = node_filters.filters(counting, [["system_uuid", "eq", PRODUCT]])
        self.assertEqual((20, 4), (len(wanted.value), counting.queries))

    def test_fields_are_filtered_as_they_are(self):
        self.assertEqual(
            [store.Filter("name", "in", ["a"])], node_filters.filters(self.store, [["name", "in", ["a"]]])
        )


class IndexTest(FilterCase):
    """Machines to adopt, by the index that clients of the first release know."""

    def index(self, pod_manager, index):
        """Return the URL of the machine with an index."""
        values = {"podm_id": pod_manager.uuid, "node_index": index}
        uuid = node_filters.indexed(self.store, values)
        return self.store.get(models.Resource, uuid).resource_url

    def test_a_machine_is_looked_up_in_its_pod_manager_only(self):
        here, there = self.pod_managers
        self.machine(here, 1, PRODUCT)
        self.assertEqual("/redfish/v1/Systems/1", self.index(here, "1"))
        for pod_manager, index in ((there, "1"), (here, "2"), (here, ""), (here, "1/Memory")):
            error = self.assertRaises(errors.ValidationFailed, self.index, pod_manager, index)
            self.assertEqual("$.node_index", error.problems[0]["path"])

    def test_a_node_of_the_pod_manager_comes_before_a_system(self):
        here = self.pod_managers[0]
        self.machine(here, 1, PRODUCT)
        url = "/redfish/v1/Nodes/1"
        self.add(models.Resource(podm_id=here.uuid, resource_url=url, resource_type="Node"))
        self.assertEqual(url, self.index(here, "1"))

    def test_only_machines_are_looked_up_under_any_root(self):
        here = self.pod_managers[0]
        kinds = {"Systems/S1": "System", "Systems/S1/Processors/CPU0": "Processor", "Chassis/7": "Chassis"}
        for path, kind in kinds.items():
            self.add(models.Resource(podm_id=here.uuid, resource_url=f"/rf/{path}", resource_type=kind))
        self.assertEqual("/rf/Systems/S1", self.index(here, "S1"))
        for index in ("S1/Processors/CPU0", "CPU0", "7", "Systems/S1", "/", ""):
            error = self.assertRaises(errors.ValidationFailed, self.index, here, index)
            self.assertEqual("$.node_index", error.problems[0]["path"])

    def test_an_index_of_several_machines_is_refused(self):
        here = self.pod_managers[0]
        urls = [f"/redfish/v1/{place}/Systems/1" for place in ("a", "b")]
        for url in urls:
            self.add(models.Resource(podm_id=here.uuid, resource_url=url, resource_type="System"))
        error = self.assertRaises(errors.ValidationFailed, self.index, here, "1")
        self.assertIn(", ".join(urls), error.problems[0]["detail"])
