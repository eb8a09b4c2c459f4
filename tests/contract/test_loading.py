# SPDX-License-Identifier: Apache-2.0
"""Loading: rows of another store arrive as they are, and can be worked with."""

from tests.contract import case
from tests.contract import examples
from valence.common import errors
from valence.db import store

AT = "2020-02-29T12:00:00Z"


def shelf(name, **values):
    return examples.shelf(name, created_at=AT, updated_at=AT, **values)


def entries(*numbers):
    return [examples.Entry(uuid=f"{number:036}", sequence=number, created_at=AT) for number in numbers]


class LoadingTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.database.restart_sequences()

    def test_moments_and_revisions_are_kept(self):
        row = shelf("a", revision=9, code="sesame", labels=["x"])
        self.store.load(examples.Shelf, [row])
        self.assertEqual(row, self.store.get(examples.Shelf, row.uuid))

    def test_numbers_are_kept_and_the_next_one_follows_the_last(self):
        self.store.load(examples.Entry, entries(3, 7), last_number=11)
        self.assertEqual([3, 7], [row.sequence for row in self.store.list(examples.Entry)])
        self.assertEqual(11, self.store.last_number(examples.Entry))
        (created,) = self.create(examples.Entry())
        self.assertEqual(12, created.sequence)

    def test_a_model_without_rows_has_a_last_number(self):
        self.assertEqual(0, self.store.last_number(examples.Entry))
        self.create(examples.Entry(), examples.Entry())
        self.store.commit(*map(store.Delete, self.store.list(examples.Entry)))
        self.assertEqual(2, self.store.last_number(examples.Entry))
        self.assertEqual(0, self.store.last_number(examples.Shelf))

    def test_a_load_can_be_repeated(self):
        for rows in (entries(1, 2), entries(1, 2, 3), []):
            self.store.load(examples.Entry, rows)
        self.assertEqual(entries(1, 2, 3), self.store.list(examples.Entry))

    def test_loaded_rows_are_found_by_every_field(self):
        shelves = [shelf(str(number), weight=number % 5) for number in range(1200)]
        self.store.load(examples.Shelf, shelves)
        self.assertEqual(1200, self.store.count(examples.Shelf))
        found = self.store.list(examples.Shelf, filters=[store.Filter("weight", "eq", 3)])
        self.assertEqual({row.uuid for row in shelves if row.weight == 3}, {row.uuid for row in found})
        (found,) = self.store.list(examples.Shelf, filters=[store.Filter("name", "eq", "77")])
        self.assertEqual(shelves[77].uuid, found.uuid)

    def test_loaded_rows_keep_the_rules(self):
        whole = shelf("a")
        book, sticker = examples.Book(shelf_id=whole.uuid), examples.Sticker(uuid=whole.uuid)
        for row in (whole, book, sticker):
            self.store.load(type(row), [row])
        self.assertRaises(errors.Duplicate, self.create_shelves, "a")
        self.assertRaises(errors.InUse, self.store.commit, store.Delete(whole))
        self.assertRaises(
            errors.RevisionMismatch, self.store.commit, store.Update(whole.replace(revision=4), {"weight": 1})
        )
        (changed,) = self.store.commit(store.Update(whole, {"name": "b"}))
        self.create_shelves("a")
        self.store.commit(store.Delete(book), store.Delete(changed))
        self.assertEqual(0, self.store.count(examples.Sticker))
