# SPDX-License-Identifier: Apache-2.0
"""How many requests of a crawl a service bears at a time, found out as TCP does it.

A service gets few requests at first, and more as long as it answers each as fast as before. It gets half as many when
it asks for less (429, 503), does not answer, or answers at half the speed.
"""

import statistics
import threading
import time

from valence.common import errors

#: factor by which requests may take longer before there are no more of them, and before there are fewer
_FLAT, _SLOW = 1.4, 2.0
#: seconds by which requests may take longer anyway: less than that says nothing on a machine that does much else
_NOISE = 0.002
#: share by which the number grows in a window, and the fewest requests in one
_GROWTH, _WINDOW = 0.5, 8
#: weight of a new time in the usual one, and kinds of requests whose usual time is kept
_WEIGHT, _MOST_KINDS = 0.2, 256


class Pace:
    """The number of requests in flight to one service: ``start`` at first, ``most`` at most; safe in several threads.

    It does not grow if ``start`` is 1. Slow answers bring it back to ``start``, failures below that.
    """

    def __init__(self, start, most):
        self._start = start
        self._most = max(start, most) if start > 1 else start
        self._usual = {}  # kind of request -> seconds that it takes with ``start`` in flight
        self._window = []
        self._spared = 0  # requests whose failure says nothing new
        self._in_flight = 0
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self.limit = start

    @property
    def most(self):
        return self._most

    def request(self, kind) -> "_Request":
        """Return a context manager that waits until there may be one more request, and notes how that one ends.

        It yields whether more are in flight than at the start.
        """
        return _Request(self, kind)

    def begin(self) -> bool:
        """Wait until there may be one more request; return whether more are in flight than at the start."""
        with self._lock:
            while self._in_flight >= self.limit:
                self._condition.wait()
            self._in_flight += 1
            return self.limit > self._start

    def end(self, kind, seconds: float, error: type[BaseException] | None):
        """Note that a request took ``seconds``, and the type of the error that it raised; None where it did not."""
        with self._lock:
            if error is None:
                self.took(kind, seconds)
            elif issubclass(error, errors.PodManagerUnreachable):
                self.failed()
            self._in_flight -= 1
            self._condition.notify()

    def failed(self):
        """Note that a request was refused for now, or not answered."""
        with self._lock:
            if self._spared <= 0:
                self._spared = self._in_flight  # those that are under way fail for the same reason
                self._set(max(1, self.limit // 2))

    def took(self, kind, seconds):
        """Note that a request of a kind was answered within ``seconds``."""
        with self._lock:
            self._spared -= 1
            self._window.append(self._slowness(kind, seconds))
            if len(self._window) >= max(_WINDOW, 2 * self.limit):
                self._decide(statistics.median(self._window))

    def _slowness(self, kind, seconds):
        """Return how many times the usual a request took; the usual is learnt while few are in flight."""
        if len(self._usual) >= _MOST_KINDS:
            self._usual.clear()
        usual = self._usual.setdefault(kind, seconds)
        if self.limit <= self._start:
            self._usual[kind] = usual + _WEIGHT * (seconds - usual)
        return max(0.0, seconds - _NOISE) / max(usual, _NOISE)

    def _decide(self, slowness):
        if slowness <= _FLAT:
            self._set(min(self._most, self.limit + max(1, int(self.limit * _GROWTH))))
        elif slowness > _SLOW and self.limit > self._start:
            self._set(max(self._start, self.limit // 2))
        self._window.clear()

    def _set(self, limit):
        self._window.clear()
        self.limit = limit
        self._condition.notify_all()


class _Request:
    """One request at a Pace. Ten thousands of them are made: a generator would take three times as long."""

    __slots__ = ("_began", "_kind", "_pace")

    def __init__(self, pace, kind):
        self._pace, self._kind = pace, kind

    def __enter__(self):
        is_more = self._pace.begin()
        self._began = time.monotonic()
        return is_more

    def __exit__(self, error, *_):
        self._pace.end(self._kind, time.monotonic() - self._began, error)


class Paced:
    """A connection as a crawl uses it: at the pace that the service bears."""

    def __init__(self, connection, pace):
        self._connection, self._pace = connection, pace

    @property
    def paths(self):
        return self._connection.paths

    @property
    def refused(self):
        return self._connection.refused

    def get(self, path, *args, **kwargs):
        """Return what the connection's ``get`` returns; what fails because of the pace is asked for again."""
        is_more = False
        try:
            with self._pace.request(_kind(path)) as is_more:
                return self._connection.get(path, *args, **kwargs)
        except errors.PodManagerUnreachable:
            if not is_more:
                raise
        with self._pace.request(_kind(path)):
            return self._connection.get(path, *args, **kwargs)


def _kind(path):
    """Return what paths to documents of one kind have in common: the names in it without the identifiers."""
    path, is_query, _ = path.partition("?")
    steps = path.split("/")[3:]
    return (*steps[::2], len(steps), bool(is_query))
