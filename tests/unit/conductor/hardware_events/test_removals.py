# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that deleted pod managers still have are removed by any conductor."""

from tests import base
from tests import embedded
from tests import event_receiver
from valence.common import context
from valence.common import secrets
from valence.conductor.events import outbox
from valence.conductor.hardware_events import removals
from valence.conductor.inventory import connections
from valence.db import models
from valence.db import store


class RemovalsCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod()).simulator
        self.pod_manager = self.database.register(self.simulator, status="online")
        self.receiver = self.useFixture(event_receiver.EventReceiver())
        self.patch(removals, "FIRST_PAUSE", 0.0)

    def subscribe(self, uuid):
        """Leave a subscription behind, as a conductor that dies does."""
        left = self.database.connections().get(self.pod_manager, connections.EVENTS)
        left.subscribe(self.receiver.url, removals.context_of(uuid))

    def contexts(self):
        service = self.simulator.service.subscriptions
        return {service.document(None, each)["Context"] for each in service.ids(None)}

    def delete(self):
        task = removals.after_deletion(self.pod_manager, self.database.store)
        gone = self.database.store.get(models.PodManager, self.pod_manager.uuid)
        told = outbox.event("pod_manager", context.service_context(), "delete", old=gone)
        self.database.store.commit(store.Delete(gone), told, *task)

    def start(self):
        one = removals.Removals(self.database.store, self.database.keeper(), self.database.connections())
        self.addCleanup(one.stop)
        return one

    def tasks(self):
        return self.database.store.list(models.SubscriptionRemoval)

    def look_until(self, one, condition):
        self.wait_for(lambda: one.look() or condition())


class RemovalsTest(RemovalsCase):
    def test_it_is_removed_and_its_password_forgotten(self):
        self.subscribe(self.pod_manager.uuid)
        self.subscribe("somebody-else")
        self.delete()
        self.assertEqual("password", self.tasks()[0].password)
        one = self.start()
        self.look_until(one, lambda: not self.tasks())
        self.assertEqual({removals.context_of("somebody-else")}, self.contexts())
        self.wait_for(lambda: self.simulator.stats()["sessions"] == 2)  # those of the conductors that died

    def test_one_that_does_not_answer_is_tried_again(self):
        self.subscribe(self.pod_manager.uuid)
        self.delete()
        self.simulator.set_faults(error_rate=1.0)
        one = self.start()
        self.look_until(one, lambda: self.tasks()[0].attempts > 0)
        self.simulator.set_faults()
        self.look_until(one, lambda: not self.tasks())
        self.assertEqual(set(), self.contexts())

    def test_it_is_given_up_after_its_time(self):
        self.patch(removals, "LIFETIME", 0.0)
        self.delete()
        self.simulator.set_faults(error_rate=1.0)
        one = self.start()
        self.look_until(one, lambda: not self.tasks())
        self.assertIn("may be left", self.log.output)

    def test_without_its_key_it_is_given_up(self):
        self.delete()
        path = secrets.key_file(self.database.conf)
        path.unlink()
        secrets.create(path)
        one = self.start()
        self.look_until(
            one, lambda: not self.database.store.list(models.SubscriptionRemoval, fields=["uuid"])
        )
        self.assertIn("may be left", self.log.output)

    def test_what_another_conductor_removes_is_left_to_it(self):
        self.delete()
        (task,) = self.tasks()
        with self.database.keeper("other").hold(f"subscription_removal/{task.uuid}"):
            one = self.start()
            one.look()
            self.wait_for(lambda: not one._pool._began)
        self.assertEqual(0, self.tasks()[0].attempts)

    def test_stop_waits_for_no_pod_manager_that_hangs(self):
        self.delete()
        self.simulator.set_faults(hang_rate=1.0)
        before = self.simulator.stats()["requests"]
        one = self.start()
        self.look_until(one, lambda: self.simulator.stats()["requests"] > before)
        one.stop()
        self.assertEqual(1, len(self.tasks()))


class NeedTest(RemovalsCase):
    def need(self, **values):
        return len(removals.after_deletion(self.pod_manager.replace(**values), self.database.store))

    def test_only_one_that_can_have_a_subscription_gets_a_task(self):
        self.assertEqual(1, self.need())
        self.assertEqual(1, self.need(status="offline", last_contact_at="2026-11-21T03:37:02Z"))
        self.assertEqual(0, self.need(status="unknown"))
        self.assertEqual(0, self.need(maintenance=True))
        self.assertEqual(0, self.need(password=None))


class LeftTest(RemovalsCase):
    def is_left(self, context_text):
        return removals.is_left(self.database.store, context_text)

    def test_that_of_a_deleted_pod_manager_is_left(self):
        ours = removals.context_of(self.pod_manager.uuid)
        self.assertFalse(self.is_left(ours))
        self.delete()
        self.assertTrue(self.is_left(ours))

    def test_those_of_others_are_not(self):
        for other in ("", "mine", "valence:", "valence:another-site", self.pod_manager.uuid):
            self.assertFalse(self.is_left(other), other)
