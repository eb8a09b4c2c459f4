# SPDX-License-Identifier: Apache-2.0
"""Who works on which pod manager: a bounded crew, in which those that keep one waiting keep nobody else waiting."""

import threading
import time
from concurrent import futures


class Crew:
    """Threads that call ``work(key)``, at most one for each key, in the order in which keys were offered last.

    ``workers`` work at the same time. What takes longer than ``patience`` seconds is counted out of them and
    gives its place to another, as long as no more than ``slow_workers`` are counted out; a key that was slow
    the last time begins only there. So slow ones wait for slow ones. ``ended(key)`` is called when that key may be
    offered again, ``clock`` tells seconds.
    """

    def __init__(
        self, work, *, workers, slow_workers, patience, ended=lambda key: None, clock=time.monotonic
    ):
        self._work, self._patience, self._clock = work, patience, clock
        self._workers, self._slow_workers, self._ended = workers, slow_workers, ended
        self._pool = futures.ThreadPoolExecutor(workers + slow_workers, "crew")
        self._lock = threading.Lock()
        self._began, self._slow, self._waiting, self._urgent = {}, set(), [], frozenset()
        self._stopping = False

    def offer(self, keys, urgent=()):
        """Begin with those of ``keys``, most urgent first, for which there is room; the others wait.

        They replace what has waited until now; what is being worked on is passed over. Those that are ``urgent``,
        because their work is short, begin as long as any thread is free.
        """
        with self._lock:
            self._urgent = frozenset(urgent)
            self._waiting = [key for key in keys if key not in self._began]
            self._admit()

    def stop(self):
        """Let nothing else begin, and wait for the end of what has begun."""
        with self._lock:
            self._stopping, self._waiting = True, []
        self._pool.shutdown(wait=True)

    def _admit(self):
        if self._stopping:
            return
        slow = self._counted_out()
        places = {True: self._slow_workers - slow, False: self._workers - (len(self._began) - slow)}
        left = []
        for key in self._waiting:
            is_slow = key in self._slow
            if places[is_slow] > 0 or self._may_hurry(key):
                places[is_slow] -= 1
                self._begin(key)
            else:
                left.append(key)
        self._waiting = left

    def _may_hurry(self, key):
        return key in self._urgent and len(self._began) < self._workers + self._slow_workers

    def _counted_out(self):
        """Return how many take no place of the quick ones: those known or seen to be slow, as far as there is room."""
        latest = self._clock() - self._patience
        slow = sum(key in self._slow or began < latest for key, began in self._began.items())
        return min(slow, self._slow_workers)

    def _begin(self, key):
        self._began[key] = self._clock()
        self._pool.submit(self._run, key)

    def _run(self, key):
        try:
            self._work(key)
        finally:
            with self._lock:
                self._end(key)
                self._admit()
            self._ended(key)

    def _end(self, key):
        """Remember whether that was slow, for the next time."""
        if self._clock() - self._began.pop(key) > self._patience:
            self._slow.add(key)
        else:
            self._slow.discard(key)
