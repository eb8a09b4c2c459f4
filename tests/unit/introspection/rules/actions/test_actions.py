# SPDX-License-Identifier: Apache-2.0
"""Actions of rules."""

from tests import base
from valence.common import introspection_errors
from valence.introspection.rules import actions


class ActionTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.document = {"cpus": 16, "inventory": {"bmc_address": "10.0.0.1", "disks": [{"size": 5}]}}
        self.node, self.filler = {}, actions.Templates(self.document)

    def run_action(self, action, **parameters):
        actions.run(actions.normal({"action": action, **parameters}), self.node, self.filler)
        return self.node

    def assert_fails(self, *words, **action):
        error = self.assertRaises(
            introspection_errors.RuleFailed, actions.run, action, self.node, self.filler
        )
        for word in words:
            self.assertIn(word, error.detail)

    def test_attributes(self):
        self.run_action("set-attribute", path="/driver_info/address", value="x")
        self.run_action("set-attribute", path="driver", value={"a": [1]})
        node = self.run_action("set-attribute", path="/driver_info/address", value=5)
        self.assertEqual({"driver_info": {"address": 5}, "driver": {"a": [1]}}, node)

    def test_lists(self):
        for _ in range(2):
            self.run_action("extend-attribute", path="/a/b", value=1)
            node = self.run_action("extend-attribute", path="/a/c", value=1, unique=True)
        self.assertEqual({"a": {"b": [1, 1], "c": [1]}}, node)

    def test_capabilities(self):
        self.run_action("set-attribute", path="/properties/capabilities", value="a:1,b:2")
        self.run_action("set-capability", name="b", value=3)
        node = self.run_action("set-capability", name="c", value="x")
        self.assertEqual("a:1,b:3,c:x", node["properties"]["capabilities"])

    def test_traits(self):
        for name in ("CUSTOM_A", "CUSTOM_B", "CUSTOM_A"):
            self.run_action("add-trait", name=name)
        self.run_action("remove-trait", name="CUSTOM_C")
        self.assertEqual(["CUSTOM_B"], self.run_action("remove-trait", name="CUSTOM_A")["traits"])

    def test_a_capability_without_a_value_is_removed(self):
        for value in ({"value": None}, {}):
            self.run_action("set-capability", name="profile", value="x")
            node = self.run_action("set-capability", name="profile", **value)
            self.assertEqual("", node["properties"]["capabilities"])

    def test_failure(self):
        self.assert_fails("too few", action="fail", message="too few")

    def test_elements_of_lists(self):
        self.run_action("set-attribute", path="/a", value=[{"b": 1}])
        self.run_action("set-attribute", path="/a/0/b", value=2)
        self.run_action("set-attribute", path="/a/-", value=3)
        node = self.run_action("set-attribute", path="/a/0", value=1)
        self.assertEqual([1, {"b": 2}, 3], node["a"])
        for path in ("/a/9", "/a/x", "/a/9/b", "/a/-1"):
            self.assert_fails("list of 3", action="set-attribute", path=path, value=1)

    def test_only_a_value_is_a_template(self):
        self.run_action("add-trait", name="{data[cpus]}")
        node = self.run_action("set-attribute", path="/{data[inventory][bmc_address]}", value="{data[cpus]}")
        self.assertEqual({"traits": ["{data[cpus]}"], "{data[inventory][bmc_address]}": "16"}, node)

    def test_what_stands_in_the_way(self):
        self.run_action("set-attribute", path="/a", value=1)
        self.assert_fails("a", action="set-attribute", path="/a/b", value=1)
        self.assert_fails("a", action="extend-attribute", path="/a", value=1)
        self.run_action("extend-attribute", path="/properties", value="x")
        self.assert_fails("properties", action="set-capability", name="a", value=1)

    def test_what_is_no_action(self):
        for wrong in (
            {"action": "nope"}, {}, {"action": []}, {"action": "fail"}, {"action": "fail", "message": 5},
            {"action": "fail", "message": "x", "more": 1}, {"action": "set-attribute", "path": "/a"},
            {"action": "set-attribute", "path": "", "value": 1}, {"action": "add-trait", "name": None},
            {"action": "set-attribute", "path": "/a//b", "value": 1},
            {"action": "set-attribute", "path": "/a" * 50, "value": 1},
            {"action": "set-attribute", "path": "/a", "value": ["{other}"]},
        ):  # fmt: skip
            self.assertRaises(ValueError, actions.normal, wrong)
