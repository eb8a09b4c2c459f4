# SPDX-License-Identifier: Apache-2.0
"""What the commands for quotas send."""

import json

from tests import base
from tests.unit.client import console

QUOTA = {"project_id": "demo", "limits": {"nodes": 10}, "effective_limits": {}, "used": {"nodes": 2}}


class QuotaTest(base.TestCase):
    def run_command(self, *argv):
        self.console = self.useFixture(console.Console(QUOTA))
        return self.console.run("quota", *argv)

    def sent(self):
        """Return the last request, with its body."""
        (request,) = self.console.server.requests
        return request.method, request.path_url, request.body and json.loads(request.body)

    def test_limits_that_are_given_are_set(self):
        printed = self.run_command("set", "demo", "--nodes", "10", "--memory-mib", "-1", "-f", "json")
        self.assertEqual(
            ("PATCH", "/v1/quotas/demo", {"limits": {"nodes": 10, "memory_mib": -1}}), self.sent()
        )
        self.assertEqual(QUOTA, printed.json)

    def test_limits_that_are_named_are_those_of_the_site_again(self):
        self.run_command("unset", "a/b", "--nodes", "--storage-gib")
        expected = {"limits": {"nodes": None, "storage_gib": None}}
        self.assertEqual(("PATCH", "/v1/quotas/a%2Fb", expected), self.sent())

    def test_no_limit_is_an_error(self):
        for command in ("set", "unset"):
            printed = self.run_command(command, "demo")
            self.assertEqual(1, printed.code)
            self.assertIn("name at least one limit", printed.err)

    def test_a_project_is_that_of_the_user_unless_it_is_named(self):
        self.run_command("show", "demo")
        self.assertEqual("/v1/quotas/demo", self.sent()[1])
        self.run_command("show")
        self.assertEqual("/v1/quotas/-", self.sent()[1])

    def test_null_is_the_limit_of_the_site(self):
        self.run_command("set", "demo", "--nodes", "null", "--cores", "4")
        self.assertEqual({"limits": {"nodes": None, "cores": 4}}, self.sent()[2])
        self.assertIn(
            "'many' is neither a whole number nor null", self.run_command("set", "d", "--nodes", "many").err
        )
