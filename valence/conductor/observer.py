# SPDX-License-Identifier: Apache-2.0
"""What the store shows of the state, looked up in the background: reading the figures never waits for a database."""

import collections

from valence.conductor import metrics
from valence.conductor import outbox
from valence.conductor import periodic
from valence.db import models
from valence.db import store
from valence.db import types

INTERVAL = 10.0
STATUSES = ("unknown", "online", "offline", "maintenance")
OPEN = ("pending", "running")
FIELDS = ("uuid", "status", "maintenance", "last_synced_at", "created_at")
PAGE = 1000


class Observer:
    """Keeps the figures of the state current.

    ``owns(uuid)`` tells whether a pod manager is this conductor's; ``health`` is its StoreHealth. ``published`` is
    whether events are published at all.
    """

    def __init__(self, database, health, *, owns, published):
        self._store, self._owns, self._published = database, owns, published
        self._oldest = None
        self._loop = periodic.Loop("observer", self.look, INTERVAL)
        metrics.STORE_UP.set_function(lambda: health.problem is None)
        metrics.SYNC_AGE.set_function(self.sync_age)

    def start(self):
        """Begin to look."""
        self._loop.start()

    def stop(self):
        """End looking; nothing is owned any more."""
        self._loop.stop(timeout=10)
        self._show_pod_managers([])

    def look(self):
        """Look once."""
        self._show_pod_managers([each for each in self._pod_managers() if self._owns(each.uuid)])
        for state in OPEN:
            waiting = self._store.count(models.Operation, filters=[store.Filter("state", "eq", state)])
            metrics.OPEN_OPERATIONS.labels(state).set(waiting)
        if self._published:
            metrics.OUTBOX_EVENTS.set(outbox.unpublished(self._store))

    def sync_age(self):
        """Return how many seconds ago the pod manager that has waited longest was synchronized; 0 without any."""
        return 0 if self._oldest is None else max(0, self._store.now() - self._oldest)

    def _pod_managers(self):
        marker = None
        while rows := self._store.list(models.PodManager, marker=marker, limit=PAGE, fields=FIELDS):
            yield from rows
            marker = rows[-1].uuid

    def _show_pod_managers(self, mine):
        counts = collections.Counter("maintenance" if each.maintenance else each.status for each in mine)
        for status in STATUSES:
            metrics.POD_MANAGERS.labels(status).set(counts[status])
        waiting = [_seconds(each.last_synced_at or each.created_at) for each in mine if not each.maintenance]
        self._oldest = min(waiting, default=None)


def _seconds(moment):
    """Return a DateTime value as seconds since 1970."""
    return types.parse_time(moment).timestamp()
