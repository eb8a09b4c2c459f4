# SPDX-License-Identifier: Apache-2.0
"""The way of every request."""

import fixtures

from tests.unit.api import case
from valence.api.http import app
from valence.common import errors

REQUEST_ID = "req-8cc0a1c4-5f3f-4a3c-9f0e-0c6c7c9a3b21"


class RequestIdTest(case.APITestCase):
    def test_the_id_of_the_client_is_used_everywhere(self):
        self.backend.caller.failure = RuntimeError("boom")
        response = self.get("/v1/pod_managers", X_OpenStack_Request_ID=REQUEST_ID)
        self.assertEqual(REQUEST_ID, response.headers["X-OpenStack-Request-ID"])
        self.assertEqual(REQUEST_ID, response.json["errors"][0]["request_id"])

    def test_another_form_is_replaced(self):
        for given in ("", "req-1", f"{REQUEST_ID}x", REQUEST_ID.upper()):
            response = self.get("/v1/pod_managers", X_OpenStack_Request_ID=given)
            self.assertRegex(response.headers["X-OpenStack-Request-ID"], "^req-[0-9a-f-]{36}$")
            self.assertNotEqual(given, response.headers["X-OpenStack-Request-ID"])

    def test_two_requests_have_two_ids(self):
        one, two = self.get("/"), self.get("/")
        self.assertNotEqual(one.headers["X-OpenStack-Request-ID"], two.headers["X-OpenStack-Request-ID"])


class RuleTest(case.APITestCase):
    def test_routes_take_no_time_to_compile_what_is_never_called(self):
        compiled = []
        self.useFixture(fixtures.MonkeyPatch("werkzeug.routing.rules.compile", lambda *_: compiled.append(1)))
        app.create_app(self.conf, self.backend.conductor)
        self.assertEqual([], compiled)


class FailureTest(case.APITestCase):
    def test_an_unexpected_error_is_logged_and_not_told(self):
        self.backend.caller.failure = RuntimeError("the secret inside")
        response = self.get("/v1/pod_managers")
        self.assert_error(response, 500, "valence.internal")
        self.assertNotIn("secret inside", response.text)
        self.assertIn("the secret inside", self.log.output)
        self.assertIn("Traceback", self.log.output)

    def test_what_is_away_is_told_with_a_time_to_come_back(self):
        for failure in (
            errors.BusUnavailable(reason="x"),
            errors.ConductorUnavailable(reason="x"),
            errors.StoreUnavailable(reason="x"),
        ):
            self.backend.caller.failure = failure
            response = self.get("/v1/pod_managers")
            self.assert_error(response, 503, failure.code)
            self.assertEqual("2", response.headers["Retry-After"])

    def test_failures_behind_the_api_are_counted(self):
        self.backend.caller.failure = errors.BusUnavailable(reason="x")
        self.get("/v1/pod_managers")
        self.assertIn('rpc_failures_total{code="valence.bus_unavailable"} 1.0', self.get("/metrics").text)


class HeaderTest(case.APITestCase):
    def test_every_answer_has_them(self):
        for url in ("/", "/nowhere", "/v1/pod_managers"):
            headers = self.get(url).headers
            self.assertEqual("nosniff", headers["X-Content-Type-Options"])
            self.assertEqual("valence 1.1", headers["OpenStack-API-Version"])
            self.assertIn(headers["Cache-Control"], ("no-cache", "no-store"))

    def test_nobody_else_s_page_may_read_answers(self):
        self.assertNotIn("Access-Control-Allow-Origin", self.get("/", Origin="https://example.org").headers)

    def test_a_strange_host_makes_no_strange_links(self):
        response = self.get("/", Host='a"><script>')
        self.assert_error(response, 400, "valence.unknown_host")


