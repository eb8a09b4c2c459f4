# SPDX-License-Identifier: Apache-2.0
"""The threads of a conductor: loops that run a task periodically, bounded pools, and the backoff of work that fails.

The pools are bounded so that slow pod managers leave threads for the others. ``WorkerPool`` does background work, one
piece at a time for each key. ``FairPool`` serves callers that wait for a result: a key may have several calls at the
same time, up to a share of the threads. ``Patience`` is the backoff for work that failed before it could store its
failure, as when the database is away.
"""

import collections
import math
import threading
import time
import typing
from collections import abc
from concurrent import futures

from oslo_log import log

from valence.common import errors

#: the first pause in seconds, doubled with each failure in a row, and the longest
FIRST, LONGEST = 1.0, 60.0
MOST_PAUSE_DOUBLINGS = 10

#: threads for calls that take long, besides the others, for each of these
SLOW_THREADS = 2
#: seconds after which a call that still runs leaves its place to others
PLACE_SECONDS = 0.25
#: seconds that the running task of a Periodic gets to end
STOP_SECONDS = 10
LOG = log.getLogger(__name__)


class WorkerPool:
    """Threads that call ``work(key)``, at most one for each key, in the order in which keys were offered last.

    ``workers`` calls run at the same time. A call that takes longer than ``patience`` seconds leaves its place to
    another one, as long as no more than ``slow_workers`` have done so; a key whose last call was slow begins only in
    the place of a slow one. So slow keys wait for slow keys. ``ended(key)`` is called when that key may be offered
    again, ``clock`` returns seconds.
    """

    def __init__(
        self,
        work: abc.Callable[[typing.Any], object],
        *,
        workers: int,
        slow_workers: int = 0,
        patience: float = math.inf,
        ended: abc.Callable[[typing.Any], object] = lambda key: None,
        clock: abc.Callable[[], float] = time.monotonic,
    ):
        self._work, self._patience, self._clock = work, patience, clock
        self._workers, self._slow_workers, self._ended = workers, slow_workers, ended
        self._pool = futures.ThreadPoolExecutor(workers + slow_workers, "worker")
        self._lock = threading.Lock()
        self._began: dict = {}
        self._slow: set = set()
        self._waiting: list = []
        self._urgent: frozenset = frozenset()
        self._stopping = False

    def offer(self, keys: abc.Iterable, urgent: abc.Iterable = ()) -> None:
        """Begin with those of ``keys``, the most urgent first, for which there is a place; the others wait.

        They replace the keys that have waited until now; keys under way are passed over. The ``urgent`` ones, whose
        work is short, begin as long as any thread is free.
        """
        with self._lock:
            self._urgent = frozenset(urgent)
            self._waiting = [key for key in keys if key not in self._began]
            self._admit()

    def add(self, key: typing.Any) -> None:
        """Begin with a key, or let it wait behind the others, unless it waits or is under way already."""
        with self._lock:
            if key not in self._began and key not in self._waiting:
                self._waiting.append(key)
                self._admit()

    def hurry(self, keys: abc.Iterable) -> None:
        """Begin with urgent keys, before those that wait; keys under way are passed over."""
        with self._lock:
            urgent = [key for key in keys if key not in self._began]
            self._urgent |= frozenset(urgent)
            self._waiting = [*urgent, *(key for key in self._waiting if key not in urgent)]
            self._admit()

    def stop(self, *, finish: bool = False) -> None:
        """Begin nothing more, except for the keys that wait if ``finish``; wait until all calls have ended."""
        with self._lock:
            for key in self._waiting if finish else ():
                self._begin(key)
            self._stopping, self._waiting = True, []
        self._pool.shutdown(wait=True)

    def _admit(self):
        if self._stopping:
            return
        slow = self._counted_out()
        places = {True: self._slow_workers - slow, False: self._workers - (len(self._began) - slow)}
        left = []
        for key in self._waiting:
            is_slow = key in self._slow
            if places[is_slow] > 0 or self._may_hurry(key):
                places[is_slow] -= 1
                self._begin(key)
            else:
                left.append(key)
        self._waiting = left

    def _may_hurry(self, key):
        return key in self._urgent and len(self._began) < self._workers + self._slow_workers

    def _counted_out(self):
        """Return how many slow calls take no place of the quick ones: at most ``slow_workers``."""
        latest = self._clock() - self._patience
        slow = sum(key in self._slow or began < latest for key, began in self._began.items())
        return min(slow, self._slow_workers)

    def _begin(self, key):
        self._began[key] = self._clock()
        self._pool.submit(self._run, key)

    def _run(self, key):
        try:
            self._work(key)
        finally:
            with self._lock:
                self._end(key)
                self._admit()
            self._ended(key)

    def _end(self, key):
        """Remember whether the call was slow, for the next one."""
        if self._clock() - self._began.pop(key) > self._patience:
            self._slow.add(key)
        else:
            self._slow.discard(key)


