# SPDX-License-Identifier: Apache-2.0
"""Bounds on what one process sends: places for calls that may take long, and a queue of wake-ups.

The places are shared fairly between targets. Wake-ups are casts, which may get lost; a thread sends them, so the sender
never blocks.
"""

import collections
import contextlib
import queue
import threading
import typing

from oslo_log import log

from valence.bus import messaging
from valence.common import bus_errors
from valence.common import errors
from valence.common.web import http_limits

#: casts that wait at most while the broker is slow or away
MAX_WAITING = 1000

LOG = log.getLogger(__name__)
#: topic -> what its calls do, and how many of them one process waits for at a time; each blocks a thread of an API
KINDS = {
    messaging.DETAILS_TOPIC: ("for live details of hardware", 48),
    messaging.BULK_TOPIC: ("for introspection documents", 48),
    messaging.DELETION_TOPIC: ("that delete pod managers", 4),
    messaging.SESSION_TOPIC: ("that change sessions of the backup service", 96),
}
MOST = sum(most for _, most in KINDS.values())
#: a target gets at most one in so many of the places that other targets leave free
SHARE = 4


class Places:
    """Limits the calls of one kind to ``most``; ``what`` says in an error what they do."""

    def __init__(self, what: str, most: int) -> None:
        self._what, self._most = what, most
        self._taken: collections.Counter[str | None] = collections.Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def take(self, target: str | None = None) -> typing.Iterator[None]:
        """Take a place for the ``with`` block; raise Busy where all places, or the share of ``target``, are taken."""
        with self._lock:
            mine = self._taken[target]
            free = self._most - (self._taken.total() - mine)
            if mine >= (free if target is None else max(1, free // SHARE)) or free <= 0:
                self._drop_empty(target)
                raise bus_errors.Busy(what=self._what)
            self._taken[target] += 1
        http_limits.end_turn()
        try:
            yield
        finally:
            with self._lock:
                self._taken[target] -= 1
                self._drop_empty(target)

    def _drop_empty(self, target: str | None) -> None:
        if not self._taken[target]:
            del self._taken[target]


class Doorbell:
    """Sends casts one after another in a thread; drops those that cannot be sent, because their receivers also poll."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[typing.Any] = queue.Queue(MAX_WAITING)
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Send the waiting casts, for a second at most, and stop."""
        if self._thread.is_alive() and not self._waiting.full():
            self._waiting.put(None)
            self._thread.join(1)

    def ring(self, name: str, send: typing.Callable[[], None]) -> None:
        """Call ``send()``, which raises ValenceErrors, in the thread."""
        try:
            self._waiting.put_nowait((name, send))
        except queue.Full:
            LOG.warning("the doorbell %s is dropped: too many wait for the message bus", name)

    def _run(self) -> None:
        while item := self._waiting.get():
            self._send(*item)

    def _send(self, name: str, send: typing.Callable[[], None]) -> None:
        try:
            send()
        except errors.ValenceError as error:
            LOG.warning("the doorbell %s is dropped: %s", name, error.detail)
        except Exception:  # the edge of the sending thread, which must go on
            LOG.exception("the doorbell %s is dropped", name)
