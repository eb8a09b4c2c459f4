# SPDX-License-Identifier: Apache-2.0
"""Bodies of actions on nodes: one action, and one way to say what it is about."""

from tests import base
from valence.api.v1 import node_actions
from valence.common import errors
from valence.db.models.node import POWER_ACTIONS

DEVICE = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class ActionCase(base.TestCase):
    def read(self, body):
        return node_actions.wanted(body, 10)

    def problems(self, body):
        """Return the paths and details of what is wrong with a body."""
        error = self.assertRaises(errors.ValidationFailed, self.read, body)
        return [(problem["path"], problem["detail"]) for problem in error.problems]


class WantedTest(ActionCase):
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

    def test_what_is_allowed_does_not_name_nothing(self):
        ((path, detail),) = self.problems({"power": "ON"})
        self.assertEqual(("$.power", True, False), (path, "one of: on," in detail, "None" in detail))

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

    def test_one_storage_device_is_erased_or_all_of_them(self):
        self.assertEqual({"erase": {}}, self.read({"erase": {}}))
        self.assertEqual({"erase": {"uuid": DEVICE}}, self.read({"erase": {"uuid": DEVICE.upper()}}))
        ((path, _),) = self.problems({"erase": {"uuid": DEVICE, "device_id": DEVICE}})
        self.assertEqual("$.erase", path)
        ((path, _),) = self.problems({"erase": {"power_off": True}})
        self.assertEqual("$.erase.power_off", path)
        wanted = {"detach": {"uuid": DEVICE, "erase": True}}
        self.assertEqual(wanted, self.read(wanted))

    def test_a_device_that_the_client_chose(self):
        self.assertTrue(node_actions.names_device({"attach": {"uuid": DEVICE}}))
        for action in (
            {"attach": {"storage": [{"count": 1}]}},
            {"detach": {"uuid": DEVICE}},
            {"power": "on"},
        ):
            self.assertFalse(node_actions.names_device(action))


class OriginalTest(ActionCase):
    """The forms of the first release."""

    def test_reset_is_power(self):
        for name in POWER_ACTIONS:
            word = name.title().replace("_", "")
            self.assertEqual({"power": name}, self.read({"Reset": {"Type": word}}))

    def test_boot_has_the_words_of_redfish(self):
        body = {"Boot": {"Enabled": "Continuous", "Target": "Hdd"}}
        self.assertEqual({"boot": {"target": "disk", "enabled": "continuous", "mode": None}}, self.read(body))
        self.assertEqual("once", self.read({"Boot": {"Target": "SDCard"}})["boot"]["enabled"])
        self.assertEqual("disabled", self.read({"Boot": {"Target": "None"}})["boot"]["enabled"])

    def test_what_is_wrong_is_named_in_the_same_form(self):
        self.assertEqual(["$.Reset.Type"], [path for path, _ in self.problems({"Reset": {"Type": "on"}})])
        body = {"Boot": {"Target": "pxe", "Mode": "UEFI"}}
        self.assertEqual({"$.Boot.Target", "$.Boot.Mode"}, {path for path, _ in self.problems(body)})
        ((path, _),) = self.problems({"Reset": {"Type": "On"}, "power": "on"})
        self.assertEqual("$", path)
