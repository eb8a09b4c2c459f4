# SPDX-License-Identifier: Apache-2.0
"""Introspection documents, whatever is in them."""

import base64

from tests import base
from valence.common import errors
from valence.introspection import documents


class DocumentTest(base.TestCase):
    def test_an_object_is_had_back(self):
        for text in (b"{}", b'{"b": 1, "a": [null, true, 1.5, "\\u0000\\ud800"]}', '{"ä": "ö"}'.encode()):
            found = documents.parse(text)
            self.assertEqual(found, documents.parse(documents.dump(found)))
            self.assertTrue(documents.dump(found).isascii())

    def test_what_is_no_object_is_refused(self):
        for text in (
            b"",
            b"[1]",
            b'{"a":',
            b"null",
            b"\xff\xfe\xfd",
            b'{"a": NaN}',
            b'{"a": %s}' % (b"9" * 5000),
        ):
            self.assertRaises(errors.BadRequest, documents.parse, text)
        self.assertRaises(errors.BadRequest, documents.parse, b"[" * 200_000)

    def test_a_number_that_is_too_large_is_refused(self):
        self.assertRaises(errors.BadRequest, documents.dump, documents.parse(b'{"a": 1e999}'))

    def test_logs_are_an_archive_or_a_text(self):
        archive = b"\x1f\x8b rest"
        self.assertEqual(archive, documents.decode_logs(base64.b64encode(archive).decode()))
        self.assertEqual(b"no base64!", documents.decode_logs("no base64!"))
        self.assertEqual(b'{"a":1}', documents.decode_logs({"a": 1}))

    def test_values_of_another_type_say_nothing(self):
        self.assertEqual({}, documents.mapping([1]))
        self.assertEqual([{"a": 1}], documents.mappings([{"a": 1}, 2, None]))
        self.assertEqual([], documents.mappings({"a": 1}))
        self.assertEqual([None, None, "x"], [documents.text(value) for value in (1, " ", "x")])
        numbers = [documents.number(value) for value in (True, "12", 3.9, "x", None, [])]
        self.assertEqual([None, 12, 3, None, None, None], numbers)
