# SPDX-License-Identifier: Apache-2.0
"""The outbox: events go to the bus in the order of their commits, lane by lane, each at least once.

How far each lane has come is a cursor in the store. One conductor at a time relays a lane, under a lease; a
broker that is away delays events, it loses none.
"""

import contextlib

from valence.common import errors
from valence.conductor import lanes
from valence.conductor import periodic
from valence.db import models
from valence.db import store

#: seconds between two looks for new events, and from the end of one to the next while events come
INTERVAL, REST = 0.25, 0.1
#: events that are read, published and marked at a time
BATCH = 200
#: events of other lanes after which a cursor follows: they need not be passed over again and again
LAG = 1000
#: cursor of the version before, which had one lane for all
WHOLE = "notifications"


class Relay:
    """Publishes what is stored and not published yet, again and again; ``share()`` returns this conductor's lanes."""

    def __init__(self, database, leases, notifier, share):
        self._store, self._leases, self._notifier, self._share = database, leases, notifier, share
        self._lanes, self._seen = {}, None
        self._loop = periodic.Loop("outbox", self.relay, INTERVAL, REST)
        self.ring = self._loop.ring

    def start(self):
        """Begin to relay."""
        self._loop.start()

    def stop(self):
        """End the present batch and let other conductors relay."""
        self._loop.stop(timeout=10)
        self._keep(())
        self._notifier.stop()

    def relay(self):
        """Publish until nothing is left in the lanes that are free; raise BusUnavailable."""
        mine = self._share()
        self._keep(mine)
        self._look()
        for lane in mine:
            if lane not in self._lanes:
                self._lanes[lane] = LaneRelay(self._store, self._leases, self._notifier, lane)
            self._lanes[lane].relay(self._seen)

    def _look(self):
        """Find out, by one query for all, which lanes have new events."""
        if self._seen is None:
            self._seen = latest(self._store)
        while True:
            news = self._news()
            for event in news:
                if lane := self._lanes.get(lanes.of(event.object_id)):
                    lane.has_news = True
                self._seen = event.sequence
            if len(news) < BATCH:
                return

    def _news(self):
        return self._store.list(
            models.Event,
            filters=[store.Filter("sequence", "gt", self._seen)],
            sort=[store.Sort("sequence")],
            limit=BATCH,
            fields=["sequence", "object_id"],
        )

    def _keep(self, mine):
        for lane in [each for each in self._lanes if each not in mine]:
            self._lanes.pop(lane).drop()


class LaneRelay:
    """Publishes the events of one lane, while no other conductor does."""

    def __init__(self, database, leases, notifier, lane):
        self._store, self._leases, self._notifier, self._lane = database, leases, notifier, lane
        self._held, self._lease, self._cursor = contextlib.ExitStack(), None, None
        #: whether there may be events that were not published
        self.has_news = True

    def relay(self, seen):
        """Publish what there is; ``seen`` is the sequence number up to which news were looked for."""
        if self._lease is not None and not self._leases.holds(self._lease):
            self.drop()
        try:
            self._take()
            while self.has_news:
                self.has_news = self._relay_batch() == BATCH
            if seen > self._cursor.sequence + LAG:
                self._mark(seen)
        except errors.LeaseHeld:
            pass
        except (errors.LeaseLost, errors.RevisionMismatch):
            self.drop()

    def drop(self):
        """Let another conductor relay."""
        self._lease = self._cursor = None
        self.has_news = True
        self._held.close()

    def _take(self):
        if self._lease is None:
            self._lease = self._held.enter_context(self._leases.hold(f"outbox/{self._lane.name}"))
        if self._cursor is None:
            self._cursor = self._read_cursor()

    def _read_cursor(self):
        try:
            return self._store.get(models.Cursor, self._lane.name)
        except errors.NotFound:
            new = models.Cursor(name=self._lane.name, sequence=self._published_before())
            return self._store.commit(store.Create(new), lease=self._lease)[0]

    def _published_before(self):
        try:
            return self._store.get(models.Cursor, WHOLE).sequence
        except errors.NotFound:
            return 0

    def _relay_batch(self):
        """Publish one batch, mark what the broker confirmed of it, and return its length."""
        batch = self._store.list(
            models.Event,
            filters=[store.Filter("sequence", "gt", self._cursor.sequence), *self._lane.filters],
            sort=[store.Sort("sequence")],
            limit=BATCH,
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


def latest(database):
    """Return the sequence number of the newest event, 0 without any."""
    newest = database.list(
        models.Event, sort=[store.Sort("sequence", descending=True)], limit=1, fields=["sequence"]
    )
    return newest[0].sequence if newest else 0


def unpublished(database):
    """Return how many events were not published yet."""
    cursors = {cursor.name: cursor.sequence for cursor in database.list(models.Cursor)}
    before = cursors.get(WHOLE, 0)
    return sum(_waiting(database, lane, cursors.get(lane.name, before)) for lane in lanes.LANES)


def _waiting(database, lane, published):
    return database.count(models.Event, filters=[store.Filter("sequence", "gt", published), *lane.filters])
