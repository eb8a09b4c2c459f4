# SPDX-License-Identifier: Apache-2.0
"""A bounded pool in which nobody has more than a share, so that a slow pod manager leaves room for the others."""

import collections
import threading
from concurrent import futures


class FairPool:
    """Calls in ``workers`` threads, at most ``share`` of them for one key; calls of a key begin in their order."""

    def __init__(self, workers, share):
        self._share = share
        self._pool = futures.ThreadPoolExecutor(workers)
        self._lock, self._stopping = threading.Lock(), False
        self._waiting, self._running = collections.defaultdict(collections.deque), collections.Counter()

    def submit(self, key, function, *arguments):
        """Return the Future of a call."""
        future = futures.Future()
        with self._lock:
            self._waiting[key].append((future, function, arguments))
            if self._running[key] < self._share:
                self._running[key] += 1
                self._pool.submit(self._run, key)
        return future

    def stop(self):
        """Make the calls that wait, and end."""
        with self._lock:
            self._stopping = True
        self._pool.shutdown()

    def _run(self, key):
        call = self._next(key)
        while call is not None:
            _make(*call)
            call = self._after(key)

    def _after(self, key):
        """Return the next call of a key when it is all the same; else it comes after what others wait for."""
        with self._lock:
            if self._waiting[key] and not self._stopping:
                self._pool.submit(self._run, key)
                return None
        return self._next(key)

    def _next(self, key):
        """Take the next call of a key; None gives the thread back."""
        with self._lock:
            if self._waiting[key]:
                return self._waiting[key].popleft()
            self._running[key] -= 1
            if not self._running[key]:
                del self._waiting[key], self._running[key]
            return None


def _make(future, function, arguments):
    try:
        future.set_result(function(*arguments))
    except Exception as error:
        future.set_exception(error)
