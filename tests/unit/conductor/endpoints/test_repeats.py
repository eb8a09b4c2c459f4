# SPDX-License-Identifier: Apache-2.0
"""What was done once under a client's key is answered again, not done again."""

from tests import base
from tests import embedded
from valence.common import errors
from valence.conductor.endpoints import repeats
from valence.db import models
from valence.db import store

KEY = {"key": "k" * 64, "request": "r" * 64}


class OnceTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.store = self.useFixture(embedded.Database()).store

    def create(self, name):
        def do(remember):
            answer = {"name": name}
            cursor = models.Cursor(name=name)
            self.store.commit(store.Create(cursor), *remember(answer))
            return answer

        return do

    def names(self):
        return [each.name for each in self.store.list(models.Cursor)]

    def test_a_repetition_gets_the_first_answer(self):
        first = repeats.once(self.store, KEY, self.create("a"))
        second = repeats.once(self.store, KEY, self.create("b"))
        self.assertEqual((first, ["a"]), (second, self.names()))

    def test_another_request_under_the_same_key_is_refused(self):
        repeats.once(self.store, KEY, self.create("a"))
        other = KEY | {"request": "x" * 64}
        self.assertRaises(errors.IdempotencyMismatch, repeats.once, self.store, other, self.create("b"))

    def test_of_two_at_the_same_time_one_is_done(self):
        def slow(remember):
            # meanwhile the same request comes through another API
            repeats.once(self.store, KEY, self.create("fast"))
            return self.create("slow")(remember)

        self.assertEqual({"name": "fast"}, repeats.once(self.store, KEY, slow))
        self.assertEqual(["fast"], self.names())

    def test_one_that_the_same_request_refuses_gets_its_answer(self):
        def busy(remember):
            repeats.once(self.store, KEY, self.create("fast"))
            raise errors.Conflict(reason="An operation is under way.")

        self.assertEqual({"name": "fast"}, repeats.once(self.store, KEY, busy))

    def test_a_duplicate_of_something_else_is_raised(self):
        self.create("a")(lambda answer: [])
        self.assertRaises(errors.Duplicate, repeats.once, self.store, KEY, self.create("a"))

    def test_a_request_that_failed_may_be_repeated(self):
        def fail(remember):
            raise errors.Conflict(reason="no")

        self.assertRaises(errors.Conflict, repeats.once, self.store, KEY, fail)
        self.assertEqual({"name": "a"}, repeats.once(self.store, KEY, self.create("a")))

    def test_without_a_key_everything_is_done(self):
        repeats.once(self.store, None, self.create("a"))
        repeats.once(self.store, None, self.create("b"))
        self.assertEqual(["a", "b"], sorted(self.names()))
