# SPDX-License-Identifier: Apache-2.0
"""Nodes of Intel RSD that exist, and become nodes with what belongs to them."""

import fixtures

from tests.unit.conductor.nodes.allocation import test_allocate
from valence.common import composition_errors
from valence.db import models
from valence.db import store

POD = test_allocate.POD
URL = "/redfish/v1/Nodes/1"


class AdoptedCase(test_allocate.AllocationCase):
    pod_options = POD | {"nodes": 1}

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.hardware.INTERVAL", 0.1))

    def resource(self, url=URL):
        (found,) = self.store.list(models.Resource, filters=[store.Filter("resource_url", "eq", url)])
        return found

    def sync(self):
        self.ended(self.conductor.client.pod_managers.sync(self.context, self.podm_id))

    def adopt(self):
        """Adopt the node that is there, and return its node and the operation after the end."""
        answer = self.nodes.manage(self.context, {"resource_id": self.resource().uuid})
        operation = self.ended(answer["operation"])
        return self.store.get(models.Node, answer["node"]["uuid"]), operation


class AdoptTest(AdoptedCase):
    def test_one_whose_adoption_failed_is_forgotten_and_stays_on_the_pod_manager(self):
        for state in ("Failed", "Allocating", "Allocated"):
            self.pod.service.pod.nodes.get("1").state = state
            node, operation = self.adopt()
            self.assertEqual(("failed", "error"), (operation.state, node.state))
            self.assertIn(f"{URL} cannot be adopted, ", operation.cause)
            self.assertIsNone(self.nodes.delete(self.context, None, node.uuid))
            self.assertEqual([URL], list(self.there()))
        self.assertEqual([], self.store.list(models.Claim))

    def test_one_whose_claim_is_that_of_the_rsd_node_is_deleted(self):
        # The commit before did not know the system, and the inventory may lack it.
        node, _ = self.adopt()
        (claim,) = self.store.list(models.Claim)
        uuid = self.resource().uuid
        old = models.Claim(
            id=f"{uuid}/1", device_id=uuid, node_id=node.uuid, podm_id=node.podm_id, part="system/0"
        )
        self.store.commit(store.Delete(claim), store.Create(old))
        self.ended(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual({}, self.there())

    def test_its_drives_are_claimed_detached_and_erased(self):
        (drive,) = self.devices(device_type="Storage")
        url = self.store.get(models.Resource, drive.uuid).resource_url
        self.pod.service.pod.nodes.get("1").resources = (url,)
        self.sync()
        node, operation = self.adopt()
        self.assertEqual("succeeded", operation.state, operation.cause)
        claims = {(claim.part, claim.state) for claim in self.store.list(models.Claim)}
        self.assertEqual({("system/0", "attached"), ("storage/0", "attached")}, claims)
        for action in ({"detach": {"device_id": drive.uuid}}, {"attach": {"device_id": drive.uuid}}):
            operation = self.ended(self.nodes.act(self.context, None, node.uuid, action))
            self.assertEqual("succeeded", operation.state, (action, operation.cause))
        deletion = self.ended(self.nodes.delete(self.context, None, node.uuid, erase=True))
        self.assertEqual("succeeded", deletion.state, deletion.cause)
        self.assert_nothing_left()
        self.assertEqual([url], list(self.pod.service.pod.erasures.ended))


class ComposingTest(AdoptedCase):
    pod_options = POD | {"quirks": "unlinked_nodes", "compose_seconds": 2}

    def test_the_machine_of_a_node_that_is_composed_is_not_adopted(self):
        answer = self.nodes.create(self.context, {"name": "web"})
        self.wait_for(self.there, timeout=30)
        self.sync()
        taken = self.assertRaises(composition_errors.DeviceTaken, self.adopt)
        self.assertIn(answer["node"]["uuid"], taken.detail)
        self.ended(answer["operation"])
        node = self.store.get(models.Node, answer["node"]["uuid"])
        self.assertEqual(("composed", URL), (node.state, node.resource_url))
