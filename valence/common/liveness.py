# SPDX-License-Identifier: Apache-2.0
"""Whether a conductor answers, asked all the time in the background, so that no request waits to find out."""

import datetime
import threading
import time

from oslo_log import log

from valence.common import errors

LOG = log.getLogger(__name__)

#: seconds between two pings, and that one ping may take
INTERVAL = 1.0
#: seconds without an answer after which conductors are asked nothing any more; one lost ping is forgiven
LIMIT = 2.5
HANGS = errors.BusUnavailable(reason="it does not answer")


class Liveness:
    """Pings conductors in a thread of its own and refuses requests at once while none answers.

    ``ping(timeout)`` returns what a conductor says of itself or raises a ValenceError. It may hang while the
    broker is away, as the first connection does: only the age of the last answer counts.
    """

    def __init__(self, ping, interval=INTERVAL, limit=LIMIT):
        self._ping, self._interval, self._limit = ping, interval, limit
        self._born = self._alive_since = time.time()
        self._heard = None
        self._answer = None
        self._problem = errors.BusUnavailable(reason="there is no connection yet")
        self._reported = False
        self._first_answer = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="liveness", daemon=True)

    def start(self):
        """Begin to ping."""
        self._thread.start()

    def stop(self):
        """End the pings; one that hangs is left behind."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._interval)

    def wait(self, timeout):
        """Wait for the first answer; return whether it came within ``timeout`` seconds."""
        return self._first_answer.wait(timeout)

    @property
    def alive(self):
        """Whether a conductor answered something within the limit."""
        return self._heard is not None and time.monotonic() - self._heard < self._limit

    @property
    def state(self):
        """Return ``{"alive": bool, "since": ISO time, "reason": str or None, "conductor": dict or None}``.

        ``since`` is when the last answer came, or while conductors answer, when they began to; ``conductor`` is
        what one said to the last ping that it answered.
        """
        if self.alive:
            return self._state(alive=True, since=self._alive_since, reason=None)
        return self._state(alive=False, since=self._last_heard(), reason=self._problem.kwargs["reason"])

    def require(self):
        """Raise BusUnavailable or ConductorUnavailable, with reason and time, unless a conductor answers."""
        if not self.alive:
            state = self.state
            raise type(self._problem)(reason=f"{state['reason']}, since {state['since']}")

    def hear(self):
        """Note that a conductor answered something."""
        if not self.alive:
            self._alive_since = time.time()
        self._heard = time.monotonic()

    def _state(self, alive, since, reason):
        return {"alive": alive, "since": _iso(since), "reason": reason, "conductor": self._answer}

    def _last_heard(self):
        return self._born if self._heard is None else time.time() - (time.monotonic() - self._heard)

    def _run(self):
        while not self._stopping.is_set():
            started = time.monotonic()
            self._ask()
            self._stopping.wait(self._interval - (time.monotonic() - started))

    def _ask(self):
        try:
            self._answer = self._ping(self._interval)
        except errors.Unavailable as problem:
            self._note_problem(problem)
        except errors.ValenceError as problem:
            self._note_problem(errors.ConductorUnavailable(reason=problem.detail))
        else:
            self._note_answer()

    def _note_problem(self, problem):
        self._problem = problem
        if not self.alive and not self._reported:
            self._reported = True
            LOG.warning("%s Requests are refused until a conductor answers", problem.detail)

    def _note_answer(self):
        self.hear()
        if self._reported or not self._first_answer.is_set():
            LOG.info("conductors answer: %s", self._answer)
        self._problem, self._reported = HANGS, False
        self._first_answer.set()


def _iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
