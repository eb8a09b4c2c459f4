# SPDX-License-Identifier: Apache-2.0
"""The clock of etcd as its answers tell it, so that conductors whose clocks differ agree on when a lease ends.

HTTP's Date has no fractions. Each answer says that etcd's clock is ahead by something between two bounds; the
bounds of all answers together become narrow. A clock within the bounds is taken as it is.
"""

import email.utils
import threading
import time

#: seconds after which bounds are found anew, because clocks drift
FRESH_SECONDS = 600


class Clock:
    """Seconds since 1970 by the clock of etcd; ``hear`` is told of every answer."""

    def __init__(self):
        self._lock = threading.Lock()
        self._since, self._low, self._high = 0.0, float("-inf"), float("inf")

    def now(self):
        """Return the present moment."""
        with self._lock:
            return time.time() + min(max(0.0, self._low), self._high)

    def hear(self, date, asked_at, heard_at):
        """Learn from the Date header of an answer; the moments are those of this machine's ``time.time()``."""
        parsed = date and email.utils.parsedate_to_datetime(date)
        if not parsed:
            return
        low, high = parsed.timestamp() - heard_at, parsed.timestamp() + 1 - asked_at
        with self._lock:
            if heard_at - self._since > FRESH_SECONDS or low > self._high or high < self._low:
                self._forget(heard_at)
            self._low, self._high = max(self._low, low), min(self._high, high)

    def _forget(self, since):
        self._since, self._low, self._high = since, float("-inf"), float("inf")
