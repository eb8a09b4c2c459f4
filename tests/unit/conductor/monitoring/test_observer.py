# SPDX-License-Identifier: Apache-2.0
"""The figures of the state: what is owned, what waits, what was not published."""

import types

from tests import base
from tests import embedded
from tests import figures
from valence.common import context
from valence.conductor.events import outbox
from valence.conductor.monitoring import observer
from valence.conductor.work import operations
from valence.db import models
from valence.db import store


class ObserverTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = self.database.store
        self.health = types.SimpleNamespace(problem=None)

    def observe(self, owns=lambda uuid: True, published=True):
        one = observer.Observer(self.store, self.health, owns=owns, published=published)
        one.look()
        return one

    def add(self, name, **values):
        url = f"http://127.0.0.1:1/{name}"
        return self.store.commit(store.Create(models.PodManager(name=name, url=url, **values)))[0]

    def owned(self, status):
        return figures.value("valence_conductor_pod_managers", status=status)

    def test_pod_managers_are_counted_by_status_those_of_others_are_not(self):
        self.add("a", status="online")
        self.add("b", status="offline")
        self.add("c", status="online", maintenance=True)
        other = self.add("d", status="online")
        self.observe(owns=lambda uuid: uuid != other.uuid)
        self.assertEqual((1, 1, 1), (self.owned("online"), self.owned("offline"), self.owned("maintenance")))

    def test_nothing_is_owned_after_the_end(self):
        self.add("a", status="online")
        one = self.observe()
        one.stop()
        self.assertEqual(0, self.owned("online"))
        self.assertEqual(0, figures.value("valence_conductor_sync_age_seconds"))

    def test_the_age_is_that_of_the_longest_wait_outside_of_maintenance(self):
        self.add("a", last_synced_at=self.database.store.at(-50))
        self.add("b", last_synced_at=self.database.store.at(-300))
        self.add("c", last_synced_at=self.database.store.at(-900), maintenance=True)
        self.observe()
        age = figures.value("valence_conductor_sync_age_seconds")
        self.assertTrue(299 <= age < 320, age)

    def test_one_that_was_never_synchronized_waits_since_it_was_registered(self):
        self.add("a", created_at=self.database.store.at(-100))
        self.observe()
        self.assertGreaterEqual(figures.value("valence_conductor_sync_age_seconds"), 99)

    def test_open_operations(self):
        new = [operations.new(context.service_context(), "sync", "pod_manager", str(n)) for n in range(3)]
        stored = self.store.commit(*map(store.Create, new))
        self.store.commit(store.Update(stored[0], {"state": "running"}))
        self.store.commit(store.Update(stored[1], {"state": "failed"}))
        self.observe()
        name = "valence_conductor_open_operations"
        self.assertEqual((1, 1), (figures.value(name, state="pending"), figures.value(name, state="running")))

    def test_open_introspections(self):
        rows = [models.Introspection(uuid=str(n), state="waiting") for n in range(2)]
        rows.append(models.Introspection(uuid="2", state="finished"))
        self.store.commit(*map(store.Create, rows))
        self.observe()
        name = "valence_conductor_open_introspections"
        self.assertEqual(
            (2, 0), tuple(figures.value(name, state=state) for state in ("waiting", "processing"))
        )

    def test_events_beyond_the_cursor_were_not_published(self):
        pod_manager = self.add("a")
        mine = context.service_context()
        for _ in range(3):
            self.store.commit(outbox.event("pod_manager", mine, "create", new=pod_manager))
        self.observe()
        self.assertEqual(3, figures.value("valence_conductor_outbox_events"))
        cursors = [models.Cursor(name=partition.name, sequence=2) for partition in outbox.PARTITIONS]
        self.store.commit(*map(store.Create, cursors))
        self.observe()
        self.assertEqual(1, figures.value("valence_conductor_outbox_events"))

    def test_whether_the_store_answers_is_asked_of_nobody_when_it_is_read(self):
        self.observe()
        self.assertEqual(1, figures.value("valence_conductor_store_up"))
        self.health.problem = {"reason": "gone"}
        self.assertEqual(0, figures.value("valence_conductor_store_up"))

    def test_nodes_are_counted_by_state_and_those_to_be_released(self):
        podm_id = self.add("a").uuid
        for name, values in (("one", {}), ("two", {"state": "error", "goal": "absent"})):
            self.store.commit(store.Create(models.Node(name=name, podm_id=podm_id, **values)))
        self.observe().look_at_devices()
        counted = [figures.value("valence_conductor_nodes", state=state) for state in ("composing", "error")]
        self.assertEqual([1, 1], counted)
        self.assertEqual(1, figures.value("valence_conductor_nodes_to_release"))
