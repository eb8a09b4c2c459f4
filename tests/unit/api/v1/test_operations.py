# SPDX-License-Identifier: Apache-2.0
"""Operations in answers."""

import threading

import fixtures

from tests import clock
from tests.unit.api import case
from valence.common import errors
from valence.conductor.endpoints import records
from valence.conductor.work import worker
from valence.db import models
from valence.db import store


class WaitTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.add_pod_manager()
        self.url = f"/v1/pod_managers/{self.pod_manager['uuid']}/sync"

    def end(self, state, **values):
        """End the operation that waits, as a conductor does."""
        (operation,) = self.backend.store.list(models.Operation)
        self.backend.store.commit(store.Update(operation, {"state": state} | values))

    def fail_reads(self, error, times=None, then=None):
        """Let the next ``times`` reads of operations fail, by default all, and call ``then`` at the last of these.

        Return the list of the reads that failed.
        """
        reads, get = [], records.RecordsEndpoint.get

        def failing(endpoint, ctxt, model, key, fields=None):
            if model != "Operation" or len(reads) == times:
                return get(endpoint, ctxt, model, key, fields)
            reads.append(key)
            if len(reads) == times:
                then()
            raise error

        self.useFixture(fixtures.MonkeyPatch(f"{records.__name__}.RecordsEndpoint.get", failing))
        return reads

    def test_without_a_preference_the_answer_comes_at_once(self):
        response = self.post(self.url)
        self.assertEqual((202, "pending"), (response.status_code, response.json["state"]))
        self.assertNotIn("Preference-Applied", response.headers)

    def test_the_end_is_awaited(self):
        timer = threading.Timer(0.3, self.end, ["succeeded"])
        timer.start()
        self.addCleanup(timer.join)
        response = self.post(self.url, Prefer="respond-async, wait=20")
        self.assertEqual((200, "succeeded"), (response.status_code, response.json["state"]))
        self.assertEqual("wait=20", response.headers["Preference-Applied"])

    def test_a_failure_is_an_end(self):
        timer = threading.Timer(0.3, self.end, ["failed"], {"cause": "It is away.", "hint": "Plug it in."})
        timer.start()
        self.addCleanup(timer.join)
        response = self.post(self.url, Prefer="wait=20")
        self.assertEqual((200, "It is away."), (response.status_code, response.json["cause"]))

    def test_a_wait_has_an_end(self):
        started = clock.seconds()
        response = self.post(self.url, Prefer='wait="1"')
        self.assertEqual((202, "wait=1"), (response.status_code, response.headers["Preference-Applied"]))
        self.assert_in_time(clock.seconds() - started, 5)

    def test_a_long_wait_is_bounded(self):
        timer = threading.Timer(0.3, self.end, ["succeeded"])
        timer.start()
        self.addCleanup(timer.join)
        self.assertEqual("wait=60", self.post(self.url, Prefer="wait=999999").headers["Preference-Applied"])

    def test_a_preference_of_no_form_is_ignored(self):
        for header in ("wait=soon", "wait", "wait=-1", "awaited=3", "wait=0"):
            self.assertEqual(202, self.post(self.url, Prefer=header).status_code)

    def test_an_outage_of_the_conductors_does_not_hide_what_was_accepted(self):
        reads = self.fail_reads(errors.ConductorUnavailable(reason="restart"))
        response = self.post(self.url, Prefer="wait=1")
        self.assertEqual((202, "pending"), (response.status_code, response.json["state"]), response.text)
        self.assertIn(response.json["uuid"], response.headers["Location"])
        self.assertGreater(len(reads), 1)

    def test_the_wait_outlasts_an_outage(self):
        error = errors.ConductorUnavailable(reason="restart")
        self.fail_reads(error, times=2, then=lambda: self.end("succeeded"))
        response = self.post(self.url, Prefer="wait=60")
        self.assertEqual((200, "succeeded"), (response.status_code, response.json["state"]))

    def test_an_operation_that_was_purged_ends_the_wait(self):
        reads = self.fail_reads(errors.NotFound(kind="operation", key="x"))
        response = self.post(self.url, Prefer="wait=60")
        self.assertEqual((202, "pending"), (response.status_code, response.json["state"]), response.text)
        self.assertEqual(1, len(reads))

    def test_a_stop_ends_the_wait(self):
        timer = threading.Timer(0.3, self.application.stop)
        timer.start()
        self.addCleanup(timer.join)
        started = clock.seconds()
        self.assertEqual(202, self.post(self.url, Prefer="wait=60").status_code)
        self.assert_in_time(clock.seconds() - started, 10)


class PlaceTest(case.APITestCase):
    options = {"api__threads": 2}

    def test_who_finds_no_place_is_answered_at_once(self):
        url = f"/v1/pod_managers/{self.add_pod_manager()['uuid']}/sync"
        first = threading.Thread(target=self.post, args=(url,), kwargs={"Prefer": "wait=30"})
        first.start()
        self.addCleanup(first.join)
        self.addCleanup(self.application.stop)
        self.wait_for(lambda: ("records", "get") in self.backend.caller.calls)
        self.assertNotIn("Preference-Applied", self.post(url, Prefer="wait=30").headers)


class EndedTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        pod_manager = self.add_pod_manager()
        [operation] = self.backend.store.list(models.Operation)
        self.pod_manager, self.url = pod_manager, f"/v1/operations/{operation.uuid}"

    def test_one_that_waits_is_cancelled(self):
        response = self.post(f"{self.url}/cancel")
        self.assertEqual((200, "cancelled"), (response.status_code, response.json["state"]))
        self.assertTrue(response.headers["Location"].endswith(self.url))
        self.assertEqual(200, self.post(f"{self.url}/cancel").status_code)

    def test_one_that_runs_is_about_to_be(self):
        [operation] = self.backend.store.list(models.Operation)
        self.backend.store.commit(store.Update(operation, {"state": "running"}))
        work = worker.lease_name(self.pod_manager["uuid"])
        with self.backend.store.lease(work, "conductor-2", 60):
            self.assertEqual(202, self.post(f"{self.url}/cancel").status_code)
        self.assertEqual(200, self.post(f"{self.url}/cancel").status_code)

    def test_it_is_asked_for_once_more(self):
        self.post(f"{self.url}/cancel")
        response = self.post(f"{self.url}/retry", Idempotency_Key="once")
        self.assertEqual((202, "pending"), (response.status_code, response.json["state"]))
        again = self.post(f"{self.url}/retry", Idempotency_Key="once")
        self.assertEqual(response.json["uuid"], again.json["uuid"])

    def test_what_is_not_possible_is_a_conflict(self):
        self.assert_error(self.post(f"{self.url}/retry"), 409)
        [operation] = self.backend.store.list(models.Operation)
        self.backend.store.commit(
            store.Update(operation, {"state": "succeeded", "ended_at": "2026-11-21T03:37:02Z"})
        )
        self.assert_error(self.post(f"{self.url}/cancel"), 409)

    def test_bodies_parameters_and_keys_are_checked(self):
        for verb in ("cancel", "retry"):
            self.assert_error(self.post(f"{self.url}/{verb}", {"a": 1}), 400)
            self.assert_error(self.post(f"{self.url}/{verb}?a=1"), 400)
            self.assert_error(self.post(f"/v1/operations/x/{verb}"), 404)
            self.assert_error(self.post(f"/v1/operations/{case.UUID}/{verb}"), 404)
