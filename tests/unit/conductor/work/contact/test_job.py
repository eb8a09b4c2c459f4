# SPDX-License-Identifier: Apache-2.0
"""The work on one pod manager and what is recorded of it."""

import threading

from tests import base
from tests import embedded
from valence.common import context
from valence.common import errors
from valence.common import secrets
from valence.conductor.inventory import sync
from valence.conductor.work import contact
from valence.conductor.work import operations
from valence.conductor.work import pacing
from valence.db import models
from valence.db import store
from valence.db import types


class JobTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.pod = self.useFixture(embedded.Pod())
        self.pod_manager = self.database.register(self.pod.simulator)
        self.connections = self.database.connections()
        self.stopping = threading.Event()

    def work(self, uuid=None):
        with self.database.keeper().hold("work") as lease:
            self.job(lease).run(uuid or self.pod_manager.uuid)

    def job(self, lease):
        return contact.PodManagerJob(
            self.database.conf,
            self.database.store,
            self.connections,
            lease,
            must_end=self.stopping.is_set,
            pace=pacing.Pace(self.database.conf.sync),
        )

    def ask(self):
        asked = context.RequestContext(user_id="u1", request_id="req-1", overwrite=False)
        operation = operations.new(asked, "sync", "pod_manager", self.pod_manager.uuid)
        return self.database.store.commit(store.Create(operation))[0].uuid

    def operation(self, uuid):
        return self.database.store.get(models.Operation, uuid)

    def current(self):
        return self.database.store.get(models.PodManager, self.pod_manager.uuid)

    def make_due(self):
        self.database.store.commit(store.Update(self.current(), {"next_sync_at": types.now()}))


class DuplicateTest(JobTest):
    def test_the_same_service_by_another_name_is_told_and_not_synchronized(self):
        self.make_due()
        self.work()
        resources = len(self.database.resources())
        url = self.current().url.replace("127.0.0.1", "localhost")
        other = self.database.register(self.pod.simulator, name="other", url=url)
        with self.database.keeper().hold("work") as lease:
            self.job(lease).run(other.uuid)
        other = self.database.store.get(models.PodManager, other.uuid)
        self.assertIn(f"pod manager {self.current().name!r} ({self.current().uuid})", other.last_error)
        self.assertEqual(("unknown", None, 1), (other.status, other.last_synced_at, other.failures))
        self.assertEqual(resources, len(self.database.resources()))


