# SPDX-License-Identifier: Apache-2.0
"""What a store does for the drivers that do not know better."""

from tests import base
from tests.contract import examples
from valence.common import bus_errors
from valence.common import errors
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


class PageTest(base.TestCase):
    def test_one_row_more_is_read_to_know_whether_there_are_more(self):
        lists = Lists()
        page = store.Store.page(lists, examples.Shelf, limit=1, fields=["name"], marker="s0")
        self.assertEqual(('[{"name":"a"}]', 1, "s1"), page)
        self.assertEqual([(examples.Shelf, {"limit": 2, "fields": ["name"], "marker": "s0"})], lists.asked)

    def test_a_page_without_a_limit_is_the_last(self):
        page = store.Store.page(Lists(), examples.Shelf, limit=None, fields=["uuid"])
        self.assertEqual(('[{"uuid":"s1"},{"uuid":"s2"}]', 2, None), page)


class AgainTest(base.TestCase):
    """Changes are tried again where another one was committed first."""

    def setUp(self):
        super().setUp()
        self.tried = []

    def failing(self, times, error):
        """Return an attempt that notes its row and raises the error so many times."""

        def attempt(row=None):
            self.tried.append(row)
            if len(self.tried) <= times:
                raise error
            return "done"

        return attempt

    def test_a_change_is_made_again_of_the_row_as_it_is_by_then(self):
        mismatch = errors.RevisionMismatch(kind="book", key="b1")
        self.assertEqual("done", store.change("old", self.failing(2, mismatch), lambda: "new"))
        self.assertEqual(["old", "new", "new"], self.tried)

    def test_the_last_error_is_raised(self):
        mismatch = errors.RevisionMismatch(kind="book", key="b1")
        self.assertRaises(errors.RevisionMismatch, store.again, self.failing(9, mismatch), tries=3)
        self.assertEqual(3, len(self.tried))

    def test_other_errors_are_raised_at_once(self):
        for error in (errors.NotFound(kind="book", key="b1"), bus_errors.TooLate()):
            self.tried = []
            self.assertRaises(type(error), store.again, self.failing(1, error))
            self.assertEqual(1, len(self.tried))

    def test_expected_errors_are_tried_again(self):
        gone = errors.NotFound(kind="book", key="b1")
        expected = (errors.RevisionMismatch, errors.NotFound)
        self.assertEqual("done", store.again(self.failing(1, gone), expected=expected))
