# SPDX-License-Identifier: Apache-2.0
"""Deadlines of calls, on the clock of the database: the only clock that all processes of a site can compare with.

A caller that got no answer in time tells its client that the request failed. What such a call would still write may
come after a later request that succeeded, so nothing of it may be written any more. Receivers cannot find that out from
their own clocks: those of two hosts may differ by an hour, and a process that was stopped does not know how long a
message waited in its sockets. So a message carries when it was sent, as the database's clock showed, and the database
compares when it commits.
"""

import contextlib
import threading
import time

from valence.common import bus_errors

#: seconds that two clocks may drift apart within a second
DRIFT = 0.0002

_threads = threading.local()


def now():
    """Return seconds that go on while the process is stopped and while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """The database's clock, as far as it is known here: between two bounds, narrowed by each observation."""

    def __init__(self):
        self._lock = threading.Lock()
        # How far it is ahead of ``now``, at least and at most, at a moment; None while nothing is known.
        self._known = None

    def hear(self, earliest, latest, asked_at, heard_at):
        """Learn that it showed something in ``earliest`` to ``latest`` somewhen in ``asked_at`` to ``heard_at``."""
        low, high = earliest - heard_at, latest - asked_at
        with self._lock:
            known = self._at(heard_at)
            if known and low <= known[1] and high >= known[0]:
                low, high = max(low, known[0]), min(high, known[1])
            # Otherwise it was set, or is another server's.
            self._known = low, high, heard_at

    @property
    def bounds(self):
        """Return the earliest and the latest moment that it may show now, or None."""
        moment = now()
        with self._lock:
            known = self._at(moment)
        return known and (moment + known[0], moment + known[1])

    def earliest(self, moment):
        """Return the earliest that it may show when ``now`` is ``moment``; None while nothing is known."""
        with self._lock:
            known = self._at(moment)
        return known and moment + known[0]

    def _at(self, moment):
        if self._known is None:
            return None
        low, high, since = self._known
        drift = abs(moment - since) * DRIFT
        return low - drift, high + drift


class Deadline:
    """Until when the caller of one call waits.

    ``sent`` is the database's time at which it began to, ``timeout`` how long it waits at most; ``silence``, or None,
    how long without a sign of life from whoever works on the call.
    """

    def __init__(self, clock, sent, timeout, silence=None):
        self._clock, self._silence = clock, silence
        self._end = sent + timeout
        self._silent_at = sent + silence if silence else self._end

    @property
    def moment(self):
        """Until when something may be written, in seconds of the database's clock."""
        return min(self._end, self._silent_at)

    def require(self):
        """Raise TooLate if the caller has given up for certain."""
        bounds = self._clock.bounds
        if bounds and bounds[0] >= self.moment:
            raise bus_errors.TooLate()

    def noted(self, give_sign):
        """Return what calls ``give_sign``, by which the caller hears of this process, and counts its patience anew."""

        def give():
            bounds = self._clock.bounds
            give_sign()
            # A caller that had given up before does not come back.
            if bounds and bounds[1] < self.moment:
                self._silent_at = bounds[0] + self._silence

        return give if self._silence else give_sign


@contextlib.contextmanager
def held(deadline):
    """Let ``current`` return a Deadline, or None, inside of the ``with`` block and in this thread."""
    _threads.deadline = deadline
    try:
        yield
    finally:
        _threads.deadline = None


def current():
    """Return until when the call that this thread works on may write (see Deadline.moment), None without a limit."""
    deadline = getattr(_threads, "deadline", None)
    return deadline and deadline.moment


def lift():
    """Let the rest of what this thread works on be written at any time."""
    _threads.deadline = None
