# SPDX-License-Identifier: Apache-2.0
"""History ends: old events, ended operations and idempotency keys are removed in small batches."""

from valence.common import errors
from valence.conductor import lanes
from valence.conductor import periodic
from valence.db import models
from valence.db import store

INTERVAL = 300.0
BATCH = 500
DAY = 24 * 3600
LEASE = "purge"


class Purge:
    """Removes what is older than it is kept for; one conductor at a time does."""

    def __init__(self, conf, database, leases):
        self._conf, self._store, self._leases = conf.conductor, database, leases
        self._loop = periodic.Loop("purge", self.purge, INTERVAL)

    def start(self):
        """Begin to purge."""
        self._loop.start()

    def stop(self):
        """End the present batch."""
        self._loop.stop(timeout=10)

    def purge(self):
        """Remove everything that is too old now, unless another conductor does."""
        try:
            with self._leases.hold(LEASE):
                self._purge_events()
                self._purge(models.Operation, "ended_at", self._conf.operation_days)
                self._purge(models.IdempotencyKey, "created_at", 1)
                self._purge(models.ActionReport, "report_date", self._conf.report_days)
                self._purge(models.Conductor, "heartbeat_at", 1, store.Filter("alive", "eq", False))
        except errors.LeaseHeld:
            pass

    def _purge_events(self):
        """Remove old events, but none that was not published yet, where events are published at all."""
        cursors = {cursor.name: cursor.sequence for cursor in self._store.list(models.Cursor)}
        for lane in lanes.LANES:
            published = cursors.get(lane.name)
            limit = [] if published is None else [store.Filter("sequence", "lte", published)]
            self._purge(models.Event, "created_at", self._conf.event_days, *lane.filters, *limit)

    def _purge(self, model, field, days, *filters):
        old = [store.Filter(field, "lt", self._store.at(-days * DAY)), *filters]
        while rows := self._store.list(model, filters=old, limit=BATCH):
            self._store.commit(*(store.Delete(row) for row in rows))
