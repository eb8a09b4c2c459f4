# SPDX-License-Identifier: Apache-2.0
"""Versions."""

from tests.unit.api import case
from valence.api import routes
from valence.api.http import versions


class DiscoveryTest(case.APITestCase):
    def test_every_collection_is_in_the_index(self):
        index = self.get("/v1").json
        for name in versions.COLLECTIONS:
            self.assertEqual(f"http://localhost/v1/{name}", index[name][0]["href"])
            self.assertIn(f"/v1/{name}", [route.url for route in routes.ROUTES])

    def test_the_links_lead_somewhere(self):
        for each in self.get("/").json["versions"][0]["links"]:
            self.assertEqual(200, self.get(each["href"]).status_code)

    def test_the_range_of_versions_is_told(self):
        for entry in (self.get("/").json["versions"][0], self.get("/v1").json):
            self.assertEqual(("1.0", "1.1"), (entry["min_version"], entry["max_version"]))


class HeaderTest(case.APITestCase):
    def test_versions_that_are_served(self):
        for header in (
            "valence 1.0",
            "valence 1.1",
            "Valence latest",
            "compute 2.1",
            "compute 2.1, valence 1.0",
            "rack 1.0",
            "RACK latest",
            "nonsense",
            "",
        ):
            self.assertEqual(200, self.get("/v1", OpenStack_API_Version=header).status_code, header)

    def test_versions_that_are_not(self):
        for header in ("rack 1.2", "valence 1.2", "valence 2.0", "compute 2.1, valence 0.9"):
            self.assert_error(self.get("/v1", OpenStack_API_Version=header), 406, "valence.not_acceptable")

    def test_the_answer_has_the_name_and_version_that_were_asked_with(self):
        for asked, answered in (
            ("rack 1.0", "rack 1.0"),
            ("rack 1.1", "rack 1.1"),
            ("valence latest", "valence 1.1"),
            ("compute 2.1, rack latest", "rack 1.1"),
            ("rack 1.0, valence 1.0, rack 1.0", "rack 1.0, valence 1.0"),
            ("compute 2.1", "valence 1.1"),
            ("rack 9.9", "rack 1.1"),
        ):
            headers = self.get("/v1", OpenStack_API_Version=asked).headers
            self.assertEqual(answered, headers["OpenStack-API-Version"], asked)
