# SPDX-License-Identifier: Apache-2.0
"""Conductors over the API: who works, since when, on what."""

from tests.unit.api import case


class ConductorsTest(case.APITestCase):
    def test_they_are_listed(self):
        [found] = self.get("/v1/conductors").json["conductors"]
        self.assertEqual(
            ("test", True, ["default"]),
            tuple(found[name] for name in ("hostname", "alive", "conductor_groups")),
        )
        self.assertTrue(found["version"] and found["started_at"] and found["heartbeat_at"])

    def test_they_are_found_by_what_they_are(self):
        self.assertEqual([], self.get("/v1/conductors?alive=false").json["conductors"])
        self.assertEqual(
            1, len(self.get("/v1/conductors?hostname=test&sort=hostname:desc&limit=1").json["conductors"])
        )

    def test_one_is_shown_with_links_to_what_it_serves_and_does(self):
        shown = self.get("/v1/conductors/test").json
        links = {link["rel"]: link["href"] for link in shown["links"]}
        self.assertEqual({"self", "pod_managers", "operations"}, set(links))
        self.assertEqual(
            [], self.get(links["pod_managers"].removeprefix("http://localhost")).json["pod_managers"]
        )
        self.assertEqual(
            [], self.get(links["operations"].removeprefix("http://localhost")).json["operations"]
        )

    def test_what_is_no_conductor_is_not_found(self):
        for name in ("nobody", "a%00b", "x" * 300, "a%2Fb"):
            self.assert_error(self.get(f"/v1/conductors/{name}"), 404)

    def test_they_cannot_be_changed(self):
        self.assert_error(self.send("DELETE", "/v1/conductors/test"), 405)
        self.assert_error(self.patch("/v1/conductors/test", {"alive": False}), 405)


class GroupTest(case.APITestCase):
    def test_a_pod_manager_has_a_group_that_can_be_changed(self):
        made = self.add_pod_manager()
        self.assertEqual(("default", None), (made["conductor_group"], made["conductor"]))
        changed = self.patch(f"/v1/pod_managers/{made['uuid']}", {"conductor_group": "far"})
        self.assertEqual("far", changed.json["conductor_group"])
        self.assert_error(self.patch(f"/v1/pod_managers/{made['uuid']}", {"conductor": "x"}), 400)
