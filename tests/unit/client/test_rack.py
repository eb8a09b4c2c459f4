# SPDX-License-Identifier: Apache-2.0
"""Requests that are repeated, waits for operations, and what a client imports."""

import subprocess
import sys

import requests
import urllib3
from keystoneauth1 import noauth
from keystoneauth1 import session as sessions

from tests import base
from tests.unit.client import server
from valence import client
from valence.client import errors
from valence.client import rack
from valence.client import rows

#: prints which modules a client imports
IMPORTED = "import sys, valence.client as c; c.connect(); print(*sys.modules)"
SERVER = {
    "alembic",
    "flask",
    "oslo_config",
    "oslo_messaging",
    "oslo_service",
    "sqlalchemy",
    "sushy",
    "openstack",
}


def operation(state, revision, **values):
    known = {"uuid": "7", "operation_kind": "sync", "state": state, "revision": revision, "steps": []}
    return known | {"cause": None, "hint": None} | values


def refused():
    """Return the error of requests where nobody listens, with its causes."""
    error = requests.ConnectionError("refused")
    error.__cause__ = urllib3.exceptions.NewConnectionError(None, "refused")
    return error


class CallTest(base.TestCase):
    def test_a_post_is_repeated_with_the_same_key(self):
        api = server.Server(requests.ConnectionError("cut"), requests.ReadTimeout("slow"), {"uuid": "1"})
        self.assertEqual("1", api.client().flavors.create(name="a").id)
        self.assertEqual(1, len({each.headers["Idempotency-Key"] for each in api.requests}))
        self.assertEqual(3, len(api.requests))

    def test_what_is_busy_is_asked_again_when_it_says(self):
        busy = (*server.problem(503)[:2], {"Retry-After": "0"})
        api = server.Server(busy, {"uuid": "1"})
        self.assertEqual("1", api.client().flavors.get("1").id)

    def test_something_else_than_valence_answers(self):
        for method, answer in (
            ("GET", (200, b"<html>", {})),
            ("GET", [1]),
            ("GET", (200, None, {})),
            ("POST", (201, None, {})),
            ("DELETE", (200, b"<html>", {})),
        ):
            client = server.Server(answer).client()
            error = self.assertRaises(errors.RackError, client.call, method, "/flavors")
            self.assertEqual(errors.ELSEWHERE, error.hint)
            self.assertIn(f"{server.URL}/v1/flavors", error.detail)

    def test_an_answer_without_a_body(self):
        for method, status in (("DELETE", 200), ("POST", 202), ("PATCH", 204)):
            api = server.Server((status, None, {}))
            self.assertEqual(status, api.client().call(method, "/flavors").status_code)

    def test_changes_are_not_repeated(self):
        for answer, error in (
            (requests.ConnectionError("cut"), errors.Unreachable),
            (server.problem(503), errors.Unavailable),
        ):
            api = server.Server(answer)
            self.assertRaises(error, api.client().flavors.update, "1", name="a")
            api = server.Server(answer)
            self.assertRaises(error, api.client().flavors.delete, "1")
            self.assertEqual(1, len(api.requests))

    def test_a_change_that_may_have_been_done_says_so(self):
        answers = (
            requests.ConnectionError("cut"),
            requests.ReadTimeout("slow"),
            requests.exceptions.ChunkedEncodingError("broken"),
            (502, b"<html>", {}),
        )
        for answer in answers:
            for change in ("update", "delete"):
                client = server.Server(answer).client()
                error = self.assertRaises(errors.RackError, getattr(client.flavors, change), "1")
                self.assertEqual("It may have been done; look before you repeat it.", error.hint)

    def test_a_lost_post_is_repeated_for_long(self):
        cut = requests.ConnectionError("cut")
        for first in (cut, requests.exceptions.ChunkedEncodingError("broken"), (504, b"<html>", {})):
            api = server.Server(first, *[refused()] * (rack.LOST_RETRIES - 1), {"uuid": "1"})
            self.assertEqual("1", api.client().flavors.create(name="a").id)
            self.assertEqual(1, len({each.headers["Idempotency-Key"] for each in api.requests}))

    def test_a_lost_post_has_its_key(self):
        api = server.Server(requests.ConnectionError("cut"), *[refused()] * rack.LOST_RETRIES, {"uuid": "1"})
        client = api.client()
        error = self.assertRaises(errors.Unreachable, client.flavors.create, name="a")
        self.assertIn("It may have been done. To be sure, repeat it with its Idempotency-Key", error.hint)
        self.assertIn(f"--idempotency-key {error.idempotency_key}", str(error))
        client.flavors.create(name="a", idempotency_key=error.idempotency_key)
        self.assertEqual(1, len({each.headers["Idempotency-Key"] for each in api.requests}))

    def test_a_post_that_never_was_sent_gives_up_soon(self):
        api = server.Server(*[refused()] * (1 + rack.RETRIES))
        error = self.assertRaises(errors.Unreachable, api.client().flavors.create, name="a")
        self.assertNotIn("It may have been done", str(error))
        self.assertEqual([], api.answers)

    def test_a_proxy_that_finds_no_api_is_asked_again(self):
        for status in errors.OF_PROXIES:
            api = server.Server(
                (status, b"<html>", {}), {"uuid": "1"}, (status, b"<html>", {}), {"uuid": "1"}
            )
            client = api.client()
            self.assertEqual("1", client.flavors.get("1").id)
            self.assertEqual("1", client.flavors.create(name="a").id)

    def test_an_error_of_a_pod_manager_is_none_of_a_proxy(self):
        api = server.Server(server.problem(502))
        self.assertRaises(errors.RackError, api.client().systems.get, "1", detail=True)
        self.assertEqual(1, len(api.requests))

    def test_an_answer_that_breaks_off_is_asked_for_again(self):
        api = server.Server(requests.exceptions.ChunkedEncodingError("broken"), {"uuid": "1"})
        self.assertEqual("1", api.client().flavors.get("1").id)

    def test_every_request_has_a_deadline(self):
        api = server.Server({"uuid": "1"}, {"uuid": "1"})
        rack_client = api.client()
        self.assertIsNone(rack_client.session.timeout)
        rack_client.flavors.get("1")
        rack_client.session.timeout = 5
        rack_client.flavors.get("1")
        self.assertEqual([client.TIMEOUT, 5], api.timeouts)

    def test_a_catalogue_without_the_version(self):
        """Where the versions cannot be read, the URL of the catalogue is used, not for good."""
        api = server.Server((503, b"<html>", {}), {"uuid": "1"})
        http = requests.Session()
        http.mount("http://", api)
        auth = noauth.NoAuth(endpoint=server.URL)
        client.connect(session=sessions.Session(auth=auth, session=http)).flavors.get("1")
        self.assertEqual("GET /v1/flavors/1", api.paths()[-1])

    def test_it_gives_up(self):
        api = server.Server(*[requests.ConnectionError("cut")] * (1 + rack.RETRIES))
        self.assertRaises(errors.Unreachable, api.client().flavors.get, "1")
        self.assertEqual([], api.answers)

    def test_a_client_imports_nothing_of_the_server(self):
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED],
            text=True,
            capture_output=True,
            timeout=60,
            env=server.environment(),
        )
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        imported = set(done.stdout.split())
        self.assertEqual(set(), SERVER & imported)
        mine = {name.split(".")[1] for name in imported if name.startswith("valence.")}
        self.assertEqual({"client", "db", "version"}, mine)


class WaitTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.patch(rack, "FIRST_POLL", 0.001)

    def test_progress_is_told_when_it_changes(self):
        api = server.Server(
            operation("pending", 1),
            operation("running", 2),
            operation("running", 2),
            operation("succeeded", 3),
        )
        seen = []
        found = api.client().wait_for_operation("7", progress=lambda each: seen.append(each.state))
        self.assertEqual("succeeded", found.state)
        self.assertEqual(["pending", "running", "succeeded"], seen)

    def test_a_failure_has_its_cause(self):
        api = server.Server(operation("failed", 2, cause="It broke.", hint="Mend it."))
        error = self.assertRaises(errors.OperationFailed, api.client().wait_for_operation, "7")
        self.assertEqual(("failed", "Mend it."), (error.operation["state"], error.hint))

    def test_a_timeout_that_is_no_time(self):
        for wrong in (float("nan"), -1, -0.001, float("-inf"), True, "5", [5]):
            api = server.Server()
            error = self.assertRaises(ValueError, api.client().wait_for_operation, "7", timeout=wrong)
            self.assertIn(repr(wrong), str(error))
            self.assertEqual([], api.requests)
        api = server.Server(operation("succeeded", 1))
        self.assertEqual("succeeded", api.client().wait_for_operation("7", timeout=float("inf")).state)

    def test_the_time_is_over(self):
        api = server.Server(operation("running", 1))
        self.assertRaises(errors.WaitTimeout, api.client().wait_for_operation, "7", timeout=0)

    def test_the_time_is_over_in_an_outage(self):
        self.patch(rack, "LONGEST_POLL", 0.001)
        api = server.Server(operation("running", 1), *[requests.ConnectionError("cut")] * 1000)
        error = self.assertRaises(errors.WaitTimeout, api.client().wait_for_operation, "7", timeout=0.1)
        self.assertIn("has not ended in 0.1 s", error.detail)
        self.assertEqual({rack.LEAST_TIMEOUT}, set(api.timeouts))

    def test_an_outage_is_survived(self):
        self.patch(rack, "LONGEST_POLL", 0.001)
        busy = (*server.problem(503)[:2], {"Retry-After": "0"})
        cut = requests.ConnectionError("cut")
        api = server.Server(operation("running", 1), *[cut] * 9, *[busy] * 9, operation("succeeded", 2))
        self.assertEqual("succeeded", api.client().wait_for_operation(rows.Row({"uuid": "7"})).state)

    def test_an_outage_lasts_too_long(self):
        self.patch(rack, "OUTAGE", 0)
        api = server.Server(*[requests.ConnectionError("cut")] * (1 + rack.RETRIES))
        self.assertRaises(errors.Unreachable, api.client().wait_for_operation, "7")

    def test_the_operation_of_a_new_row(self):
        api = server.Server().client()
        links = [{"rel": "operation", "href": "http://a/v1/operations/7"}]
        self.assertEqual("7", api.operation_of(rows.Row({"uuid": "1", "links": links})))
        self.assertIsNone(api.operation_of(rows.Row({"uuid": "1"})))
