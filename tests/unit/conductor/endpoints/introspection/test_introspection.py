# SPDX-License-Identifier: Apache-2.0
"""The namespace introspection."""

import random

from tests.unit.api.introspection import case
from valence.common import context
from valence.common import introspection_errors
from valence.db import models
from valence.db import store


class IntrospectionEndpointTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.conductor = self.backend.conductor.introspection
        self.context = context.RequestContext(overwrite=False)

    def test_a_digest_that_is_known_needs_no_document(self):
        self.introspect()
        answer = self.conductor.data(self.context, self.uuid)
        self.assertTrue(answer["text"])
        again = self.conductor.data(self.context, self.uuid, known=answer["digest"])
        self.assertEqual({"digest": answer["digest"], "text": None, "more": None}, again)

    def test_long_documents_come_and_go_in_parts(self):
        noise = random.Random(1).randbytes(600_000).hex()
        self.backend.caller.calls.clear()
        self.introspect(self.document(noise=noise))
        self.assertEqual(noise, self.one("GET", "/data").json["noise"])
        methods = [method for _, method in self.backend.caller.calls]
        self.assertLess(1, methods.count("send"))
        self.assertLess(1, methods.count("part"))

    def test_the_data_of_a_machine_that_is_gone_are_gone(self):
        self.introspect()
        self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, self.uuid)))
        for path in ("", "/data", "/data/unprocessed"):
            self.assert_refused(404, self.one("GET", path))
        for method, path in (
            ("POST", ""),
            ("POST", "/abort"),
            ("POST", "/data/unprocessed"),
            ("DELETE", "/data"),
        ):
            self.assert_refused(404, self.one(method, path))

    def test_what_goes_on_cannot_be_removed(self):
        self.start()
        self.assert_refused(409, self.one("DELETE", "/data"))

    def test_what_is_being_processed_cannot_be_aborted(self):
        self.start()
        row = self.backend.store.get(models.Introspection, self.uuid)
        self.backend.store.commit(store.Update(row, {"state": "processing"}))
        with self.backend.store.lease(f"introspection/{self.uuid}", "another", 60):
            self.assert_refused(409, self.one("POST", "/abort"))

    def test_a_machine_that_was_never_introspected_has_no_data(self):
        self.assertRaises(
            introspection_errors.NoIntrospectionData, self.conductor.data, self.context, self.uuid
        )


class VersionsTest(case.IntrospectionCase):
    def look_twice(self):
        """Introspect the machine twice; a processor comes in between."""
        self.introspect()
        document = self.document()
        self.count = document["inventory"]["cpu"]["count"]
        document["inventory"]["cpu"]["count"] += 1
        self.introspect(document)

    def versions(self):
        return self.one("GET", "/data/versions").json["versions"]

    def test_versions_are_listed_and_read(self):
        self.look_twice()
        listed = self.versions()
        self.assertEqual([2, 1], [each["version"] for each in listed])
        for each, count in zip(listed, (self.count + 1, self.count), strict=True):
            processed = self.one("GET", f"/data?version={each['version']}")
            self.assertEqual(count, processed.json["cpus"])
            self.assertEqual(f'"{each["processed"]}"', processed.headers["ETag"])
            self.assertEqual("ramdisk", each["source"])
            path = each["links"][0]["href"].partition("/introspection/v1/introspection/")[2]
            self.assertEqual(processed.json, self.call("GET", f"/v1/introspection/{path}").json)
        raw = self.one("GET", "/data/unprocessed?version=1").json
        self.assertEqual(self.count, raw["inventory"]["cpu"]["count"])
        tag = {"If-None-Match": f'"{listed[0]["processed"]}"'}
        self.assertEqual(304, self.one("GET", "/data?version=2", headers=tag).status_code)

    def test_the_difference_tells_what_hardware_changed(self):
        self.look_twice()
        response = self.one("GET", "/data/difference")
        place = "inventory.cpu.count"
        change = {"path": place, "change": "changed", "old": self.count, "new": self.count + 1}
        self.assertEqual({"old": 1, "new": 2, "differences": [change]}, response.json)
        whole = self.one("GET", "/data/difference?old=2&new=1&whole=true").json
        self.assertEqual(["cpus", place], [each["path"] for each in whole["differences"]])
        tag = {"If-None-Match": response.headers["ETag"]}
        self.assertEqual(304, self.one("GET", "/data/difference", headers=tag).status_code)

    def test_versions_that_are_not_there(self):
        self.assert_refused(404, self.one("GET", "/data/versions"))
        self.introspect()
        for path in (
            "/data?version=2",
            "/data/unprocessed?version=7",
            "/data/difference",
            "/data/difference?old=3",
        ):
            self.assert_refused(404, self.one("GET", path), self.uuid)
        for path in ("/data?version=0", "/data?version=-1", "/data?version=x", "/data/difference?new=1.5"):
            self.assert_refused(400, self.one("GET", path), "version")

    def test_a_new_start_hides_the_present_document_and_no_version(self):
        self.introspect()
        self.start()
        self.assert_refused(404, self.one("GET", "/data"))
        self.assertEqual(200, self.one("GET", "/data?version=1").status_code)

    def test_a_failure_is_no_version(self):
        self.look_twice()
        self.start()
        self.call("POST", "/v1/continue", json=self.document(error="no disk"))
        self.assertEqual([2, 1], [each["version"] for each in self.versions()])

    def test_processing_anew_makes_a_version_of_another_document_only(self):
        self.introspect()
        self.one("POST", "/data/unprocessed")
        self.assertEqual([1], [each["version"] for each in self.versions()])
        self.one("POST", "/data/unprocessed", json=self.document(extra={"a": 1}))
        self.assertEqual([2, 1], [each["version"] for each in self.versions()])

    def test_versions_are_removed_with_everything_else(self):
        self.look_twice()
        self.assertEqual(204, self.one("DELETE", "/data").status_code)
        self.assertEqual([], self.versions())
        self.assert_refused(404, self.one("GET", "/data?version=1"))
        self.assertEqual([], list(self.backend.introspecting.history.backend.names()))
