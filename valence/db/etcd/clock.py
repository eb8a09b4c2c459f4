# SPDX-License-Identifier: Apache-2.0
"""The clock of etcd as the Date headers of its responses show it, so that conductors agree on when a lease ends.

HTTP's Date has no fractions. Each response bounds the distance between etcd's clock and the monotonic clock of this
process; the bounds of all responses together become narrow. A host clock within the bounds is used as it is; one
outside of them, however wrong it is or becomes, is not.
"""

import email.utils
import threading
import time
from collections import abc

#: seconds after which bounds become wider, because clocks drift
FRESH_SECONDS = 600
#: seconds that they drift apart at most until then
DRIFT = 0.1


class Clock:
    """Seconds since 1970 on etcd's clock; ``hear`` gets the Date header of every response."""

    def __init__(
        self, monotonic: abc.Callable[[], float] = time.monotonic, wall: abc.Callable[[], float] = time.time
    ):
        self.monotonic, self._wall = monotonic, wall
        self._lock = threading.Lock()
        self._since, self._low, self._high = 0.0, float("-inf"), float("inf")
        #: whether etcd has answered, with a Date or, as some proxies do, without one
        self.is_set = False

    def now(self) -> float:
        """Return the present time."""
        with self._lock:
            now = self.monotonic()
            return now + min(max(self._wall() - now, self._low), self._high)

    def bounds(self) -> tuple[float, float]:
        """Return the earliest and the latest that etcd's clock may show now."""
        with self._lock:
            now = self.monotonic()
            return now + self._low, now + self._high

    def hear(self, date: str | None, asked_at: float, heard_at: float) -> None:
        """Learn from the Date header of a response; the times are those of ``monotonic``."""
        self.is_set = True
        parsed = date and email.utils.parsedate_to_datetime(date)
        if not parsed:
            return
        low, high = parsed.timestamp() - heard_at, parsed.timestamp() + 1 - asked_at
        with self._lock:
            if low > self._high or high < self._low:
                self._forget(heard_at)
            if heard_at - self._since > FRESH_SECONDS:
                self._low, self._high, self._since = self._low - DRIFT, self._high + DRIFT, heard_at
            self._low, self._high = max(self._low, low), min(self._high, high)

    def _forget(self, since: float) -> None:
        self._since, self._low, self._high = since, float("-inf"), float("inf")
