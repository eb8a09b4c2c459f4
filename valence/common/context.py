# SPDX-License-Identifier: Apache-2.0
"""The context of a call: who asks, under which request id, and until when the caller waits for the answer.

The first two are carried from the HTTP request over the bus into every log line and event.

Deadlines are on the clock of the database: the only clock that all processes of a site can compare with. A caller that
got no answer in time tells its client that the request failed. What such a call would still write may come after a
later request that succeeded, so nothing of it may be written any more. Receivers cannot find that out from their own
clocks: those of two hosts may differ by an hour, and a process that was stopped does not know how long a message waited
in its sockets. So a message carries when it was sent, as the database's clock showed, and the database compares when it
commits.
"""

import contextlib
import threading
import time
import typing

from oslo_context import context

from valence.common import bus_errors

#: seconds that two clocks may drift apart within a second
DRIFT = 0.0002
_threads = threading.local()


class RequestContext(context.RequestContext):
    """The context of one request; ``to_dict`` and ``from_dict`` are its form on the bus."""

    #: ``time.monotonic()`` at which the credentials expire, or have to be shown again; None if they do not
    expires: float | None = None

    @property
    def actor(self) -> str | None:
        """Return who asked, for operations and events: the user id, or None without authentication."""
        return self.user_id


def service_context() -> RequestContext:
    """Return the context of work that a conductor does by itself."""
    return RequestContext(user_id=None, roles=["service"], overwrite=False)


def boottime() -> float:
    """Return seconds that go on while the process is stopped and while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock:
    """The database's clock, as far as it is known here: between two bounds, narrowed by each observation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # How far it is ahead of ``boottime``, at least and at most, at a moment; None while nothing is known.
        self._known: tuple[float, float, float] | None = None

    def hear(self, earliest: float, latest: float, asked_at: float, heard_at: float) -> None:
        """Learn that it showed something in ``earliest`` to ``latest`` somewhen in ``asked_at`` to ``heard_at``."""
        low, high = earliest - heard_at, latest - asked_at
        with self._lock:
            known = self._at(heard_at)
            if known and low <= known[1] and high >= known[0]:
                low, high = max(low, known[0]), min(high, known[1])
            # Otherwise it was set, or is another server's.
            self._known = low, high, heard_at

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return the earliest and the latest moment that it may show now, or None."""
        moment = boottime()
        with self._lock:
            known = self._at(moment)
        return known and (moment + known[0], moment + known[1])

    def earliest(self, moment: float) -> float | None:
        """Return the earliest that it may show when ``boottime`` is ``moment``; None while nothing is known."""
        with self._lock:
            known = self._at(moment)
        return known and moment + known[0]

    def _at(self, moment: float) -> tuple[float, float] | None:
        if self._known is None:
            return None
        low, high, since = self._known
        drift = abs(moment - since) * DRIFT
        return low - drift, high + drift


class RunningTime:
    """Counts the seconds that this process ran: one that was stopped has not waited for anybody meanwhile.

    ``tick`` is to be called every ``interval`` seconds; of a longer time between two calls only twice that counts.
    """

    def __init__(self, interval: float) -> None:
        self._longest = 2 * interval
        #: the seconds that were counted at a moment
        self._counted = 0.0, time.monotonic()

    def tick(self) -> None:
        """Note that the process runs."""
        self._counted = self.seconds(), time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since the start."""
        counted, moment = self._counted
        return counted + min(time.monotonic() - moment, self._longest)


class Deadline:
    """Until when the caller of one call waits.

    ``sent`` is the database's time at which it began to, ``timeout`` how long it waits at most; ``silence``, or None,
    how long without a sign of life from whoever works on the call.
    """

    def __init__(self, clock: Clock, sent: float, timeout: float, silence: float | None = None) -> None:
        self._clock, self._silence = clock, silence
        #: until when the caller waits at most, however often it hears of whoever works on the call
        self.end = sent + timeout
        self._silent_at = sent + silence if silence else self.end

    @property
    def moment(self) -> float:
        """Until when something may be written, in seconds of the database's clock."""
        return min(self.end, self._silent_at)

    def require(self) -> None:
        """Raise TooLate if the caller has given up for certain."""
        bounds = self._clock.bounds
        if bounds and bounds[0] >= self.moment:
            raise bus_errors.TooLate()

    def noted(self, give_sign: typing.Callable[[], None]) -> typing.Callable[[], None]:
        """Return what calls ``give_sign``, by which the caller hears of this process, and counts its patience anew."""

        silence = self._silence
        if not silence:
            return give_sign

        def give() -> None:
            bounds = self._clock.bounds
            give_sign()
            # A caller that had given up before does not come back.
            if bounds and bounds[1] < self.moment:
                self._silent_at = bounds[0] + silence

        return give


@contextlib.contextmanager
def hold_deadline(deadline: Deadline | None) -> typing.Iterator[None]:
    """Let ``write_deadline`` return a Deadline, or None, inside of the ``with`` block and in this thread."""
    _threads.deadline = deadline
    try:
        yield
    finally:
        _threads.deadline = None


def write_deadline() -> float | None:
    """Return until when the call that this thread works on may write (see Deadline.moment), None without a limit."""
    deadline = getattr(_threads, "deadline", None)
    return deadline and deadline.moment


def answer_deadline() -> float | None:
    """Return until when the caller of this thread's call waits at most (see Deadline.end), None without a limit."""
    deadline = getattr(_threads, "deadline", None)
    return deadline and deadline.end


def lift_deadline() -> None:
    """Let the rest of what this thread works on be written at any time."""
    _threads.deadline = None
