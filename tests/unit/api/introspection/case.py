# SPDX-License-Identifier: Apache-2.0
"""The dialect on top of the conductor's own endpoints; machines are known by their serial numbers."""

from tests import ramdisk
from tests.unit.api import case

AWAY = "http://127.0.0.1:9/redfish/v1"


class IntrospectionCase(case.APITestCase):
    """A test with two machines, ``self.uuid`` and ``self.other``, whose pod manager is away."""

    def setUp(self):
        super().setUp()
        pod_manager = self.add_pod_manager(url=AWAY)
        self.uuid, self.drive = self.add_resources(pod_manager, "System", "Drive", identity="SER-1")

    def call(self, method, path, **keywords):
        """Return the response of the dialect."""
        return self.request(method, f"/introspection{path}", **keywords)

    def one(self, method, path="", **keywords):
        """Return the response of the dialect about the machine."""
        return self.call(method, f"/v1/introspection/{self.uuid}{path}", **keywords)

    def start(self):
        """Start the introspection, and do what a conductor does then in the background."""
        self.assertEqual(202, self.one("POST", "?manage_boot=0").status_code)
        self.backend.introspecting.introspector.look()
        self.wait_for(lambda: self.status()["state"] == "waiting", message=self.status)

    def status(self):
        return self.one("GET").json

    def document(self, size="small", **values):
        """Return what the machine's ramdisk sends."""
        found = ramdisk.sample(size)
        found["inventory"]["system_vendor"]["serial_number"] = "SER-1"
        return found | values

    def introspect(self, document=None):
        """Introspect the machine."""
        self.start()
        response = self.call("POST", "/v1/continue", json=document or self.document())
        self.assertEqual((200, {"uuid": self.uuid}), (response.status_code, response.json), response.text)

    def assert_refused(self, status, response, *words):
        """Check that a response is an error of the dialect whose message has some words; return the message."""
        self.assertEqual(status, response.status_code, response.text)
        self.assertEqual(("application/json", ["error"]), (response.mimetype, list(response.json)))
        for word in words:
            self.assertIn(word, response.json["error"]["message"])
        self.assertEqual("1.18", response.headers["X-OpenStack-Ironic-Inspector-API-Maximum-Version"])
        return response.json["error"]["message"]
