# SPDX-License-Identifier: Apache-2.0
"""A lock that is given to whoever waits longest."""

import collections
import threading


class FairLock:
    """A lock for threads; Python's own goes to whoever is quickest, mostly to the thread that just released it."""

    def __init__(self):
        self._mutex, self._is_taken = threading.Lock(), False
        self._waiting = collections.deque()

    def acquire(self, timeout):
        """Return whether the lock was got within so many seconds."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        return turn.wait(timeout) or not self._give_up(turn)

    def release(self):
        """Give the lock to the next one."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False

    def _give_up(self, turn):
        """Wait no longer; return False if the lock was given at this moment."""
        with self._mutex:
            if turn.is_set():
                return False
            self._waiting.remove(turn)
            return True
