# SPDX-License-Identifier: Apache-2.0
"""JSON as services write it."""

from tests import base
from valence.podmanagers.redfish.http import failures


class ParseTest(base.TestCase):
    def test_values_are_what_they_are(self):
        text = '{"a": [1, -2.5, "x", true, null], "b": {}}'
        self.assertEqual({"a": [1, -2.5, "x", True, None], "b": {}}, failures.parse(text))

    def test_bytes_may_have_a_mark_and_broken_characters(self):
        self.assertEqual(["\ufffd"], failures.parse(b'\xef\xbb\xbf["\xff"]'))

    def test_numbers_that_are_none_are_nothing(self):
        self.assertEqual([None] * 5, failures.parse("[NaN, Infinity, -Infinity, 1e999, -1e999]"))

    def test_integers_of_any_length_are_read(self):
        self.assertEqual([10**17, 1e20, None], failures.parse(f"[{10**17}, {10**20}, {'9' * 5000}]"))

    def test_anything_else_is_a_value_error(self):
        for text in ("", "{", "x", b"\xff\xfe", "[" * 100_000):
            self.assertRaises(ValueError, failures.parse, text)

    def test_only_objects_are_objects(self):
        self.assertEqual({}, failures.parse_object("{}"))
        for text in ("[]", "null", '"x"', "", "{"):
            self.assertIsNone(failures.parse_object(text), text)
