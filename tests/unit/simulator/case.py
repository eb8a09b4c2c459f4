# SPDX-License-Identifier: Apache-2.0
"""A test with a simulator in a thread, asked over real HTTP."""

import requests

from tests import base
from valence.simulator import server

SIGN_IN = {"UserName": "admin", "Password": "password"}


class SimulatorTestCase(base.TestCase):
    """``options`` are those of the simulator of every test of a class; paths are below ``/redfish/v1``."""

    options = {}

    def setUp(self):
        super().setUp()
        self.simulator = self.start(**self.options)

    def start(self, **options):
        simulator = server.Simulator(**options)
        self.addCleanup(simulator.stop)
        return simulator.start()

    def call(self, method, path, **keywords):
        """Return the answer to a request with basic authentication."""
        keywords.setdefault("auth", ("admin", "password"))
        keywords.setdefault("verify", self.simulator.ssl_verify)
        url = f"{self.simulator.url}/redfish/v1/{path}".rstrip("/")
        return requests.request(method, url, timeout=60, **keywords)

    def get(self, path, **headers):
        return self.call(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def control(self, method, path, body=None):
        return requests.request(method, f"{self.simulator.url}/simulator/{path}", json=body, timeout=60)

    def system(self, system_id="System1"):
        return self.get(f"Systems/{system_id}").json()

    def crawl(self):
        """Return every document that links lead to, by path."""
        found, waiting = {}, ["/redfish/v1"]
        with requests.Session() as session:
            session.auth = ("admin", "password")
            while waiting:
                path = waiting.pop()
                if path in found:
                    continue
                answer = session.get(self.simulator.url + path, timeout=60)
                self.assertEqual(200, answer.status_code, path)
                found[path] = answer.json()
                waiting.extend(linked(found[path]))
        return found


def linked(value):
    """Return the paths of all links in a document."""
    if isinstance(value, list):
        return [path for item in value for path in linked(item)]
    if not isinstance(value, dict):
        return []
    inner = [path for item in value.values() for path in linked(item)]
    return inner + [value["@odata.id"]] if "@odata.id" in value else inner
