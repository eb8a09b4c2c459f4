# SPDX-License-Identifier: Apache-2.0
"""Threads that do a task again and again."""

import queue
import threading

import testtools

from valence.common import errors
from valence.conductor import periodic


class LoopTest(testtools.TestCase):
    def loop(self, task, interval=3600):
        loop = periodic.Loop("test", task, interval)
        self.addCleanup(loop.stop, 5)
        loop.start()
        return loop

    def test_it_runs_at_once_and_when_rung(self):
        runs = queue.Queue()
        loop = self.loop(lambda: runs.put(None))
        runs.get(timeout=5)
        loop.ring()
        runs.get(timeout=5)

    def test_it_survives_what_its_task_raises(self):
        runs, failures = queue.Queue(), [ValueError("bug"), errors.StoreUnavailable(reason="away")]

        def task():
            runs.put(None)
            if failures:
                raise failures.pop()

        self.loop(task, interval=0.01)
        for _ in range(3):
            runs.get(timeout=5)

    def test_stop_waits_for_the_present_run(self):
        began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        def task():
            began.set()
            go_on.wait(5)
            ended.set()

        loop = self.loop(task)
        began.wait(5)
        threading.Timer(0.05, go_on.set).start()
        loop.stop(5)
        self.assertTrue(ended.is_set())
