# SPDX-License-Identifier: Apache-2.0
"""The outbox: events go to the bus in the order of their commits, each at least once.

How far the relay has come is a cursor in the store. One conductor at a time relays, under a lease; a
broker that is away delays events, it loses none.
"""

import contextlib

from valence.common import errors
from valence.conductor import periodic
from valence.db import models
from valence.db import store

#: seconds between two looks for new events
INTERVAL = 0.5
#: events that are read, published and marked at a time
BATCH = 200
CURSOR = "notifications"
LEASE = "outbox/notifications"


class Relay:
    """Publishes what is stored and not published yet, again and again."""

    def __init__(self, database, leases, notifier):
        self._store, self._leases, self._notifier = database, leases, notifier
        self._cursor = self._lease = None
        self._held = contextlib.ExitStack()
        self._loop = periodic.Loop("outbox", self.relay, INTERVAL)
        self.ring = self._loop.ring

    def start(self):
        """Begin to relay."""
        self._loop.start()

    def stop(self):
        """End the present batch and let another conductor relay."""
        self._loop.stop(timeout=10)
        self._drop()
        self._notifier.stop()

    def relay(self):
        """Publish until nothing is left, or do nothing while another conductor relays; raise BusUnavailable."""
        try:
            self._take()
            while self._relay_batch() == BATCH:
                pass
        except errors.LeaseHeld:
            pass
        except (errors.LeaseLost, errors.RevisionMismatch):
            self._drop()

    def _take(self):
        if self._lease is None:
            self._lease = self._held.enter_context(self._leases.hold(LEASE))
        if self._cursor is None:
            self._cursor = self._read_cursor()

    def _drop(self):
        self._lease = self._cursor = None
        self._held.close()

    def _read_cursor(self):
        try:
            return self._store.get(models.Cursor, CURSOR)
        except errors.NotFound:
            return self._store.commit(store.Create(models.Cursor(name=CURSOR)), lease=self._lease)[0]

    def _relay_batch(self):
        """Publish one batch, mark what the broker confirmed of it, and return its length."""
        unpublished = [store.Filter("sequence", "gt", self._cursor.sequence)]
        batch = self._store.list(
            models.Event, filters=unpublished, sort=[store.Sort("sequence")], limit=BATCH
        )
        published = self._cursor.sequence
        try:
            for event in batch:
                self._publish(event)
                published = event.sequence
        finally:
            self._mark(published)
        return len(batch)

    def _publish(self, event):
        self._notifier.publish(
            event.event_type, event.payload(), event.uuid, event.created_at, request_id=event.request_id
        )

    def _mark(self, sequence):
        if sequence != self._cursor.sequence:
            self._cursor = self._store.commit(
                store.Update(self._cursor, {"sequence": sequence}), lease=self._lease
            )[0]
