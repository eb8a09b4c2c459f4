# SPDX-License-Identifier: Apache-2.0
"""Flavors over HTTP: their life, their events, and bodies of both forms."""

from tests.unit.api import case
from valence.db import models
from valence.db import store

FLAVOR = {
    "name": "large",
    "properties": {"processor": {"total_cores": 16}, "storage": {"capacity_gib": "500"}},
}


class FlavorsCase(case.APITestCase):
    def create(self, document=FLAVOR, **headers):
        return self.post("/v1/flavors", document, **headers)

    def events(self):
        """Return type, old and new of the events of flavors, in order."""
        rows = self.backend.store.list(models.Event, sort=[store.Sort("sequence")])
        return [(row.event_type, row.old, row.new) for row in rows if row.object_kind == "flavor"]


class LifeTest(FlavorsCase):
    def test_a_flavor_is_created_shown_and_listed(self):
        response = self.create()
        self.assertEqual(201, response.status_code, response.text)
        flavor = response.json
        stored = {"processor": {"total_cores": 16}, "storage": [{"count": 1, "capacity_gib": 500}]}
        self.assertEqual(stored, flavor["properties"])
        self.assertTrue(response.headers["Location"].endswith(f"/v1/flavors/{flavor['uuid']}"))
        self.assertEqual(flavor, self.get(f"/v1/flavors/{flavor['uuid']}").json)
        self.assertEqual(
            ["large"], [each["name"] for each in self.get("/v1/flavors?name=large").json["flavors"]]
        )

    def test_it_is_changed_at_the_revision_that_was_read(self):
        response = self.create()
        url, tag = f"/v1/flavors/{response.json['uuid']}", response.headers["ETag"]
        changed = self.patch(url, {"policy": "spread", "properties": {}}, If_Match=tag)
        self.assertEqual(
            (200, "spread", {}), (changed.status_code, changed.json["policy"], changed.json["properties"])
        )
        self.assert_error(self.patch(url, {"policy": None}, If_Match=tag), 412, "valence.revision_mismatch")
        self.assertIsNone(self.send("PUT", url, {"policy": None}).json["policy"])

    def test_it_is_removed(self):
        url = f"/v1/flavors/{self.create().json['uuid']}"
        self.assert_error(
            self.request("DELETE", url, headers={"If-Match": '"7"'}), 412, "valence.revision_mismatch"
        )
        self.assertEqual(204, self.request("DELETE", url).status_code)
        self.assert_error(self.get(url), 404, "valence.not_found")
        self.assert_error(self.request("DELETE", url), 404, "valence.not_found")

    def test_each_change_is_an_event_and_no_change_is_none(self):
        url = f"/v1/flavors/{self.create().json['uuid']}"
        self.patch(url, {"name": "large"})
        self.patch(url, {"name": "larger"})
        self.request("DELETE", url)
        types = [event_type for event_type, _, _ in self.events()]
        self.assertEqual([f"valence.flavor.{name}" for name in ("create", "update", "delete")], types)
        names = [(old and old["name"], new and new["name"]) for _, old, new in self.events()]
        self.assertEqual([(None, "large"), ("large", "larger"), ("larger", None)], names)
        shown = self.get("/v1/events?object_kind=flavor").json["events"]
        self.assertEqual(3, len(shown))

    def test_the_same_request_creates_one(self):
        first, again = (self.create(Idempotency_Key="k-1") for _ in range(2))
        self.assertEqual((201, 201), (first.status_code, again.status_code))
        self.assertEqual(first.json["uuid"], again.json["uuid"])
        self.assertEqual(1, self.backend.store.count(models.Flavor))

    def test_a_name_is_unique(self):
        self.create()
        self.assert_error(self.create(), 409, "valence.duplicate")


class BodiesTest(FlavorsCase):
    def test_all_problems_are_reported_together(self):
        body = {"colour": 1, "policy": "best", "properties": {"processor": {"total_cores": "many"}, "gpu": 1}}
        errors = self.assert_error(self.create(body), 400)
        paths = {"$.name", "$.colour", "$.policy", "$.properties.processor.total_cores", "$.properties.gpu"}
        self.assertEqual(paths, {error["path"] for error in errors})

    def test_the_form_of_the_first_release_is_taken(self):
        properties = {"memory": {"capacity_mib": "3000"}, "pci_device": {"type": ["GPU", "SSD"]}}
        stored = self.create(FLAVOR | {"properties": properties}).json["properties"]
        self.assertEqual({"capacity_mib": 3000}, stored["memory"])
        self.assertEqual(
            ({"GPU"}, {"SSD"}),
            ({each["type"] for each in stored["accelerator"]}, {each["media"] for each in stored["storage"]}),
        )

    def test_values_of_any_kind_are_answered_as_bad_requests(self):
        for value in (
            1,
            "x",
            [],
            [[]],
            True,
            {"a": {}},
            {"processor": []},
            {"storage": [1]},
            {"storage": [[]] * 99},
        ):
            with self.subTest(value=value):
                self.assert_error(self.create(FLAVOR | {"properties": value}), 400)
        for body in (1, "x", [], {}):
            with self.subTest(body=body):
                self.assert_error(self.create(body), 400)

    def test_null_resets_the_requirements(self):
        uuid = self.create().json["uuid"]
        self.assertEqual({}, self.patch(f"/v1/flavors/{uuid}", {"properties": None}).json["properties"])

    def test_bodies_that_fit_nowhere_are_the_fault_of_the_client(self):
        uuid = self.create().json["uuid"]
        values = [
            "null", "true", "-1", "1e400", "1.5", '""', '"\\u0000"', '"\\ud800"', '"' + "x" * 300 + '"', "[]",
            "[[]]", "[null]", "{}", '{"\\ud800": 1}', '{"\\u0000": 1}', '{"a": {"a": {"a": 1}}}',
            "[" * 60 + "]" * 60, "9" * 400,
        ]  # fmt: skip
        places = (
            '{"name": "x", "properties": %s}', '{"name": "x", "properties": {"processor": %s}}',
            '{"name": "x", "properties": {"processor": {"total_cores": %s}}}',
            '{"name": "x", "properties": {"processor": {"model": %s}}}', '{"name": "x", "properties": {"storage": %s}}',
            '{"name": "x", "properties": {"storage": [{"count": 64}, %s]}}',
            '{"name": "x", "properties": {"pci_device": {"type": %s}}}', '{"name": %s}', '{"name": "x", "policy": %s}',
            "%s",
        )  # fmt: skip
        bodies = [place.replace("%s", value) for place in places for value in values]
        for method, url in (("POST", "/v1/flavors"), ("PATCH", f"/v1/flavors/{uuid}")):
            statuses = {body: self.send_text(method, url, body) for body in bodies}
            self.assertEqual({}, {body: status for body, status in statuses.items() if status >= 500})
            self.assertGreater(sum(status == 400 for status in statuses.values()), 100)

    def send_text(self, method, url, text):
        """Return the status of the response to a body; check the form of an error."""
        response = self.request(method, url, data=text.encode(), headers={"Content-Type": "application/json"})
        if response.status_code == 400:
            self.assert_error(response, 400)
        return response.status_code
