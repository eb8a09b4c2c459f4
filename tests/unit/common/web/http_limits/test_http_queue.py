# SPDX-License-Identifier: Apache-2.0
"""The queue of an HTTP server: addresses take turns, nobody waits without need, and turns come to an end."""

import threading
import weakref

from tests import base
from valence.bus import bounds
from valence.common.web import http_limits

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


class FairQueueCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.now = self.used = 0.0

    def queue(self, turns=1):
        """Return a queue whose clocks are ``now`` and ``used``, and whose turns end when the test says so."""
        return http_limits.FairQueue(turns, lambda: self.now, lambda: self.used)

    def put(self, queue, **items):
        """Put items of the addresses A, B and C."""
        for name, numbers in items.items():
            for number in numbers:
                queue.put(f"{name}{number}", {"a": A, "b": B, "c": C}[name])

    def take(self, queue, number):
        """Return the next items, each of which is got when the turn of the one before has ended."""
        return [queue.get() for _ in range(number)]

    def begin(self, queue):
        """Return all items that may have a turn now; none of these turns ends."""
        items = []
        while queue._next() is not None:
            items.append(queue.get())
            del http_limits._thread.item
        return items


class FairnessTest(FairQueueCase):
    def test_items_of_one_address_come_in_their_order(self):
        queue = self.queue()
        self.put(queue, a="123")
        self.assertEqual(["a1", "a2", "a3"], self.take(queue, 3))

    def test_addresses_take_turns(self):
        queue = self.queue()
        self.put(queue, a="12345", b="12", c="1")
        self.assertEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4", "a5"], self.take(queue, 8))

    def test_a_newcomer_waits_for_one_item_of_each_other_address(self):
        queue = self.queue()
        self.put(queue, a="1234", b="1234")
        self.assertEqual(["a1", "b1", "a2"], self.take(queue, 3))
        self.put(queue, c="1")
        self.assertEqual(["b2", "a3", "c1", "b3"], self.take(queue, 4))

    def test_newcomers_do_not_keep_others_waiting(self):
        queue = self.queue()
        self.put(queue, a="1")
        for number in range(100):
            queue.put(f"new{number}", f"198.51.100.{number}")
        self.put(queue, a="2")
        self.assertEqual(["a1", *[f"new{number}" for number in range(100)]], self.take(queue, 101))
        queue.put("newest", "203.0.113.1")
        self.assertEqual(["a2", "newest"], self.take(queue, 2))


class TurnsTest(FairQueueCase):
    def test_an_address_alone_has_half_of_the_turns_so_that_another_one_begins_at_once(self):
        queue = self.queue(turns=16)
        self.put(queue, a=range(50))
        self.assertEqual(8, len(self.begin(queue)))
        self.put(queue, b=range(50))
        self.assertEqual(["b0"], self.begin(queue))

    def test_an_address_gets_no_turn_while_it_has_more_than_its_share(self):
        queue = self.queue(turns=16)
        self.put(queue, a=range(50))
        begun = self.begin(queue)
        self.put(queue, b=range(50))
        self.begin(queue)
        for item in begun[:-1]:
            queue.end(item)
            self.assertEqual([], self.begin(queue))
        queue.end(begun[-1])
        self.assertEqual(["a8"], self.begin(queue))

    def test_addresses_together_have_all_turns_and_not_more(self):
        queue = self.queue(turns=4)
        for number in range(10):
            queue.put(number, f"192.0.2.{number}")
        self.assertEqual([0, 1, 2, 3], self.begin(queue))
        queue.end(2)
        queue.end(2)
        self.assertEqual([4], self.begin(queue))

    def test_an_address_is_alone_when_no_other_was_seen_for_a_while(self):
        queue = self.queue(turns=16)
        self.put(queue, b="1", a=range(50))
        self.assertEqual(["b1", "a0"], self.begin(queue))
        self.now = http_limits.RECENT + 0.1
        self.assertEqual(7, len(self.begin(queue)))

    def test_a_thread_ends_its_turn_when_it_waits_and_once_only(self):
        queue = self.queue(turns=4)
        self.put(queue, a="1234")
        queue.get()
        http_limits.end_turn()
        http_limits.end_turn()
        other = threading.Thread(target=queue.get)
        other.start()
        other.join(60)
        self.assertFalse(other.is_alive())
        self.assertEqual({"a2"}, set(queue._turns))

    def test_who_waits_for_a_place_or_has_one_ends_its_turn(self):
        queue = self.queue()
        self.put(queue, a="1")
        queue.get()
        with bounds.Places("for tests", 1).take():
            self.assertEqual({}, queue._turns)

    def test_a_thread_that_waits_keeps_no_item(self):
        class Request:
            pass

        queue = http_limits.FairQueue(1)
        request = Request()
        known = weakref.ref(request)
        queue.put(request, A)
        del request

        def serve():
            while queue.get() is not None:
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(queue.close)
        self.wait_for(lambda: known() is None)

    def test_a_thread_without_a_turn_ends_none(self):
        queue = self.queue()
        self.put(queue, a="1")
        queue.get()
        other = threading.Thread(target=http_limits.end_turn)
        other.start()
        other.join(60)
        self.assertEqual({"a1"}, set(queue._turns))


