# SPDX-License-Identifier: Apache-2.0
"""Packing: bytes as a short text, and back."""

import base64
import random

from tests import base
from valence.common import packing


class PackingTest(base.TestCase):
    def test_everything_is_had_back(self):
        for data in (b"", b"{}", b"\0\xff", "ä".encode() * 500, random.Random(1).randbytes(5000)):
            text = packing.pack(data)
            self.assertTrue(text.isascii())
            self.assertEqual(data, packing.unpack(text))

    def test_the_shortest_form_is_taken(self):
        self.assertEqual("t{}", packing.pack(b"{}"))
        self.assertEqual("z", packing.pack(b"a" * 1000)[0])
        self.assertEqual("b", packing.pack(random.Random(1).randbytes(100))[0])
        self.assertEqual("b", packing.pack(b"\0")[0])

    def test_what_compression_saves_little_of_stays_as_it_is(self):
        archive = base64.b64encode(random.Random(1).randbytes(200_000))
        self.assertEqual("t", packing.pack(archive)[0])
        self.assertEqual("b", packing.pack(b"\0" + random.Random(2).randbytes(300_000))[0])
        self.assertEqual("z", packing.pack(b'{"name": "value"}' * 10_000)[0])

    def test_what_is_no_packed_text_is_refused(self):
        for text in ("", "q", "b?", "zAAAA", "b\u00e4"):
            self.assertRaises(ValueError, packing.unpack, text)

    def test_split(self):
        self.assertEqual(["abc", "de"], packing.split("abcde", 3))
        self.assertEqual([""], packing.split("", 3))
