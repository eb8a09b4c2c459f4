# SPDX-License-Identifier: Apache-2.0
"""Commits: all or nothing, compare-and-swap, unique values, references, and what the store sets by itself."""

import uuid

from tests.contract import case
from tests.contract import examples
from valence.common import errors
from valence.db import store
from valence.db import types

LONG_AGO = "2001-01-01T00:00:00Z"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"


class CreateTest(case.ContractCase):
    def test_objects_come_back_in_the_order_of_the_changes(self):
        stored = self.create(
            examples.Entry(text="1"), examples.shelf("a"), examples.Entry(text="2"), examples.shelf("b")
        )
        self.assertEqual(["1", "a", "2", "b"], [getattr(row, "text", None) or row.name for row in stored])

    def test_the_store_sets_moments_and_revision(self):
        before = types.now()
        (created,) = self.create_shelves("a")
        self.assertLessEqual(before, created.created_at)
        self.assertRegex(created.created_at, TIME)
        self.assertEqual((created.created_at, 1), (created.updated_at, created.revision))

    def test_a_copy_of_a_row_keeps_its_moments_and_revision(self):
        (created,) = self.create_shelves("a", created_at=LONG_AGO, updated_at=LONG_AGO, revision=7)
        self.assertEqual((LONG_AGO, LONG_AGO, 7), (created.created_at, created.updated_at, created.revision))
        self.assertEqual(created, self.store.get(examples.Shelf, created.uuid))

    def test_the_given_object_stays_as_it_is(self):
        shelf = examples.shelf("a")
        before = shelf.as_dict()
        self.create(shelf)
        self.assertEqual(before, shelf.as_dict())

    def test_nothing_to_do_is_no_error(self):
        self.assertEqual([], self.store.commit())

    def test_a_taken_key_is_a_duplicate(self):
        (first,) = self.create_shelves("a")
        error = self.assertRaises(errors.Duplicate, self.create_shelves, "b", uuid=first.uuid)
        self.assertEqual({"kind": "shelf", "field": "uuid", "value": first.uuid}, error.kwargs)

    def test_a_taken_unique_value_is_a_duplicate_and_says_which(self):
        self.create_shelves("a", place="here")
        error = self.assertRaises(errors.Duplicate, self.create_shelves, "a")
        self.assertEqual({"kind": "shelf", "field": "name", "value": "a"}, error.kwargs)
        error = self.assertRaises(errors.Duplicate, self.create_shelves, "b", place="here")
        self.assertEqual({"kind": "shelf", "field": "place", "value": "here"}, error.kwargs)

    def test_unique_values_differ_by_case_and_blanks_and_accents(self):
        self.create_shelves("cafe", "Cafe", "café", "cafe ", " cafe", "ﬁ", "fi", "ß", "ss")
        self.assertEqual(9, self.store.count(examples.Shelf))

    def test_many_rows_may_miss_a_unique_value(self):
        self.create_shelves("a", "b", "c", place=None)
        self.assertEqual(3, self.store.count(examples.Shelf))

    def test_a_unique_value_that_is_given_twice_is_a_duplicate(self):
        self.assertRaises(errors.Duplicate, self.create_shelves, "a", "b", "a")
        self.assertEqual(0, self.store.count(examples.Shelf))

    def test_a_reference_to_nothing_is_not_found(self):
        nowhere = str(uuid.uuid4())
        error = self.assertRaises(errors.NotFound, self.create, examples.Book(shelf_id=nowhere))
        self.assertEqual({"kind": "shelf", "key": nowhere}, error.kwargs)

    def test_what_is_referred_to_may_be_created_along_in_any_order(self):
        shelf = examples.shelf("a")
        book = examples.Book(shelf_id=shelf.uuid)
        self.create(examples.Page(book_id=book.uuid), book, examples.Sticker(uuid=shelf.uuid), shelf)
        self.assertEqual(1, self.store.count(examples.Page))

    def test_a_reference_may_be_missing(self):
        (book,) = self.create(examples.Book(title="lost"))
        self.assertIsNone(self.store.get(examples.Book, book.uuid).shelf_id)


class RequireTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        (self.shelf,) = self.create_shelves("a")

    def note(self, *required):
        """Store a row that names shelves without a reference, and requires them."""
        return self.store.commit(
            store.Create(examples.Entry(text="about a shelf")), *map(store.Require, required)
        )

    def test_what_is_there_lets_the_commit_pass_and_stays_as_it_is(self):
        stored, nothing = self.note(self.shelf)
        self.assertEqual(("about a shelf", None), (stored.text, nothing))
        self.assertEqual(self.shelf, self.store.get(examples.Shelf, self.shelf.uuid))

    def test_it_does_not_matter_in_which_state_it_is(self):
        self.store.commit(store.Update(self.shelf, {"colour": "red"}))
        self.note(self.shelf)
        self.assertEqual(1, self.store.count(examples.Entry))

    def test_without_it_nothing_is_stored(self):
        self.store.commit(store.Delete(self.shelf))
        error = self.assertRaises(errors.NotFound, self.note, self.shelf)
        self.assertEqual({"kind": "shelf", "key": self.shelf.uuid}, error.kwargs)
        self.assertEqual(0, self.store.count(examples.Entry))

    def test_one_of_several_that_is_missing_is_named(self):
        (other,) = self.create_shelves("b")
        self.store.commit(store.Delete(other))
        error = self.assertRaises(errors.NotFound, self.note, self.shelf, other)
        self.assertEqual(other.uuid, error.kwargs["key"])

    def test_an_update_may_require_too(self):
        (entry, *_) = self.note()
        self.store.commit(store.Update(entry, {"text": "new"}), store.Require(self.shelf))
        self.store.commit(store.Delete(self.shelf))
        self.assertRaises(
            errors.NotFound,
            self.store.commit,
            store.Update(entry, {"text": "newer"}),
            store.Require(self.shelf),
        )
        self.assertEqual(["new"], [each.text for each in self.store.list(examples.Entry)])

    def test_after_a_removal_that_took_place_meanwhile_nothing_is_stored(self):
        for number in range(5):
            (shelf,) = self.create_shelves(f"contended-{number}")
            other = self.connect()
            removed, stored = case.together(
                lambda other=other, shelf=shelf: other.commit(store.Delete(shelf)),
                lambda shelf=shelf: self.store.commit(
                    store.Create(examples.Book(title=shelf.uuid)), store.Require(shelf)
                ),
            )
            self.assertEqual([None], removed)
            # It came before the removal, which is seen by whoever looks after it, or was refused.
            found = self.store.list(examples.Book, filters=[store.Filter("title", "eq", shelf.uuid)])
            self.assertEqual(0 if isinstance(stored, errors.NotFound) else 1, len(found))


class UpdateTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.create_shelves("one", "two", created_at=LONG_AGO, updated_at=LONG_AGO)

    def update(self, obj, touch=True, **values):
        return self.store.commit(store.Update(obj, values, touch=touch))[0]

    def test_an_update_changes_its_fields_and_counts(self):
        changed = self.update(self.one, colour="red")
        self.assertEqual(self.one.replace(colour="red", revision=2, updated_at=changed.updated_at), changed)
        self.assertGreater(changed.updated_at, LONG_AGO)
        self.assertEqual(changed, self.store.get(examples.Shelf, self.one.uuid))

    def test_an_update_without_touch_leaves_revision_and_moment(self):
        changed = self.update(self.one, touch=False, weight=3)
        self.assertEqual(self.one.replace(weight=3), changed)
        self.assertEqual(changed, self.store.get(examples.Shelf, self.one.uuid))

    def test_an_update_of_nothing_counts_as_well(self):
        self.assertEqual(2, self.update(self.one).revision)
        self.assertEqual(self.two, self.update(self.two, touch=False))

    def test_an_update_to_the_same_value_finds_its_row(self):
        self.assertEqual(self.one, self.update(self.one, touch=False, name="one"))

    def test_an_update_of_an_older_state_is_refused(self):
        self.update(self.one, colour="red")
        error = self.assertRaises(errors.RevisionMismatch, self.update, self.one, colour="blue")
        self.assertEqual({"kind": "shelf", "key": self.one.uuid}, error.kwargs)
        self.assertRaises(errors.RevisionMismatch, self.update, self.one, touch=False, weight=1)
        self.assertEqual("red", self.store.get(examples.Shelf, self.one.uuid).colour)

    def test_an_update_of_what_is_gone_is_not_found(self):
        self.store.commit(store.Delete(self.one))
        error = self.assertRaises(errors.NotFound, self.update, self.one, colour="blue")
        self.assertEqual({"kind": "shelf", "key": self.one.uuid}, error.kwargs)
        self.assertRaises(errors.NotFound, self.update, examples.Book(), title="x")

    def test_a_model_without_revision_is_changed_whatever_it_was(self):
        (book,) = self.create(examples.Book(title="a"))
        self.update(book, title="b")
        self.update(book, title="c")
        self.assertEqual("c", self.store.get(examples.Book, book.uuid).title)

    def test_a_taken_unique_value_is_a_duplicate(self):
        error = self.assertRaises(errors.Duplicate, self.update, self.one, name="two")
        self.assertEqual({"kind": "shelf", "field": "name", "value": "two"}, error.kwargs)

    def test_a_reference_to_nothing_is_not_found(self):
        (book,) = self.create(examples.Book(shelf_id=self.one.uuid))
        error = self.assertRaises(errors.NotFound, self.update, book, shelf_id="nowhere")
        self.assertEqual({"kind": "shelf", "key": "nowhere"}, error.kwargs)

    def test_a_reference_may_be_to_what_is_created_along(self):
        (book,) = self.create(examples.Book(shelf_id=self.one.uuid))
        new = examples.shelf("new")
        self.store.commit(store.Update(book, {"shelf_id": new.uuid}), store.Create(new))
        self.assertEqual(new.uuid, self.store.get(examples.Book, book.uuid).shelf_id)

    def test_a_secret_and_a_document_change(self):
        changed = self.update(self.one, code="new", labels=["x"], extra={"a": [1]})
        self.assertEqual(changed, self.store.get(examples.Shelf, self.one.uuid))
        self.assertEqual(("new", ["x"], {"a": [1]}), (changed.code, changed.labels, changed.extra))

    def test_one_of_many_that_is_older_refuses_all(self):
        rows = self.create_shelves(*map(str, range(30)))
        self.update(rows[17], colour="red")
        error = self.assertRaises(
            errors.RevisionMismatch, self.store.commit, *(store.Update(row, {"weight": 1}) for row in rows)
        )
        self.assertEqual(rows[17].uuid, error.kwargs["key"])
        self.assertEqual(0, self.store.count(examples.Shelf, filters=[store.Filter("weight", "eq", 1)]))


