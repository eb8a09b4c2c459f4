# SPDX-License-Identifier: Apache-2.0
"""What the declarative tests of pod managers do not say of create, read, update and delete."""

from tests.unit.api import case
from valence.db import models
from valence.db import store


class CreateTest(case.APITestCase):
    def test_secrets_are_told_nowhere(self):
        uuid = self.add_pod_manager(password="s3cret")["uuid"]
        self.patch(f"/v1/pod_managers/{uuid}", {"password": "s3cret-too"})
        for url in (f"/v1/pod_managers/{uuid}", "/v1/pod_managers", "/v1/events", "/v1/operations"):
            self.assertNotIn("s3cret", self.get(url).text)
        self.assertNotIn("s3cret", self.log.output)

    def test_one_in_maintenance_has_no_operation(self):
        links = self.add_pod_manager(maintenance=True)["links"]
        self.assertNotIn("operation", [link["rel"] for link in links])

    def test_text_of_every_script_is_kept(self):
        pod_manager = self.add_pod_manager(name="Регал-七-𝄞", description='"\\\n\t')
        shown = self.get(f"/v1/pod_managers/{pod_manager['uuid']}").json
        self.assertEqual(("Регал-七-𝄞", '"\\\n\t'), (shown["name"], shown["description"]))


class UpdateTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.add_pod_manager()
        self.url = f"/v1/pod_managers/{self.pod_manager['uuid']}"

    def test_nothing_changes_nothing(self):
        response = self.patch(self.url, {})
        self.assertEqual((200, 1), (response.status_code, response.json["revision"]))

    def test_one_of_several_tags_is_enough(self):
        tag = self.get(self.url).headers["ETag"]
        self.assertEqual(
            200, self.patch(self.url, {"description": "x"}, If_Match=f'"9.0", {tag}').status_code
        )
        response = self.patch(self.url, {"description": "y"}, If_Match=f'"9.0", {tag}')
        self.assert_error(response, 412, "valence.revision_mismatch")

    def test_the_digest_of_a_tag_does_not_count(self):
        self.assertEqual(200, self.patch(self.url, {"description": "x"}, If_Match='"1.0"').status_code)

    def test_weak_tags_do_not_count(self):
        tag = self.get(self.url).headers["ETag"]
        self.assert_error(self.patch(self.url, {"description": "x"}, If_Match=f"W/{tag}"), 412)

    def test_put_and_patch_are_the_same(self):
        for method in ("PUT", "PATCH"):
            response = self.send(method, self.url, {"description": method})
            self.assertEqual((200, method), (response.status_code, response.json["description"]))

    def test_a_taken_name_is_refused(self):
        self.add_pod_manager(name="row-8", url="https://10.0.0.8")
        self.assert_error(self.patch(self.url, {"name": "row-8"}), 409, "valence.duplicate")


class DeleteTest(case.APITestCase):
    def test_resources_go_with_it_and_it_is_told(self):
        pod_manager = self.add_pod_manager()
        self.add_resources(pod_manager, "System", "Drive")
        response = self.request("DELETE", f"/v1/pod_managers/{pod_manager['uuid']}")
        self.assertEqual((204, b""), (response.status_code, response.data))
        self.assertEqual([], self.get("/v1/resources").json["resources"])
        told = [event["event_type"] for event in self.get("/v1/events").json["events"]]
        self.assertEqual(2, told.count("valence.resource.removed"))
        self.assertEqual("valence.pod_manager.delete", told[-1])

    def test_a_changed_one_stays(self):
        url = f"/v1/pod_managers/{self.add_pod_manager()['uuid']}"
        self.patch(url, {"description": "x"})
        self.assert_error(self.request("DELETE", url, headers={"If-Match": '"1.0"'}), 412)
        self.assertEqual(200, self.get(url).status_code)


class AliasTest(case.APITestCase):
    def test_both_urls_are_the_same(self):
        uuid = self.add_pod_manager()["uuid"]
        one, two = f"/v1/pod_managers/{uuid}", f"/v1/pod_manager/{uuid}"
        self.assertEqual(self.get(one).data, self.get(two).data)
        self.assertEqual(self.get(one).headers["ETag"], self.get(two).headers["ETag"])
        self.assertEqual("x", self.send("PUT", two, {"description": "x"}).json["description"])
        self.assertEqual(204, self.request("DELETE", two).status_code)
        self.assert_error(self.get(one), 404)


class CountTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        flavors = [models.Flavor(name=f"f{number}", properties={}) for number in range(5)]
        self.backend.store.commit(*map(store.Create, flavors))

    def test_a_count_alone_reads_no_rows(self):
        self.backend.caller.calls.clear()
        response = self.get("/v1/flavors?limit=0&with_count=true")
        self.assertEqual(
            {"flavors": [], "count": 5}, {name: response.json[name] for name in ("flavors", "count")}
        )
        self.assertEqual(["self"], [link["rel"] for link in response.json["links"]])
        self.assertEqual([("records", "count")], self.backend.caller.calls)

    def test_a_page_has_the_count_of_all_pages(self):
        url, names = "/v1/flavors?limit=2&sort=name&with_count=true&name=gte:f1", []
        while url:
            page = self.get(url).json
            self.assertEqual(4, page["count"])
            names += [row["name"] for row in page["flavors"]]
            url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
        self.assertEqual(["f1", "f2", "f3", "f4"], names)

    def test_a_page_has_none_unless_it_is_wanted(self):
        self.assertNotIn("count", self.get("/v1/flavors").json)
        self.assertNotIn("count", self.get("/v1/flavors?with_count=false").json)

    def test_another_count_is_another_version_of_the_list(self):
        url = "/v1/flavors?limit=0&with_count=true"
        tag = self.get(url).headers["ETag"]
        self.assertEqual(304, self.get(url, If_None_Match=tag).status_code)
        self.post("/v1/flavors", {"name": "another"})
        self.assertEqual(6, self.get(url, If_None_Match=tag).json["count"])

    def test_every_list_has_a_count(self):
        self.add_pod_manager()
        lists = ("pod_managers", "resources", "systems", "racks", "devices", "storages", "flavors", "quotas")
        for name in (*lists, "nodes", "operations", "conductors", "events"):
            page = self.get(f"/v1/{name}?with_count=true").json
            self.assertEqual(len(page[name]), page["count"], name)
            alone = self.get(f"/v1/{name}?with_count=true&limit=0").json
            self.assertEqual((0, page["count"]), (len(alone[name]), alone["count"]), name)

    def test_resources_are_counted_with_their_documents_too(self):
        page = self.get("/v1/systems?with_count=true&limit=0&detail=true").json
        self.assertEqual(([], 0), (page["systems"], page["count"]))

    def test_a_stream_has_no_count(self):
        response = self.get("/v1/events?stream=true&with_count=true")
        self.assert_error(response, 400)
        self.assertEqual("with_count", response.json["errors"][0]["path"])
