# SPDX-License-Identifier: Apache-2.0
"""What web pages of other sites try through a browser."""

import socket

from tests.unit.api import case
from valence.api.http import app

PAGE = "https://evil.example"
JOB = '{"client_id": "node", "job_actions": [{"freezer_action": {"action": "exec", "command": "id"}}]}'
CLIENT = '{"client_id": "node"}'
#: what changes something without credentials in noauth: URL and body
CHANGES = (
    ("/backup/v1/jobs", JOB),
    ("/backup/v2/p/jobs", JOB),
    (f"/introspection/v1/introspection/{case.UUID}", ""),
    ("/introspection/v1/rules", '{"conditions": [], "actions": []}'),
    ("/introspection/v1/continue", "{}"),
    (f"/v1/pod_managers/{case.UUID}/sync", ""),
    ("/v1/pod_managers", "{}"),
)


class PageTest(case.APITestCase):
    """In noauth, where the browser needs no credentials."""

    def send_as(self, url, body, method="POST", content_type="text/plain", **headers):
        """Return the response to what a browser sends for a page."""
        return self.request(
            method,
            url,
            data=body,
            content_type=content_type,
            headers=case.dashed(headers),
            base_url="http://localhost",
        )

    def test_a_foreign_page_changes_nothing_in_any_dialect(self):
        for url, body in CHANGES:
            for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json", None):
                response = self.send_as(url, body, content_type=content_type, Origin=PAGE)
                self.assertEqual(403, response.status_code, (url, content_type, response.text))
                self.assertIn(PAGE, response.text)

    def test_a_page_without_origin_is_known_by_what_else_the_browser_says(self):
        for headers in (
            {"Origin": "null"},
            {"Referer": f"{PAGE}/page.html"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"},
        ):
            self.assertEqual(403, self.send_as("/v1/pod_managers", "{}", **headers).status_code, headers)

    def test_a_form_can_send_no_body(self):
        for url, body in CHANGES:
            if body:
                for content_type in (
                    "text/plain",
                    "text/plain;charset=utf-8",
                    "multipart/form-data; boundary=x",
                ):
                    self.assertEqual(415, self.send_as(url, body, content_type=content_type).status_code, url)

    def test_a_token_proves_that_no_form_sent_it(self):
        response = self.send_as("/backup/v2/p/clients", CLIENT, X_Auth_Token="x")
        self.assertEqual(201, response.status_code, response.text)

    def test_clients_that_are_not_browsers_say_nothing_of_the_kind(self):
        for content_type in ("application/json", "application/x-www-form-urlencoded", None):
            response = self.send_as("/backup/v2/p/clients", CLIENT, content_type=content_type)
            self.assertEqual(201, response.status_code, response.text)

    def test_pages_of_the_same_origin_may(self):
        for headers in (
            {"Origin": "http://localhost"},
            {"Origin": "http://localhost:80", "Sec_Fetch_Site": "same-origin"},
            {"Sec_Fetch_Site": "none"},
        ):
            response = self.send_as("/v1/pod_managers", "{}", content_type="application/json", **headers)
            self.assert_error(response, 400, *["valence.validation"] * 2)
        self.assert_error(self.send_as("/", "", Origin="http://localhost:8080"), 403, "valence.cross_site")

    def test_a_link_may_be_followed_and_nothing_may_be_embedded(self):
        link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
        self.assertEqual(200, self.get("/v1", **link).status_code)
        for other in ({"Sec_Fetch_Dest": "iframe"}, {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}):
            self.assert_error(self.get("/v1/events?stream=true", **link | other), 403, "valence.cross_site")

    def test_the_error_teaches(self):
        (told,) = self.assert_error(self.get("/", Origin=PAGE), 403, "valence.cross_site")
        self.assertIn(PAGE, told["detail"])
        self.assertIn("[cors] allowed_origin", told["hint"])


class HostTest(case.APITestCase):
    options = {
        "api__public_url": "https://rack.example.org/control",
        "api__allowed_hosts": [".pods.example.org"],
    }

    def test_a_foreign_name_is_refused_in_every_dialect(self):
        for url in ("/", "/v1/pod_managers", "/backup/v1/jobs", "/introspection/v1/rules", "/readyz"):
            for host in (
                "evil.example",
                "evil.example:8181",
                "rack.example.org.evil.example",
                "a/b",
                "u@localhost",
                "a:b",
            ):
                self.assertEqual(400, self.get(url, Host=host).status_code, (url, host))

    def test_the_error_teaches(self):
        (told,) = self.assert_error(self.get("/", Host="evil.example"), 400, "valence.unknown_host")
        self.assertIn("evil.example", told["detail"])
        self.assertIn("[api] allowed_hosts", told["hint"])

    def test_own_names_and_addresses_are_served(self):
        names = (
            "localhost",
            "LOCALHOST:8181",
            "127.0.0.1:8181",
            "10.1.2.3",
            "[::1]:8181",
            "[fe80::1]",
            "test",
        )
        for host in (*names, "rack.example.org", "a.pods.example.org:443", socket.gethostname()):
            self.assertEqual(200, self.get("/", Host=host).status_code, host)

    def test_pages_of_the_public_url_may_change(self):
        response = self.post(
            "/v1/pod_managers", case.PODM, Origin="https://rack.example.org", Host="10.0.0.1"
        )
        self.assertEqual(201, response.status_code)


class CORSTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.conf.set_override("allowed_origin", ["https://ui.example.org"], "cors")
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)

    def test_an_allowed_origin_may_change_and_read(self):
        response = self.post("/v1/pod_managers", case.PODM, Origin="https://ui.example.org")
        self.assertEqual(201, response.status_code, response.text)
        self.assertEqual("https://ui.example.org", response.headers["Access-Control-Allow-Origin"])

    def test_another_one_may_not(self):
        refused = self.post("/v1/pod_managers", case.PODM, Origin=PAGE)
        self.assertEqual(403, refused.status_code)
        self.assertNotIn("Access-Control-Allow-Origin", refused.headers)