class DeleteTest(case.ContractCase):
    def test_a_deleted_object_is_gone_and_gives_none(self):
        (shelf,) = self.create_shelves("a")
        self.assertEqual([None], self.store.commit(store.Delete(shelf)))
        self.assertRaises(errors.NotFound, self.store.get, examples.Shelf, shelf.uuid)

    def test_a_deleted_object_cannot_be_deleted_again(self):
        (shelf,) = self.create_shelves("a")
        self.store.commit(store.Delete(shelf))
        error = self.assertRaises(errors.NotFound, self.store.commit, store.Delete(shelf))
        self.assertEqual({"kind": "shelf", "key": shelf.uuid}, error.kwargs)

    def test_an_older_state_is_not_deleted(self):
        (shelf,) = self.create_shelves("a")
        self.store.commit(store.Update(shelf, {"colour": "red"}))
        self.assertRaises(errors.RevisionMismatch, self.store.commit, store.Delete(shelf))
        self.assertEqual(1, self.store.count(examples.Shelf))

    def test_what_is_referred_to_is_in_use(self):
        (shelf,) = self.create_shelves("a")
        (book,) = self.create(examples.Book(shelf_id=shelf.uuid))
        error = self.assertRaises(errors.InUse, self.store.commit, store.Delete(shelf))
        self.assertEqual(("shelf", shelf.uuid), (error.kwargs["kind"], error.kwargs["key"]))
        self.assertIn(book.uuid, error.kwargs["reason"])

    def test_what_refers_by_cascade_goes_along(self):
        (shelf,) = self.create_shelves("a")
        (book,) = self.create(examples.Book(shelf_id=shelf.uuid))
        self.create(*(examples.Page(book_id=book.uuid) for _ in range(5)), examples.Sticker(uuid=shelf.uuid))
        self.store.commit(store.Delete(book))
        self.assertEqual(0, self.store.count(examples.Page))
        self.store.commit(store.Delete(shelf))
        self.assertEqual(0, self.store.count(examples.Sticker))

    def test_a_reference_that_is_cleared_leaves_its_row(self):
        (shelf,) = self.create_shelves("a")
        (book,) = self.create(examples.Book(shelf_id=shelf.uuid))
        posters = self.create(*(examples.Poster(shelf_id=shelf.uuid) for _ in range(2)))
        places = {"shelf_id": shelf.uuid, "book_id": book.uuid}
        shown = self.create(
            *(
                examples.Display(poster_id=each.uuid, place=number, **places)
                for number, each in enumerate(posters)
            )
        )
        self.store.commit(store.Delete(posters[0]))
        found = self.store.list(examples.Display, sort=[store.Sort("place")])
        self.assertEqual([None, posters[1].uuid], [each.poster_id for each in found])
        mine = [store.Filter("poster_id", "eq", None)]
        self.assertEqual(
            [shown[0].uuid], [each.uuid for each in self.store.list(examples.Display, filters=mine)]
        )
        # Rows that go in the same commit, by cascade here, are not cleared but removed.
        self.store.commit(store.Delete(book), store.Delete(posters[1]))
        self.assertEqual(0, self.store.count(examples.Display))

    def test_what_is_referred_to_may_go_along_with_what_refers_in_any_order(self):
        (shelf,) = self.create_shelves("a")
        (book,) = self.create(examples.Book(shelf_id=shelf.uuid))
        self.store.commit(store.Delete(shelf), store.Delete(book))
        self.assertEqual(0, self.store.count(examples.Book))

    def test_thousands_go_in_one_commit(self):
        rows = self.create(*(examples.Book(title=str(number)) for number in range(2500)))
        self.store.commit(*map(store.Delete, rows))
        self.assertEqual(0, self.store.count(examples.Book))


