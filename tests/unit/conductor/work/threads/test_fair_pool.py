# SPDX-License-Identifier: Apache-2.0
"""Calls for a slow one leave room for the calls for others."""

import threading

from tests import base
from valence.conductor.work import threads


class FairPoolTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pool = threads.FairPool(workers=3, share=2)
        self.addCleanup(self.pool.stop)
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        self.running, self.most, self._lock = 0, 0, threading.Lock()

    def slow(self, value):
        """Return the value when the gate is open, and count how many do so at a time."""
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait()
        with self._lock:
            self.running -= 1
        return value

    def test_results_and_errors_arrive(self):
        self.assertEqual(3, self.pool.submit("a", max, 1, 3).result(60))
        self.assertRaises(ValueError, self.pool.submit("a", int, "x").result, 10)

    def test_one_key_has_no_more_than_its_share(self):
        calls = [self.pool.submit("slow", self.slow, each) for each in range(5)]
        self.wait_for(lambda: self.running == 2)
        self.gate.set()
        self.assertEqual([0, 1, 2, 3, 4], [each.result(60) for each in calls])
        self.assertEqual(2, self.most)

    def test_others_are_served_meanwhile(self):
        for each in range(50):
            self.pool.submit("slow", self.slow, each)
        self.assertEqual([0, 1, 2], [self.pool.submit("quick", int, each).result(60) for each in range(3)])

    def hanging(self, workers=2, share=1, patience=2.0):
        """Return a pool whose clock is ``self.now``."""
        self.now = 0.0
        one = threads.FairPool(workers, share, patience, clock=lambda: self.now)
        self.addCleanup(one.stop)
        self.addCleanup(self.gate.set)
        return one

    def test_while_a_call_hangs_no_other_of_its_key_waits_and_it_takes_no_place(self):
        one = self.hanging()
        hanging = [one.submit(key, self.slow, key) for key in ("a", "b")]
        waiting = one.submit("a", self.slow, "late")
        self.now = 3.0
        one.look()
        self.assertEqual(3.0, self.assertRaises(threads.Hung, waiting.result, 10).seconds)
        self.assertRaises(threads.Hung, one.submit("b", self.slow, "late").result, 10)
        self.assertEqual(1, one.submit("c", int, 1).result(60))
        self.gate.set()
        self.assertEqual(["a", "b"], [each.result(10) for each in hanging])
        self.wait_for(lambda: not one._running)
        self.assertEqual(1, one.submit("a", int, 1).result(60))

    def test_a_call_leaves_its_place_before_its_key_hangs(self):
        one = self.hanging(patience=60.0)
        for key in ("a", "b"):
            one.submit(key, self.slow, key)
        quick = one.submit("c", int, 1)
        self.assertEqual(threads.PLACE_SECONDS, one.look())
        self.now = 0.3
        one.look()
        self.assertEqual(1, quick.result(60))

    def test_a_key_that_hung_makes_one_call_at_a_time_and_takes_no_place_until_one_ends_in_time(self):
        one = self.hanging(workers=2, share=2)
        one.submit("a", self.slow, "hangs")
        self.wait_for(lambda: self.running == 1)
        self.now = 3.0
        self.gate.set()
        self.wait_for(lambda: not one._running)
        self.gate.clear()
        tries = [one.submit("a", self.slow, each) for each in range(3)]
        self.assertEqual(1, len(one._running))
        others = [one.submit(key, self.slow, key) for key in "bc"]
        self.assertEqual(3, len(one._running))
        self.gate.set()
        self.assertEqual([0, 1, 2, "b", "c"], [each.result(60) for each in (*tries, *others)])
        self.wait_for(lambda: not one._running)
        self.gate.clear()
        for each in range(3):
            one.submit("a", self.slow, each)
        self.assertEqual(2, len(one._running))

    def test_calls_that_nobody_waits_for_any_more_do_not_keep_others_from_being_told_of_a_key_that_hangs(
        self,
    ):
        one = self.hanging()
        one.submit("a", self.slow, "hangs")
        left, waiting = (one.submit("a", self.slow, each) for each in range(2))
        self.assertTrue(left.cancel())
        self.now = 3.0
        one.look()
        self.assertRaises(threads.Hung, waiting.result, 10)

    def test_many_that_hang_leave_threads_to_others(self):
        one = self.hanging(workers=2, share=2)
        for moment in range(20):
            self.now = float(moment)
            for number in range(2):
                one.submit(f"hung-{moment}-{number}", self.slow, moment)
        self.now = 100.0
        one.look()
        self.gate.set()
        self.wait_for(lambda: not one._running)
        self.gate.clear()
        for key in sorted(one._slow):
            one.submit(key, self.slow, key)
        self.assertEqual(4, len(one._running))
        self.assertEqual(1, one.submit("good", int, 1).result(60))

    def test_nobody_has_to_look_while_nothing_waits(self):
        one = self.hanging()
        one.submit("a", self.slow, "a")
        self.assertEqual(float("inf"), one.look())

    def test_a_call_that_nobody_waits_for_any_more_is_not_made(self):
        one = threads.FairPool(workers=1, share=1)
        begun, waiting = one.submit("a", self.gate.wait), one.submit("a", self.slow, 0)
        self.assertTrue(waiting.cancel())
        self.gate.set()
        begun.result(60)
        one.stop()
        self.assertEqual(0, self.most)

    def test_many_calls_of_one_key_let_others_in_between(self):
        order = []
        one = threads.FairPool(workers=1, share=1)
        begun = one.submit("many", self.gate.wait)
        calls = [one.submit("many", order.append, f"many {each}") for each in range(3)]
        calls.append(one.submit("few", order.append, "few"))
        self.gate.set()
        for each in (begun, *calls):
            each.result(60)
        one.stop()
        self.assertLess(order.index("few"), order.index("many 1"))

    def test_stop_makes_what_waits(self):
        calls = [self.pool.submit("slow", self.slow, each) for each in range(5)]
        threading.Timer(0.05, self.gate.set).start()
        self.pool.stop()
        self.assertEqual([0, 1, 2, 3, 4], [each.result(0) for each in calls])
        self.assertRaises(RuntimeError, self.pool.submit, "slow", self.slow, 0)
