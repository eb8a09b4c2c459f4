# SPDX-License-Identifier: Apache-2.0
"""Purge removes old events, ended operations, reports, idempotency keys and rows of dead conductors, in small batches.

How long each is kept is said by [conductor] event_days, operation_days and report_days. An event that was not published
yet is kept, where events are published at all.
"""

from valence.common import errors
from valence.conductor.events import outbox
from valence.conductor.work import threads
from valence.db import models
from valence.db import store

INTERVAL = 300.0
BATCH = 500
DAY = 24 * 3600
LEASE = "purge"


class Purge(threads.Periodic):
    """Removes rows that are too old; one conductor at a time does."""

    def __init__(self, conf, database, leases):
        self._conf, self._store, self._leases = conf.conductor, database, leases
        self._loop = threads.Loop("purge", self.purge, INTERVAL)

    def purge(self):
        """Remove all rows that are too old now, unless another conductor does."""
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
        """Remove old events, partition by partition, except for those that were not published yet."""
        cursors = {cursor.name: cursor.sequence for cursor in self._store.list(models.Cursor)}
        for partition in outbox.PARTITIONS:
            published = cursors.get(partition.name)
            limit = [] if published is None else [store.Filter("sequence", "lte", published)]
            self._purge(models.Event, "created_at", self._conf.event_days, *partition.filters, *limit)

    def _purge(self, model, field, days, *filters):
        old = [store.Filter(field, "lt", self._store.at(-days * DAY)), *filters]
        while rows := self._store.list(model, filters=old, limit=BATCH):
            self._store.commit(*(store.Delete(row) for row in rows))
