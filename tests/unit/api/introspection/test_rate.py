# SPDX-License-Identifier: Apache-2.0
"""How many documents an address may send."""

from tests.unit.api.introspection import case
from valence.api.introspection import rate
from valence.common import introspection_errors


class RateTest(case.IntrospectionCase):
    options = {"processing__documents_per_minute": 2}

    def test_a_bucket_fills_up_in_a_minute(self):
        now = [0.0]
        limit = rate.Rate(2, clock=lambda: now[0])
        for _ in range(2):
            limit.require("10.0.0.1")
        self.assertRaises(introspection_errors.TooManyDocuments, limit.require, "10.0.0.1")
        limit.require("10.0.0.2")
        now[0] = 30.0
        limit.require("10.0.0.1")
        self.assertRaises(introspection_errors.TooManyDocuments, limit.require, "10.0.0.1")

    def test_who_sends_too_many_is_asked_to_come_later(self):
        answers = [self.call("POST", "/v1/continue", json={}) for _ in range(3)]
        self.assertEqual([400, 400, 503], [answer.status_code for answer in answers])
        self.assertEqual("10", answers[-1].headers["Retry-After"])


class TokenTest(case.IntrospectionCase):
    options = {"processing__require_token": True}

    def test_a_ramdisk_has_to_know_its_token(self):
        self.start()
        token = self.one("POST", "?manage_boot=0").headers["X-Valence-Introspection-Token"]
        self.backend.introspecting.introspector.look()
        self.wait_for(lambda: self.status()["state"] == "waiting", message=self.status)
        for wrong in ("", "?token=wrong", "?token="):
            self.assert_refused(403, self.call("POST", f"/v1/continue{wrong}", json=self.document()))
        self.assertEqual("waiting", self.status()["state"])
        response = self.call("POST", f"/v1/continue?token={token}", json=self.document())
        self.assertEqual(200, response.status_code, response.text)
