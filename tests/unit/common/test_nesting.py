# SPDX-License-Identifier: Apache-2.0
"""How deep JSON is nested."""

import json

from tests import base
from valence.common import nesting


class NestingTest(base.TestCase):
    def test_levels_are_counted(self):
        for depth in (1, 4, 30):
            data = b'[{"a": ' * depth + b"1" + b"}]" * depth
            self.assertTrue(nesting.is_shallow(data, 2 * depth))
            self.assertFalse(nesting.is_shallow(data, 2 * depth - 1))

    def test_many_beside_each_other_are_not_deep(self):
        self.assertTrue(nesting.is_shallow(json.dumps([[{}, []]] * 1000).encode(), 3))

    def test_brackets_in_texts_do_not_count(self):
        for text in ("[" * 50, '\\"[', "\\\\", '"', '\\\\"{'):
            self.assertTrue(nesting.is_shallow(json.dumps({text: text}).encode(), 1), text)

    def test_what_has_no_brackets_is_not_nested(self):
        for data in (b"", b"1", b'"text"', b'"without end [', b"\xff\x00"):
            self.assertTrue(nesting.is_shallow(data, 1), data)

    def test_brackets_that_do_not_match(self):
        for data in (b"[", b"]", b"[}", b"][", b"[" * 200_000):
            self.assertFalse(nesting.is_shallow(data, 32), data[:10])

    def test_brackets_of_two_kinds_that_overlap_are_counted_too(self):
        self.assertFalse(nesting.is_shallow(b"[{" * 20 + b"]}" * 20, 39))

    def test_a_level_is_found_wherever_it_is(self):
        self.assertFalse(nesting.is_shallow(b"[" + b"[]," * 1000 + b"[[[]]]]", 3))
        self.assertTrue(nesting.is_shallow(b"[" * 100_000 + b"]" * 100_000, 100_000))


class ValuesTest(base.TestCase):
    def test_values_are_counted(self):
        for document, number in (({}, 2), ([1, 2, 3], 4), ({"a": [1, {"b": 2}]}, 5), ("a", 1), (1, 1)):
            data = json.dumps(document).encode()
            self.assertTrue(nesting.has_at_most(data, number), document)
            self.assertFalse(nesting.has_at_most(data, number - 1), document)

    def test_texts_are_one_value(self):
        self.assertTrue(nesting.has_at_most(json.dumps(["a,b,[{," * 1000, '\\",,,,']).encode(), 3))

    def test_empty_lists_count(self):
        self.assertFalse(nesting.has_at_most(b"[" + b"[]," * 10_000 + b"[]]", 10_000))