class OperationTest(JobTest):
    def test_it_succeeds_with_steps_and_counters(self):
        uuid = self.ask()
        self.work()
        done = self.operation(uuid)
        self.assertEqual("succeeded", done.state)
        self.assertEqual(
            [("connect", "succeeded"), ("synchronize", "succeeded")],
            [(step["name"], step["state"]) for step in done.steps],
        )
        self.assertEqual(len(self.database.resources()), done.progress["added"])
        self.assertIsNotNone(done.ended_at)

    def test_its_events_name_who_asked(self):
        self.ask()
        self.work()
        told = self.database.events("pod_manager.sync.start", "pod_manager.sync.end", "resource.added")
        self.assertEqual({("u1", "req-1")}, {(each.actor, each.request_id) for each in told})
        self.assertEqual("valence.pod_manager.sync.start", told[0].event_type)
        self.assertEqual("valence.pod_manager.sync.end", told[-1].event_type)

    def test_it_fails_with_a_cause_and_a_hint(self):
        self.pod.simulator.stop()
        uuid = self.ask()
        self.work()
        failed = self.operation(uuid)
        self.assertEqual(("failed", "failed"), (failed.state, failed.steps[-1]["state"]))
        self.assertIn(self.pod_manager.url, failed.cause)
        self.assertTrue(failed.hint)
        self.assertEqual(1, len(self.database.events("pod_manager.sync.error")))

    def test_it_waits_again_when_its_conductor_stops(self):
        uuid = self.ask()
        self.stopping.set()
        self.assertRaises(sync.HandedBack, self.work)
        self.assertEqual(("pending", None), (self.operation(uuid).state, self.operation(uuid).conductor))

    def test_what_a_dead_conductor_left_is_done_anew(self):
        uuid = self.ask()
        self.database.store.commit(
            store.Update(self.operation(uuid), {"state": "running", "conductor": "dead"})
        )
        self.work()
        self.assertEqual(
            ("succeeded", "conductor-1"), (self.operation(uuid).state, self.operation(uuid).conductor)
        )

    def test_on_a_pod_manager_that_is_gone_it_fails(self):
        uuid = self.ask()
        self.database.store.commit(store.Delete(self.current()))
        self.work()
        self.assertEqual("failed", self.operation(uuid).state)

    def test_steps_of_a_conductor_that_died_were_interrupted(self):
        uuid = self.ask()
        step = {
            "name": "connect",
            "state": "running",
            "conductor": "dead",
            "started_at": types.now(),
            "ended_at": None,
        }
        left = {"state": "running", "conductor": "dead", "attempts": 1, "steps": [step]}
        self.database.store.commit(store.Update(self.operation(uuid), left))
        self.work()
        done = self.operation(uuid)
        self.assertEqual(2, done.attempts)
        self.assertEqual(
            [
                ("connect", "interrupted", "dead"),
                ("connect", "succeeded", "conductor-1"),
                ("synchronize", "succeeded", "conductor-1"),
            ],
            [(each["name"], each["state"], each["conductor"]) for each in done.steps],
        )
        self.assertTrue(all(each["ended_at"] for each in done.steps))

    def test_what_killed_too_many_conductors_fails_with_that_cause(self):
        uuid = self.ask()
        left = {"state": "running", "conductor": "dead", "attempts": operations.MOST_ATTEMPTS}
        self.database.store.commit(store.Update(self.operation(uuid), left))
        self.work()
        failed = self.operation(uuid)
        self.assertEqual("failed", failed.state)
        self.assertIn(f"{operations.MOST_ATTEMPTS} times", failed.cause)
        self.assertEqual(0, self.pod.simulator.stats()["requests"])

    def leave(self, uuid, *, started_at):
        """Let the conductor "other", which is alive, leave an operation at its last attempt."""
        other = models.Conductor(hostname="other", started_at=started_at)
        left = {"state": "running", "conductor": "other", "attempts": operations.MOST_ATTEMPTS}
        self.database.store.commit(store.Create(other), store.Update(self.operation(uuid), left))
        self.addCleanup(self.database.store.lease("conductor/other", "other", 60).release)

    def test_an_attempt_that_its_conductor_survived_does_not_count(self):
        """It lost its lease, or the store was away."""
        uuid = self.ask()
        self.leave(uuid, started_at=self.database.store.at(-60))
        self.work()
        done = self.operation(uuid)
        self.assertEqual(("succeeded", operations.MOST_ATTEMPTS), (done.state, done.attempts))

    def test_an_attempt_counts_whose_conductor_was_started_again(self):
        uuid = self.ask()
        self.leave(uuid, started_at=self.database.store.at(1))
        self.work()
        self.assertEqual("failed", self.operation(uuid).state)

    def test_to_be_handed_back_is_no_attempt_that_went_wrong(self):
        uuid = self.ask()
        self.stopping.set()
        for _ in range(operations.MOST_ATTEMPTS + 1):
            self.assertRaises(sync.HandedBack, self.work)
        self.assertEqual(("pending", 0), (self.operation(uuid).state, self.operation(uuid).attempts))

    def test_one_that_was_cancelled_while_nobody_worked_on_it_does_not_begin(self):
        uuid = self.ask()
        left = {"state": "running", "conductor": "dead", "cancel_requested_at": types.now()}
        self.database.store.commit(store.Update(self.operation(uuid), left))
        self.work()
        self.assertEqual("cancelled", self.operation(uuid).state)
        self.assertEqual(0, self.pod.simulator.stats()["requests"])


