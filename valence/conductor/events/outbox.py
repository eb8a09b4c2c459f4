# SPDX-License-Identifier: Apache-2.0
"""The outbox: events that are committed with the change that they tell of, and published afterwards.

They are published to the message bus in the order of their commits, each at least once.

Events are divided into partitions by the first digit of their object's identifier, so that all events of an object stay
in order; that needs no column, and holds for events of versions without partitions too. The position in each partition
is a cursor in the store, and one conductor at a time relays a partition, under a lease. A broker that is away delays
events and loses none. A restored database has the cursors of the backup: relays then drop the ones that they remember.
"""

import bisect
import contextlib
import typing

from valence.common import errors
from valence.conductor.cluster import ownership
from valence.conductor.events import restores
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.db.models.event import STATES
from valence.db.models.event import Epochs

#: where each partition begins; the first begins at the beginning
BOUNDS = (None, "2", "4", "6", "8", "a", "c", "e", None)
GROUP = "partitions"
#: seconds between two looks for new events, and from the end of one to the next while events come
INTERVAL, REST = 0.25, 0.1
#: events that are read, published and marked at a time
BATCH = 200
#: new events that are kept in memory until they are published
KEPT = 1000
#: events of other partitions after which a cursor follows: they need not be passed over again and again
LAG = 1000
#: cursor of the version before, which had one partition for all
WHOLE = "notifications"


def event(kind, context, happened, *, old=None, new=None, more=None):
    """Return the creation of ``valence.<kind>.<happened>``; old and new are the thing before and after.

    Of a pod manager, an introspection, a node, a flavor or a quota it is the row, of a resource a ResourceWithState.
    ``more`` is added to the new state that the event shows.
    """
    subject, shown = new or old, STATES[kind]
    stored = models.Event(
        event_type=f"valence.{kind}.{happened}",
        object_kind=kind,
        object_id=getattr(subject, subject.key),
        podm_id=subject.uuid if kind == "pod_manager" else getattr(subject, "podm_id", None),
        project_id=getattr(subject, "project_id", None),
        old=old and old.public(shown),
        new=new and new.public(shown) | (more or {}),
        actor=context.actor,
        request_id=context.request_id,
    )
    return store.Create(stored)


def about_device(claim, device, **more):
    """Return what an event of a node says of one of its devices: a Claim, its Device or None, and ``more``."""
    about = {"device_type": device and device.device_type, "model": device and device.model}
    return {"device_id": claim.device_id, "part": claim.part} | about | more


class Partition(typing.NamedTuple):
    """The events of objects with identifiers from ``low`` on and below ``high``; None is no limit."""

    name: str
    low: str | None
    high: str | None

    @property
    def filters(self):
        """The filters of its events."""
        low = [store.Filter("object_id", "gte", self.low)] if self.low else []
        return low + ([store.Filter("object_id", "lt", self.high)] if self.high else [])


PARTITIONS = tuple(
    Partition(f"notifications/{number}", low, high)
    for number, (low, high) in enumerate(zip(BOUNDS[:-1], BOUNDS[1:], strict=True))
)


def of(object_id):
    """Return the partition of an object."""
    return PARTITIONS[bisect.bisect_right(BOUNDS[1:-1], object_id)]


def share(members, host):
    """Return the partitions that the conductor ``host`` relays; ``members`` are the names of all that are alive."""
    owners = ownership.assign(
        dict.fromkeys(members, [GROUP]), {partition.name: GROUP for partition in PARTITIONS}
    )
    return [partition for partition in PARTITIONS if owners.get(partition.name) == host]


