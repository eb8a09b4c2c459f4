# SPDX-License-Identifier: Apache-2.0
"""Responses."""

import urllib.parse

from tests.unit.api import case


class PageTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.add_pod_manager()
        self.add_resources(self.pod_manager, *["System"] * 5)

    def follow(self, url):
        """Return the URLs of resources on each page, and the next link after it."""
        while url:
            page = self.get(url).json
            yield [row["resource_url"] for row in page["systems"]]
            url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)

    def test_pages_are_linked_to_the_end(self):
        pages = list(self.follow("/v1/systems?limit=2&sort=resource_url"))
        self.assertEqual(
            [["/redfish/v1/0", "/redfish/v1/1"], ["/redfish/v1/2", "/redfish/v1/3"], ["/redfish/v1/4"]], pages
        )

    def test_the_next_link_keeps_filters_as_they_were(self):
        url = f"/v1/systems?limit=1&podm_id=in:{self.pod_manager['uuid']},{case.UUID}&name=neq:a%26b%20%C3%A4"
        link = next(each["href"] for each in self.get(url).json["links"] if each["rel"] == "next")
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
        self.assertEqual([f"in:{self.pod_manager['uuid']},{case.UUID}"], asked["podm_id"])
        self.assertEqual(["neq:a&b ä"], asked["name"])
        self.assertEqual(200, self.get(link).status_code)

    def test_the_self_link_is_what_was_asked(self):
        link = self.get("/v1/systems/?limit=2").json["links"][0]
        self.assertEqual({"rel": "self", "href": "http://localhost/v1/systems?limit=2"}, link)


class ConditionTest(case.APITestCase):
    def test_a_list_that_did_not_change(self):
        tag = self.get("/v1/pod_managers").headers["ETag"]
        response = self.get("/v1/pod_managers", If_None_Match=tag)
        self.assertEqual((304, b"", tag), (response.status_code, response.data, response.headers["ETag"]))
        self.add_pod_manager()
        self.assertEqual(200, self.get("/v1/pod_managers", If_None_Match=tag).status_code)

    def test_a_change_of_what_is_seen_changes_the_tag(self):
        uuid = self.add_pod_manager()["uuid"]
        tag = self.get(f"/v1/pod_managers/{uuid}").headers["ETag"]
        changed = self.patch(f"/v1/pod_managers/{uuid}", {"description": "x"})
        self.assertNotEqual(tag, changed.headers["ETag"])
        self.assertEqual(changed.headers["ETag"], self.get(f"/v1/pod_managers/{uuid}").headers["ETag"])

    def test_an_error_is_never_unchanged(self):
        self.assert_error(self.get("/v1/nowhere", If_None_Match="*"), 404)

    def test_head_has_the_headers_of_get(self):
        uuid = self.add_pod_manager()["uuid"]
        get, head = (self.request(method, f"/v1/pod_managers/{uuid}") for method in ("GET", "HEAD"))
        self.assertEqual((200, b""), (head.status_code, head.data))
        for name in ("ETag", "Content-Length", "Content-Type"):
            self.assertEqual(get.headers[name], head.headers[name])
