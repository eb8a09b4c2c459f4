# SPDX-License-Identifier: Apache-2.0
"""Reading: get, list with filters, sorts and pages, count."""

import itertools
import uuid

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store

F, S = store.Filter, store.Sort


class GetTest(case.ContractCase):
    def test_get_returns_what_was_created(self):
        (created,) = self.create_shelves("a")
        self.assertEqual(created, self.store.get(examples.Shelf, created.uuid))

    def test_get_names_what_is_missing(self):
        error = self.assertRaises(errors.NotFound, self.store.get, examples.Shelf, "nowhere")
        self.assertEqual({"kind": "shelf", "key": "nowhere"}, error.kwargs)

    def test_get_finds_no_key_in_another_case(self):
        (created,) = self.create(examples.Counter(name="Total"))
        self.assertRaises(errors.NotFound, self.store.get, examples.Counter, "total")
        self.assertRaises(errors.NotFound, self.store.get, examples.Counter, "Total ")
        self.assertEqual(created, self.store.get(examples.Counter, "Total"))

    def test_get_takes_a_key_that_is_longer_than_any(self):
        self.assertRaises(errors.NotFound, self.store.get, examples.Shelf, "x" * 5000)

    def test_get_refuses_a_key_that_no_database_can_store(self):
        self.assertRaises(errors.BadRequest, self.store.get, examples.Shelf, "a\0b")

    def test_get_joins_rows_of_the_same_key(self):
        with_one, without = self.create_shelves("a", "b")
        self.create(examples.Sticker(uuid=with_one.uuid, motif="cat", stars=3))
        found = self.store.get(examples.ShelfWithSticker, with_one.uuid)
        self.assertEqual(("a", "cat", 3), (found.name, found.motif, found.stars))
        found = self.store.get(examples.ShelfWithSticker, without.uuid)
        self.assertEqual(("b", None), (found.name, found.motif))


class FilterTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.create(
            examples.shelf("a", colour="red", weight=1, checked_at="2026-01-01T00:00:00Z"),
            examples.shelf("b", colour="Red", weight=2, tall=True, checked_at="2026-01-02T00:00:00Z"),
            examples.shelf("c", weight=3, size="large"),
            examples.shelf("d", colour="blue", weight=-4),
        )

    def filtered(self, *filters, model=examples.Shelf):
        found = self.names(model, filters=filters, sort=[S("name")])
        self.assertEqual(len(found), self.store.count(model, filters=filters))
        return "".join(found)

    def test_no_filter_takes_everything(self):
        self.assertEqual("abcd", self.filtered())

    def test_eq_compares_case(self):
        self.assertEqual("a", self.filtered(F("colour", "eq", "red")))

    def test_eq_compares_trailing_blanks(self):
        self.assertEqual("", self.filtered(F("colour", "eq", "red ")))

    def test_long_texts_compare_by_code_points_too(self):
        stories = ("abc", "ABC", "äbc", "abc ", "ABD", "😀")
        self.create(*(examples.shelf(f"s{number}", story=story) for number, story in enumerate(stories)))
        for number, story in enumerate(stories):
            self.assertEqual(f"s{number}", self.filtered(F("story", "eq", story)))
        found = self.store.list(examples.Shelf, filters=[F("story", "gt", "")], sort=[S("story")])
        self.assertEqual(sorted(stories), [row.story for row in found])

    def test_eq_none_finds_what_is_missing(self):
        self.assertEqual("c", self.filtered(F("colour", "eq", None)))

    def test_neq_finds_what_is_missing_too(self):
        self.assertEqual("bcd", self.filtered(F("colour", "neq", "red")))

    def test_neq_none_finds_every_value(self):
        self.assertEqual("abd", self.filtered(F("colour", "neq", None)))

    def test_in_takes_any_of_its_values(self):
        self.assertEqual("ad", self.filtered(F("colour", "in", ["red", "blue", "green"])))

    def test_in_takes_none_among_its_values(self):
        self.assertEqual("ac", self.filtered(F("colour", "in", ["red", None])))
        self.assertEqual("c", self.filtered(F("colour", "in", [None])))

    def test_in_nothing_finds_nothing(self):
        self.assertEqual("", self.filtered(F("colour", "in", [])))

    def test_in_takes_a_thousand_values(self):
        values = [f"no colour {number}" for number in range(999)]
        self.assertEqual("d", self.filtered(F("colour", "in", [*values, "blue"])))

    def test_begins_takes_texts_that_begin_with_any_of_its_values(self):
        self.assertEqual("ab", self.filtered(F("colour", "begins", ["re", "Re", "red"])))
        self.assertEqual("a", self.filtered(F("colour", "begins", ["red"]), F("weight", "gt", 0)))
        self.assertEqual("", self.filtered(F("colour", "begins", [])))

    def test_begins_takes_a_thousand_values(self):
        values = [f"no colour {number}" for number in range(999)]
        self.assertEqual("d", self.filtered(F("colour", "begins", [*values, "blu"])))

    def test_begins_refuses_what_no_text_begins_with(self):
        for name, text in (("colour", ""), ("colour", "\U0010ffff"), ("colour", "\0"), ("weight", "1")):
            self.assertRaises(errors.BadRequest, self.filtered, F(name, "begins", [text]))

    def test_comparisons_of_numbers(self):
        self.assertEqual("bc", self.filtered(F("weight", "gt", 1)))
        self.assertEqual("abc", self.filtered(F("weight", "gte", 1)))
        self.assertEqual("d", self.filtered(F("weight", "lt", 1)))
        self.assertEqual("ad", self.filtered(F("weight", "lte", 1)))

    def test_comparisons_of_texts_are_by_code_points(self):
        self.assertEqual("ad", self.filtered(F("colour", "gt", "Z")))
        self.assertEqual("b", self.filtered(F("colour", "lt", "a")))

    def test_comparisons_of_moments(self):
        self.assertEqual("b", self.filtered(F("checked_at", "gt", "2026-01-01T00:00:00Z")))
        self.assertEqual("a", self.filtered(F("checked_at", "lte", "2026-01-01T23:59:59Z")))

    def test_what_is_missing_is_neither_greater_nor_less(self):
        self.assertEqual("abd", self.filtered(F("colour", "gte", "")))
        for op in ("gt", "gte", "lt", "lte"):
            self.assertEqual("", self.filtered(F("colour", op, None)), op)

    def test_truth(self):
        self.assertEqual("b", self.filtered(F("tall", "eq", True)))
        self.assertEqual("acd", self.filtered(F("tall", "neq", True)))

    def test_several_filters_must_all_hold(self):
        self.assertEqual(
            "a", self.filtered(F("weight", "gt", 0), F("weight", "lt", 2), F("size", "eq", "small"))
        )

    def test_filters_reach_what_is_joined(self):
        shelves = self.store.list(examples.Shelf, sort=[S("name")])
        self.create(
            *(examples.Sticker(uuid=row.uuid, motif=f"cat {row.name}", stars=2) for row in shelves[:2])
        )
        joined = examples.ShelfWithSticker
        self.assertEqual("b", self.filtered(F("motif", "eq", "cat b"), model=joined))
        self.assertEqual("acd", self.filtered(F("motif", "neq", "cat b"), model=joined))
        self.assertEqual("cd", self.filtered(F("motif", "eq", None), model=joined))
        self.assertEqual("ab", self.filtered(F("stars", "gte", 2), model=joined))

    def test_wrong_values_are_refused(self):
        wrong = [
            ("weight", "1"),
            ("weight", True),
            ("weight", 2**70),
            ("tall", 1),
            ("colour", 5),
            ("checked_at", "today"),
        ]
        for name, value in wrong:
            self.assertRaises(errors.BadRequest, self.filtered, F(name, "eq", value))

    def test_unknown_and_uncomparable_fields_are_refused(self):
        for name in ("nothing", "labels", "code"):
            self.assertRaises(errors.BadRequest, self.filtered, F(name, "eq", "x"))
            self.assertRaises(errors.BadRequest, self.names, sort=[S(name)])

    def test_unknown_operators_are_refused(self):
        self.assertRaises(errors.BadRequest, self.filtered, F("name", "like", "x"))


