# SPDX-License-Identifier: Apache-2.0
"""Values come back as they were given, and what a field cannot hold is refused alike everywhere."""

import datetime

import hypothesis
from hypothesis import strategies

from tests.contract import case
from tests.contract import examples
from valence.common import errors
from valence.common import secrets
from valence.db import store

TEXTS = strategies.text(
    strategies.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=32
)
MOMENTS = strategies.datetimes(datetime.datetime(1000, 1, 1)).map(
    lambda at: at.strftime("%4Y-%m-%dT%H:%M:%SZ")
)
DOCUMENTS = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False)
    | TEXTS,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SHELVES = strategies.fixed_dictionaries(
    {
        "colour": strategies.none() | TEXTS,
        "weight": strategies.integers(-(2**63), 2**63 - 1),
        "tall": strategies.booleans(),
        "checked_at": strategies.none() | MOMENTS,
        "code": TEXTS,
        "labels": strategies.lists(DOCUMENTS, max_size=3),
        "extra": strategies.none() | strategies.dictionaries(TEXTS, DOCUMENTS, max_size=3),
    }
)
BOUNDED = hypothesis.settings(
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)


class ValuesTest(case.ContractCase):
    def test_every_kind_of_value_comes_back(self):
        @BOUNDED
        @hypothesis.given(SHELVES, SHELVES)
        def check(first, second):
            (created,) = self.create(examples.shelf("a", **first))
            found = self.store.get(examples.Shelf, created.uuid)
            self.assertEqual(first, {name: getattr(found, name) for name in first})
            self.assertEqual(created, found)
            (changed,) = self.store.commit(store.Update(found, second))
            self.assertEqual(changed, self.store.get(examples.Shelf, created.uuid))
            self.assertEqual(second, {name: getattr(changed, name) for name in second})
            self.store.commit(store.Delete(changed))

        check()

    def test_what_is_stored_can_be_filtered_by(self):
        @BOUNDED
        @hypothesis.given(TEXTS, strategies.integers(-(2**63), 2**63 - 1), MOMENTS)
        def check(colour, weight, checked_at):
            values = {"colour": colour, "weight": weight, "checked_at": checked_at}
            (created,) = self.create(examples.shelf("a", **values))
            filters = [store.Filter(name, "eq", value) for name, value in values.items()]
            self.assertEqual([created], self.store.list(examples.Shelf, filters=filters))
            self.store.commit(store.Delete(created))

        check()

    def test_many_updates_at_once_store_the_same_as_one(self):
        @BOUNDED
        @hypothesis.given(SHELVES)
        def check(values):
            created = self.create_shelves(*map(str, range(20)))
            changed = self.store.commit(*(store.Update(row, values) for row in created))
            found = {row.uuid: row for row in self.store.list(examples.Shelf)}
            self.assertEqual(found, {row.uuid: row for row in changed})
            self.store.commit(*map(store.Delete, changed))

        check()

    def test_long_texts_and_documents(self):
        extra = {"text": "é" * 200_000}
        (created,) = self.create_shelves("x" * 255, place="é" * 500, code="c" * 255, extra=extra)
        self.assertEqual(created, self.store.get(examples.Shelf, created.uuid))
        self.assertEqual(extra, created.extra)

    def test_what_a_field_cannot_hold_is_refused(self):
        for values in (
            {"name": "x" * 256},
            {"name": None},
            {"name": 5},
            {"name": "a\0b"},
            {"name": "\ud800"},
            {"weight": 2**63},
            {"weight": "1"},
            {"weight": True},
            {"tall": 1},
            {"checked_at": "2026-01-01"},
            {"checked_at": "2026-13-01T00:00:00Z"},
            {"checked_at": "2026-01-01T00:00:00.5Z"},
        ):
            self.assertRaises(errors.BadRequest, self.create, examples.Shelf(**({"name": "a"} | values)))
        self.assertEqual(0, self.store.count(examples.Shelf))

    def test_an_object_does_not_share_its_documents_with_the_next_one(self):
        self.create_shelves("a", "b")
        first, second = self.store.list(examples.Shelf)
        first.labels.append("mine")
        self.assertEqual([], second.labels)


class SecretTest(case.ContractCase):
    def test_secrets_are_not_stored_as_they_are(self):
        (created,) = self.create_shelves("a", code="open sesame")
        stored = self.database.stored_text(examples.Shelf, created.uuid, "code")
        self.assertNotIn("sesame", stored)
        self.assertEqual("open sesame", secrets.load(self.database.conf).decrypt(stored))

    def test_an_empty_secret_stays_empty(self):
        (created,) = self.create_shelves("a")
        self.assertEqual("", self.database.stored_text(examples.Shelf, created.uuid, "code"))

    def test_a_new_key_is_used_at_once_and_old_secrets_stay_readable(self):
        (before,) = self.create_shelves("before", code="1")
        secrets.add_key(secrets.key_file(self.database.conf))
        (after,) = self.create_shelves("after", code="2")
        self.assertEqual("1", self.store.get(examples.Shelf, before.uuid).code)
        self.assertEqual("2", self.connect().get(examples.Shelf, after.uuid).code)

    def test_renewal_encrypts_with_the_newest_key_and_changes_nothing_else(self):
        rows = self.create(*(examples.shelf(str(number), code=f"code {number}") for number in range(250)))
        self.assertEqual(0, self.store.renew_secrets())
        secrets.add_key(secrets.key_file(self.database.conf))
        self.assertEqual(250, self.store.renew_secrets())
        self.assertEqual(0, self.store.renew_secrets())
        self.assertEqual(
            {row.uuid: row for row in rows}, {row.uuid: row for row in self.store.list(examples.Shelf)}
        )
        stored = self.database.stored_text(examples.Shelf, rows[7].uuid, "code")
        cipher = secrets.load(self.database.conf)
        self.assertEqual(stored, cipher.renew(stored))

    def test_renewal_leaves_a_secret_that_is_changed_meanwhile(self):
        (row,) = self.create_shelves("a", code="old")
        secrets.add_key(secrets.key_file(self.database.conf))
        cipher, other = secrets.load(self.database.conf), self.connect()
        renew, left = cipher.renew, [store.Update(row, {"code": "new"})]

        def change_first(token):
            # Between the look at the secret and the write of its new token.
            while left:
                other.commit(left.pop())
            return renew(token)

        cipher.renew = change_first
        renewing = self.database.connect(cipher)
        self.addCleanup(renewing.close)
        renewing.renew_secrets()
        self.assertEqual([], left)
        self.assertEqual("new", self.store.get(examples.Shelf, row.uuid).code)