class TogetherTest(case.ContractCase):
    def test_a_refused_change_refuses_all(self):
        one, two = self.create_shelves("one", "two")
        changes = [
            store.Update(one, {"colour": "red"}),
            store.Delete(two),
            store.Create(examples.Entry(text="x")),
            store.Create(examples.shelf("one")),
        ]
        self.assertRaises(errors.Duplicate, self.store.commit, *changes)
        self.assertEqual([one, two], sorted(self.store.list(examples.Shelf), key=lambda row: row.name))
        self.assertEqual(0, self.store.count(examples.Entry))

    def test_a_unique_value_is_free_in_the_commit_that_gives_it_up(self):
        one, two = self.create_shelves("one", "two")
        self.store.commit(
            store.Create(examples.shelf("one")),
            store.Update(two, {"name": "one and a half"}),
            store.Create(examples.shelf("two")),
            store.Delete(one),
        )
        self.assertEqual(["one", "one and a half", "two"], self.names(sort=[store.Sort("name")]))

    def test_unique_values_may_be_handed_on_and_swapped_in_one_commit(self):
        rows = self.create(*(examples.shelf(name, place=f"place {name}") for name in "abcd"))
        for names in ("bcde", "edcb"):
            changes = [
                store.Update(
                    row, {"name": name, "place": f"place {name}"} | ({"weight": 1} if name in "cd" else {})
                )
                for row, name in zip(rows, names, strict=True)
            ]
            rows = self.store.commit(*changes)
            self.assertEqual([*names], [self.store.get(examples.Shelf, row.uuid).name for row in rows])
        first, second, *_ = rows
        refused = [store.Update(first, {"name": second.name}), store.Update(second, {"name": rows[2].name})]
        self.assertRaises(errors.Duplicate, self.store.commit, *refused)
        self.assertEqual("bcde", "".join(sorted(self.names())))

    def test_an_object_is_in_one_change_only(self):
        (shelf,) = self.create_shelves("a")
        twice = [store.Update(shelf, {"colour": "red"}), store.Update(shelf, {"weight": 1})]
        self.assertRaises(ValueError, self.store.commit, *twice)

    def test_five_hundred_mixed_changes(self):
        shelves = self.create_shelves(*map(str, range(200)))
        books = self.create(*(examples.Book(shelf_id=row.uuid, title="t") for row in shelves[:100]))
        changes = []
        for number, (shelf, book) in enumerate(zip(shelves[:100], books, strict=True)):
            changes.append(
                store.Update(shelf, {"weight": number} if number % 2 else {"colour": "red", "tall": True})
            )
            changes.append(store.Delete(book))
            changes.append(store.Create(examples.Book(shelf_id=shelf.uuid, title=f"new {number}")))
            changes.append(store.Create(examples.Entry(text=str(number))))
            changes.append(store.Delete(shelves[100 + number]))
        stored = self.store.commit(*changes)
        self.assertEqual(["1", "2", "3"], [row.text for row in stored[8:20:5]])
        self.assertEqual(100, self.store.count(examples.Shelf, filters=[store.Filter("revision", "eq", 2)]))
        self.assertEqual(100, self.store.count(examples.Book, filters=[store.Filter("title", "neq", "t")]))
        entries = self.store.list(examples.Entry, sort=[store.Sort("sequence")])
        self.assertEqual([str(number) for number in range(100)], [row.text for row in entries])


class SequenceTest(case.ContractCase):
    def numbers(self):
        return [row.sequence for row in self.store.list(examples.Entry, sort=[store.Sort("sequence")])]

    def test_numbers_follow_the_order_of_the_changes(self):
        first = self.create(*(examples.Entry(text=str(number)) for number in range(5)))
        second = self.create(examples.Entry(), examples.shelf("a"), examples.Entry())
        start = first[0].sequence
        self.assertEqual(list(range(start, start + 5)), [row.sequence for row in first])
        self.assertEqual([start + 5, start + 6], [second[0].sequence, second[2].sequence])
        self.assertEqual(list(range(start, start + 7)), self.numbers())

    def test_a_refused_commit_leaves_no_gap(self):
        self.create_shelves("a")
        (first,) = self.create(examples.Entry())
        self.assertRaises(errors.Duplicate, self.create, examples.Entry(), examples.shelf("a"))
        (second,) = self.create(examples.Entry())
        self.assertEqual(first.sequence + 1, second.sequence)

    def test_numbers_grow_on_after_rows_were_removed(self):
        (first,) = self.create(examples.Entry())
        self.store.commit(store.Delete(first))
        (second,) = self.connect().commit(store.Create(examples.Entry()))
        self.assertEqual(first.sequence + 1, second.sequence)