class Relay(threads.Periodic):
    """Publishes new events of this conductor's partitions, which ``share()`` returns."""

    def __init__(self, database, leases, notifier, share):
        self._store, self._leases, self._notifier, self._share = database, leases, notifier, share
        self._partitions, self._history = {}, restores.History(database)
        #: new events by number, as far as they were read whole
        self._found: dict[int, models.Event] = {}
        self._epochs = Epochs()
        self._loop = threads.Loop("outbox", self.relay, INTERVAL, REST)
        self.wake = self._loop.wake

    def stop(self):
        """End the running batch and let other conductors relay."""
        super().stop()
        self._keep(())
        self._notifier.stop()

    def relay(self):
        """Publish until the partitions that no other conductor relays are empty; raise BusUnavailable."""
        mine = self._share()
        self._keep(mine)
        self._look()
        for partition in mine:
            if partition not in self._partitions:
                self._partitions[partition] = PartitionRelay(
                    self._store, self._leases, self._notifier, partition
                )
        ours = [self._partitions[partition] for partition in mine]
        if any(one.has_news or one.new for one in ours):
            self._epochs = restores.read(self._store)
        self._relay_new([one for one in ours if one.new and one.is_current()])
        for one in ours:
            one.relay(self._history.sequence, self._epochs)

    def _relay_new(self, partitions):
        """Publish the events that ``_look`` has found: one query and one commit serve all partitions.

        The partitions have published everything before; what goes wrong is left to their own ``relay``.
        """
        of_event = {sequence: one for one in partitions for sequence in one.new}
        numbers, published = sorted(of_event), {}
        for one in partitions:
            one.new, one.has_news = [], True
        try:
            for start in range(0, len(numbers), BATCH):
                for event in self._events(numbers[start : start + BATCH]):
                    one = of_event[event.sequence]
                    one.publish(event, self._epochs)
                    published[one] = event.sequence
        finally:
            self._mark(published)
        for one in partitions:
            one.has_news = not one.is_marked(published.get(one))

    def _events(self, numbers):
        """Return the events with these numbers, in their order."""
        if self._found.keys() >= set(numbers):
            return [self._found[number] for number in numbers]
        named = [store.Filter("sequence", "in", numbers)]
        return self._store.list(models.Event, filters=named, sort=[store.Sort("sequence")], limit=BATCH)

    def _mark(self, published):
        """Store how far partitions were published, in one commit.

        It needs no lease: another conductor that relays one of them has moved its cursor to another revision, or will
        find it moved, and reads it again. Those whose commit failed are read and published again.
        """
        updates = [one.marking(sequence) for one, sequence in published.items()]
        if not updates:
            return
        with contextlib.suppress(errors.RevisionMismatch, errors.NotFound):
            for one, cursor in zip(published, self._store.commit(*updates), strict=True):
                one.take_marked(cursor)

    def _look(self):
        """Find out, by one query, which partitions have new events, and whether the database was restored.

        A relay of all partitions reads the events whole: it publishes all of them.
        """
        self._found.clear()
        news = [one.has_news for one in self._partitions.values()]
        is_whole = len(news) == len(PARTITIONS) and not any(news)
        try:
            while self._note(self._history.read(whole=is_whole), is_whole) >= restores.BATCH:
                pass
        except restores.Restored as restored:
            self._keep(())
            restores.begin(self._store, restored.after)
            self._history.restart()

    def _note(self, news, is_whole):
        """Let the partitions know of new events, and return the number of events."""
        for event in news:
            if partition := self._partitions.get(of(event.object_id)):
                partition.note(event.sequence)
            if is_whole and len(self._found) < KEPT:
                self._found[event.sequence] = event
        return len(news)

    def _keep(self, mine):
        for partition in [each for each in self._partitions if each not in mine]:
            self._partitions.pop(partition).drop()


