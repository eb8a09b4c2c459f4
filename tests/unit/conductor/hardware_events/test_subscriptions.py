# SPDX-License-Identifier: Apache-2.0
"""Pod managers are attached by the best way that they have, and let go when they are no more this conductor's."""

from tests import base
from tests import embedded
from tests import event_receiver
from tests import figures
from valence.common import context
from valence.conductor.events import outbox
from valence.conductor.hardware_events import hints
from valence.conductor.hardware_events import receiver
from valence.conductor.hardware_events import subscriptions
from valence.conductor.inventory import connections
from valence.conductor.work import worker
from valence.db import models
from valence.db import store


class SubscriptionsCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.options = self.database.conf.events
        for name, value in {"host": "127.0.0.1", "port": 0}.items():
            self.database.conf.set_override(name, value, "events")
        self.hints = hints.Hints(lambda: None)
        self.connections = self.database.connections()
        self.is_owner = True

    def simulate(self, **options):
        self.simulator = self.useFixture(embedded.Pod(**options)).simulator
        self.uuid = self.register(status="online")

    def register(self, **values):
        name = self.simulator.url.rpartition(":")[2]
        return self.database.register(self.simulator, name=name, next_sync_at=None, **values).uuid

    def attach(self, *, push=True, connections=None):
        """Start a conductor's subscriptions, and return them when they had a first look."""
        one = subscriptions.Subscriptions(
            self.database.store,
            self.database.keeper(),
            connections or self.connections,
            self.hints,
            owns=lambda uuid: self.is_owner,
            receiver=receiver.Receiver(self.options) if push else None,
        )
        self.addCleanup(one.stop)
        one.start()
        return one

    def pod_manager(self):
        return self.database.store.get(models.PodManager, self.uuid)

    def change(self, **values):
        self.database.store.commit(store.Update(self.pod_manager(), values))

    def subscribers(self, number):
        return self.simulator.stats()["subscriptions"] == number

    def wait_for_subscribers(self, number=1, one=None):
        """Wait until the pod has so many subscribers; with ``one`` that looks meanwhile, before its time too."""
        self.wait_for(lambda: (one and self.look(one)) or self.subscribers(number))

    def look(self, one):
        for care in list(one._cares.values()):
            care.due = 0
        one.look()

    def assert_hears(self):
        """Check that a change on the pod becomes a hint."""
        self.hints.discard(self.uuid)
        self.simulator.set_health("System1", "Warning")
        self.wait_for(lambda: self.uuid in self.hints.waiting())
        self.simulator.set_health("System1", "OK")

    def documents(self):
        service = self.simulator.service.subscriptions
        return [service.document(None, each) for each in service.ids(None)]


class WayTest(SubscriptionsCase):
    def shown(self, way):
        return figures.value("valence_conductor_subscriptions", way=way)

    def test_posts_where_there_is_a_receiver(self):
        self.simulate()
        one = self.attach()
        self.wait_for_subscribers()
        self.assert_hears()
        [document] = self.documents()
        self.assertEqual(f"valence:{self.uuid}", document["Context"])
        self.assertIn("/events/", document["Destination"])
        # The pod knows the subscription before the conductor has noted its answer.
        self.wait_for(lambda: one.look() or self.shown("push") == 1)
        self.assertEqual(0, self.shown("stream"))

    def test_a_stream_where_there_is_none(self):
        self.simulate()
        one = self.attach(push=False)
        self.wait_for_subscribers()
        self.assert_hears()
        self.wait_for(lambda: one.look() or self.shown("stream") == 1)

    def test_nothing_where_neither_works(self):
        self.simulate(event_stream=False)
        one = self.attach(push=False)
        self.wait_for(lambda: one.look() or self.shown("none") == 1)
        self.simulate(events=False)
        self.wait_for(lambda: one.look() or self.shown("none") == 2)
        self.assertTrue(self.subscribers(0))

    def test_a_stream_where_a_subscription_is_refused(self):
        self.simulate()
        self.simulator.set_faults(error_rate=1.0, fault_paths="Subscriptions$")
        self.attach()
        self.wait_for_subscribers()
        self.assertEqual("SSE", self.documents()[0]["SubscriptionType"])

    def test_a_stream_where_posts_do_not_arrive(self):
        self.simulate(event_retry_seconds=0.01)
        self.database.conf.set_override("receiver_url", "http://127.0.0.1:1", "events")
        one = self.attach()
        self.wait_for_subscribers()
        self.simulator.set_health("System1", "Warning")
        self.wait_for_subscribers(0)
        self.wait_for_subscribers(1, one)
        self.assert_hears()

    def test_what_is_attached_is_synchronized_since_nobody_told_what_changed_before(self):
        self.simulate()
        self.attach()
        self.wait_for(lambda: self.pod_manager().next_sync_at)


