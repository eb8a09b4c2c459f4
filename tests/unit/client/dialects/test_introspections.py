# SPDX-License-Identifier: Apache-2.0
"""Introspections: where their requests go, pages, and waits."""

import requests

from tests import base
from tests.unit.client import server
from valence.client import errors

AT = "/introspection/v1/introspection"


def row(number=1, state="finished", **values):
    return {"uuid": str(number), "state": state, "error": None, "links": []} | values


class IntrospectionsTest(base.TestCase):
    def test_the_dialect_is_beside_the_api(self):
        for url in ("http://a.test:8181", "http://a.test:8181/v1/", "http://a.test/rack/v1"):
            api = server.Server(row())
            http = api.client(url).introspections
            http.get("System 1")
            self.assertEqual(f"{url.rstrip('/').removesuffix('/v1')}{AT}/System%201", api.requests[0].url)

    def test_pages(self):
        api = server.Server(
            {"introspection": [row(1), row(2)]}, {"introspection": [row(3)]}, {"introspection": []}
        )
        found = api.client().introspections(state=["waiting", "error"])
        self.assertEqual(["1", "2", "3"], [each.id for each in found])
        first = f"GET {AT}?state=waiting%2Cerror"
        self.assertEqual([first, f"{first}&marker=2", f"{first}&marker=3"], api.paths())

    def test_a_limit_is_of_all_pages(self):
        api = server.Server({"introspection": [row(1), row(2)]}, {"introspection": [row(3), row(4)]})
        self.assertEqual(3, len(list(api.client().introspections(limit=3, marker="0"))))
        self.assertEqual(f"GET {AT}?limit=3&marker=0", api.paths()[0])

    def test_a_start_returns_the_token(self):
        api = server.Server((202, {}, {"X-Valence-Introspection-Token": "t"}), (202, {}, {}))
        introspections = api.client().introspections
        self.assertEqual("t", introspections.start("1"))
        self.assertIsNone(introspections.start("1", manage_boot=False, source="redfish"))
        expected = [
            f"POST {AT}/1?manage_boot={text}" for text in ("true&source=ramdisk", "false&source=redfish")
        ]
        self.assertEqual(expected, api.paths())

    def test_a_start_is_not_repeated(self):
        """A repetition could boot the machine twice: the dialect knows no Idempotency-Key."""
        api = server.Server(requests.ConnectionError("cut"))
        error = self.assertRaises(errors.Unreachable, api.client().introspections.start, "1")
        self.assertEqual("It may have been done; look before you repeat it.", error.hint)
        self.assertNotIn("Idempotency-Key", api.requests[0].headers)

    def test_data(self):
        api = server.Server({"cpus": 1}, {"inventory": {}})
        introspections = api.client().introspections
        self.assertEqual({"cpus": 1}, introspections.data("1"))
        self.assertEqual({"inventory": {}}, introspections.data("1", unprocessed=True, version=2))
        self.assertEqual([f"GET {AT}/1/data", f"GET {AT}/1/data/unprocessed?version=2"], api.paths())

    def test_an_empty_name(self):
        api = server.Server().client()
        for request in (api.introspections.get, api.introspections.abort, api.introspections.data):
            self.assertRaises(errors.BadRequest, request, "")


class WaitTest(base.TestCase):
    def wait(self, *answers, **options):
        return server.Server(*answers).client().introspections.wait("1", **options)

    def test_each_change_is_told(self):
        states = []
        found = self.wait(row(state="starting"), row(state="waiting"), row(), progress=states.append)
        self.assertEqual("finished", found.state)
        self.assertEqual(["starting", "waiting", "finished"], [each.state for each in states])

    def test_a_failure(self):
        error = self.assertRaises(
            errors.IntrospectionFailed, self.wait, row(state="error", error="Too late.")
        )
        self.assertEqual("The introspection of 1 failed: Too late.", error.detail)

    def test_it_takes_too_long(self):
        error = self.assertRaises(errors.WaitTimeout, self.wait, row(state="waiting"), timeout=0)
        self.assertEqual("The introspection of 1 has not ended in 0 s.", error.detail)