class ReliefTest(FairQueueCase):
    def relieve(self, queue, used):
        """Let the time of a turn pass, in which the process used this part of a processor."""
        self.now += http_limits.TURN
        self.used += http_limits.TURN * used
        return queue.relieve()

    def test_in_an_idle_process_a_turn_ends_soon(self):
        queue = self.queue()
        self.put(queue, a="12")
        self.assertEqual(["a1"], self.begin(queue))
        self.assertTrue(self.relieve(queue, used=0.1))
        self.assertEqual(["a2"], self.begin(queue))
        self.assertFalse(self.relieve(queue, used=0.1))

    def test_in_a_busy_process_it_lasts(self):
        queue = self.queue()
        self.put(queue, a="12")
        self.begin(queue)
        while self.now < http_limits.LONGEST - http_limits.TURN:
            self.assertTrue(self.relieve(queue, used=0.9))
            self.assertEqual([], self.begin(queue))

    def test_but_not_for_ever(self):
        queue = self.queue()
        self.put(queue, a="12")
        self.begin(queue)
        self.now = self.used = http_limits.LONGEST
        self.relieve(queue, used=1)
        self.assertEqual(["a2"], self.begin(queue))

    def test_a_turn_that_ended_early_is_not_ended_for_another(self):
        queue = self.queue()
        self.put(queue, a="12")
        self.begin(queue)
        self.relieve(queue, used=0)
        self.begin(queue)
        queue.end("a1")
        self.assertEqual({"a2"}, set(queue._turns))


class EndTest(FairQueueCase):
    def test_a_discarded_item_does_not_come(self):
        queue = self.queue()
        self.put(queue, a="12", b="1")
        self.assertTrue(queue.discard("a1", A))
        self.assertTrue(queue.discard("b1", B))
        self.assertFalse(queue.discard("b1", B))
        self.assertEqual(["a2"], self.take(queue, 1))
        self.assertFalse(queue.discard("a2", A))

    def test_nothing_is_kept_of_what_was_answered(self):
        queue = self.queue(turns=4)
        for number in range(100):
            queue.put(number, f"192.0.2.{number}")
            queue.put(f"gone{number}", f"192.0.2.{number}")
            queue.discard(f"gone{number}", f"192.0.2.{number}")
            queue.end(queue.get())
        self.assertEqual((0, 0, 0), (len(queue._waiting), len(queue._turns), len(queue._taken)))

    def test_closing_wakes_every_thread(self):
        queue = http_limits.FairQueue(1)
        got = []
        threads = [threading.Thread(target=lambda: got.append(queue.get())) for _ in range(5)]
        for thread in threads:
            thread.start()
        queue.put("held", A)
        self.wait_for(lambda: got == ["held"])
        queue.put("waits", A)
        queue.close()
        for thread in threads:
            thread.join(60)
        self.assertEqual(["held", None, None, None, None], got)
        queue.put("late", A)
        self.assertIsNone(queue.get())

    def test_every_item_is_got_once_by_many_threads(self):
        queue = http_limits.FairQueue(4)
        got, all_got = [], threading.Event()

        def work():
            while (item := queue.get()) is not None:
                got.append(item)
                if len(got) == 2000:
                    all_got.set()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for number in range(2000):
            queue.put((number,), f"192.0.2.{number % 7}")
        self.assertTrue(all_got.wait(60))
        queue.close()
        for thread in threads:
            thread.join(60)
        self.assertEqual([(number,) for number in range(2000)], sorted(got))