class StatusTest(JobTest):
    def test_the_first_contact_makes_it_online(self):
        self.work()
        now = self.current()
        self.assertEqual(("online", None, 0), (now.status, now.last_error, now.failures))
        self.assertIsNotNone(now.last_synced_at)
        self.assertEqual([("unknown", "online")], self.changes_of_status())

    def test_after_two_failures_it_is_offline_and_its_resources_stay(self):
        self.work()
        before = len(self.database.resources())
        self.pod.simulator.stop()
        for expected in ("online", "offline", "offline"):
            self.make_due()
            self.work()
            self.assertEqual(expected, self.current().status)
        self.assertEqual(before, len(self.database.resources()))
        self.assertEqual([("unknown", "online"), ("online", "offline")], self.changes_of_status())
        self.assertEqual(1, len(self.database.events("pod_manager.sync.error")))

    def test_one_good_contact_brings_it_back(self):
        self.work()
        self.pod.simulator.stop()
        for _ in range(2):
            self.make_due()
            self.work()
        self.pod.simulator.start()
        self.make_due()
        self.work()
        self.assertEqual(
            ("online", 0, None), (self.current().status, self.current().failures, self.current().last_error)
        )

    def test_parts_that_cannot_be_read_are_a_partial_result_and_the_last_error(self):
        self.work()
        self.pod.simulator.set_faults(error_rate=1.0, fault_paths="System1")
        uuid = self.ask()
        self.work()
        done, now = self.operation(uuid), self.current()
        self.assertEqual(("succeeded", "partial"), (done.state, done.result))
        self.assertGreater(done.progress["unread"], 0)
        self.assertEqual(("online", 0), (now.status, now.failures))
        self.assertIn("Systems/System1", now.last_error)

    def test_parts_that_can_be_read_again_leave_no_error(self):
        self.pod.simulator.set_faults(error_rate=1.0, fault_paths="System1")
        self.work()
        self.assertIsNotNone(self.current().last_error)
        self.pod.simulator.set_faults(error_rate=0.0)
        uuid = self.ask()
        self.work()
        self.assertEqual(("complete", None), (self.operation(uuid).result, self.current().last_error))

    def test_where_only_the_root_can_be_read_it_fails_and_is_offline_in_the_end(self):
        self.work()
        before = len(self.database.resources())
        self.pod.simulator.set_faults(
            error_rate=1.0, fault_paths="/redfish/v1/(Systems|Chassis|Managers|Fabrics|[C-T])"
        )
        for expected in ("online", "offline", "offline"):
            uuid = self.ask()
            self.work()
            self.assertEqual(("failed", expected), (self.operation(uuid).state, self.current().status))
        self.assertIn("nothing of it could be read", self.operation(uuid).cause)
        self.assertEqual(before, len(self.database.resources()))
        self.assertEqual([("unknown", "online"), ("online", "offline")], self.changes_of_status())

    def test_an_idle_synchronization_is_no_new_revision(self):
        self.work()
        before = self.current()
        self.make_due()
        due = self.current().revision
        self.work()
        self.assertEqual(due, self.current().revision)
        self.assertIsNotNone(before.next_sync_at)

    def test_a_change_by_a_client_in_between_is_kept(self):
        stale = self.current()
        self.database.store.commit(store.Update(stale, {"description": "mine"}))
        self.work()
        self.assertEqual(("mine", "online"), (self.current().description, self.current().status))

    def test_in_maintenance_nothing_happens(self):
        self.database.store.commit(store.Update(self.current(), {"maintenance": True}))
        self.work()
        self.assertEqual(("unknown", 0), (self.current().status, self.pod.simulator.stats()["requests"]))

    def test_in_maintenance_an_operation_fails_and_says_so(self):
        uuid = self.ask()
        self.database.store.commit(store.Update(self.current(), {"maintenance": True}))
        self.work()
        failed = self.operation(uuid)
        self.assertEqual("failed", failed.state)
        self.assertIn("maintenance", failed.cause)
        self.assertEqual((0, None), (self.current().failures, self.current().last_error))
        self.assertEqual(0, self.pod.simulator.stats()["requests"])

    def test_refused_credentials_are_told_and_not_tried_again_soon(self):
        self.pod.simulator.set_password("other")
        self.work()
        now = self.current()
        self.assertEqual(1, now.failures)
        self.assertIn("credentials", now.last_error)
        pause = types.parse_time(now.next_sync_at) - types.parse_time(types.now())
        self.assertGreater(pause.total_seconds(), self.database.conf.sync.max_backoff - 60)

    def changes_of_status(self):
        told = self.database.events("pod_manager.online", "pod_manager.offline")
        return [(each.old["status"], each.new["status"]) for each in told]


