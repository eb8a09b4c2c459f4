# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is to allocate, by what nodes have stored."""

from tests import base
from tests import embedded
from valence.common import composition_errors
from valence.conductor.nodes.allocation import turns
from valence.db import models
from valence.db import store


class TurnsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        pods = [models.PodManager(name=name, url=f"http://{name}", username="", password="") for name in "ab"]
        self.pods = [row.uuid for row in self.store.commit(*map(store.Create, pods))]

    def node(self, handle, pod=0, **values):
        """Store a node and return it."""
        values = {"state": "composing", "kind": "allocated"} | values
        row = models.Node(name="web", podm_id=self.pods[pod], handle=handle, **values)
        return self.store.commit(store.Create(row))[0]

    def test_a_request_with_an_open_outcome_keeps_others_of_its_pod_manager_waiting(self):
        mine = self.node({})
        for values in (
            {"handle": {}},  # it has requested nothing
            {"handle": {"requests": 1, "machine_url": "/a"}},
            {"handle": {"requests": 1}, "pod": 1},
            {"handle": {"requests": 1}, "kind": "composed"},
            {"handle": {"requests": 1}, "state": "error"},
            {"handle": {"requests": 1}, "state": "decomposing"},
        ):
            self.node(**values)
        self.assertIsNone(turns.holder(self.store, mine))
        first = self.node({"requests": 1})
        self.assertEqual(first.uuid, turns.holder(self.store, mine))
        self.assertIsNone(turns.holder(self.store, first), "it does not wait for itself")

    def test_the_machines_of_other_nodes_are_known(self):
        mine = self.node({"machine_url": "/mine"})
        first = self.node({"machine_url": "/a"})
        second = self.node({}, state="composed", resource_url="/b")
        third = self.node({}, state="error", goal="absent", resource_url="/d")
        for state in ("composing", "error"):  # of an adoption
            self.node({}, state=state, resource_url="/e")
        self.node({"machine_url": "/c"}, pod=1)
        self.assertEqual(
            {"/a": first.uuid, "/b": second.uuid, "/d": third.uuid}, turns.known(self.store, mine)
        )
        turns.require_unknown(self.store, mine, "/e")
        taken = self.assertRaises(
            composition_errors.DeviceTaken, turns.require_unknown, self.store, mine, "/a"
        )
        self.assertIn(first.uuid, taken.detail)