class Hung(Exception):
    """A call that was not made, because an earlier one of its key has run for ``seconds``."""

    def __init__(self, seconds: float):
        super().__init__(f"an earlier call has run for {seconds:.0f} s")
        self.seconds = seconds


class FairPool:
    """Calls in ``workers`` places, at most ``share`` of them for one key. Keys take turns, calls keep order.

    A call that runs longer than PLACE_SECONDS leaves its place to others. One that runs longer than ``patience``
    seconds makes its key hang: until it ends no further call of that key begins, and those that wait fail with Hung. A
    key that hung makes one call at a time, outside of the places, until one ends in time. ``clock`` returns seconds.
    """

    def __init__(
        self,
        workers: int,
        share: int,
        patience: float = math.inf,
        clock: abc.Callable[[], float] = time.monotonic,
    ):
        self._workers, self._share, self._patience, self._clock = workers, share, patience, clock
        self._most = workers * (1 + SLOW_THREADS)
        self._pool = futures.ThreadPoolExecutor(self._most, "fair-pool")
        self._lock, self._stopping = threading.Lock(), False
        # Keys with calls that wait, in the order of their turns; key and start of those that run, the oldest first.
        self._waiting: dict = {}
        self._running: dict = {}
        self._begun: collections.Counter = collections.Counter()
        # Keys whose last call took longer than the patience.
        self._slow: set = set()

    def submit(self, key: str, function: abc.Callable, *arguments) -> futures.Future:
        """Return the Future of a call."""
        future: futures.Future = futures.Future()
        with self._lock:
            if self._stopping:
                raise RuntimeError("the pool was stopped")
            self._waiting.setdefault(key, collections.deque()).append((future, function, arguments))
            self._dispatch(self._clock())
        return future

    def look(self) -> float:
        """Begin the calls that can begin now, fail those of keys that hang; return the seconds until that may change.

        The pool looks by itself when a call ends. A caller that waits for a Future has to look when time has passed.
        """
        with self._lock:
            now = self._clock()
            self._dispatch(now)
            if not self._waiting:
                return math.inf
            ages = (now - began for _, began in self._running.values())
            return min((left for age in ages for left in self._steps(age)), default=math.inf)

    def stop(self):
        """Make the calls that wait, and end."""
        with self._lock:
            self._stopping = True
            waits = [call[0] for calls in self._waiting.values() for call in calls]
        futures.wait(waits)
        self._pool.shutdown()

    def _steps(self, age):
        """Return the seconds until a call of this age leaves its place, and until it makes its key hang."""
        return (step - age for step in (PLACE_SECONDS, self._patience) if step >= age)

    def _dispatch(self, now):
        hung = self._hung(now)
        self._slow |= hung.keys()
        for key in hung.keys() & self._waiting.keys():
            for future, _, _ in self._waiting.pop(key):
                if future.set_running_or_notify_cancel():
                    future.set_exception(Hung(now - hung[key]))
        while len(self._running) < self._most and self._begin_next(now):
            pass

    def _hung(self, now):
        """Return the keys of calls that take too long, with when the oldest of each began."""
        hung = {}
        for key, began in self._running.values():
            if now - began <= self._patience:
                break
            hung.setdefault(key, began)
        return hung

    def _begin_next(self, now):
        """Begin one call of the first key that has not got its share; return whether there was one."""
        shares = self._shares(now)
        key = next((each for each in self._waiting if self._begun[each] < shares[each in self._slow]), None)
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

    def _shares(self, now):
        """Return how many calls a key may make at a time, and how many a key that hung may."""
        placed = sum(
            now - began <= PLACE_SECONDS and key not in self._slow for key, began in self._running.values()
        )
        slow = len(self._running) - placed
        # Many that become slow at the same time, and those that hung before, leave threads to the others.
        share = self._share if slow < self._workers else 1
        return share if placed < self._workers else 0, int(slow < self._most - self._workers)

    def _make(self, key, call):
        future, function, arguments = call
        try:
            result, error = function(*arguments), None
        except Exception as raised:  # the caller gets it from the Future
            result, error = None, raised
        with self._lock:
            self._end(key, call)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _end(self, key, call):
        now = self._clock()
        _, began = self._running.pop(id(call))
        if now - began > self._patience:
            self._slow.add(key)
        else:
            self._slow.discard(key)
        self._begun[key] -= 1
        if not self._begun[key]:
            del self._begun[key]
        self._dispatch(now)


