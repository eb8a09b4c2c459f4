# SPDX-License-Identifier: Apache-2.0
"""What pod managers have told of themselves and nobody has looked into yet. Events are hints: they prove nothing."""

import contextlib
import dataclasses
import threading
import time

from valence.common import errors

#: resources of one pod manager that wait to be read again; beyond that all of it is synchronized
MOST = 1000


@dataclasses.dataclass
class Waiting:
    """URLs to read again, whether all is to be synchronized, and since when that waits (``time.monotonic``)."""

    urls: dict = dataclasses.field(default_factory=dict)
    whole: bool = False
    since: float = dataclasses.field(default_factory=time.monotonic)

    def add(self, hint):
        """Take a hint (podmanagers.base.Hint); the same resource twice is read once."""
        self.urls[hint.resource_url] = None
        self.whole = self.whole or hint.structural or len(self.urls) > MOST
        if len(self.urls) > MOST:
            self.urls.clear()


class Hints:
    """The hints that wait, by pod manager; ``ring`` is called when there are some."""

    def __init__(self, ring):
        self._ring = ring
        self._waiting, self._looked_into, self._lock = {}, set(), threading.Lock()

    def offer(self, uuid, hints):
        """Take hints on a pod manager."""
        if not hints:
            return
        with self._lock:
            waiting = self._waiting.setdefault(uuid, Waiting())
            for hint in hints:
                waiting.add(hint)
        self._ring()

    def waiting(self):
        """Return the uuids of the pod managers with hints."""
        with self._lock:
            return list(self._waiting)

    def discard(self, uuid):
        """Forget hints on a pod manager that is served no more."""
        with self._lock:
            self._waiting.pop(uuid, None)

    def ring_again(self, uuid):
        """Ring for what came while the pod manager was being worked on; not if somebody else works on it."""
        with self._lock:
            came = uuid in self._waiting and uuid in self._looked_into
            self._looked_into.discard(uuid)
        if came:
            self._ring()

    @contextlib.contextmanager
    def taken(self, uuid):
        """Give the Waiting of a pod manager, or None; it waits again where the store is away."""
        with self._lock:
            waiting = self._waiting.pop(uuid, None)
            self._looked_into.add(uuid)
        try:
            yield waiting
        except errors.StoreUnavailable:
            with self._lock:
                if waiting is not None:
                    self._waiting.setdefault(uuid, waiting)
            raise
