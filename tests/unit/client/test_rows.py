# SPDX-License-Identifier: Apache-2.0
"""Rows: fields as items and attributes."""

import copy

from tests import base
from valence.client import rows


class RowTest(base.TestCase):
    def setUp(self):
        super().setUp()
        links = [{"rel": "self", "href": "http://a/v1/things/1"}]
        self.row = rows.Row({"uuid": "1", "name": "a", "unknown": [2], "links": links}, etag='"3"')

    def test_fields_are_items_and_attributes(self):
        self.assertEqual(("1", "a", [2]), (self.row.id, self.row["name"], self.row.unknown))
        self.assertEqual({"uuid": "1", "name": "a", "unknown": [2]}, dict(self.row))
        self.assertEqual(3, len(self.row))

    def test_links_are_found_by_their_relation(self):
        self.assertEqual({"self": "http://a/v1/things/1"}, self.row.links)

    def test_a_field_that_there_is_not(self):
        error = self.assertRaises(AttributeError, getattr, self.row, "colour")
        self.assertEqual("There is no field colour, but uuid, name, unknown.", str(error))
        self.assertRaises(KeyError, self.row.__getitem__, "colour")

    def test_a_row_can_be_copied(self):
        self.assertEqual(dict(self.row), dict(copy.copy(self.row)))

    def test_a_conductor_has_another_key(self):
        self.assertEqual("host-1", rows.Row({"hostname": "host-1"}, "hostname").id)

    def test_it_is_shown_by_what_identifies_it(self):
        self.assertEqual("<Row 1>", repr(self.row))
