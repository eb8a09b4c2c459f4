# SPDX-License-Identifier: Apache-2.0
"""Pages as clients get them hold what lists do, whoever makes their JSON."""

import json

from tests.contract import case
from tests.contract import examples
from tests.contract import test_texts
from valence.common import errors
from valence.db import models
from valence.db import store

SHELF = examples.Shelf.public_fields()
#: the shelf that has the name of a counter
OF_SHELF = models.LookedUp(
    examples.ShelfWithSticker,
    by=("name",),
    fields=(("shelf", "uuid"), ("tall", "tall"), ("extra", "extra"), ("motif", "motif")),
)


class PageTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.shelves = self.create(*(examples.shelf(name) for name in "abc"))

    def page(self, model=examples.Shelf, fields=SHELF, limit=None, **query):
        self.store.ping()  # a connection tells which database it is
        text, length, following = self.store.page(model, limit=limit, fields=fields, **query)
        rows = json.loads(text)
        self.assertEqual(len(rows), length)
        return rows, following

    def check(self, model, names):
        """Check that a page shows all rows as a list does."""
        listed = [row.public(names) for row in self.store.list(model, fields=names)]
        rows, _ = self.page(model, names)
        for wanted, row in zip(listed, rows, strict=True):
            self.assertEqual({name: (type(wanted[name]), wanted[name]) for name in names}, typed(row))

    def test_pages_follow_each_other(self):
        sort = [store.Sort("name")]
        rows, marker = self.page(limit=2, sort=sort)
        self.assertEqual((["a", "b"], self.shelves[1].uuid), ([row["name"] for row in rows], marker))
        rows, marker = self.page(limit=2, sort=sort, marker=marker)
        self.assertEqual((["c"], None), ([row["name"] for row in rows], marker))

    def test_a_page_may_be_empty(self):
        self.assertEqual(([], None), self.page(filters=[store.Filter("name", "eq", "none")], limit=1))

    def test_a_page_that_ends_with_the_last_row_has_no_next(self):
        self.assertIsNone(self.page(limit=3)[1])

    def test_each_value_is_what_a_list_returns(self):
        texts = test_texts.VALUES
        for number, word in enumerate(test_texts.WORDS):
            numbers = {name: texts[name][number % len(texts[name])] for name in ("weight", "checked_at")}
            values = {"place": f"{word}{number}", "story": word, "tall": bool(number % 2)}
            labels = {"labels": [word], "extra": {word: None, "n": [0.1, 2.50, 1e308]}}
            self.create(examples.shelf(f"{number}", colour=word, **values, **labels, **numbers))
        self.check(examples.Shelf, SHELF)

    def test_a_document_may_be_nested_deeper_than_a_database_reads(self):
        nested = []
        for _ in range(60):
            nested = [nested]
        self.create(examples.shelf("deep", extra={"nested": nested}))
        self.check(examples.Shelf, SHELF)

    def test_only_some_fields_may_be_shown(self):
        for names in (["extra"], ["labels", "extra"], ["tall"], ["checked_at", "labels"], ["name", "uuid"]):
            self.check(examples.Shelf, names)
        first, marker = self.page(fields=["name"], limit=2, sort=[store.Sort("name")])
        self.assertEqual(([{"name": "a"}, {"name": "b"}], self.shelves[1].uuid), (first, marker))

    def test_a_joined_row_may_be_missing(self):
        self.create(examples.Sticker(uuid=self.shelves[0].uuid, motif="cat", stars=3))
        self.check(examples.ShelfWithSticker, examples.ShelfWithSticker.public_fields())
        rows, _ = self.page(examples.ShelfWithSticker, ["motif"], filters=[store.Filter("stars", "gt", 1)])
        self.assertEqual([{"motif": "cat"}], rows)

    def test_a_marker_may_be_gone(self):
        sort = [store.Sort("name")]
        self.assertRaises(errors.BadRequest, self.page, marker="gone", sort=sort)

    def test_a_page_has_fields_that_are_looked_up(self):
        shelf = self.shelves[0]
        self.create(examples.Sticker(uuid=shelf.uuid, motif="cat"))
        self.create(*(examples.Counter(name=name, value=3) for name in ("a", "b", "x")))
        names = ["value", "shelf", "tall", "extra", "motif"]
        rows, marker = self.page(examples.Counter, names, limit=2, looked_up=OF_SHELF)
        of_a = {"value": 3, "shelf": shelf.uuid, "tall": False, "extra": None, "motif": "cat"}
        of_b = of_a | {"shelf": self.shelves[1].uuid, "motif": None}
        self.assertEqual([typed(of_a), typed(of_b)], list(map(typed, rows)))
        self.assertEqual("b", marker)
        rows, _ = self.page(examples.Counter, names, looked_up=OF_SHELF, marker="b")
        self.assertEqual([{"value": 3} | dict.fromkeys(names[1:])], rows)

    def test_a_row_has_a_field_of_its_own_in_place_of_one_that_is_not_found(self):
        self.create(*(examples.Counter(name=name, value=3) for name in ("a", "x")))
        otherwise = models.LookedUp(
            examples.ShelfWithSticker,
            by=("name",),
            fields=(("weight", "weight"), ("stars", "stars")),
            otherwise=(("weight", "value"), ("stars", "value")),
        )
        rows, _ = self.page(examples.Counter, ["name", "weight", "stars"], looked_up=otherwise)
        wanted = [{"name": "a", "weight": 0, "stars": None}, {"name": "x", "weight": 3, "stars": 3}]
        self.assertEqual(wanted, rows)
        rows, _ = self.page(examples.Counter, ["stars"], looked_up=otherwise)
        self.assertEqual([{"stars": None}, {"stars": 3}], rows)

    def test_nothing_is_looked_up_that_is_not_shown(self):
        self.create(examples.Counter(name="a"))
        self.assertEqual(([{"value": 0}], None), self.page(examples.Counter, ["value"], looked_up=OF_SHELF))


def typed(row):
    """Return the values of a row with their types: in Python, True is 1."""
    return {name: (type(value), value) for name, value in row.items()}
