# SPDX-License-Identifier: Apache-2.0
"""A bounded pool in which nobody has more than a share, so that a slow pod manager leaves threads for the others."""

import collections
import threading
import time
from concurrent import futures

#: threads for calls that take long, besides the others, for each of these
SLOW_THREADS = 2


class Hung(Exception):
    """A call that was not made, because an earlier one of its key takes too long: ``seconds`` until now."""

    def __init__(self, seconds):
        super().__init__(f"another request has had no answer for {seconds:.0f} s")


class FairPool:
    """Calls in ``workers`` threads, at most ``share`` of them for one key. Keys take turns, calls keep order.

    A call that takes longer than ``patience`` seconds leaves its place to others, and until it ends no further call of
    its key begins: those that wait, and new ones, fail with Hung. ``clock`` tells seconds.
    """

    def __init__(self, workers, share, patience=float("inf"), clock=time.monotonic):
        self._workers, self._share, self._patience, self._clock = workers, share, patience, clock
        self._most = workers * (1 + SLOW_THREADS)
        self._pool = futures.ThreadPoolExecutor(self._most, "fair-pool")
        self._lock, self._stopping = threading.Lock(), False
        # Keys with calls that wait, in the order of their turns; and of the calls that run, the oldest first, the key.
        self._waiting: dict = {}
        self._running: dict = {}
        self._begun: collections.Counter = collections.Counter()

    def submit(self, key, function, *arguments):
        """Return the Future of a call."""
        future: futures.Future = futures.Future()
        with self._lock:
            if self._stopping:
                raise RuntimeError("the pool was stopped")
            self._waiting.setdefault(key, collections.deque()).append((future, function, arguments))
            self._dispatch()
        return future

    def look(self):
        """Begin with what can begin now, and let calls fail that wait for what hangs; waiters do so now and then."""
        with self._lock:
            self._dispatch()

    def stop(self):
        """Make the calls that wait, and end."""
        with self._lock:
            self._stopping = True
            waits = [call[0] for calls in self._waiting.values() for call in calls]
        futures.wait(waits)
        self._pool.shutdown()

    def _dispatch(self):
        hung, now = self._hung(), self._clock()
        for key in hung.keys() & self._waiting.keys():
            for future, _, _ in self._waiting.pop(key):
                future.set_exception(Hung(now - hung[key]))
        quick = len(self._running) - sum(
            1 for _, began in self._running.values() if now - began > self._patience
        )
        while quick < self._workers and len(self._running) < self._most and self._begin_next(now):
            quick += 1

    def _hung(self):
        """Return the keys of calls that take too long, with when the oldest of each began."""
        now, hung = self._clock(), {}
        for key, began in self._running.values():
            if now - began <= self._patience:
                break
            hung.setdefault(key, began)
        return hung

    def _begin_next(self, now):
        """Begin one call of the first key that has not got its share; return whether there was one."""
        key = next((each for each in self._waiting if self._begun[each] < self._share), None)
        if key is None:
            return False
        calls = self._waiting.pop(key)
        call = calls.popleft()
        if calls:
            self._waiting[key] = calls
        if call[0].set_running_or_notify_cancel():
            self._begun[key] += 1
            self._running[id(call)] = key, now
            self._pool.submit(self._make, key, call)
        return True

    def _make(self, key, call):
        future, function, arguments = call
        try:
            result, error = function(*arguments), None
        except Exception as raised:
            result, error = None, raised
        with self._lock:
            del self._running[id(call)]
            self._begun[key] -= 1
            if not self._begun[key]:
                del self._begun[key]
            self._dispatch()
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