class LifeTest(SubscriptionsCase):
    def setUp(self):
        super().setUp()
        self.simulate(event_retry_seconds=0.01)

    def test_one_that_the_pod_manager_dropped_is_renewed(self):
        one = self.attach()
        self.wait_for_subscribers()
        self.assert_hears()
        self.simulator._call(lambda service: service.subscriptions.clear())
        self.assertTrue(self.subscribers(0))
        self.wait_for_subscribers(1, one)
        self.assertIn("/events/", self.documents()[0]["Destination"])

    def test_a_stream_that_ended_is_opened_again(self):
        self.attach(push=False)
        self.wait_for_subscribers()
        self.simulator.stop()
        self.simulator.start()
        self.wait_for(lambda: self.subscribers(1), timeout=30)
        self.assert_hears()

    def test_what_a_dead_predecessor_left_is_removed(self):
        other = self.useFixture(event_receiver.EventReceiver())
        left = self.database.connections().get(self.pod_manager(), connections.EVENTS)
        left.subscribe(other.url, f"valence:{self.uuid}")
        left.subscribe(other.url, "not ours")
        self.attach()
        self.wait_for(
            lambda: (
                {f"valence:{self.uuid}", "not ours"} == {each["Context"] for each in self.documents()}
                and all(
                    each["Destination"] != other.url
                    for each in self.documents()
                    if each["Context"] != "not ours"
                )
            )
        )
        self.assertTrue(self.subscribers(2))

    def test_what_an_earlier_registration_left_is_removed(self):
        other = self.useFixture(event_receiver.EventReceiver())
        left = self.database.connections().get(self.pod_manager(), connections.EVENTS)
        left.subscribe(other.url, f"valence:{self.uuid}")
        gone = self.pod_manager()
        told = outbox.event("pod_manager", context.service_context(), "delete", old=gone)
        self.database.store.commit(store.Delete(gone), told)
        left.subscribe(other.url, "valence:another-site")
        self.uuid = self.register(status="online")
        self.attach()
        self.wait_for(
            lambda: (
                {f"valence:{self.uuid}", "valence:another-site"}
                == {each["Context"] for each in self.documents()}
            )
        )

    def test_stopping_ends_them(self):
        one = self.attach()
        self.wait_for_subscribers()
        one.stop()
        self.assertTrue(self.subscribers(0))

    def test_maintenance_and_another_owner_and_deletion_end_them(self):
        one = self.attach()
        self.wait_for_subscribers()
        self.change(maintenance=True)
        self.wait_for_subscribers(0, one)
        self.change(maintenance=False)
        self.wait_for_subscribers(1, one)
        self.is_owner = False
        self.wait_for_subscribers(0, one)
        self.is_owner = True
        self.wait_for_subscribers(1, one)
        self.database.store.commit(store.Delete(self.pod_manager()))
        self.wait_for_subscribers(0, one)

    def test_a_new_way_of_access_is_attached_anew(self):
        one = self.attach()
        self.wait_for_subscribers()
        self.change(username="admin", url=f"{self.simulator.url}/redfish/v1/")
        self.wait_for_subscribers(1, one)
        new = self.connections.get(self.pod_manager(), connections.EVENTS)
        self.wait_for(lambda: self.look(one) or self.is_attached_to(one, new))
        self.assert_hears()

    def is_attached_to(self, one, driver):
        attached = one._cares[self.uuid].attached
        return attached is not None and attached.driver is driver

    def test_while_somebody_works_on_it_it_waits(self):
        with self.database.keeper("other").hold(worker.lease_name(self.uuid)):
            one = self.attach()
            self.wait_for(lambda: not one._pool._began and self.uuid in one._cares)
            self.assertTrue(self.subscribers(0))
        self.wait_for_subscribers(1, one)

    def test_one_that_is_offline_is_left_alone(self):
        self.change(status="offline")
        one = self.attach()
        one.look()
        self.assertEqual({}, one._cares)