class Loop:
    """A thread that runs ``task`` every ``interval`` seconds, and at once after ``wake``.

    There are at least ``rest`` seconds between two runs, so that requests in quick succession are handled together. The
    thread survives every exception of its task: it logs the exception and runs the task again at its next time. Of a
    database or message bus that is away only the first failure and the recovery are logged.
    """

    def __init__(self, name, task, interval, rest=0.0):
        self._task, self._interval, self._rest = task, interval, rest
        self._woken = threading.Event()
        #: runs the task now, or again right after the present run
        self.wake = self._woken.set
        self._stopping = self._waiting = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        """Start the thread; the task runs at once."""
        self._thread.start()

    def stop(self, timeout=None):
        """Let the running task end and begin no other; wait for up to ``timeout`` seconds."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self):
        while not self._stopping:
            self._once()
            time.sleep(self._rest)
            self._woken.wait(self._interval)
            self._woken.clear()

    def _once(self):
        try:
            self._task()
            self._note_back()
        except errors.Unavailable as error:
            self._note_away(error)
        except Exception:  # the edge of a loop, which must go on
            LOG.exception("%s failed; it runs again in %s s", self._thread.name, self._interval)

    def _note_away(self, error):
        if not self._waiting:
            LOG.warning(
                "%s waits, it tries again every %s s: %s", self._thread.name, self._interval, error.detail
            )
        self._waiting = True

    def _note_back(self):
        if self._waiting:
            LOG.info("%s goes on", self._thread.name)
        self._waiting = False


class Periodic:
    """A part of the conductor whose work is done by a Loop, ``_loop``."""

    _loop: Loop

    def start(self) -> None:
        """Begin the periodic work."""
        self._loop.start()

    def stop(self) -> None:
        """Let the running task end, for STOP_SECONDS at most, and begin no other."""
        self._loop.stop(timeout=STOP_SECONDS)


class Patience:
    """Backoff by key after failures in a row; ``clock`` returns seconds."""

    def __init__(self, clock=time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._failures: dict[str, tuple[int, float]] = {}

    def failed(self, key: str) -> float:
        """Count a failure of a key; return the pause in seconds."""
        with self._lock:
            failures, _ = self._failures.get(key, (0, 0.0))
            pause = min(FIRST * 2 ** min(failures, MOST_PAUSE_DOUBLINGS), LONGEST)
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
        """Return whether the pause of a key has not ended."""
        _, until = self._failures.get(key, (0, 0.0))
        return self._clock() < until

    def keep(self, keys) -> None:
        """Forget all other keys."""
        with self._lock:
            self._failures = {key: value for key, value in self._failures.items() if key in keys}
