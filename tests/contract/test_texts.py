# SPDX-License-Identifier: Apache-2.0
"""Texts that databases like to take for others compare, sort, page and are unique by code points on each store."""

import hypothesis
from hypothesis import strategies

from tests.contract import case
from tests.contract import examples
from tests.contract import memory
from valence.common import errors
from valence.db import models
from valence.db import store

#: equal in some case or collation, composed and decomposed, of one to four bytes, blank, or special to some syntax
WORDS = [
    *("", " ", "\t", "\n", "\r\n", "\x01", "\x1f", "\x7f", "\x80", "\x85", "\u00a0", "\u200b", "\u2028", "\ufeff"),
    *("a", "A", "aa", "Aa", "a ", "a  ", " a", "a\t", "a\n", "b", "z", "Z", "[", "`", "{", "~", "\u202e"),
    *("\u00e1", "a\u0301", "\u00c1", "\u00e5", "\u212b", "\u00df", "ss", "\u1e9e", "\ufb01", "fi", "\u0131", "\u0130"),
    *("i", "I", "\u03c3", "\u03c2", "\u03a3", "\u65e5", "\uac00", "\u1100\u1161", "\ud7ff", "\ue000", "\uffff"),
    *("\U00010000", "\U0001f600", "\U0001f601", "\U0001f469\u200d\U0001f4bb", "\U0010ffff"),
    *("%", "_", "a%", "%a", "a_", "*", "?", "\\", "\\\\", "\\%", "\\n", "'", "''", '"', "';--", "$1", ":a", "%s"),
    *("null", "NULL", "None", "true", "0", "00", "-0", "1e3", "9", "10", "/", "//", "..", ".", "a/b", "a=b", "[1]"),
]  # fmt: skip
#: which ends the texts of a field have after a common beginning that is longer than what some database compares
ENDS = ["", "a", "A", "a ", "b", " ", "\x01", "\u00e9", "e\u0301", "\U0001f600"]
NAMES = [*WORDS, *("x" * 250 + end for end in ENDS), "y" * 255]
PLACES = [*WORDS, *("x" * 300 + end for end in ENDS), *("\U0001f600" * 490 + end for end in ENDS)]
STORIES = [*WORDS, *("x" * 4090 + end for end in ENDS), *("\U0001f600" * 4090 + end for end in ENDS)]
VALUES = {
    "name": NAMES,
    "place": [None, *PLACES],
    "colour": [None, *WORDS],
    "weight": [-(2**63), -(2**63) + 1, -1, 0, 1, 255, 256, 2**53, 2**53 + 1, 2**63 - 2, 2**63 - 1],
    "tall": [False, True],
    "checked_at": [
        *(None, "1000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
        *("2026-03-29T02:30:00Z", "2038-01-19T03:14:08Z", "9999-12-31T23:59:59Z"),
    ],
    "size": ["small", "large"],
    "story": STORIES,
}
#: what texts may begin with; nothing begins with U+10FFFF alone
BEGINNINGS = {
    name: sorted(
        {text[:length] for text in filter(None, values) for length in (1, 2, 300)} - {"", "\U0010ffff"}
    )
    for name, values in VALUES.items()
    if name in ("name", "place", "colour", "story")
}
UNIQUE = ("name", "place")
#: rows of an example, and questions that are asked of each field
ROWS, QUESTIONS = 24, 2
LIMIT = 7
SETTINGS = hypothesis.settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
UNSTORABLE = ("\0", "a\0", "\ud800", "a\udfff", "\udc00\ud800")


@strategies.composite
def tables(draw):
    """Return values of shelves by field; those of unique fields differ."""
    columns = {
        name: draw(
            strategies.lists(
                strategies.sampled_from(values), min_size=ROWS, max_size=ROWS, unique=name in UNIQUE
            )
        )
        for name, values in VALUES.items()
    }
    return [{name: column[row] for name, column in columns.items()} for row in range(ROWS)]


class TextTest(case.ContractCase):
    time_limit = 120

    def test_every_field_is_compared_sorted_and_paged_as_python_does(self):
        @SETTINGS
        @hypothesis.given(tables(), strategies.data())
        def check(rows, data):
            self.database.clear()
            shelves = [examples.Shelf(**values) for values in rows]
            self.memory = memory.Memory(examples.MODELS)
            self.memory.commit(*map(store.Create, shelves))
            self.create(*shelves)
            for name in VALUES:
                self.check_order(name, descending=data.draw(strategies.booleans()))
                for _ in range(QUESTIONS):
                    self.check_filter(name, data)

        check()

    def check_order(self, name, *, descending):
        sort = [store.Sort(name, descending)]
        marker, found = None, []
        while page := self.store.list(examples.Shelf, sort=sort, marker=marker, limit=LIMIT):
            found += page
            marker = page[-1].uuid
        self.assert_same(self.memory.list(examples.Shelf, sort=sort), found, name)

    def check_filter(self, name, data):
        op = data.draw(strategies.sampled_from(memory.operators(examples.Shelf, name)))
        one = strategies.sampled_from(BEGINNINGS[name] if op == "begins" else VALUES[name])
        value = data.draw(strategies.lists(one, max_size=5) if op in ("in", "begins") else one)
        filters = [store.Filter(name, op, value)]
        wanted = self.memory.list(examples.Shelf, filters=filters)
        self.assert_same(wanted, self.store.list(examples.Shelf, filters=filters), filters)
        self.assertEqual(len(wanted), self.store.count(examples.Shelf, filters=filters))

    def assert_same(self, wanted, found, question):
        """Check that the same rows come in the same order, each as it was stored."""
        compared = [name for name in examples.Shelf.fields if name not in memory.STAMPS]
        wanted = [{name: row[name] for name in compared} for row in wanted]
        self.assertEqual(wanted, [row.public(compared) for row in found], question)

    def test_a_range_finds_the_texts_that_begin_with_a_text(self):
        names = sorted({*WORDS, *(f"{word}x" for word in WORDS)})
        self.create_shelves(*names)
        for word in filter(None, WORDS):
            filters = [store.Filter("name", "gte", word)]
            filters += [store.Filter("name", "lt", end) for end in [self.end_of(word)] if end]
            found, marker = [], None
            while page := self.store.list(
                examples.Shelf, filters=filters, sort=[store.Sort("name")], marker=marker, limit=LIMIT
            ):
                found += [shelf.name for shelf in page]
                marker = page[-1].uuid
            self.assertEqual([name for name in names if name.startswith(word)], found, repr(word))

    def end_of(self, text):
        """Return the smallest text above all that begin with ``text``, as the screen does; "" if there is none."""
        text = text.rstrip("\U0010ffff")
        return text and text[:-1] + ("\ue000" if text[-1] == "\ud7ff" else chr(ord(text[-1]) + 1))

    def test_no_list_is_sorted_by_what_a_database_compares_in_part(self):
        sort = [store.Sort("log")]
        error = self.assertRaises(errors.BadRequest, self.store.list, models.ActionReport, sort=sort)
        self.assertIn("cannot be sorted by log: it may be longer than 4096 characters", error.detail)

    def test_no_two_texts_are_the_same_unique_value_or_key(self):
        self.create(*(examples.Counter(name=name) for name in NAMES if name))
        self.assertEqual(sorted(filter(None, NAMES)), self.names(examples.Counter))
        self.create_shelves(*NAMES)
        self.assertEqual(sorted(NAMES), self.names(sort=[store.Sort("name")]))
        for name in NAMES[::9]:
            error = self.assertRaises(errors.Duplicate, self.create_shelves, name)
            self.assertEqual(("name", name), (error.kwargs["field"], error.kwargs["value"]))
            found = self.store.list(examples.Shelf, filters=[store.Filter("name", "eq", name)])
            self.assertEqual([name], [shelf.name for shelf in found])

    def test_a_key_of_any_text_is_found_and_leads_on(self):
        keys = sorted(filter(None, NAMES))
        self.create(*(examples.Counter(name=key) for key in keys))
        for key in keys[::5]:
            self.assertEqual(key, self.store.get(examples.Counter, key).name)
        found, marker = [], None
        while page := self.names(examples.Counter, marker=marker, limit=LIMIT):
            found += page
            marker = page[-1]
        self.assertEqual(keys, found)

    def test_what_no_database_can_store_is_refused_wherever_it_is_given(self):
        (shelf,) = self.create_shelves("a")
        for text in UNSTORABLE:
            for name in ("name", "place", "story", "code"):
                error = self.assertRaises(
                    errors.BadRequest, self.create, examples.Shelf(**({"name": "b"} | {name: text}))
                )
                self.assertIn(name, error.detail)
                self.assertRaises(errors.BadRequest, self.store.commit, store.Update(shelf, {name: text}))
            for name in ("name", "place", "story"):
                for op in ("eq", "gt"):
                    asked = {"filters": [store.Filter(name, op, text)]}
                    self.assertRaises(errors.BadRequest, self.store.list, examples.Shelf, **asked)
            self.assertRaises(errors.BadRequest, self.store.get, examples.Counter, text)
            for change in (store.Create, store.Delete, store.Require):
                counter = examples.Counter(name=text)
                self.assertRaises(errors.BadRequest, self.store.commit, change(counter))
        self.assertEqual([shelf], self.store.list(examples.Shelf))

    def test_documents_keep_any_text(self):
        document = {word: [word] for word in [*WORDS, "\0", "\ud800"]} | {
            "numbers": VALUES["weight"],
            "f": 1e308,
        }
        (shelf,) = self.create_shelves("a", extra=document, labels=[*WORDS, 0.1, -0.0, None])
        self.assertEqual(shelf, self.store.get(examples.Shelf, shelf.uuid))
        self.assertEqual(list(document), list(self.store.list(examples.Shelf)[0].extra))

    def test_a_secret_keeps_any_text(self):
        shelves = self.create(*(examples.shelf(str(n), code=word) for n, word in enumerate(WORDS)))
        found = {shelf.uuid: shelf.code for shelf in self.store.list(examples.Shelf)}
        self.assertEqual({shelf.uuid: shelf.code for shelf in shelves}, found)
