# SPDX-License-Identifier: Apache-2.0
"""Rules: what makes one, and when its actions are taken."""

from tests import base
from tests import embedded
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import rules

FACTS = {"uuid": "m", "name": "sys-1", "pod_manager": "row-7", "podm_id": "p-7"}


class NormalTest(base.TestCase):
    def test_a_rule(self):
        condition = {"op": "eq", "field": "cpus", "value": 1}
        action = {"action": "fail", "message": "x"}
        rule = rules.normal({"conditions": [condition], "actions": [action], "links": []})
        defaults = {"multiple": "any", "invert": False}
        expected = {
            "description": None,
            "scope": None,
            "conditions": [condition | defaults],
            "actions": [action],
        }
        self.assertEqual(expected, rule)

    def test_every_problem_is_told_at_once(self):
        wrong = {"scope": 5, "description": "x" * 5000, "conditions": [{"op": "nope"}, 5], "actions": [{}]}
        error = self.assertRaises(errors.BadRequest, rules.normal, wrong)
        for place in ("scope", "description", "conditions[0]", "conditions[1]", "actions[0]"):
            self.assertIn(f"{place}: ", error.detail)

    def test_what_is_no_list(self):
        for wrong in (
            {},
            {"actions": []},
            {"actions": {}},
            {"actions": [{"action": "fail", "message": "x"}] * 101},
        ):
            self.assertRaises(errors.BadRequest, rules.normal, wrong)


class RulesTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store
        self.rules = rules.Rules(self.store)
        self.document = {"cpus": 16}

    def add(self, value=None, *conditions, scope=None, **action):
        action = action or {"action": "extend-attribute", "path": "/seen", "value": value}
        document = {"conditions": list(conditions), "actions": [action], "scope": scope}
        rule = models.IntrospectionRule(uuid=f"rule-{value}", **rules.normal(document))
        self.store.commit(store.Create(rule))

    def apply(self):
        rules.apply(self.rules.every(), self.document, FACTS)
        return self.document.get("node", {}).get("seen", [])

    def test_rules_are_applied_in_the_order_in_which_they_were_made(self):
        for value in (9, 1, 5, 3):
            self.add(value)
        self.assertEqual([9, 1, 5, 3], self.apply())

    def test_all_conditions_have_to_hold(self):
        many = {"op": "gt", "field": "cpus", "value": 8}
        self.add(1, many)
        self.add(2, many, {"op": "eq", "field": "node://pod_manager", "value": "row-7"})
        self.add(3, many, {"op": "gt", "field": "cpus", "value": 32})
        self.assertEqual([1, 2], self.apply())

    def test_a_rule_sees_what_the_earlier_ones_did(self):
        self.add(1)
        self.add(2, {"op": "eq", "field": "node://seen[0]", "value": 1})
        self.add(3, {"op": "eq", "field": "node.seen[1]", "value": 2})
        self.assertEqual([1, 2, 3], self.apply())

    def test_scopes(self):
        for value, scope in ((1, "row-7"), (2, "row-8"), (3, "p-7")):
            self.add(value, scope=scope)
        self.assertEqual([1, 3], self.apply())

    def test_a_rule_can_fail_an_introspection(self):
        self.add(1, action="fail", message="too small")
        error = self.assertRaises(introspection_errors.RuleFailed, self.apply)
        self.assertEqual("too small", error.detail)

    def test_what_a_ramdisk_calls_node_is_nobodys(self):
        self.document["node"] = {"seen": ["forged"]}
        self.add(1)
        self.assertEqual([1], self.apply())

    def test_without_rules_nothing_needs_to_be_known_of_the_machine(self):
        rules.apply([], self.document, None)
        self.assertEqual({"cpus": 16}, self.document)
