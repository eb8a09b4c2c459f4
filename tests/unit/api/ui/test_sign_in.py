# SPDX-License-Identifier: Apache-2.0
"""Sign-in by the Identity service for the screen."""

import fixtures

from tests import identity
from tests.unit.api import case
from valence.api.http import app
from valence.api.http import http_basic

BODY = {"user": "ada", "password": "ada", "project": "p"}


class SignInTest(case.APITestCase):
    options = {"auth_strategy": "keystone"}

    def setUp(self):
        super().setUp()
        self.keystone = self.useFixture(
            identity.Identity(
                identity.User("ada", "p", ("reader",)), identity.User("valence", "service", ("service",))
            )
        )
        self.keystone.configure(self.conf, "valence")
        self.application = app.create_app(self.conf, self.backend.conductor)
        self.addCleanup(self.application.stop)
        self.client = case.test.Client(self.application)

    def test_a_user_gets_a_token_that_the_api_accepts(self):
        response = self.post("/ui/token", BODY)
        self.assertEqual((200, "no-store"), (response.status_code, response.headers["Cache-Control"]))
        headers = {"X_Auth_Token": response.json["token"]}
        session = self.get("/ui/session.json", **headers).json
        self.assertEqual(("ada", "p", ["reader"]), (session["user"], session["project_id"], session["roles"]))
        self.assertNotIn("nodes:create", session["allowed"])
        self.assertEqual(200, self.get("/v1/nodes", **headers).status_code)

    def test_a_wrong_password(self):
        self.assert_error(self.post("/ui/token", BODY | {"password": "x"}), 401, "valence.unauthorized")
        self.assertNotIn("'x'", self.log.output)

    def test_wrong_passwords_are_limited_by_address(self):
        statuses = [
            self.post("/ui/token", BODY | {"password": "x"}).status_code
            for _ in range(http_basic.ADDRESS_ATTEMPTS + 3)
        ]
        self.assertIn(429, statuses)

    def test_a_page_of_another_site_cannot_try_passwords(self):
        response = self.post("/ui/token", BODY, Origin="http://evil.example")
        self.assert_error(response, 403, "valence.cross_site")

    def test_all_problems_of_a_body_are_reported(self):
        response = self.post("/ui/token", {"user": "", "password": 1, "colour": "red"})
        problems = self.assert_error(response, 400)
        self.assertEqual(
            ["$.colour", "$.password", "$.project", "$.user"], [each["path"] for each in problems]
        )
        self.assert_error(self.post("/ui/token", []), 400)

    def test_an_identity_service_that_does_not_answer(self):
        self.conf.set_override("auth_url", "http://127.0.0.1:9/v3", "keystone_authtoken")
        self.assert_error(self.post("/ui/token", BODY), 503, "valence.unavailable")

    def answer(self, status, **headers):
        """Let the Identity service answer sign-ins with a status."""

        def do_post(handler):
            handler.rfile.read(int(handler.headers["Content-Length"]))
            handler._answer(status, {"error": {"code": status}}, headers)

        self.useFixture(fixtures.MonkeyPatch("tests.identity._Handler.do_POST", do_post))

    def test_a_redirect_does_not_get_the_password(self):
        other = self.useFixture(identity.Identity(identity.User("ada", "p", ("reader",))))
        for status in (301, 302, 303, 307, 308):
            self.answer(status, Location=f"{other.url}/auth/tokens")
            (problem,) = self.assert_error(
                self.post("/ui/token", BODY), 502, "valence.identity_service_failed"
            )
            self.assertIn(f"answered {status}, a redirect to 127.0.0.1:", problem["detail"])
        self.assertEqual({}, other.tokens)

    def test_what_the_identity_service_answers_is_told_as_it_is(self):
        for status, expected, code in (
            (403, 401, "valence.unauthorized"),
            (404, 502, "valence.identity_service_failed"),
            (500, 502, "valence.identity_service_failed"),
            (201, 502, "valence.identity_service_failed"),
            (503, 503, "valence.unavailable"),
        ):
            self.answer(status)
            (problem,) = self.assert_error(self.post("/ui/token", BODY), expected, code)
            self.assertTrue(status == 201 or str(status) in problem["detail"], problem)


class OtherStrategiesTest(case.APITestCase):
    def test_there_is_no_such_url(self):
        self.assertIn(self.post("/ui/token", BODY).status_code, (404, 405))
