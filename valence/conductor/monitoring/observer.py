# SPDX-License-Identifier: Apache-2.0
"""Metrics of the stored state, read in the background: a scrape of the metrics never waits for the database."""

import collections

from valence.conductor.cluster import ownership
from valence.conductor.events import outbox
from valence.conductor.introspection import states
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import operations
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.models import device
from valence.db.models import node

INTERVAL = 10.0
DEVICES_INTERVAL = 60.0
STATUSES = ("unknown", "online", "offline", "deleted", "maintenance")
FIELDS = ("uuid", "status", "maintenance", "last_synced_at", "created_at")


class Observer(threads.Periodic):
    """Updates the metrics of the stored state.

    ``owns(uuid)`` returns whether a pod manager is this conductor's; ``health`` is its StoreHealth. ``published`` is
    whether events are published at all.
    """

    def __init__(self, database, health, *, owns, published):
        self._store, self._owns, self._published = database, owns, published
        self._oldest = None
        self._loop = threads.Loop("observer", self.look, INTERVAL)
        self._devices = threads.Loop("device observer", self.look_at_devices, DEVICES_INTERVAL)
        work_metrics.STORE_UP.set_function(lambda: health.problem is None)
        work_metrics.SYNC_AGE.set_function(self.sync_age)

    def start(self):
        """Begin to read."""
        super().start()
        self._devices.start()

    def stop(self):
        """End reading; this conductor owns no pod manager then."""
        self._devices.stop(timeout=threads.STOP_SECONDS)
        super().stop()
        self._show_pod_managers([])

    def look(self):
        """Read the state once."""
        self._show_pod_managers(ownership.owned(self._store, self._owns, FIELDS))
        for model, open_states, gauge in (
            (models.Operation, operations.OPEN, work_metrics.OPEN_OPERATIONS),
            (models.Introspection, states.OPEN, work_metrics.OPEN_INTROSPECTIONS),
        ):
            for state in open_states:
                gauge.labels(state).set(
                    self._store.count(model, filters=[store.Filter("state", "eq", state)])
                )
        if self._published:
            work_metrics.OUTBOX_EVENTS.set(outbox.unpublished(self._store))

    def look_at_devices(self):
        """Count the nodes and the devices once; there may be very many of them."""
        for state in node.STATES:
            number = self._store.count(models.Node, filters=[store.Filter("state", "eq", state)])
            work_metrics.NODES.labels(state).set(number)
        left = self._store.count(models.Node, filters=[store.Filter("goal", "eq", "absent")])
        work_metrics.NODES_TO_RELEASE.set(left)
        for device_type in device.DEVICE_TYPES:
            of_type = store.Filter("device_type", "eq", device_type)
            there = self._store.count(models.Device, filters=[of_type])
            for state in device.DEVICE_STATES:
                filters = [of_type, store.Filter("state", "eq", state)]
                number = self._store.count(models.Device, filters=filters) if there else 0
                work_metrics.DEVICES.labels(device_type, state).set(number)

    def sync_age(self):
        """Return the seconds since the synchronization of the pod manager that has waited longest; 0 without any."""
        return 0 if self._oldest is None else max(0, self._store.now() - self._oldest)

    def _show_pod_managers(self, mine):
        counts = collections.Counter("maintenance" if each.maintenance else each.status for each in mine)
        for status in STATUSES:
            work_metrics.POD_MANAGERS.labels(status).set(counts[status])
        waiting = [_seconds(each.last_synced_at or each.created_at) for each in mine if not each.maintenance]
        self._oldest = min(waiting, default=None)


def _seconds(moment):
    """Return a DateTime value as seconds since 1970."""
    return types.parse_time(moment).timestamp()
