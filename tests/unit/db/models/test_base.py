# SPDX-License-Identifier: Apache-2.0
"""Models: keys, kinds, values, and the older form of a field."""

from tests import base
from tests.contract import examples
from valence.db import models
from valence.db import types


class ModelTest(base.TestCase):
    def test_an_object_has_its_values_and_initial_ones(self):
        shelf = examples.Shelf(name="a", weight=5)
        self.assertEqual(("a", 5, None, []), (shelf.name, shelf.weight, shelf.colour, shelf.labels))
        self.assertEqual(36, len(shelf.uuid))

    def test_the_key_is_the_field_that_says_so_or_else_the_first(self):
        self.assertEqual("name", examples.Counter.key)
        self.assertEqual("uuid", examples.ExampleModel.key)

    def test_the_kind_is_the_singular_of_the_path_or_what_is_said(self):
        self.assertEqual("pod_manager", models.PodManager.kind)
        self.assertEqual("shelf", examples.Shelf.kind)

    def test_moments_and_revision_come_with_the_base(self):
        self.assertLessEqual({"created_at", "updated_at", "revision"}, set(examples.Counter.fields))
        self.assertNotIn("revision", examples.Book.fields)

    def test_the_older_form_makes_an_optional_field(self):
        field = examples.ExampleModel.fields["name"]
        self.assertIs(types.Text, type(field))
        self.assertTrue(field.nullable)

    def test_public_values_have_no_secret(self):
        shelf = examples.Shelf(name="a", code="secret")
        self.assertNotIn("code", shelf.public())
        self.assertEqual({"name": "a"}, shelf.public(["name"]))
        self.assertEqual("secret", shelf.as_dict()["code"])

    def test_a_copy_has_other_values(self):
        shelf = examples.Shelf(name="a")
        copy = shelf.replace(name="b")
        self.assertEqual(("a", "b", shelf.uuid), (shelf.name, copy.name, copy.uuid))

    def test_what_a_peer_sends_may_lack_fields_and_have_unknown_ones(self):
        shelf = examples.Shelf.from_dict({"name": "a", "invented_later": 1})
        self.assertEqual(("a", 0), (shelf.name, shelf.weight))

    def test_objects_of_equal_values_and_model_are_equal(self):
        shelf = examples.Shelf(name="a")
        self.assertEqual(shelf, examples.Shelf.load(shelf.as_dict()))
        self.assertNotEqual(shelf, shelf.replace(name="b"))
        self.assertNotEqual(examples.Book(uuid="1"), examples.Page(uuid="1"))

    def test_an_object_shows_its_model_and_key(self):
        self.assertEqual("<Counter total>", repr(examples.Counter(name="total")))


OF_BOOK = models.LookedUp(examples.Book, by=("shelf_id",), fields=(("book", "title"), ("key", "uuid")))
DISPLAYS = [
    examples.Display(uuid="d1", shelf_id="s2", note="here"),
    examples.Display(uuid="d2", shelf_id="s1", note="there"),
    examples.Display(uuid="d3", shelf_id="s1", note="too"),
    examples.Display(uuid="d4", shelf_id=None, note="nowhere"),
]


class LookedUpTest(base.TestCase):
    def test_each_value_is_looked_for_once(self):
        self.assertEqual({"shelf_id": ["s1", "s2"]}, OF_BOOK.wanted(DISPLAYS, ["note", "book"]))

    def test_nothing_is_looked_for_that_is_not_shown(self):
        self.assertEqual({}, OF_BOOK.wanted(DISPLAYS, ["note"]))

    def test_a_row_without_the_value_has_nothing_to_look_for(self):
        self.assertEqual({}, OF_BOOK.wanted(DISPLAYS[3:], ["book"]))

    def test_rows_are_read_with_what_they_are_looked_up_by(self):
        self.assertEqual(("shelf_id", "note"), OF_BOOK.own(["note", "book", "shelf_id"]))
        self.assertEqual(("shelf_id", "title", "uuid"), OF_BOOK.read)

    def test_rows_are_shown_with_what_was_found(self):
        found = [examples.Book(uuid="b1", shelf_id="s1", title="Emma")]
        shown = OF_BOOK.shown(DISPLAYS[:3], ["note", "book"], found)
        self.assertEqual(
            [
                {"note": "here", "book": None},
                {"note": "there", "book": "Emma"},
                {"note": "too", "book": "Emma"},
            ],
            shown,
        )

    def test_a_field_of_the_row_itself_stands_in_for_one_that_was_not_found(self):
        looked_up = OF_BOOK._replace(otherwise=(("book", "note"),))
        self.assertEqual(("shelf_id", "note"), looked_up.own(["book"]))
        found = [examples.Book(uuid="b1", shelf_id="s1", title=None)]
        shown = looked_up.shown(DISPLAYS[:2], ["book", "key"], found)
        self.assertEqual([{"book": "here", "key": None}, {"book": None, "key": "b1"}], shown)

    def test_the_kinds_of_what_is_looked_up_are_those_of_the_other_model(self):
        self.assertEqual({"book": examples.Book.fields["title"]}, OF_BOOK.fields_of(["book", "note"]))
