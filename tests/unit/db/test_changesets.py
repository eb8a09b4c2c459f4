# SPDX-License-Identifier: Apache-2.0
"""The order in which a commit writes: alike for all commits, so that two of them do not wait for each other."""

from tests import base
from tests.contract import examples
from valence.db import changesets
from valence.db import store

KEYS = [f"{number}0000000-0000-4000-8000-000000000000" for number in (3, 1, 2)]


def shelves():
    return [examples.Shelf(uuid=key, name=key) for key in KEYS]


def groups(*given):
    return list(changesets.Changes(given))


class OrderTest(base.TestCase):
    def test_rows_are_written_in_the_order_of_their_keys(self):
        for make in (
            store.Require,
            store.Delete,
            store.Create,
            lambda shelf: store.Update(shelf, {"weight": 1}),
        ):
            [group] = groups(*map(make, shelves()))
            self.assertEqual(sorted(KEYS), [shelf.uuid for shelf in group.objects])

    def test_rows_that_get_a_number_keep_the_order_of_the_changes(self):
        [group] = groups(*(store.Create(examples.Entry(uuid=key)) for key in KEYS))
        self.assertEqual(KEYS, [entry.uuid for entry in group.objects])

    def test_what_gets_a_number_is_written_last(self):
        """Its counter is locked from then on until the commit ends."""
        first, second, third = shelves()
        book = examples.Book(uuid=KEYS[0])
        written = groups(
            store.Create(examples.Entry()),
            store.Create(first),
            store.Update(book, {"shelf_id": first.uuid}),
            store.Update(second, {"weight": 1}),
            store.Delete(third),
            store.Require(examples.Counter(name="a")),
        )
        self.assertEqual(
            ["counter", "shelf", "shelf", "shelf", "book", "entry"], [group.model.kind for group in written]
        )
        kinds = [store.Require, store.Delete, store.Update, store.Create, store.Update, store.Create]
        self.assertEqual(kinds, [group.kind for group in written])