class SortTest(case.ContractCase):
    def sorted(self, *sorts, model=examples.Shelf):
        return self.names(model, sort=[S(*each) for each in sorts])

    def test_without_a_sort_keys_decide(self):
        rows = self.create_shelves(*"abcdefgh")
        expected = sorted(row.uuid for row in rows)
        self.assertEqual(expected, [row.uuid for row in self.store.list(examples.Shelf)])

    def test_texts_sort_by_code_points(self):
        names = ["", " ", "A", "B", "Z", "_", "a", "a ", "aa", "b", "ä", "é", "日本", "\uffff", "😀"]
        self.create_shelves(*reversed(names))
        self.assertEqual(names, self.sorted(("name",)))
        self.assertEqual(names[::-1], self.sorted(("name", True)))

    def test_what_is_missing_comes_first_and_last_when_descending(self):
        self.create(
            examples.shelf("a", colour="red"), examples.shelf("b"), examples.shelf("c", colour="blue")
        )
        self.assertEqual(["b", "c", "a"], self.sorted(("colour",)))
        self.assertEqual(["a", "c", "b"], self.sorted(("colour", True)))

    def test_directions_mix(self):
        self.create(
            *(examples.shelf(f"{w}{c}", weight=w, colour=c) for w, c in itertools.product((1, 2), "xy"))
        )
        self.assertEqual(["1y", "1x", "2y", "2x"], self.sorted(("weight",), ("colour", True)))
        self.assertEqual(["2x", "2y", "1x", "1y"], self.sorted(("weight", True), ("colour",)))

    def test_equal_rows_come_in_the_order_of_their_keys_in_the_last_direction(self):
        keys = sorted(row.uuid for row in self.create_shelves(*"abcdef"))
        rows = self.store.list(examples.Shelf, sort=[S("weight")])
        self.assertEqual(keys, [row.uuid for row in rows])
        rows = self.store.list(examples.Shelf, sort=[S("weight"), S("colour", True)])
        self.assertEqual(keys[::-1], [row.uuid for row in rows])

    def test_sorts_reach_what_is_joined(self):
        first, second, _ = self.create_shelves("a", "b", "c")
        self.create(
            examples.Sticker(uuid=first.uuid, motif="y"), examples.Sticker(uuid=second.uuid, motif="x")
        )
        self.assertEqual(["c", "b", "a"], self.sorted(("motif",), model=examples.ShelfWithSticker))
        self.assertEqual(["a", "b", "c"], self.sorted(("motif", True), model=examples.ShelfWithSticker))


