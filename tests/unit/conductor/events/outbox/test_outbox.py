# SPDX-License-Identifier: Apache-2.0
"""Events reach the bus in order, each at least once, whatever fails in between."""

import fixtures

from tests import base
from tests import embedded
from valence.common import context
from valence.common import errors
from valence.conductor.events import outbox
from valence.db import models
from valence.db import store


class Bus:
    """A bus that keeps what it gets, and is away when a test says so. The real one is beyond this process."""

    def __init__(self):
        self.published, self.epochs = [], []
        self.fails_at = None

    def publish(self, event_type, payload, message_id, timestamp, request_id=None):
        if self.fails_at is not None and len(self.published) == self.fails_at:
            raise errors.BusUnavailable(reason="away")
        self.published.append((payload["sequence"], event_type, message_id, request_id))
        self.epochs.append(payload["epoch"])

    def stop(self):
        """There is nothing to close."""


class Interrupted:
    """A store whose database is away when something is read by its key for the first time."""

    def __init__(self, store):
        self._store, self._is_away = store, True

    def get(self, model, key):
        if self._is_away:
            self._is_away = False
            raise errors.StoreUnavailable(reason="away")
        return self._store.get(model, key)

    def __getattr__(self, name):
        return getattr(self._store, name)


class Watched:
    """A store whose ``calls`` are listed: what is read, and how many changes a commit has."""

    def __init__(self, store):
        self._store, self.calls = store, []

    def list(self, model, **query):
        self.calls.append(f"list {model.__name__}")
        return self._store.list(model, **query)

    def commit(self, *changes, **more):
        self.calls.append(f"commit {len(changes)}")
        return self._store.commit(*changes, **more)

    def __getattr__(self, name):
        return getattr(self._store, name)


class RelayCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.bus = Bus()

    def relay(self, holder="one", share=outbox.PARTITIONS):
        one = outbox.Relay(self.database.store, self.database.keeper(holder), self.bus, lambda: share)
        self.addCleanup(one.stop)
        return one

    #: of what events are stored, unless a test says otherwise
    UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"

    def partition(self, uuid=UUID):
        """Return the partition of an object."""
        return outbox.of(uuid)

    def store_events(self, number, uuid=UUID):
        pod_manager = models.PodManager(uuid=uuid, name="p", url="http://p")
        mine = context.RequestContext(request_id="req-1", overwrite=False)
        self.database.store.commit(
            *(outbox.event("pod_manager", mine, "create", new=pod_manager) for _ in range(number))
        )

    def sequences(self):
        return [each[0] for each in self.bus.published]


