# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a node gets a GPU by its model and loses it, and the pod manager says so too."""

import requests

from tests import stores
from tests.functional import acceptance

#: of a rack; all blocks of a rack are in one zone
POD = {"racks": 1, "systems": 1, "nodes": 0, "storage_blocks": 1, "accelerator_blocks": 1}


class BlocksTest(acceptance.AcceptanceCase):
    """Machines that are composed as a whole: the actions of ComputerSystem, or a PATCH, change their blocks."""

    options = {"sync": {"interval": 600}}
    time_limit = stores.patience(180)
    composition = {"compute_blocks": 1, "system_blocks": 0}

    def setUp(self):
        super().setUp()
        self.simulator = self.simulate(**POD, **self.composition)
        self.register(self.simulator)
        node = self.client.post("/v1/nodes", self.request())
        (operation,) = [link["href"] for link in node["links"] if link["rel"] == "operation"]
        self.assertEqual("succeeded", self.ended(operation)["state"])
        self.node = self.client.get(f"/v1/nodes/{node['uuid']}")
        self.assertEqual("composed", self.node["state"], self.node)

    def request(self):
        """Return the body of a node with a base and a drive."""
        return {"name": "render-1", "resources": [self.base()["uuid"], self.free("Storage")[0]["uuid"]]}

    def base(self):
        return self.free("Compute")[0]

    def free(self, kind):
        """Return the free devices of a type."""
        return self.client.rows("/v1/devices", device_type=kind, state="free")

    def act(self, key=None, **action):
        """Request an action, wait until it has ended, and return the operation."""
        headers = {"Idempotency-Key": key} if key else {}
        operation = self.client.post(f"/v1/nodes/{self.node['uuid']}/action", action, headers=headers)
        operation = self.ended(f"/v1/operations/{operation['uuid']}")
        self.assertEqual("succeeded", operation["state"], operation)
        return operation

    def ended(self, path):
        """Return an operation after its end."""

        def ended():
            operation = self.client.get(path)
            return operation["ended_at"] and operation

        return self.wait_for(ended, stores.patience(60), lambda: str(self.client.get(path)))

    def devices(self):
        """Return the devices of the node by their parts."""
        found = self.client.get(f"/v1/nodes/{self.node['uuid']}/devices")["devices"]
        return {device["part"]: device for device in found}

    def read(self, path):
        """Return a document of the pod manager."""
        url = self.simulator.root.removesuffix("/redfish/v1") + path
        return requests.get(url, auth=tuple(acceptance.CREDENTIALS.values()), timeout=60).json()

    def blocks(self):
        """Return the paths of the blocks that the machine lists."""
        return {
            block["@odata.id"] for block in self.read(self.node["resource_url"])["Links"]["ResourceBlocks"]
        }

    def test_a_gpu_is_attached_by_its_model_and_detached(self):
        before = self.blocks()
        model = self.free("Accelerator")[0]["model"]
        operations = {
            self.act("attach-1", attach={"accelerator": {"model": model, "count": 1}})["uuid"]
            for _ in range(2)
        }
        self.assertEqual(1, len(operations))
        gpu = self.devices()["accelerator/0"]
        self.assertEqual(("attached", model), (gpu["state"], gpu["model"]))
        (block,) = self.blocks() - before
        self.assertEqual(block, self.client.get(f"/v1/resources/{gpu['device_id']}")["resource_url"])
        links = self.read(block)["Processors"]
        self.assertEqual({self.read(link["@odata.id"])["UUID"] for link in links},
                         {part["identity"] for part in gpu["parts"]})  # fmt: skip
        self.act(detach={"resource_id": gpu["device_id"]})
        self.assertEqual(before, self.blocks())
        self.assertNotIn("accelerator/0", self.devices())
        self.wait_for(lambda: self.free("Accelerator"), 60)
        told = [event["event_type"].rpartition(".")[2] for event in self.events(object_kind="node")]
        self.assertEqual(["device_attached", "device_detached"], [each for each in told if "device" in each])

    def test_a_device_is_attached_once(self):
        (gpu,) = self.free("Accelerator")
        before = self.blocks()
        self.assertEqual(409, self.attach_twice(gpu["uuid"]))
        self.assertEqual(1, len(self.blocks() - before))

    def attach_twice(self, uuid):
        """Attach a device, and return the status of the answer to a second request for it."""
        self.act(attach={"device_id": uuid})
        body = {"attach": {"device_id": uuid}}
        return self.client.request("POST", f"/v1/nodes/{self.node['uuid']}/action", json=body).status_code


class ExpandTest(BlocksTest):
    """Machines that exist by themselves, and get blocks."""

    composition = {"compute_blocks": 0, "system_blocks": 1, "composition": "expand"}

    def base(self):
        places = {row["uuid"]: row["resource_url"] for row in self.client.rows("/v1/resources")}
        (base,) = (
            row for row in self.client.rows("/v1/devices", state="free") if "-System" in places[row["uuid"]]
        )
        return base
