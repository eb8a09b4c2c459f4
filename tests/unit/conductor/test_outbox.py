# SPDX-License-Identifier: Apache-2.0
"""Events reach the bus in order, each at least once, whatever fails in between."""

from tests import base
from tests import embedded
from valence.common import context
from valence.common import errors
from valence.conductor import events
from valence.conductor import outbox
from valence.db import models


class Bus:
    """A bus that keeps what it gets, and is away when a test says so. The real one is beyond this process."""

    def __init__(self):
        self.published = []
        self.fails_at = None

    def publish(self, event_type, payload, message_id, timestamp, request_id=None):
        if self.fails_at is not None and len(self.published) == self.fails_at:
            raise errors.BusUnavailable(reason="away")
        self.published.append((payload["sequence"], event_type, message_id, request_id))

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


class RelayTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.bus = Bus()

    def relay(self, holder="one"):
        one = outbox.Relay(self.database.store, self.database.keeper(holder), self.bus)
        self.addCleanup(one.stop)
        return one

    def store_events(self, number):
        pod_manager = models.PodManager(name="p", url="http://p")
        mine = context.RequestContext(request_id="req-1", overwrite=False)
        self.database.store.commit(
            *(events.pod_manager(mine, "create", new=pod_manager) for _ in range(number))
        )

    def sequences(self):
        return [each[0] for each in self.bus.published]

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
        with self.database.keeper("two").hold(outbox.LEASE, steal=True):
            self.store_events(1)
            first.relay()  # published, but not marked: at least once
        first.relay()
        self.assertEqual([1, 2, 2], self.sequences())

    def test_a_database_that_is_away_before_the_cursor_is_read_stops_nothing_for_good(self):
        self.store_events(2)
        one = outbox.Relay(Interrupted(self.database.store), self.database.keeper("one"), self.bus)
        self.addCleanup(one.stop)
        self.assertRaises(errors.StoreUnavailable, one.relay)
        one.relay()
        self.assertEqual([1, 2], self.sequences())
