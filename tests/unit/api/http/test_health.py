# SPDX-License-Identifier: Apache-2.0
"""Life and readiness."""

from keystonemiddleware import fixture

from tests.unit.api import case
from valence import version
from valence.common import errors


class ReadyTest(case.APITestCase):
    def not_ready(self):
        """Return which checks are not ready, by name."""
        response = self.get("/readyz")
        self.assertEqual(503, response.status_code)
        self.assertEqual("2", response.headers["Retry-After"])
        return {name: check for name, check in response.json["checks"].items() if not check["ready"]}

    def test_ready(self):
        response = self.get("/readyz")
        self.assertEqual(200, response.status_code)
        self.assertEqual(("ready", "conductor-1"), (response.json["status"], response.json["conductor"]))

    def test_a_store_that_is_away(self):
        problem = {"reason": "refused", "since": "2026-11-21T03:37:02Z"}
        self.backend.health.problem = problem
        self.assertEqual({"store": {"ready": False} | problem}, self.not_ready())

    def test_a_bus_that_is_away(self):
        self.backend.caller.failure = errors.BusUnavailable(reason="refused")
        self.backend.caller.liveness.state = {"alive": False, "since": "2026-11-21T03:37:02Z"}
        checks = self.not_ready()
        self.assertEqual({"bus", "conductors", "store"}, set(checks))
        self.assertIn("refused", checks["bus"]["reason"])
        self.assertEqual("2026-11-21T03:37:02Z", checks["bus"]["since"])

    def test_no_conductor(self):
        self.backend.caller.failure = errors.ConductorUnavailable(reason="silence")
        self.assertEqual({"conductors", "store"}, set(self.not_ready()))

    def test_since_when_is_remembered(self):
        self.backend.caller.failure = errors.ConductorUnavailable(reason="silence")
        first = self.not_ready()["conductors"]["since"]
        self.assertRegex(first, r"^\d{4}-")
        self.assertEqual(first, self.not_ready()["conductors"]["since"])

    def test_life_asks_nobody(self):
        self.backend.caller.failure = errors.BusUnavailable(reason="refused")
        self.assertEqual(200, self.get("/healthcheck").status_code)


class StrangerTest(case.APITestCase):
    """Somebody without credentials, where these are needed."""

    options = {"auth_strategy": "keystone"}

    def test_strangers_learn_only_whether_it_is_ready(self):
        self.assertEqual({"status": "ready"}, self.get("/readyz").json)

    def test_they_learn_no_reason(self):
        self.backend.caller.failure = errors.BusUnavailable(
            reason="amqp://valence@rabbit:5672/valence: refused"
        )
        response = self.get("/readyz")
        self.assertEqual((503, {"status": "not ready"}), (response.status_code, response.json))
        self.assertEqual("2", response.headers["Retry-After"])

    def test_readers_learn_all(self):
        identity = self.useFixture(fixture.AuthTokenFixture())
        identity.add_token_data(token_id="reader", user_id="u", role_list=["reader"])
        self.assertEqual(
            {"status", "version", "conductor", "checks"}, set(self.get("/readyz", X_Auth_Token="reader").json)
        )

    def test_other_pages_for_everybody_name_nothing(self):
        for url in (
            "/",
            "/v1",
            "/healthcheck",
            "/metrics",
            "/backup",
            "/introspection/",
            "/introspection/v1",
        ):
            response = self.get(url)
            self.assertLess(response.status_code, 400, url)
            for secret in ("conductor-1", str(self.conf.state_dir), version.version_string()):
                self.assertNotIn(secret, response.text, url)
