# SPDX-License-Identifier: Apache-2.0
"""Introspection on a port of its own."""

import requests

from tests.unit.api.introspection import case
from valence.api.http import api_server


class PortTest(case.IntrospectionCase):
    options = {"api__introspection_port": 0, "api__public_url": "https://valence.example.org"}

    def setUp(self):
        super().setUp()
        (server,) = api_server.servers(self.conf, self.application)
        server.start()
        self.addCleanup(server.stop)
        self.url = server.url

    def ask(self, method, path, **keywords):
        return requests.request(method, f"{self.url}{path}", timeout=60, **keywords)

    def test_the_dialect_is_at_the_root(self):
        versions = self.ask("GET", "/").json()["versions"]
        self.assertEqual(f"{self.url}/v1", versions[0]["links"][0]["href"])
        self.assertEqual(versions, self.ask("GET", "").json()["versions"])
        self.assertEqual(202, self.ask("POST", f"/v1/introspection/{self.uuid}?manage_boot=0").status_code)
        status = self.ask("GET", f"/v1/introspection/{self.uuid}")
        self.assertEqual(f"{self.url}/v1/introspection/{self.uuid}", status.json()["links"][0]["href"])
        self.assertEqual("1.18", status.headers["X-OpenStack-Ironic-Inspector-API-Maximum-Version"])

    def test_the_other_port_goes_on_as_it_was(self):
        link = self.call("GET", "/").json["versions"][0]["links"][0]["href"]
        self.assertEqual("https://valence.example.org/introspection/v1", link)

    def test_nothing_else_is_there(self):
        for path in (
            "/v1/systems",
            "/introspection/v1",
            "/../v1/systems",
            "/%2e%2e/v1/systems",
            "/metrics",
            "/backup/v1",
        ):
            answer = self.ask("GET", path)
            self.assertEqual((404, ["error"]), (answer.status_code, list(answer.json())), path)

    def test_without_the_option_there_is_no_port(self):
        self.conf.clear_override("introspection_port", "api")
        self.assertEqual([], api_server.servers(self.conf, self.application))
