# SPDX-License-Identifier: Apache-2.0
"""Pauses after work that failed and could not even record that: longer each time until it succeeds."""

import threading
import time

#: the first pause in seconds, doubled with each failure in a row, and the longest
FIRST, LONGEST = 1.0, 60.0
MOST_DOUBLINGS = 10


class Patience:
    """Failures in a row by key, and until when each key rests; ``clock`` tells seconds."""

    def __init__(self, clock=time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._failures: dict[str, tuple[int, float]] = {}

    def failed(self, key: str) -> float:
        """Let a key rest after a failure; return the seconds."""
        with self._lock:
            failures, _ = self._failures.get(key, (0, 0.0))
            pause = min(FIRST * 2 ** min(failures, MOST_DOUBLINGS), LONGEST)
            self._failures[key] = failures + 1, self._clock() + pause
        return pause

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        with self._lock:
            self._failures.pop(key, None)

    def is_new(self, key: str) -> bool:
        """Return whether the last work on a key did not fail."""
        return key not in self._failures

    def rests(self, key: str) -> bool:
        """Return whether it is too early to work on a key again."""
        _, until = self._failures.get(key, (0, 0.0))
        return self._clock() < until

    def keep(self, keys) -> None:
        """Forget all other keys."""
        with self._lock:
            self._failures = {key: value for key, value in self._failures.items() if key in keys}
