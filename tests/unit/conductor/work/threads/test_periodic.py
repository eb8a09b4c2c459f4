# SPDX-License-Identifier: Apache-2.0
"""Threads that do a task again and again."""

import queue
import threading
import time

from tests import base
from valence.common import errors
from valence.conductor.work import threads


class LoopTest(base.TestCase):
    def loop(self, task, interval=3600, rest=0.0):
        loop = threads.Loop("test", task, interval, rest)
        self.addCleanup(loop.stop, 5)
        loop.start()
        return loop

    def test_it_runs_at_once_and_when_rung(self):
        runs = queue.Queue()
        loop = self.loop(lambda: runs.put(None))
        runs.get(timeout=60)
        loop.wake()
        runs.get(timeout=60)

    def test_what_comes_in_quick_succession_is_dealt_with_together(self):
        runs = queue.Queue()
        loop = self.loop(lambda: runs.put(time.monotonic()), rest=0.3)
        first = runs.get(timeout=60)
        for _ in range(100):
            loop.wake()
        self.assertGreaterEqual(runs.get(timeout=60) - first, 0.3)
        self.assertTrue(runs.empty())

    def test_it_survives_what_its_task_raises(self):
        runs, failures = queue.Queue(), [ValueError("bug"), errors.StoreUnavailable(reason="away")]

        def task():
            runs.put(None)
            if failures:
                raise failures.pop()

        self.loop(task, interval=0.01)
        for _ in range(3):
            runs.get(timeout=60)

    def test_stop_waits_for_the_present_run(self):
        began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        def task():
            began.set()
            go_on.wait(60)
            ended.set()

        loop = self.loop(task)
        began.wait(60)
        threading.Timer(0.05, go_on.set).start()
        loop.stop(5)
        self.assertTrue(ended.is_set())
