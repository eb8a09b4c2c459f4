# SPDX-License-Identifier: Apache-2.0
"""Rules: what makes one, and when its actions are taken."""

import hashlib

from tests import base
from tests import embedded
from tests import ramdisk
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.rules import rules

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

    def test_conditions_of_all_rules_are_evaluated_before_the_first_action(self):
        self.add(1)
        self.add(2, {"op": "is-empty", "field": "node://seen"})
        self.add(3, {"op": "eq", "field": "node.seen[0]", "value": 1})
        self.assertEqual([1, 2], self.apply())

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

    def test_no_rule_reads_what_rules_wrote(self):
        self.add("{data}")
        self.add("{data}{data}")
        self.assertEqual(["{'cpus': 16}", "{'cpus': 16}" * 2], self.apply())


class InspectorTest(base.TestCase):
    """Rules that were published for ironic-inspector have the results here that it computes."""

    def test_results(self):
        table, sample = ramdisk.read("rules"), ramdisk.read("medium-processed-real-dell")
        for case in table["applied"]:
            result = self.result(case["rules"], sample | table["documents"][case["document"]])
            if "refused_here" in case:
                self.assertIn("refused", result, case)
            elif case["result"].get("fails", "") is None:  # not by the action "fail"
                self.assertIn(next(iter(result)), ("refused", "fails"), case)
            else:
                self.assertEqual(case["result"], result, case)

    def test_what_is_a_rule(self):
        for case in ramdisk.read("rules")["created"]:
            try:
                created = bool(rules.normal(case["rule"]))
            except errors.BadRequest:
                created = False
            self.assertEqual(case["created"], created, case)

    def result(self, documents, document):
        try:
            made = [models.IntrospectionRule(uuid="r", **rules.normal(each)) for each in documents]
            rules.apply(made, document, FACTS)
        except errors.BadRequest as error:
            is_late = isinstance(error, introspection_errors.RuleFailed)
            return {"fails" if is_late else "refused": error.detail}
        return {"node": _shortened(document.get("node", {}))}


def _shortened(value):
    """Return a value with the digests of long texts in their places, as they are in the table."""
    if isinstance(value, str) and len(value) > 1000:
        return {"sha256": hashlib.sha256(value.encode()).hexdigest()}
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in value.items()}
    return [_shortened(inner) for inner in value] if isinstance(value, list) else value
