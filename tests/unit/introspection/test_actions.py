# SPDX-License-Identifier: Apache-2.0
"""Actions of rules."""

from tests import base
from valence.common import introspection_errors
from valence.introspection import actions


class ActionTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.document = {"cpus": 16, "inventory": {"bmc_address": "10.0.0.1", "disks": [{"size": 5}]}}

    def run_action(self, action, **parameters):
        actions.run(actions.normal({"action": action, **parameters}), self.document)
        return self.document["node"]

    def assert_fails(self, *words, **action):
        error = self.assertRaises(introspection_errors.RuleFailed, actions.run, action, self.document)
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

    def test_failure(self):
        self.assert_fails("16 are too few", action="fail", message="{data[cpus]} are too few")

    def test_values_of_the_document(self):
        address = "{data[inventory][bmc_address]}"
        value = {"url": f"http://{address}:{{data[inventory][disks][0][size]}}", "list": [address], "{{": 1}
        value["braces"] = "{{data[x]}} {other}"
        node = self.run_action("set-attribute", path="/x", value=value)
        expected = {"url": "http://10.0.0.1:5", "list": ["10.0.0.1"], "{{": 1, "braces": "{data[x]} {other}"}
        self.assertEqual(expected, node["x"])

    def test_what_the_document_does_not_have(self):
        for field in ("{data[nothing]}", "{data[cpus][0]}", "{data[inventory][disks][7]}"):
            self.assert_fails(field, action="set-attribute", path="/a", value=field)

    def test_no_value_leads_out_of_the_document(self):
        for text in (
            "{data.__class__}",
            "{data[cpus].__class__}",
            "{data[cpus]!r}",
            "{data[cpus]:>9999999999}",
            "{0}",
        ):
            node = self.run_action("set-attribute", path="/a", value=text)
            self.assertEqual(text, node["a"])

    def test_what_stands_in_the_way(self):
        self.run_action("set-attribute", path="/a", value=1)
        self.assert_fails("a", action="set-attribute", path="/a/b", value=1)
        self.assert_fails("a", action="extend-attribute", path="/a", value=1)

    def test_what_is_no_action(self):
        for wrong in (
            {"action": "nope"}, {}, {"action": []}, {"action": "fail"}, {"action": "fail", "message": 5},
            {"action": "fail", "message": "x", "more": 1}, {"action": "set-attribute", "path": "/a"},
            {"action": "set-attribute", "path": "", "value": 1}, {"action": "add-trait", "name": None},
            {"action": "set-attribute", "path": "/a//b", "value": 1},
            {"action": "set-attribute", "path": "/a" * 50, "value": 1},
        ):  # fmt: skip
            self.assertRaises(ValueError, actions.normal, wrong)
