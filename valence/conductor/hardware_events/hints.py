# SPDX-License-Identifier: Apache-2.0
"""Hints: what events of pod managers are about, kept until the worker reads the resources again.

An event proves nothing, so its content is not stored: it only triggers a new read.
"""

import contextlib
import dataclasses
import threading
import time

from valence.common import errors

#: resources of one pod manager that wait to be read again; beyond that all of it is synchronized
MOST = 1000
#: seconds between two looks into the hints on one pod manager, so that one that tells without end costs little
PAUSE = 0.1
#: seconds between two synchronizations because of events that do not name a resource: some log each sign-in so
VAGUE_PAUSE = 60
#: seconds until a resource is read again that had not settled when its event came, for each time that it was read
SETTLE_PAUSES = (3, 3, 4, 8, 16, 32)


@dataclasses.dataclass
class Waiting:
    """Resources of a pod manager to read again, and since when they wait (``time.monotonic``).

    ``urls`` says how often each was read before for the same event; ``whole`` requests a synchronization. ``vague``
    holds the URLs of vague hints, which cause a synchronization after ``pause`` seconds at the earliest.
    """

    urls: dict[str, int] = dataclasses.field(default_factory=dict)
    vague: set[str] = dataclasses.field(default_factory=set)
    whole: bool = False
    pause: float = 0.0
    since: float = dataclasses.field(default_factory=time.monotonic)

    def add(self, hint):
        """Add a hint (podmanagers.base.Hint); a resource with several hints is read once."""
        if hint.resource_url:
            self.urls[hint.resource_url] = 0
        if hint.vague:
            self.vague.add(hint.resource_url)
        self.whole = self.whole or hint.structural or len(self.urls) > MOST
        if len(self.urls) > MOST:
            self.urls.clear()
            self.vague.clear()


class Hints:
    """The waiting hints by pod manager; ``wake`` is called when there are new ones."""

    def __init__(self, wake, pause=PAUSE):
        self._wake, self._pause = wake, pause
        self._waiting, self._lock = {}, threading.Lock()
        self._rests, self._looked_into = {}, set()
        self._unsettled, self._vague_at = {}, {}

    def offer(self, uuid, hints):
        """Add hints on a pod manager."""
        if not hints:
            return
        with self._lock:
            waiting = self._waiting.setdefault(uuid, Waiting())
            for hint in hints:
                waiting.add(hint)
            rests = uuid in self._rests
        if not rests:
            self._wake()

    def waiting(self):
        """Return the UUIDs of the pod managers with hints to process."""
        with self._lock:
            self._add_unsettled()
            return [uuid for uuid in self._waiting if uuid not in self._rests]

    def look_again(self, uuid, urls: dict[str, int]):
        """Have resources read again after a pause; ``urls`` says how often each was read already."""
        now = time.monotonic()
        with self._lock:
            unsettled = self._unsettled.setdefault(uuid, {})
            for url, times in urls.items():
                if times <= len(SETTLE_PAUSES) and len(unsettled) < MOST:
                    unsettled[url] = now + SETTLE_PAUSES[times - 1], times
            if not unsettled:
                del self._unsettled[uuid]

    def _add_unsettled(self):
        """Add the resources whose pause is over."""
        now = time.monotonic()
        for uuid, unsettled in list(self._unsettled.items()):
            for url, (moment, times) in list(unsettled.items()):
                if moment <= now:
                    del unsettled[url]
                    self._waiting.setdefault(uuid, Waiting()).urls.setdefault(url, times)
            if not unsettled:
                del self._unsettled[uuid]

    def discard(self, uuid):
        """Forget the hints on a pod manager that this conductor no longer serves."""
        with self._lock:
            self._waiting.pop(uuid, None)
            self._unsettled.pop(uuid, None)
            self._vague_at.pop(uuid, None)
            rest = self._rests.pop(uuid, None)
        if rest is not None:
            rest.cancel()

    def wake_again(self, uuid):
        """Call ``wake`` if hints came while this conductor worked on the pod manager, not if another one does."""
        with self._lock:
            came = uuid in self._waiting and uuid in self._looked_into and uuid not in self._rests
            self._looked_into.discard(uuid)
        if came:
            self._wake()

    @contextlib.contextmanager
    def taken(self, uuid):
        """Give the Waiting of a pod manager, or None; it waits again if the store is unavailable."""
        with self._lock:
            waiting = self._waiting.pop(uuid, None)
            self._looked_into.add(uuid)
            if waiting is not None:
                self._rest(uuid)
                self._set_pause(uuid, waiting)
        try:
            yield waiting
        except errors.StoreUnavailable:
            with self._lock:
                if waiting is not None:
                    self._waiting.setdefault(uuid, waiting)
            raise

    def _set_pause(self, uuid, waiting):
        """Set how long a synchronization because of vague hints has to wait after the one before."""
        if waiting.vague:
            now = time.monotonic()
            waiting.pause = max(0.0, self._vague_at.get(uuid, now) - now)
            if not waiting.pause:
                self._vague_at[uuid] = now + VAGUE_PAUSE

    def _rest(self, uuid):
        """Leave the pod manager alone for a moment, then call ``wake`` if hints came meanwhile."""
        rest = self._rests[uuid] = threading.Timer(self._pause, self._end_rest, (uuid,))
        rest.daemon = True
        rest.start()

    def _end_rest(self, uuid):
        with self._lock:
            self._rests.pop(uuid, None)
            came = uuid in self._waiting
        if came:
            self._wake()