class PartitionRelay:
    """Publishes the events of one partition, unless another conductor does."""

    def __init__(self, database, leases, notifier, partition):
        self._store, self._leases, self._notifier, self._partition = database, leases, notifier, partition
        self._held, self._lease, self._cursor = contextlib.ExitStack(), None, None
        #: whether there may be events that were not published, besides those whose numbers are ``new``
        self.has_news = True
        self.new: list[int] = []

    def note(self, sequence: int) -> None:
        """Have a new event published."""
        if not self.has_news:
            self.new.append(sequence)

    def is_current(self) -> bool:
        """Return whether this relay may publish, and has published all events but the new ones."""
        if self._lease is not None and not self._leases.holds(self._lease):
            self.drop()
        return self._cursor is not None and not self.has_news

    def marking(self, sequence):
        """Return the change that stores how far the partition was published."""
        return store.Update(self._cursor, {"sequence": sequence})

    def take_marked(self, cursor):
        """Go on from a cursor that was stored."""
        self._cursor = cursor

    def is_marked(self, sequence):
        """Return whether the cursor is stored with a number."""
        return self._cursor is not None and self._cursor.sequence == sequence

    def relay(self, seen, epochs):
        """Publish all new events; ``seen`` is the sequence number up to which events were read."""
        if not self.is_current():
            self.has_news, self.new = True, []
        try:
            self._take()
            while self.has_news:
                self.has_news = self._relay_batch(epochs) == BATCH
            if seen > self._cursor.sequence + LAG:
                self._mark(seen)
        except errors.LeaseHeld:
            pass
        except (errors.LeaseLost, errors.RevisionMismatch, errors.NotFound):
            self.drop()  # also where a restore took the cursor back a moment ago

    def drop(self):
        """Let another conductor relay."""
        self._lease = self._cursor = None
        self.has_news, self.new = True, []
        self._held.close()

    def _take(self):
        if self._lease is None:
            self._lease = self._held.enter_context(self._leases.hold(f"outbox/{self._partition.name}"))
        if self._cursor is None:
            self._cursor = self._read_cursor()

    def _read_cursor(self):
        try:
            return self._within(self._store.get(models.Cursor, self._partition.name))
        except errors.NotFound:
            new = models.Cursor(name=self._partition.name, sequence=self._published_before())
            return self._store.commit(store.Create(new), lease=self._lease)[0]

    def _within(self, cursor):
        """Return the cursor, set back if it is ahead of all events: nothing would be published until they reach it."""
        if cursor.sequence <= self._store.last_number(models.Event):
            return cursor
        known = restores.read(self._store).all
        values = {"sequence": known[-1].after if known else 0}
        return self._store.commit(store.Update(cursor, values), lease=self._lease)[0]

    def _published_before(self):
        try:
            return self._store.get(models.Cursor, WHOLE).sequence
        except errors.NotFound:
            return 0

    def _relay_batch(self, epochs):
        """Publish one batch, store how far the broker confirmed it, and return its length."""
        batch = self._store.list(
            models.Event,
            filters=[store.Filter("sequence", "gt", self._cursor.sequence), *self._partition.filters],
            sort=[store.Sort("sequence")],
            limit=BATCH,
        )
        published = self._cursor.sequence
        try:
            for event in batch:
                self.publish(event, epochs)
                published = event.sequence
        finally:
            self._mark(published)
        return len(batch)

    def publish(self, event, epochs):
        """Publish one event; raise BusUnavailable."""
        payload = event.payload(epochs.of(event.sequence))
        self._notifier.publish(
            event.event_type, payload, event.uuid, event.created_at, request_id=event.request_id
        )

    def _mark(self, sequence):
        if sequence != self._cursor.sequence:
            self._cursor = self._store.commit(self.marking(sequence), lease=self._lease)[0]


def unpublished(database):
    """Return the number of events that were not published yet."""
    cursors = {cursor.name: cursor.sequence for cursor in database.list(models.Cursor)}
    before = cursors.get(WHOLE, 0)
    return sum(_waiting(database, partition, cursors.get(partition.name, before)) for partition in PARTITIONS)


def _waiting(database, partition, published):
    return database.count(
        models.Event, filters=[store.Filter("sequence", "gt", published), *partition.filters]
    )
