# SPDX-License-Identifier: Apache-2.0
"""Hints that wait to be looked into."""

import threading

import fixtures

from tests import base
from valence.common import errors
from valence.conductor.hardware_events import hints
from valence.podmanagers.base import Hint


class HintsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.woken = []
        self.hints = hints.Hints(lambda: self.woken.append(1), pause=0.01)

    def take(self, uuid):
        with self.hints.taken(uuid) as waiting:
            return waiting

    def test_they_wait_by_pod_manager_until_they_are_taken(self):
        self.hints.offer("a", [Hint("/1", False), Hint("/2", False)])
        self.hints.offer("a", [Hint("/1", False)])
        self.hints.offer("b", [Hint("/3", True)])
        self.assertEqual(3, len(self.woken))
        self.assertEqual(["a", "b"], self.hints.waiting())
        self.assertEqual((["/1", "/2"], False), self.parts("a"))
        self.assertEqual((["/3"], True), self.parts("b"))
        self.assertIsNone(self.take("a"))

    def parts(self, uuid):
        waiting = self.take(uuid)
        return list(waiting.urls), waiting.whole

    def test_nothing_wakes_for_nothing(self):
        self.hints.offer("a", [])
        self.hints.wake_again("a")
        self.assertEqual(([], []), (self.woken, self.hints.waiting()))

    def test_too_many_become_a_whole_synchronization(self):
        self.hints.offer("a", [Hint(f"/{number}", False) for number in range(hints.MOST + 5)])
        urls, whole = self.parts("a")
        self.assertTrue(whole)
        self.assertLess(len(urls), 5)

    def test_they_wait_again_where_the_store_is_away(self):
        self.hints.offer("a", [Hint("/1", False)])
        self.assertRaises(errors.StoreUnavailable, self.fail_with, errors.StoreUnavailable(reason="gone"))
        self.wait_for(lambda: self.hints.waiting() == ["a"])
        self.assertRaises(errors.LeaseLost, self.fail_with, errors.LeaseLost(name="x"))
        self.assertEqual([], self.hints.waiting())

    def fail_with(self, error):
        with self.hints.taken("a"):
            raise error

    def test_what_came_while_the_pod_manager_was_worked_on_wakes_again(self):
        with self.hints.taken("a"):
            self.hints.offer("a", [Hint("/2", False)])
        self.hints.wake_again("a")
        self.hints.wake_again("a")
        self.assertEqual(2, len(self.woken))

    def test_one_that_tells_without_end_is_looked_into_with_pauses(self):
        rung = threading.Event()
        busy = hints.Hints(rung.set, pause=0.1)
        busy.offer("a", [Hint("/1", False)])
        with busy.taken("a"):
            rung.clear()
        busy.offer("a", [Hint("/2", False)])
        busy.wake_again("a")
        self.assertEqual((False, []), (rung.is_set(), busy.waiting()))
        busy.offer("b", [Hint("/1", False)])
        self.assertEqual((True, ["b"]), (rung.is_set(), busy.waiting()))
        rung.clear()
        self.assertTrue(rung.wait(60))
        self.assertEqual({"a", "b"}, set(busy.waiting()))

    def test_what_has_not_settled_is_looked_at_again_after_pauses_that_grow(self):
        self.useFixture(
            fixtures.MonkeyPatch("valence.conductor.hardware_events.hints.SETTLE_PAUSES", (0.05, 0.1))
        )
        self.hints.look_again("a", {"/1": 1})
        self.assertEqual([], self.hints.waiting())
        self.wait_for(lambda: self.hints.waiting() == ["a"])
        self.assertEqual({"/1": 1}, self.take("a").urls)
        self.hints.look_again("a", {"/1": 2})
        self.wait_for(lambda: self.hints.waiting() == ["a"])
        self.assertEqual({"/1": 2}, self.take("a").urls)
        self.hints.look_again("a", {"/1": 3})
        self.assertEqual({}, self.hints._unsettled)

    def test_a_new_event_begins_the_pauses_again(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.hardware_events.hints.SETTLE_PAUSES", (0,)))
        self.hints.offer("a", [Hint("/1", False)])
        self.hints.look_again("a", {"/1": 1})
        self.assertEqual(["a"], self.hints.waiting())
        self.assertEqual({"/1": 0}, self.take("a").urls)

    def test_what_has_not_settled_is_bounded(self):
        self.hints.look_again("a", {f"/{number}": 1 for number in range(hints.MOST + 5)})
        self.assertEqual(hints.MOST, len(self.hints._unsettled["a"]))
        self.hints.discard("a")
        self.assertEqual({}, self.hints._unsettled)

    def test_vague_ones_have_a_pause_between_two_synchronizations(self):
        pauses = []
        for _ in range(3):
            self.hints.offer("a", [Hint("", False, True)])
            pauses.append(self.take("a").pause)
        self.assertEqual(0, pauses[0])
        self.assertTrue(all(50 < pause <= hints.VAGUE_PAUSE for pause in pauses[1:]), pauses)
        self.hints.offer("b", [Hint("", False, True)])
        self.assertEqual(0, self.take("b").pause)

    def test_those_of_a_pod_manager_that_is_served_no_more_are_forgotten(self):
        self.hints.offer("a", [Hint("/1", False)])
        self.hints.discard("a")
        self.assertEqual([], self.hints.waiting())