class CorrectionTest(JobTest):
    """A client corrects the access while a contact with the old one is under way."""

    def contact(self, **values):
        """Work on the pod manager, whose record gets ``values`` once the connection is made."""
        values |= {"next_sync_at": types.now(), "failures": 0}
        pending = [values]

        def correct():
            if pending:
                self.database.store.commit(store.Update(self.current(), pending.pop()))
            return False

        with self.database.keeper().hold("work") as lease:
            one = self.job(lease)
            one._must_end = correct
            one.run(self.pod_manager.uuid)

    def assert_contacted_at_once(self):
        now = self.current()
        self.assertEqual((0, None), (now.failures, now.last_error))
        self.assertTrue(contact.is_due(now, self.database.store.at()))
        self.work()
        self.assertEqual("online", self.current().status)

    def test_the_failure_of_the_old_password_does_not_delay_the_new_one(self):
        self.pod.simulator.set_password("right")
        self.assertRaises(sync.HandedBack, self.contact, password="right")
        self.assert_contacted_at_once()
        self.assertEqual([], self.database.events("pod_manager.sync.error"))

    def test_the_failure_of_the_old_url_does_not_delay_the_new_one(self):
        right = self.pod_manager.url
        self.pod_manager = self.database.store.commit(
            store.Update(self.current(), {"url": "http://127.0.0.1:9/redfish/v1"})
        )[0]
        self.assertRaises(sync.HandedBack, self.contact, url=right)
        self.assert_contacted_at_once()

    def test_the_success_of_the_old_access_does_not_count_for_the_new_one(self):
        self.assertRaises(sync.HandedBack, self.contact, verify_ca="false")
        self.assertEqual((None, "unknown"), (self.current().last_synced_at, self.current().status))
        self.assert_contacted_at_once()

    def test_an_operation_is_done_again_with_the_new_access(self):
        self.pod.simulator.set_password("right")
        uuid = self.ask()
        self.assertRaises(sync.HandedBack, self.contact, password="right")
        self.assertEqual(("pending", 0), (self.operation(uuid).state, self.operation(uuid).attempts))
        self.work()
        self.assertEqual("succeeded", self.operation(uuid).state)

    def test_another_change_delays_nothing_and_is_kept(self):
        self.contact(description="mine")
        self.assertEqual(("mine", "online"), (self.current().description, self.current().status))


class OwnFailureTest(JobTest):
    """Errors that are not the pod manager's back off and are told as its own are."""

    def assert_recorded(self, text):
        now = self.current_without_secrets()
        self.assertEqual(1, now.failures)
        self.assertIn(text, now.last_error)
        pause = types.parse_time(now.next_sync_at) - types.parse_time(types.now())
        self.assertGreater(pause.total_seconds(), 10)
        self.assertEqual(1, len(self.database.events("pod_manager.sync.error")))

    def current_without_secrets(self):
        return self.database.store.get_without_secrets(models.PodManager, self.pod_manager.uuid)

    def lose_key(self):
        path = secrets.key_file(self.database.conf)
        path.unlink()
        secrets.create(path)

    def test_an_option_that_cannot_be_read(self):
        file = self.make_folder() / "bad.conf"
        file.write_text("[sync]\ninterval = abc\n")
        self.database.conf(["--config-file", str(file)], project="valence")
        self.database.conf.clear_override("interval", "sync")
        self.work()
        self.assert_recorded("unexpected error")
        self.assertEqual(1, self.log.output.count("ERROR"))
        self.database.store.commit(store.Update(self.current(), {"next_sync_at": types.now()}))
        self.work()
        self.assertEqual(1, len(self.database.events("pod_manager.sync.error")))
        self.assertEqual(1, self.log.output.count("ERROR"))

    def test_a_secret_that_no_key_opens(self):
        self.lose_key()
        self.work()
        self.assert_recorded("encrypted with a key")
        self.assertEqual(0, self.pod.simulator.stats()["requests"])

    def test_an_operation_fails_with_the_cause_and_ends_with_its_event(self):
        uuid = self.ask()
        self.lose_key()
        self.work()
        self.assertEqual("failed", self.operation(uuid).state)
        self.assertIn("encrypted with a key", self.operation(uuid).cause)
        self.assert_recorded("encrypted with a key")

    def test_an_operation_that_ends_by_an_unexpected_error_has_an_event_of_its_end(self):
        uuid = self.ask()
        file = self.make_folder() / "bad.conf"
        file.write_text("[sync]\nbatch = abc\n")
        self.database.conf(["--config-file", str(file)], project="valence")
        self.work()
        self.assertEqual("failed", self.operation(uuid).state)
        self.assertEqual(1, len(self.database.events("pod_manager.sync.start")))
        self.assertEqual(1, len(self.database.events("pod_manager.sync.error")))


class StoreAwayTest(JobTest):
    def test_without_the_lease_the_operation_stays_open(self):
        uuid = self.ask()
        with self.database.keeper("one").hold("x") as lost, self.database.keeper("two").hold("x", steal=True):
            self.assertRaises(errors.LeaseLost, self.job(lost).run, self.pod_manager.uuid)
        self.assertEqual("pending", self.operation(uuid).state)
