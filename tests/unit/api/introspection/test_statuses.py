# SPDX-License-Identifier: Apache-2.0
"""Documents are taken from the machine that was asked, and from nobody else who knows its addresses."""

from tests.unit.api.introspection import case
from valence.db import models
from valence.db import store

HEADER = "X-Valence-Introspection-Token"


class TokenCase(case.IntrospectionCase):
    def begin(self, query=""):
        """Start an introspection whose ramdisk comes, and return its token or None."""
        response = self.one("POST", query)
        self.assertEqual(202, response.status_code, response.text)
        # The pod manager of this machine is away, so that it is not Valence that boots it.
        row = self.backend.store.get(models.Introspection, self.uuid)
        self.backend.store.commit(store.Update(row, {"manage_boot": False}))
        self.backend.introspecting.introspector.look()
        self.wait_for(lambda: self.status()["state"] == "waiting", message=self.status)
        return response.headers.get(HEADER)

    def sent(self, query=""):
        return self.call("POST", f"/v1/continue{query}", json=self.document())


class TokenTest(TokenCase):
    def test_the_ramdisk_of_a_booted_machine_has_to_know_its_token(self):
        token = self.begin()
        for forged in ("", "?token=wrong", "?token=", f"?token={token[:-1]}", f"?TOKEN={token}"):
            self.assert_refused(403, self.sent(forged), "token")
            self.assertEqual("waiting", self.status()["state"])
        self.assert_refused(404, self.one("GET", "/data/unprocessed"))
        self.assertEqual(200, self.sent(f"?token={token}").status_code)
        self.assertEqual(("finished", None), (self.status()["state"], self.status()["error"]))

    def test_a_refused_document_is_told_while_the_ramdisk_is_waited_for(self):
        self.begin()
        self.sent()
        self.assertIn("require_token", self.status()["error"])
        self.assertEqual(("waiting", False), (self.status()["state"], self.status()["finished"]))

    def test_a_failure_is_not_taken_without_the_token_either(self):
        self.begin()
        self.assert_refused(403, self.call("POST", "/v1/continue", json=self.document(error="no disk")))
        self.assertEqual("waiting", self.status()["state"])

    def test_another_start_has_another_token(self):
        old, new = self.begin(), self.begin()
        self.assert_refused(403, self.sent(f"?token={old}"))
        self.assertEqual(200, self.sent(f"?token={new}").status_code)

    def test_a_client_that_boots_the_machine_itself_needs_none(self):
        self.assertIsNone(self.begin("?manage_boot=0"))
        self.assertEqual(200, self.sent().status_code)

    def test_redfish_needs_none(self):
        self.assertNotIn(HEADER, self.one("POST", "?source=redfish").headers)


class AlwaysTest(TokenCase):
    options = {"processing__require_token": "always"}

    def test_a_client_that_boots_the_machine_itself_needs_one(self):
        token = self.begin("?manage_boot=0")
        self.assert_refused(403, self.sent())
        self.assertEqual(200, self.sent(f"?token={token}").status_code)


class NeverTest(case.IntrospectionCase):
    options = {"processing__require_token": "never"}

    def test_clients_that_show_no_header_work(self):
        self.assertNotIn(HEADER, self.one("POST").headers)
