# SPDX-License-Identifier: Apache-2.0
"""The clock of a database, cached as its distance from the monotonic clock of this process.

Conductors compare times that other conductors wrote: due times, time-outs, ages. The clocks of their hosts may differ
by hours, so none of these times comes from a host: every process takes them from the one clock that all share.
"""

import threading
import time
from collections import abc

from valence.common import errors

#: seconds after which the distance is measured again, because clocks drift and are set
REFRESH_SECONDS = 10.0
#: longest round trip, in seconds, that may replace a distance that is known already
PRECISE_SECONDS = 0.5


class Clock:
    """Seconds since 1970 on a database's clock; ``read()`` queries it, for which ``monotonic`` gives the times."""

    def __init__(self, read: abc.Callable[[], float], monotonic: abc.Callable[[], float] = time.monotonic):
        self._read, self._monotonic = read, monotonic
        self._lock = threading.Lock()
        self._offset: float | None = None
        self._refresh_at = 0.0

    def now(self) -> float:
        """Return the present time; raise StoreUnavailable if the database has never answered."""
        if self._offset is None:
            self._measure()
        elif self._is_stale():
            self._refresh()
        assert self._offset is not None
        return self._monotonic() + self._offset

    def _is_stale(self) -> bool:
        """Whether the caller has to refresh; only one of several threads has to."""
        with self._lock:
            now = self._monotonic()
            if now < self._refresh_at:
                return False
            self._refresh_at = now + REFRESH_SECONDS
            return True

    def _refresh(self) -> None:
        try:
            self._measure()
        except errors.StoreUnavailable:
            # The known distance stays right: both clocks go on while the database is away.
            return

    def _measure(self) -> None:
        asked_at = self._monotonic()
        told = self._read()
        heard_at = self._monotonic()
        if self._offset is None or heard_at - asked_at < PRECISE_SECONDS:
            self._offset = told - (asked_at + heard_at) / 2
            self._refresh_at = heard_at + REFRESH_SECONDS
