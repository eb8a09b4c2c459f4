# SPDX-License-Identifier: Apache-2.0
"""Bodies of actions on nodes: one action, and one way to say what it is about."""

from tests import base
from valence.api.v1 import node_actions
from valence.common import errors

DEVICE = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class WantedTest(base.TestCase):
    def read(self, body):
        return node_actions.wanted(body, 10)

    def problems(self, body):
        """Return the paths and details of what is wrong with a body."""
        error = self.assertRaises(errors.ValidationFailed, self.read, body)
        return [(problem["path"], problem["detail"]) for problem in error.problems]

    def test_the_defaults_of_what_is_left_out(self):
        self.assertEqual({"power": "on"}, self.read({"power": "on"}))
        self.assertEqual(
            {"boot": {"target": "pxe", "enabled": "once", "mode": None}},
            self.read({"boot": {"target": "pxe"}}),
        )
        self.assertEqual("disabled", self.read({"boot": {"target": "none"}})["boot"]["enabled"])

    def test_a_device_has_three_names(self):
        for name in ("resource_id", "device_id", "uuid"):
            for action in ("attach", "detach"):
                self.assertEqual({action: {name: DEVICE}}, self.read({action: {name: DEVICE.upper()}}))

    def test_requirements_have_their_normal_form(self):
        body = {"attach": {"accelerator": {"model": "A100"}, "memory": {"capacity_mib": "1024"}}}
        self.assertEqual(
            {"memory": {"capacity_mib": 1024}, "accelerator": [{"model": "A100", "count": 1}]},
            self.read(body)["attach"],
        )

    def test_the_machine_may_be_switched_off_first(self):
        action = self.read({"detach": {"uuid": DEVICE, "power_off": True}})
        self.assertEqual({"detach": {"uuid": DEVICE, "power_off": True}}, action)
        self.assertEqual(["$.attach.power_off"], [path for path, _ in self.problems(
            {"attach": {"uuid": DEVICE, "power_off": "yes"}})])  # fmt: skip

    def test_exactly_one_action(self):
        for body in ({}, {"power": "on", "detach": {"uuid": DEVICE}}, {"power": None}):
            ((path, detail),) = self.problems(body)
            self.assertEqual("$", path)
            self.assertIn("not one", detail)

    def test_exactly_one_way_to_say_which_device(self):
        for value in (
            {"uuid": DEVICE, "device_id": DEVICE},
            {"uuid": DEVICE, "storage": {"capacity_gib": 1}},
        ):
            ((path, detail),) = self.problems({"attach": value})
            self.assertEqual("$.attach", path)
            self.assertIn(" and ", detail)
        for value in ({}, {"power_off": True}, {"memory": {}}, {"storage": []}, {"accelerator": None}):
            self.assertEqual([("$.attach", "It names no device.")], self.problems({"attach": value}))

    def test_all_problems_are_told_together(self):
        body = {
            "attach": {"uuid": "x", "gpu": 1, "processor": {"total_cores": 1}, "storage": {"count": 0}},
            "x": 1,
        }
        paths = {path for path, _ in self.problems(body)}
        expected = {"$.attach.uuid", "$.attach.gpu", "$.attach.processor", "$.attach.storage.count", "$.x"}
        self.assertEqual(expected, paths)
        self.assertEqual(
            ["$.detach.storage"], [path for path, _ in self.problems({"detach": {"storage": {}}})]
        )

    def test_a_device_that_the_client_chose(self):
        self.assertTrue(node_actions.names_device({"attach": {"uuid": DEVICE}}))
        for action in (
            {"attach": {"storage": [{"count": 1}]}},
            {"detach": {"uuid": DEVICE}},
            {"power": "on"},
        ):
            self.assertFalse(node_actions.names_device(action))
