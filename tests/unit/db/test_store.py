# SPDX-License-Identifier: Apache-2.0
"""What a store does for the drivers that do not know better."""

from tests import base
from tests.contract import examples
from valence.db import store

SHELVES = [examples.Shelf(uuid="s1", name="a"), examples.Shelf(uuid="s2", name="b")]
BOOKS = [examples.Book(uuid="b1", title="Emma")]
DISPLAYS = [
    examples.Display(uuid="d1", shelf_id="s1", book_id="b2", note="gone"),
    examples.Display(uuid="d2", shelf_id="s1", book_id="b1", note="here"),
]


class Lists:
    """Answers every list with all rows of its model, and notes what was asked."""

    def __init__(self, shelves=SHELVES, displays=DISPLAYS):
        self._rows = {examples.Shelf: shelves, examples.Display: displays, examples.Book: BOOKS}
        self.asked = []

    def list(self, model, **asked):
        self.asked.append((model, asked))
        return self._rows[model]


class AttachedTest(base.TestCase):
    def test_what_was_removed_between_two_lists_is_left_out(self):
        ((shelf, attached), (_, nothing)) = store.Store.list_with(Lists(), examples.DISPLAYED, examples.Shelf)
        self.assertEqual("a", shelf.name)
        self.assertEqual([("here", "Emma")], [(row.note, book.title) for row, book in attached])
        self.assertEqual([], nothing)

    def test_only_what_is_there_is_looked_for(self):
        lists = Lists(shelves=[])
        self.assertEqual([], store.Store.list_with(lists, examples.DISPLAYED, examples.Shelf, limit=5))
        self.assertEqual([(examples.Shelf, {"limit": 5})], lists.asked)
        lists = Lists(displays=[])
        store.Store.list_with(lists, examples.DISPLAYED, examples.Shelf)
        self.assertEqual([examples.Shelf, examples.Display], [model for model, _ in lists.asked])

    def test_each_list_is_one_question(self):
        lists = Lists()
        store.Store.list_with(lists, examples.DISPLAYED, examples.Shelf)
        self.assertEqual(
            [examples.Shelf, examples.Display, examples.Book], [model for model, _ in lists.asked]
        )
        self.assertEqual([store.Filter("shelf_id", "in", ["s1", "s2"])], lists.asked[1][1]["filters"])