class LogTest(case.APITestCase):
    def test_a_line_a_request(self):
        self.get("/v1/systems?limit=3%0Ax")
        (line,) = [line for line in self.log.output.splitlines() if "/v1/systems" in line]
        self.assertRegex(line, r"GET '/v1/systems\?limit=3.*' 400 \d+\.\d ms")

    def test_no_input_breaks_a_line(self):
        self.request("G\rET\n2026-11-28 forged", "/v1/systems\n2026-11-28 forged\x1b[2J")
        self.get("/introspection/v1/x\n2026-11-28%0A2026-11-28 forged")
        self.assertEqual(
            [], [line for line in self.log.output.split("\n") if line.startswith("2026-11-28 forged")]
        )
        self.assertNotIn("\r", self.log.output)
        self.assertNotIn("\x1b", self.log.output)

    def test_no_token_is_logged(self):
        for name in ("token", "TOKEN", "%74oken"):
            self.post(f"/introspection/v1/continue?a=b&{name}=SESAME", {})
            self.get(f"/v1/systems?{name}=SESAME")
        self.assertIn("a=b&token=***", self.log.output)
        self.assertNotIn("SESAME", self.log.output)

    def test_a_line_has_a_limit(self):
        self.get("/v1/systems?name=" + "x" * 30_000)
        self.assertLess(max(map(len, self.log.output.splitlines())), 2000)


class PublicURLTest(case.APITestCase):
    options = {"api__public_url": "https://valence.example.org/control/"}

    def test_links_go_where_clients_see_the_api(self):
        self.assertEqual(
            "https://valence.example.org/control/v1/", self.get("/").json["versions"][0]["links"][0]["href"]
        )


class LimitTest(case.APITestCase):
    options = {"api__max_body_kib": 1, "api__max_json_depth": 4, "api__max_limit": 5}

    def test_a_large_body_is_refused(self):
        response = self.post("/v1/pod_managers", {"name": "x" * 2000})
        self.assert_error(response, 413, "valence.too_large")

    def test_a_deep_body_is_refused(self):
        response = self.post("/v1/pod_managers", [[[[[]]]]])
        self.assert_error(response, 400, "valence.validation")

    def test_a_page_is_not_larger_than_allowed(self):
        self.assert_error(self.get("/v1/systems?limit=6"), 400, "valence.validation")
        self.assertEqual(200, self.get("/v1/systems").status_code)


class MetricsTest(case.APITestCase):
    def figure(self, name):
        """Return a figure, None if it is not there."""
        rows = dict(
            line.rsplit(" ", 1) for line in self.get("/metrics").text.splitlines() if not line.startswith("#")
        )
        return rows.get(name)

    def test_requests_are_counted_by_template(self):
        uuid = self.add_pod_manager()["uuid"]
        self.get(f"/v1/pod_managers/{uuid}")
        self.get(f"/v1/pod_managers/{case.UUID}")
        labels = 'method="GET",route="/v1/pod_managers/<uuid>"'
        self.assertEqual("1.0", self.figure(f'valence_api_requests_total{{{labels},status="200"}}'))
        self.assertEqual("1.0", self.figure(f'valence_api_requests_total{{{labels},status="404"}}'))
        self.assertEqual("2.0", self.figure(f"valence_api_request_seconds_count{{{labels}}}"))

    def test_what_clients_invent_makes_no_labels(self):
        for number in range(3):
            self.request(f"METHOD{number}", f"/nowhere/{number}")
        self.assertEqual(
            "3.0", self.figure('valence_api_requests_total{method="other",route="none",status="404"}')
        )

    def test_failures_behind_the_api_start_at_zero(self):
        for code in ("valence.conductor_unavailable", "valence.store_full", "valence.pod_manager_error"):
            self.assertEqual("0.0", self.figure(f'valence_api_rpc_failures_total{{code="{code}"}}'))

    def test_streams(self):
        self.assertEqual("0.0", self.figure("valence_api_event_streams"))


class DialectTest(case.APITestCase):
    def test_a_dialect_begins_at_a_whole_part_of_the_path(self):
        for url in ("/backupx", "/introspectionx/v1"):
            response = self.get(url)
            self.assert_error(response, 404, "valence.no_such_url")
            self.assertEqual("valence 1.1", response.headers["OpenStack-API-Version"])

    def test_the_root_of_a_dialect_needs_no_slash(self):
        for url in ("/backup", "/backup/", "/introspection", "/introspection/"):
            self.assertEqual("GET, HEAD, OPTIONS", ", ".join(sorted(self.request("OPTIONS", url).allow)), url)
            response = self.request("DELETE", url)
            self.assertEqual((405, "GET, HEAD, OPTIONS"), (response.status_code, response.headers["Allow"]))

    def test_each_dialect_has_its_own_errors(self):
        self.assertEqual({"title": "404 Not Found"}, self.get("/backup/v3").json)
        self.assertEqual(["error"], list(self.get("/introspection/v1/nothing").json))
