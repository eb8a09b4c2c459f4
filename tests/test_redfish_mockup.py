# SPDX-License-Identifier: Apache-2.0
"""The mockup server that other tests stand on."""

import http.client
import json
import urllib.parse

import requests
import testscenarios
import testtools

from tests import redfish_mockup

MOCKUPS = sorted(
    path.parent.relative_to(redfish_mockup.FOLDER).as_posix().removesuffix("/redfish/v1")
    for pattern in ("*/index.json", "*/*/index.json", "*/redfish/v1/index.json")
    for path in redfish_mockup.FOLDER.glob(pattern)
    if "RedfishVersion" in json.loads(path.read_text())
)


class RedfishMockupTest(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.mockup = self.useFixture(redfish_mockup.RedfishMockup("dmtf/public-rackmount1"))

    def raw(self, path):
        """Send ``path`` as it is: clients tidy the dots away."""
        host = urllib.parse.urlsplit(self.mockup.url).netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        return connection.getresponse()

    def test_serves_a_document_with_and_without_a_slash(self):
        for path in ("/redfish/v1/Systems", "/redfish/v1/Systems/"):
            answer = requests.get(self.mockup.url + path, timeout=60)
            self.assertEqual(
                "#ComputerSystemCollection.ComputerSystemCollection", answer.json()["@odata.type"]
            )

    def test_a_missing_resource_is_a_redfish_error(self):
        answer = requests.get(f"{self.mockup.url}/redfish/v1/Systems/none", timeout=60)
        self.assertEqual(404, answer.status_code)
        self.assertIn("ResourceMissing", answer.json()["error"]["code"])

    def test_nothing_outside_of_the_folder_is_served(self):
        for path in (
            "/redfish/v1/../../README.md",
            "/redfish/v1/%2e%2e/%2e%2e/README.md",
            "/redfish/v1//etc/passwd",
        ):
            self.assertEqual(404, self.raw(path).status, path)

    def test_a_name_that_no_file_can_have_is_missing(self):
        for path in ("/redfish/v1/%00", "/redfish/v1/" + "a" * 5000):
            self.assertEqual(404, self.raw(path).status, path[:40])

    def test_writing_is_refused(self):
        answer = requests.post(f"{self.mockup.url}/redfish/v1/SessionService/Sessions", json={}, timeout=60)
        self.assertEqual(405, answer.status_code)

    def test_requests_are_recorded(self):
        requests.get(f"{self.mockup.url}/redfish/v1/Chassis?$expand=.", timeout=60)
        self.assertEqual(["/redfish/v1/Chassis"], self.mockup.requests)


class EveryMockupTest(testscenarios.WithScenarios, testtools.TestCase):
    scenarios = [(name, {"name": name}) for name in MOCKUPS]

    def test_the_service_root_leads_to_systems_or_else_to_chassis(self):
        mockup = self.useFixture(redfish_mockup.RedfishMockup(self.name))
        root = requests.get(f"{mockup.url}/redfish/v1", timeout=60).json()
        # An expansion box has no system of its own.
        name = "Chassis" if self.name == "dmtf/public-expansion-box" else "Systems"
        found = requests.get(mockup.url + root[name]["@odata.id"], timeout=60)
        self.assertEqual(200, found.status_code)