class PageTest(case.ContractCase):
    SORTS = (
        [],
        [S("uuid", True)],
        [S("name")],
        [S("name", True)],
        [S("colour")],
        [S("colour", True)],
        [S("colour"), S("weight", True)],
        [S("colour", True), S("weight")],
        [S("colour", True), S("weight", True)],
        [S("tall", True), S("colour"), S("name", True)],
        [S("checked_at", True), S("weight")],
        [S("created_at", True)],
    )

    def fill(self):
        values = itertools.product(
            (None, "red", "blue"), (1, 2), (True, False), (None, "2026-01-01T00:00:00Z")
        )
        rows = [
            examples.shelf(f"n{number:02}", colour=colour, weight=weight, tall=tall, checked_at=checked_at)
            for number, (colour, weight, tall, checked_at) in enumerate(values)
        ]
        return self.create(*rows)

    def pages(self, model, limit, **query):
        marker = None
        while rows := self.store.list(model, marker=marker, limit=limit, **query):
            self.assertLessEqual(len(rows), limit)
            yield from (row.uuid for row in rows)
            marker = rows[-1].uuid

    def test_pages_of_any_size_and_sort_make_the_list(self):
        self.fill()
        for sort, limit in itertools.product(self.SORTS, (1, 3, 7)):
            whole = [row.uuid for row in self.store.list(examples.Shelf, sort=sort)]
            self.assertEqual(24, len(whole))
            self.assertEqual(whole, list(self.pages(examples.Shelf, limit, sort=sort)), (sort, limit))

    def test_pages_of_joined_rows_make_the_list(self):
        rows = self.fill()
        self.create(
            *(
                examples.Sticker(uuid=row.uuid, motif="cat"[number % 3])
                for number, row in enumerate(rows[::2])
            )
        )
        sorts = (
            [],
            [S("motif")],
            [S("motif", True)],
            [S("colour", True), S("motif")],
            [S("motif"), S("colour", True)],
        )
        for sort in sorts:
            whole = [row.uuid for row in self.store.list(examples.ShelfWithSticker, sort=sort)]
            self.assertEqual(24, len(whole))
            self.assertEqual(whole, list(self.pages(examples.ShelfWithSticker, 5, sort=sort)), sort)

    def test_pages_sorted_by_texts_with_a_long_common_beginning_make_the_list(self):
        common = "é" * 1500
        self.create(
            *(examples.shelf(f"long {number:02}", story=f"{common}{number:02}") for number in range(30))
        )
        self.create(*(examples.shelf(common[:250] + f"{number:02}", weight=-1) for number in range(9)))
        for sort, model in ((S("story"), examples.Shelf), (S("name", True), examples.Shelf)):
            whole = [row.uuid for row in self.store.list(model, sort=[sort])]
            self.assertEqual(39, len(set(whole)))
            self.assertEqual(whole, list(self.pages(model, 7, sort=[sort])))

    def test_pages_of_a_filtered_list_make_it(self):
        self.fill()
        filters = [F("colour", "neq", "red"), F("weight", "eq", 1)]
        whole = [row.uuid for row in self.store.list(examples.Shelf, filters=filters, sort=[S("tall")])]
        self.assertEqual(8, len(whole))
        self.assertEqual(whole, list(self.pages(examples.Shelf, 3, filters=filters, sort=[S("tall")])))

    def test_limit_zero_gives_nothing(self):
        self.create_shelves("a")
        self.assertEqual([], self.names(limit=0))

    def test_a_page_goes_on_after_a_marker_that_is_gone_when_keys_decide(self):
        rows = sorted(self.create_shelves(*"abcdef"), key=lambda row: row.uuid)
        self.store.commit(store.Delete(rows[2]))
        after = self.store.list(examples.Shelf, marker=rows[2].uuid, limit=2)
        self.assertEqual(rows[3:5], after)

    def test_a_marker_that_is_gone_is_refused_when_its_values_are_needed(self):
        self.create_shelves("a", "b")
        marker = str(uuid.uuid4())
        self.assertRaises(errors.BadRequest, self.names, sort=[S("name")], marker=marker)

    def test_rows_that_come_and_go_between_pages_disturb_no_other(self):
        rows = self.create_shelves(*"abcdef")
        first = self.store.list(examples.Shelf, sort=[S("name")], limit=3)
        self.store.commit(
            store.Delete(rows[0]), store.Create(examples.shelf("aa")), store.Create(examples.shelf("dd"))
        )
        self.assertEqual(["d", "dd", "e", "f"], self.names(sort=[S("name")], marker=first[-1].uuid))

    def test_fields_that_are_not_asked_for_have_their_initial_values(self):
        self.create_shelves("a", colour="red", labels=[1], code="secret", weight=5)
        (row,) = self.store.list(examples.Shelf, fields=["name", "weight"])
        self.assertEqual(("a", 5), (row.name, row.weight))
        self.assertEqual((None, [], ""), (row.colour, row.labels, row.code))
        self.assertEqual(row.uuid, self.store.list(examples.Shelf)[0].uuid)

    def test_fields_may_be_all_but_the_sort(self):
        self.create(examples.shelf("a", colour="red"), examples.shelf("b", colour="blue"))
        self.assertEqual(["b", "a"], self.names(fields=["name"], sort=[S("colour")]))

    def test_fields_reach_what_is_joined(self):
        (shelf,) = self.create_shelves("a")
        self.create(examples.Sticker(uuid=shelf.uuid, motif="cat", stars=2))
        (row,) = self.store.list(examples.ShelfWithSticker, fields=["motif"])
        self.assertEqual((shelf.uuid, "cat", None), (row.uuid, row.motif, row.name))

    def test_a_keyword_that_no_list_has_is_refused(self):
        self.create_shelves("a")
        refused = self.assertRaises(TypeError, self.store.list, examples.Shelf, filter=[F("name", "eq", "b")])
        self.assertIn("filter", str(refused))


class AttachedTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.shelves = self.create(*(examples.shelf(name, weight=5, labels=[name]) for name in "abcd"))
        self.books = self.create(*(examples.Book(title=title) for title in ("Emma", "Ulysses")))
        emma, ulysses = self.books
        self.show("a", (2, emma, None), (1, ulysses, "first"), (3, ulysses, "again"))
        self.show("c", (1, emma, "alone"))

    def show(self, name, *shown):
        shelf = self.shelves["abcd".index(name)]
        self.create(
            *(
                examples.Display(shelf_id=shelf.uuid, book_id=book.uuid, place=place, note=note)
                for place, book, note in shown
            )
        )

    def listed(self, model=examples.Shelf, **asked):
        found = self.store.list_with(examples.DISPLAYED, model, **asked)
        return [(row.name, [(each.note, book.title) for each, book in attached]) for row, attached in found]

    def test_each_row_comes_with_what_is_attached_to_it_in_its_order(self):
        expected = [
            ("a", [("first", "Ulysses"), (None, "Emma"), ("again", "Ulysses")]),
            ("b", []),
            ("c", [("alone", "Emma")]),
            ("d", []),
        ]
        self.assertEqual(expected, self.listed(sort=[S("name")]))
        self.assertEqual(expected[::-1], self.listed(sort=[S("name", True)]))

    def test_rows_come_in_the_order_of_their_keys(self):
        for sort in ([], [S("uuid", True)]):
            names = [row.name for row in self.store.list(examples.Shelf, sort=sort)]
            self.assertEqual(names, [name for name, _ in self.listed(sort=sort)])

    def test_the_limit_counts_the_rows_of_the_list(self):
        names = [name for name, _ in self.listed(sort=[S("name")], limit=3)]
        self.assertEqual(["a", "b", "c"], names)
        self.assertEqual([], self.listed(limit=0))

    def test_pages_make_the_list(self):
        whole = self.listed(sort=[S("weight"), S("name")])
        first = self.store.list_with(
            examples.DISPLAYED, examples.Shelf, sort=[S("weight"), S("name")], limit=1
        )
        marker = first[0][0].uuid
        self.assertEqual(whole[1:], self.listed(sort=[S("weight"), S("name")], marker=marker))

    def test_filters_choose_rows_of_the_list(self):
        filters = [F("name", "in", ["b", "c"]), F("weight", "gt", 4)]
        expected = [("b", []), ("c", [("alone", "Emma")])]
        self.assertEqual(expected, self.listed(filters=filters, sort=[S("name")]))
        self.assertEqual([], self.listed(filters=[F("name", "eq", "nothing")]))

    def test_a_row_may_be_joined(self):
        shelf = self.shelves[2]
        self.create(examples.Sticker(uuid=shelf.uuid, motif="cat", stars=2))
        for filters in ([F("name", "eq", "c")], [F("motif", "eq", "cat")]):
            ((row, attached),) = self.store.list_with(
                examples.DISPLAYED, examples.ShelfWithSticker, filters=filters
            )
            self.assertEqual(("c", "cat", ["c"]), (row.name, row.motif, row.labels))
            self.assertEqual(["Emma"], [book.title for _, book in attached])

    def test_only_the_fields_that_are_asked_for_are_read(self):
        ((row, attached),) = self.store.list_with(
            examples.DISPLAYED, examples.Shelf, filters=[F("name", "eq", "c")], fields=["weight"]
        )
        self.assertEqual((self.shelves[2].uuid, 5, None, []), (row.uuid, row.weight, row.name, row.labels))
        ((shown, book),) = attached
        self.assertEqual(("alone", 0), (shown.note, shown.place))
        self.assertEqual((self.books[0].uuid, "Emma", None), (book.uuid, book.title, book.shelf_id))

    def test_a_keyword_that_no_list_has_is_refused(self):
        filters = [F("name", "eq", "b")]
        refused = {"filter": filters}
        self.assertRaises(TypeError, self.store.list_with, examples.DISPLAYED, examples.Shelf, **refused)

    def test_what_is_attached_no_more_is_not_shown(self):
        self.store.commit(store.Delete(self.books[1]))
        self.assertEqual([("a", [(None, "Emma")])], self.listed(filters=[F("name", "eq", "a")]))


class LongRowTest(case.ContractCase):
    scenarios = databases.SQL

    def test_rows_of_a_page_may_be_as_long_as_what_was_stored(self):
        """Each change fits into 16 MiB, the row as JSON, which quotes the quotes, does not."""
        quotes = '"' * 2_200_000
        (shelf,) = self.create_shelves("a", labels=[quotes])
        self.store.commit(store.Update(shelf, {"extra": {"quotes": quotes}}))
        (row,) = self.store.list(examples.Shelf)
        self.assertTrue(row.labels == [quotes] and row.extra == {"quotes": quotes})
