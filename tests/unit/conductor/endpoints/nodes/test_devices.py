# SPDX-License-Identifier: Apache-2.0
"""The devices of a node are shown with their parts, in a number of queries that does not depend on their number."""

from tests import message_bus
from tests import stores
from tests.unit.conductor.endpoints import case
from valence.conductor.endpoints import nodes
from valence.db import models

BLOCKS = "/redfish/v1/CompositionService/ResourceBlocks"


class NodeDevicesTest(case.StoreCase):
    def resource(self, url, resource_type, identity, pod_manager=None):
        """Store a resource and return it."""
        podm_id = (pod_manager or self.pod_managers[0]).uuid
        resource = models.Resource(podm_id=podm_id, resource_url=url, resource_type=resource_type)
        self.add(resource, models.ResourceState(uuid=resource.uuid, name=url[-1], identity=identity))
        return resource

    def node(self, name, blocks):
        """Store a node that has resource blocks, two drives in each, one of them in a chassis."""
        podm_id = self.pod_managers[0].uuid
        node = self.add(models.Node(name=name, podm_id=podm_id))
        for number in blocks:
            url = f"{BLOCKS}/{number}"
            block = self.resource(url, "Resource Block", None)
            for path in ("Drives/1", "Chassis/1/Drives/2"):
                self.resource(f"{url}/{path}", "Drive", f"{number}-{path[-1]}")
            mine = {"node_id": node.uuid, "device_id": block.uuid, "podm_id": podm_id}
            self.add(models.Claim(id=f"{block.uuid}/1", part=f"storage/{number}", **mine))
        return node

    def shown(self, node):
        """Return (identities of the parts by the part of the claim, number of queries)."""
        counting = stores.Counting(self.store)
        endpoint = nodes.NodesEndpoint(counting, wake=None, ironic=None)
        devices = endpoint.devices(message_bus.user_context(), None, node.uuid)
        parts = {device["part"]: [part["identity"] for part in device["parts"]] for device in devices}
        return parts, counting.queries

    def test_the_number_of_queries_does_not_depend_on_the_blocks(self):
        one, eight = self.node("one", [1]), self.node("eight", range(10, 18))
        parts, queries = self.shown(one)
        self.assertEqual({"storage/1": ["1-2", "1-1"]}, parts)
        parts, queries_of_eight = self.shown(eight)
        wanted = {f"storage/{number}": [f"{number}-2", f"{number}-1"] for number in range(10, 18)}
        self.assertEqual((wanted, queries), (parts, queries_of_eight))

    def test_parts_are_those_below_the_block_on_its_own_pod_manager(self):
        node = self.node("one", [1])
        self.resource(f"{BLOCKS}/10/Drives/1", "Drive", "beside")
        self.resource(f"{BLOCKS}/1/Drives/3", "Drive", "elsewhere", self.pod_managers[1])
        self.assertEqual({"storage/1": ["1-2", "1-1"]}, self.shown(node)[0])

    def test_a_block_shows_its_first_parts_however_many_another_has(self):
        node = self.node("two", [1, 2])
        for number in range(nodes.MOST_PARTS + 10):
            self.resource(f"{BLOCKS}/1/Memory/{number:03}", "Memory", None)
        parts = self.shown(node)[0]
        self.assertEqual((nodes.MOST_PARTS, ["2-2", "2-1"]), (len(parts["storage/1"]), parts["storage/2"]))
