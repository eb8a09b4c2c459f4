# SPDX-License-Identifier: Apache-2.0
"""One after the other, as long as nobody is slow."""

import threading

from tests import base
from valence.api.introspection import limits

LONG = 60


class TurnsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.now = 0.0
        self.turns = limits.Turns(0.0, clock=lambda: self.now)

    def test_one_at_a_time_works(self):
        together, most = [], []

        def work():
            with self.turns.take(1.0):
                together.append(None)
                most.append(len(together))
                together.pop()

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        self.assertEqual([1] * 16, most)

    def test_who_fails_gives_the_turn_back(self):
        def fail():
            with self.turns.take(1.0):
                raise ValueError

        self.assertRaises(ValueError, fail)
        with self.turns.take(1.0):
            pass

    def test_who_is_slow_keeps_nobody_waiting(self):
        with self.turns.take(1.0):
            self.now = 1.0
            with self.turns.take(1.0):
                pass

    def test_who_was_slow_takes_no_turn_from_the_next_one(self):
        slow, next_one = self.turns.take(1.0), self.turns.take(1.0)
        slow.__enter__()
        self.now = 1.0
        next_one.__enter__()
        slow.__exit__(None, None, None)
        entered, thread = self._another()
        self.assertFalse(entered.wait(0.1))
        next_one.__exit__(None, None, None)
        self.assertTrue(entered.wait(LONG))
        thread.join(LONG)

    def test_who_waits_goes_on_when_patience_ends(self):
        impatient = limits.Turns(0.0)
        with impatient.take(0.05):
            entered, thread = self._another(impatient)
            self.assertTrue(entered.wait(LONG))
        thread.join(LONG)

    def test_a_turn_that_goes_on_is_the_same_one(self):
        with self.turns.take(1.0) as go_on:
            self.now = 0.9
            go_on(1.0)
            self.now = 1.8
            entered, thread = self._another()
            self.assertFalse(entered.wait(0.1))
        self.assertTrue(entered.wait(LONG))
        thread.join(LONG)

    def test_who_was_slow_goes_on_after_the_next_one(self):
        went_on = threading.Event()

        def work():
            with self.turns.take(1.0) as go_on:
                self.now = 1.0
                next_one.__enter__()
                go_on(1.0)
                went_on.set()

        next_one = self.turns.take(1.0)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.assertFalse(went_on.wait(0.1))
        next_one.__exit__(None, None, None)
        self.assertTrue(went_on.wait(LONG))
        thread.join(LONG)

    def test_who_waited_begins_after_a_rest_as_long_as_the_work(self):
        self.turns = limits.Turns(0.2, clock=lambda: self.now)
        for worked, rest in ((0.1, 0.1), (0.9, 0.2)):
            with self.turns.take(1.0):
                entered, thread = self._another()
                self.wait_for(lambda: self.turns.waiting)
                self.now += worked
            self.now += rest - 0.05
            self.assertFalse(entered.wait(0.3))
            self.now += 0.06
            self.assertTrue(entered.wait(LONG))
            thread.join(LONG)

    def test_who_comes_when_nobody_waits_begins_at_once(self):
        self.turns = limits.Turns(0.2, clock=lambda: self.now)
        with self.turns.take(1.0):
            self.now = 0.5
        with self.turns.take(1.0):
            pass

    def _another(self, where=None):
        entered = threading.Event()

        def work():
            with (where or self.turns).take(1.0):
                entered.set()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return entered, thread
