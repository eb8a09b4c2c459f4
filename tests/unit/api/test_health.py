# SPDX-License-Identifier: Apache-2.0
"""Life and readiness."""

from tests.unit.api import case
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
