# SPDX-License-Identifier: Apache-2.0
"""Compact collections hold what a dict, a deque and a list would."""

import collections
import random
import tracemalloc

import testtools

from valence.common import compact


def grown(make):
    """Return what a function makes, and the bytes that it takes."""
    tracemalloc.start()
    try:
        made = make()
        return made, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


class NumbersTest(testtools.TestCase):
    def test_numbers_are_those_of_the_first_time(self):
        numbers, expected = compact.Numbers(), {}
        draw = random.Random(7)
        for _ in range(5000):
            value = draw.choice((draw.randrange(-(2**63), 2**63), draw.randrange(-50, 50) * 64))
            self.assertEqual(expected.setdefault(value, len(expected)), numbers.add(value))
        self.assertEqual(len(expected), len(numbers))
        for value, number in expected.items():
            self.assertEqual((number, value), (numbers.find(value), numbers[number]))
        self.assertIsNone(numbers.find(12345))

    def test_a_hash_takes_24_bytes_at_most(self):
        values = list(range(0, 7_000_000, 350))

        def fill():
            numbers = compact.Numbers()
            for value in values:
                numbers.add(value)
            return numbers

        _, size = grown(fill)
        self.assertLess(size / len(values), 24)


class QueueTest(testtools.TestCase):
    def test_it_is_a_queue(self):
        queue, expected = compact.Queue(), collections.deque()
        draw = random.Random(3)
        for step in range(30_000):
            if expected and draw.random() < (0.2 if step < 15_000 else 0.7):
                self.assertEqual(expected.popleft(), queue.popleft())
            elif draw.random() < 0.01:
                expected.appendleft(step)
                queue.appendleft(step)
            else:
                expected.append(step)
                queue.append(step)
            self.assertEqual(len(expected), len(queue))
        self.assertEqual(list(expected), list(queue))
        self.assertEqual(list(expected), [queue.popleft() for _ in range(len(queue))])
        self.assertRaises(IndexError, queue.popleft)
        self.assertFalse(queue)

    def test_a_long_one_is_small(self):
        def fill():
            queue = compact.Queue()
            for number in range(20_000):
                queue.append((f"/redfish/v1/Systems/System{number}/Memory", "Memory", None))
            return queue

        queue, size = grown(fill)
        self.assertEqual(20_000, len(queue))
        self.assertLess(size / len(queue), 80)


class ShelfTest(testtools.TestCase):
    def filled(self, count=1000):
        shelf = compact.Shelf()
        for number in range(count):
            shelf.put(number, [f"thing {number}"])
        return shelf

    def test_what_was_put_is_there_in_any_order(self):
        shelf = self.filled()
        keys = list(range(1000))
        random.Random(5).shuffle(keys)
        self.assertEqual([[f"thing {key}"] for key in keys], [shelf.get(key) for key in keys])
        self.assertIsNone(shelf.get(1000))

    def test_what_is_put_again_replaces_what_was_there(self):
        shelf = self.filled()
        shelf.put(3, "new")
        shelf.forget_unused()
        self.assertEqual(("new", ["thing 4"]), (shelf.get(3), shelf.get(4)))
        self.assertEqual(1000, len(shelf))

    def test_what_is_not_used_is_forgotten_and_the_rest_stays(self):
        shelf = self.filled()
        shelf.forget_unused()
        for key in range(0, 1000, 3):
            shelf.get(key)
        shelf.put(5000, "new")
        shelf.forget_unused()
        self.assertEqual(335, len(shelf))
        self.assertEqual((["thing 999"], None, "new"), (shelf.get(999), shelf.get(998), shelf.get(5000)))
        shelf.put(998, "back")
        self.assertEqual((["thing 996"], "back"), (shelf.get(996), shelf.get(998)))

    def test_it_is_small(self):
        shelf, size = grown(lambda: self.filled(10_000))
        self.assertEqual(10_000, len(shelf))
        self.assertLess(size / len(shelf), 60)
