# SPDX-License-Identifier: Apache-2.0
"""Conditions of rules."""

from tests import base
from valence.common import introspection_errors
from valence.introspection.rules import conditions

DOCUMENT = {
    "memory_mb": 4096,
    "cpus": "16",
    "vendor": "Dell Inc.",
    "bmc": "10.1.2.3",
    "nothing": None,
    "flag": True,
    "disks": [{"size": 10}, {"size": 20}],
    "list": [],
}


class ConditionTest(base.TestCase):
    def holds(self, op, field, value=None, **more):
        given = {"op": op, "field": field, **more}
        if op != "is-empty":
            given["value"] = value
        return conditions.holds(conditions.normal(given), {"data": DOCUMENT, "node": {"name": "rack-1"}})

    def test_operators(self):
        for op, field, value, expected in (
            ("eq", "memory_mb", 4096, True),
            ("eq", "memory_mb", 4096.0, True),
            ("eq", "memory_mb", "4096", False),
            ("eq", "cpus", 16, True),
            ("eq", "vendor", 16, False),
            ("eq", "vendor", "Dell Inc.", True),
            ("eq", "disks[0]", {"size": 10}, True),
            ("ne", "cpus", 16, False),
            ("ne", "vendor", 16, True),
            ("lt", "memory_mb", 4097, True),
            ("lt", "memory_mb", 4096, False),
            ("gt", "cpus", 15, True),
            ("gt", "vendor", 15, False),
            ("gt", "nothing", 15, False),
            ("le", "memory_mb", 4096, True),
            ("ge", "memory_mb", 4097, False),
            ("contains", "vendor", "ell", True),
            ("contains", "vendor", "^ell", False),
            ("contains", "memory_mb", "09", True),
            ("matches", "vendor", "Dell.*", True),
            ("matches", "vendor", "Dell", False),
            ("in-net", "bmc", "10.1.0.0/16", True),
            ("in-net", "bmc", "10.1.2.200/24", True),
            ("in-net", "bmc", "10.2.0.0/16", False),
            ("in-net", "bmc", "fe80::/64", False),
            ("in-net", "vendor", "10.1.0.0/16", False),
            ("is-empty", "nothing", None, True),
            ("is-empty", "list", None, True),
            ("is-empty", "not.there", None, True),
            ("is-empty", "vendor", None, False),
            ("is-empty", "memory_mb", None, False),
            ("eq", "data://cpus", 16, True),
            ("eq", "node://name", "rack-1", True),
            ("eq", "node://cpus", 16, False),
        ):
            self.assertEqual(expected, self.holds(op, field, value), (op, field, value))

    def test_what_is_not_there_fulfils_nothing(self):
        for op in ("eq", "ne", "lt", "contains", "matches"):
            for invert in (False, True):
                self.assertFalse(self.holds(op, "not.there", "1", invert=invert), op)

    def test_many_values(self):
        for multiple, value, expected in (
            ("any", 20, True), ("any", 30, False), ("all", 5, False), ("first", 10, True), ("first", 20, False),
        ):  # fmt: skip
            self.assertEqual(expected, self.holds("eq", "disks[*].size", value, multiple=multiple), multiple)
        self.assertTrue(self.holds("ge", "disks[*].size", 10, multiple="all"))

    def test_each_value_is_inverted(self):
        self.assertTrue(self.holds("eq", "disks[*].size", 30, multiple="all", invert=True))
        self.assertFalse(self.holds("eq", "disks[*].size", 10, multiple="all", invert=True))
        self.assertTrue(self.holds("eq", "disks[*].size", 10, invert=True))

    def test_a_field_that_an_earlier_version_took_says_so(self):
        for field in ("$cpus", ".cpus", "extra.a|b"):
            condition = {"op": "eq", "field": field, "value": 1, "multiple": "any", "invert": False}
            documents = {"data": DOCUMENT, "node": {}}
            error = self.assertRaises(introspection_errors.RuleFailed, conditions.holds, condition, documents)
            self.assertIn(field, error.detail)

    def test_defaults(self):
        given = {"op": "eq", "field": "a", "value": 1}
        self.assertEqual(given | {"multiple": "any", "invert": False}, conditions.normal(given))

    def test_what_is_no_condition(self):
        good = {"op": "eq", "field": "a", "value": 1}
        for wrong in (
            {"op": "nope"}, {"op": None}, {"op": []}, {"op": "is-empty"}, {"field": None}, {"field": ""},
            {"field": "a b"}, {"field": "x" * 2000}, {"multiple": "some"}, {"multiple": []}, {"invert": 1},
            {"other": 1}, {"op": "matches", "value": "("}, {"op": "contains"}, {"op": "in-net", "value": "10"},
            {"op": "in-net", "value": None}, {"op": "matches", "value": "a{99999999999}"},
            {"op": "contains", "value": "(" * 5000 + ")" * 5000},
        ):  # fmt: skip
            self.assertRaises(ValueError, conditions.normal, good | wrong)
        for name in good:
            self.assertRaises(ValueError, conditions.normal, {key: good[key] for key in good if key != name})
