# SPDX-License-Identifier: Apache-2.0
"""A synchronization notes machines that it never saw, and that are gone."""

import fixtures

from tests import base
from tests.unit.conductor.inventory import test_drift
from tests.unit.conductor.inventory.sync import test_sync
from valence.common import composition_errors
from valence.common import errors
from valence.conductor.inventory import losses
from valence.db import models
from valence.db import store
from valence.podmanagers import base as podmanagers


class SignTest(base.TestCase):
    def test_what_a_machine_carries_says_whether_it_is_another_one(self):
        node, other = "6f0c5c3e-5a6e-4c5e-9d0e-0f6b7c1d2e3f", "other"
        mine, theirs, none = (
            podmanagers.Sign(node, "1"),
            podmanagers.Sign(other, "1"),
            podmanagers.Sign(None, "1"),
        )
        for kind, handle, sign, is_another in (
            ("allocated", {"sign": {"mark": node, "uuid": "2"}}, mine, False),
            ("allocated", {"sign": {"mark": node, "uuid": "1"}}, none, True),
            ("composed", {"sign": {"mark": node, "uuid": None}}, none, False),
            ("composed", {"sign": {"mark": node, "uuid": None}}, theirs, True),
            # A service that keeps no mark, and a machine that was adopted with the mark of an earlier node.
            ("allocated", {"sign": {"mark": None, "uuid": "1"}}, none, False),
            ("allocated", {"sign": {"mark": None, "uuid": "2"}}, none, True),
            ("allocated", {"sign": {"mark": None, "uuid": None}}, none, False),
            ("allocated", {"sign": {"mark": None, "uuid": None}}, theirs, True),
            ("allocated", {"sign": {"mark": other, "uuid": "1"}}, theirs, False),
            # Handles of the commit before.
            ("allocated", {"created": True}, none, False),
            ("allocated", {"created": True}, theirs, True),
            ("composed", {"before": ["/x"]}, theirs, False),
            ("composed", {"before": []}, theirs, True),
            ("allocated", {}, theirs, False),
        ):
            row = models.Node(uuid=node, name="web", podm_id="x", kind=kind, handle=handle, resource_url="/x")
            self.assertEqual(is_another, losses.is_another(row, sign), (kind, handle, sign))
            if is_another:
                self.assertRaises(
                    composition_errors.MachineLost, losses.require_same, row, row.resource_url, sign
                )


class LossesTest(test_sync.SyncCase):
    pod, block = test_drift.DriftCase.pod, test_drift.DriftCase.block
    path, request, compose = (
        test_drift.DriftCase.path,
        test_drift.DriftCase.request,
        test_drift.DriftCase.compose,
    )
    store_node = test_drift.DriftCase.store_node

    def setUp(self):
        super().setUp()
        self.store = self.database.store
        self.sync()
        self.compute = self.block("Compute")
        self.url = self.compose(self.compute)
        self.node = self.store_node(self.url, processor=self.compute)

    def state(self):
        return self.store.get(type(self.node), self.node.uuid).state

    def events(self):
        return [event.new["state"] for event in self.database.events("node.state_changed")]

    def test_a_machine_that_was_removed_before_it_was_seen_is_gone(self):
        self.request("DELETE", self.url)
        self.sync()
        self.sync()
        node = self.store.get(type(self.node), self.node.uuid)
        self.assertEqual(("error", True, ["error"]), (node.state, node.handle["gone"], self.events()))
        self.assertIn("Its machine is gone from the inventory", node.error)

    def test_a_machine_that_is_there_stays(self):
        self.sync()
        self.assertEqual(("composed", []), (self.state(), self.events()))

    def test_a_node_that_changed_since_the_synchronization_began_is_left_alone(self):
        self.request("DELETE", self.url)
        self.store.commit(store.Update(self.node, {"updated_at": self.store.at(60)}, touch=False))
        self.sync()
        self.assertEqual("composed", self.state())

    def test_the_pod_manager_has_the_last_word(self):
        self.request("DELETE", self.url)
        patched = "valence.podmanagers.redfish.driver.RedfishDriver.machine_state"
        for answer in (lambda *_: None, self.refuse):
            with fixtures.MonkeyPatch(patched, answer):
                self.sync()
            self.assertEqual("composed", self.state())

    def refuse(self, *_):
        raise errors.PodManagerUnreachable(url=self.url, reason="it hangs")

    def test_the_inventory_knows_a_machine_by_its_path(self):
        self.assertFalse(losses.is_known(self.store, self.node))
        self.sync()
        self.assertTrue(losses.is_known(self.store, self.node))
