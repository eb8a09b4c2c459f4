# SPDX-License-Identifier: Apache-2.0
"""How deep JSON is nested."""

import json

from tests import base
from valence.common import packing


class NestingTest(base.TestCase):
    def test_levels_are_counted(self):
        for depth in (1, 4, 30):
            data = b'[{"a": ' * depth + b"1" + b"}]" * depth
            self.assertTrue(packing.is_shallow(data, 2 * depth))
            self.assertFalse(packing.is_shallow(data, 2 * depth - 1))

    def test_many_beside_each_other_are_not_deep(self):
        self.assertTrue(packing.is_shallow(json.dumps([[{}, []]] * 1000).encode(), 3))

    def test_brackets_in_texts_do_not_count(self):
        for text in ("[" * 50, '\\"[', "\\\\", '"', '\\\\"{'):
            self.assertTrue(packing.is_shallow(json.dumps({text: text}).encode(), 1), text)

    def test_what_has_no_brackets_is_not_nested(self):
        for data in (b"", b"1", b'"text"', b'"without end [', b"\xff\x00"):
            self.assertTrue(packing.is_shallow(data, 1), data)

    def test_brackets_that_do_not_match(self):
        for data in (b"[", b"]", b"[}", b"][", b"[" * 200_000):
            self.assertFalse(packing.is_shallow(data, 32), data[:10])

    def test_brackets_of_two_kinds_that_overlap_are_counted_too(self):
        self.assertFalse(packing.is_shallow(b"[{" * 20 + b"]}" * 20, 39))

    def test_a_level_is_found_wherever_it_is(self):
        self.assertFalse(packing.is_shallow(b"[" + b"[]," * 1000 + b"[[[]]]]", 3))
        self.assertTrue(packing.is_shallow(b"[" * 100_000 + b"]" * 100_000, 100_000))
