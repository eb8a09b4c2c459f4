# SPDX-License-Identifier: Apache-2.0
"""Bounded work in which slow ones keep nobody waiting but each other."""

import threading

from tests import base
from valence.conductor.work import threads

PATIENCE = 10


class WorkerPoolTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.begun, self.ended, self.gates, self.now = [], [], {}, 0
        self.pool = self.make()

    def make(self, workers=2, slow_workers=2):
        """Return a pool; its work on a key that ``self.gates`` has ends when that event is set."""
        one = threads.WorkerPool(
            self.work,
            workers=workers,
            slow_workers=slow_workers,
            patience=PATIENCE,
            clock=lambda: self.now,
        )
        self.addCleanup(one.stop)
        self.addCleanup(self.open)
        return one

    def work(self, key):
        self.begun.append(key)
        if key in self.gates:
            self.gates[key].wait()
        self.ended.append(key)

    def shut(self, *keys):
        self.gates |= {key: threading.Event() for key in keys}

    def open(self, *keys):
        for key in keys or list(self.gates):
            self.gates[key].set()

    def wait_until_begun(self, *keys):
        self.wait_for(lambda: self.begun == list(keys), message=lambda: str(self.begun))

    def test_it_works_on_everything_in_the_order_of_the_offer(self):
        one = self.make(workers=1)
        one.offer(["a", "b", "c"])
        self.wait_for(lambda: self.ended == ["a", "b", "c"])

    def test_no_more_at_a_time_than_there_are_workers(self):
        self.shut("a", "b", "c")
        self.pool.offer(["a", "b", "c"])
        self.wait_for(lambda: len(self.begun) == 2)
        self.open("a")
        self.wait_for(lambda: "c" in self.begun)
        self.assertEqual(["a"], self.ended)

    def test_what_has_to_hurry_comes_before_what_waits_and_replaces_nothing(self):
        self.shut("a")
        one = self.make(workers=1, slow_workers=0)
        one.offer(["a", "b", "c"])
        one.hurry(["a", "c", "d"])
        self.open("a")
        self.wait_for(lambda: self.ended == ["a", "c", "d", "b"], message=lambda: str(self.ended))

    def test_what_is_urgent_begins_though_all_workers_work(self):
        self.shut("a", "b", "c", "d")
        self.pool.offer(["a", "b"])
        self.wait_for(lambda: len(self.begun) == 2)
        self.pool.offer(["c", "d"], urgent=["d"])
        self.wait_for(lambda: "d" in self.begun)
        self.assertNotIn("c", self.begun)

    def test_whoever_wants_to_is_told_when_a_key_may_be_offered_again(self):
        again = []

        def offer_again(key):
            if len(self.begun) < 5:
                one.offer([key])
            again.append(key)

        one = threads.WorkerPool(self.work, ended=offer_again, workers=1, slow_workers=1, patience=PATIENCE)
        self.addCleanup(one.stop)
        one.offer(["a"])
        self.wait_for(lambda: len(again) == 5)
        self.assertEqual(["a"] * 5, self.begun)

    def test_one_at_a_time_for_each_key(self):
        self.shut("a")
        self.pool.offer(["a"])
        self.pool.offer(["a", "b"])
        self.wait_for(lambda: self.ended == ["b"])
        self.assertEqual(1, self.begun.count("a"))

    def test_what_is_more_urgent_passes_what_waits(self):
        one = self.make(workers=1)
        self.shut("a")
        one.offer(["a", "b"])
        one.offer(["c", "b"])
        self.open("a")
        self.wait_until_begun("a", "c", "b")

    def test_what_is_not_offered_any_more_waits_no_more(self):
        one = self.make(workers=1)
        self.shut("a")
        one.offer(["a", "b"])
        one.offer(["c"])
        self.open("a")
        self.wait_until_begun("a", "c")

    def test_slow_ones_give_their_places_to_others(self):
        one = self.make(workers=1)
        self.shut("slow", "slower")
        one.offer(["slow", "slower", "a", "b"])
        self.wait_until_begun("slow")
        self.now += PATIENCE + 1
        one.offer(["slower", "a", "b"])
        self.wait_until_begun("slow", "slower")
        self.now += PATIENCE + 1
        one.offer(["a", "b"])
        self.wait_for(lambda: self.ended == ["a", "b"], message=lambda: str(self.begun))

    def test_those_that_were_slow_take_no_place_of_the_others(self):
        one = self.make(workers=1, slow_workers=1)
        self.make_slow(one, "slow", "slower", "slowest")
        self.shut("slow", "slower", "slowest")
        one.offer(["slow", "slower", "slowest", "a", "b"])
        self.wait_for(lambda: self.ended[3:] == ["a", "b"], message=lambda: str(self.begun))
        self.assertEqual(["slow"], [key for key in self.begun[3:] if key.startswith("slow")])

    def test_one_that_is_quick_again_is_treated_so(self):
        one = self.make(workers=1, slow_workers=1)
        self.make_slow(one, "a", "slow")
        one.offer(["a"])
        self.wait_for(lambda: self.ended == ["a", "slow", "a"])
        self.shut("a", "slow")
        self.wait_for(lambda: one.offer(["slow", "a"]) or len(self.begun) == 5)
        self.assertEqual(["a", "slow"], sorted(self.begun[3:]))

    def test_there_is_an_end_to_how_many_are_slow(self):
        one = self.make(workers=1, slow_workers=1)
        self.shut("a", "b", "c")
        for _ in range(10):
            one.offer(["a", "b", "c"])
            self.now += PATIENCE + 1
        self.wait_until_begun("a", "b")

    def make_slow(self, one, *keys):
        """Let each key be worked on for longer than the pool's patience."""
        for key in keys:
            self.shut(key)
            one.offer([key])
            self.wait_for(lambda key=key: self.begun[-1:] == [key])
            self.now += PATIENCE + 1
            self.open(key)
            self.wait_for(lambda key=key: key in self.ended)
        one.offer([])

    def test_stop_waits_for_what_has_begun_and_begins_nothing(self):
        self.shut("a", "b")
        self.pool.offer(["a", "b", "c"])
        self.wait_for(lambda: len(self.begun) == 2)
        threading.Timer(0.05, self.open).start()
        self.pool.stop()
        self.assertEqual(["a", "b"], sorted(self.ended))
        self.pool.offer(["d"])
        self.assertEqual(["a", "b"], sorted(self.begun))