class RelayTest(RelayCase):
    def test_every_event_is_published_in_order(self):
        self.store_events(outbox.BATCH + 5)
        self.relay().relay()
        self.assertEqual(list(range(1, outbox.BATCH + 6)), self.sequences())
        stored = self.database.events()[0]
        self.assertEqual((1, "valence.pod_manager.create", stored.uuid, "req-1"), self.bus.published[0])

    def test_what_was_published_is_not_published_again(self):
        self.store_events(3)
        one = self.relay()
        one.relay()
        self.store_events(2)
        one.relay()
        self.assertEqual([1, 2, 3, 4, 5], self.sequences())

    def test_a_bus_that_is_away_delays_events_and_loses_none(self):
        self.store_events(5)
        self.bus.fails_at = 2
        one = self.relay()
        self.assertRaises(errors.BusUnavailable, one.relay)
        self.bus.fails_at = None
        one.relay()
        self.assertEqual([1, 2, 3, 4, 5], self.sequences())

    def test_one_conductor_at_a_time_relays(self):
        self.store_events(2)
        first = self.relay("one")
        first.relay()
        self.store_events(1)
        second = self.relay("two")
        second.relay()
        self.assertEqual([1, 2], self.sequences())
        first.stop()
        second.relay()
        self.assertEqual([1, 2, 3], self.sequences())

    def test_whoever_lost_the_lease_reads_the_cursor_again(self):
        self.store_events(1)
        first = self.relay("one")
        first.relay()
        with self.database.keeper("two").hold(f"outbox/{self.partition().name}", steal=True):
            self.store_events(1)
            cursor = self.database.store.get(models.Cursor, self.partition().name)
            self.database.store.commit(store.Update(cursor, {"sequence": 2}))  # as the other one does
            self.store_events(1)
            first.relay()  # published, but not marked: at least once
        first.relay()
        self.assertEqual([1, 2, 3], sorted(set(self.sequences())))
        self.assertEqual([3, 3], [each for each in self.sequences() if each == 3][-2:])
        self.assertEqual(3, self.database.store.get(models.Cursor, self.partition().name).sequence)

    def test_new_events_of_all_partitions_are_one_query_and_one_commit(self):
        watched = Watched(self.database.store)
        one = outbox.Relay(watched, self.database.keeper("one"), self.bus, lambda: outbox.PARTITIONS)
        self.addCleanup(one.stop)
        one.relay()
        for uuid in [f"{digit}{self.UUID[1:]}" for digit in "05af"] * 2:
            self.store_events(1, uuid)
        watched.calls.clear()
        one.relay()
        self.assertEqual(list(range(1, 9)), self.sequences())
        self.assertEqual(["list Event", "list Cursor", "commit 4"], watched.calls)
        self.assertEqual(0, outbox.unpublished(self.database.store))

    def test_a_relay_of_some_partitions_reads_their_events_alone(self):
        watched = Watched(self.database.store)
        one = outbox.Relay(watched, self.database.keeper("one"), self.bus, lambda: [self.partition()])
        self.addCleanup(one.stop)
        one.relay()
        for uuid in (self.UUID, "f" + self.UUID[1:], self.UUID):
            self.store_events(1, uuid)
        watched.calls.clear()
        one.relay()
        self.assertEqual([1, 3], self.sequences())
        self.assertEqual(["list Event", "list Cursor", "list Event", "commit 1"], watched.calls)

    def test_new_events_that_a_bus_did_not_take_are_published_by_their_partitions(self):
        other = "f" + self.UUID[1:]
        one = self.relay()
        one.relay()
        for uuid in (self.UUID, other, self.UUID, other):
            self.store_events(1, uuid)
        self.bus.fails_at = 1
        self.assertRaises(errors.BusUnavailable, one.relay)
        self.bus.fails_at = None
        self.assertEqual(3, outbox.unpublished(self.database.store))
        one.relay()
        self.assertEqual([1, 3, 2, 4], self.sequences())
        self.assertEqual(0, outbox.unpublished(self.database.store))

    def test_whoever_knows_that_the_lease_is_lost_publishes_nothing(self):
        keeper = self.database.keeper("one")
        first = outbox.Relay(self.database.store, keeper, self.bus, lambda: outbox.PARTITIONS)
        self.addCleanup(first.stop)
        first.relay()
        with self.database.keeper("two").hold(f"outbox/{self.partition().name}", steal=True):
            keeper._renew()
            self.store_events(1)
            first.relay()
            self.assertEqual([], self.sequences())

    def test_a_database_that_is_away_before_the_cursor_is_read_stops_nothing_for_good(self):
        self.store_events(2)
        one = outbox.Relay(
            Interrupted(self.database.store),
            self.database.keeper("one"),
            self.bus,
            lambda: [self.partition()],
        )
        self.addCleanup(one.stop)
        self.assertRaises(errors.StoreUnavailable, one.relay)
        one.relay()
        self.assertEqual([1, 2], self.sequences())


class PartitionsTest(RelayCase):
    def test_conductors_relay_their_own_partitions_at_the_same_time(self):
        other = "f" + self.UUID[1:]
        first, second = self.relay("one", [self.partition()]), self.relay("two", [self.partition(other)])
        self.store_events(2)
        self.store_events(2, other)
        second.relay()
        self.assertEqual([3, 4], self.sequences())
        first.relay()
        self.assertEqual([3, 4, 1, 2], self.sequences())

    def test_a_partition_that_is_given_away_is_free_at_once(self):
        share = [*outbox.PARTITIONS]
        first, second = self.relay("one", share), self.relay("two", [self.partition()])
        first.relay()
        self.store_events(1)
        share.remove(self.partition())
        first.relay()
        second.relay()
        self.assertEqual([1], self.sequences())
        [lease] = self.database.store.leases(f"outbox/{self.partition().name}")
        self.assertEqual("two", lease.holder)

    def test_a_partition_without_events_of_its_own_follows(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.events.outbox.LAG", 3))
        self.store_events(5)
        self.relay().relay()
        self.assertEqual({5}, {each.sequence for each in self.database.store.list(models.Cursor)})

    def test_it_goes_on_where_the_version_before_ended(self):
        self.store_events(3)
        self.database.store.commit(store.Create(models.Cursor(name=outbox.WHOLE, sequence=2)))
        self.assertEqual(1, outbox.unpublished(self.database.store))
        self.relay().relay()
        self.assertEqual([3], self.sequences())
        self.assertEqual(0, outbox.unpublished(self.database.store))

    def test_a_lease_that_was_lost_while_nothing_came_is_taken_again(self):
        one = self.relay()
        one.relay()
        with self.database.keeper("two").hold(f"outbox/{self.partition().name}", steal=True):
            pass
        self.store_events(1)
        for _ in range(2):
            one.relay()
        self.assertEqual([1], sorted(set(self.sequences())))
