# SPDX-License-Identifier: Apache-2.0
"""Devices over HTTP: lists, live documents, and how an administrator frees one."""

import fixtures

from tests.unit.api import case
from valence.api.http import auth
from valence.common import context
from valence.db import models
from valence.db import store


class DevicesCase(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.add_pod_manager()
        blocks = self.add_resources(self.pod_manager, *["Resource Block"] * 4)
        self.compute, self.drive, self.large, self.dirty = blocks
        self.add(self.compute, "Compute", size=16, cores=16)
        self.add(self.drive, "Storage", size=512, storage_gib=512)
        self.add(self.large, "Storage", size=1024, state="in_use", reason="taken", node_id="n")
        self.add(self.dirty, "Storage", size=2048, state="dirty", reason="not erased")

    def add(self, uuid, device_type, **values):
        row = models.Device(
            uuid=uuid,
            podm_id=self.pod_manager["uuid"],
            device_type=device_type,
            **{"state": "free"} | values,
        )
        self.backend.store.commit(store.Create(row))


class ShowTest(DevicesCase):
    def test_lists_filter_and_sort(self):
        found = self.get("/v1/devices?device_type=Storage&size=gte:1024&sort=size:desc").json["devices"]
        self.assertEqual([self.dirty, self.large], [each["uuid"] for each in found])
        self.assertEqual(
            [self.compute], [each["uuid"] for each in self.get("/v1/devices?cores=gt:8").json["devices"]]
        )

    def test_which_node_has_a_device_is_shown_to_administrators_alone(self):
        self.assertEqual("n", self.get(f"/v1/devices/{self.large}").json["node_id"])
        self.assertEqual(1, len(self.get("/v1/devices?node_id=n").json["devices"]))

        def reader(_self, http):
            return context.RequestContext(
                request_id=auth.request_id(http), user_id="u1", project_id="red", roles=["reader"]
            )

        self.useFixture(fixtures.MonkeyPatch("valence.api.http.auth.Noauth.context", reader))
        self.assertIsNone(self.get(f"/v1/devices/{self.large}").json["node_id"])
        self.assertNotIn('"n"', self.get("/v1/devices").text)
        for query in ("node_id=n", "sort=node_id", "fields=node_id"):
            self.assert_error(self.get(f"/v1/devices?{query}"), 403, "valence.forbidden")

    def test_storages_are_the_devices_of_that_type(self):
        found = self.get("/v1/storages?state=free").json["storages"]
        self.assertEqual([self.drive], [each["uuid"] for each in found])
        self.assertEqual(200, self.get(f"/v1/storages/{self.drive}").status_code)
        self.assert_error(self.get(f"/v1/storages/{self.compute}"), 404, "valence.not_found")

    def test_one_links_to_its_resource_and_its_pod_manager(self):
        shown = self.get(f"/v1/devices/{self.compute}").json
        self.assertEqual(("Compute", "free", 16), (shown["device_type"], shown["state"], shown["size"]))
        links = {link["rel"]: link["href"] for link in shown["links"]}
        self.assertEqual("Resource Block", self.get(links["resource"]).json["resource_type"])
        self.assertEqual("row-7", self.get(links["pod_manager"]).json["name"])

    def test_details_are_live_documents(self):
        documents = {self.compute: {"detail": {"Id": "Compute1"}}}
        self.backend.conductor.resources.details = lambda *_, **__: documents
        shown = self.get(f"/v1/devices/{self.compute}?detail=true").json
        self.assertEqual({"Id": "Compute1"}, shown["detail"])
        (listed,) = self.get("/v1/devices?detail=true&device_type=Compute").json["devices"]
        self.assertEqual(({"Id": "Compute1"}, 16), (listed["detail"], listed["size"]))

    def test_what_is_not_there(self):
        for url in (f"/v1/devices/{case.UUID}", "/v1/devices/x", f"/v1/storages/{case.UUID}"):
            self.assert_error(self.get(url), 404, "valence.not_found")
        self.assert_error(self.get("/v1/devices?colour=red&state=new"), 400, *["valence.validation"] * 2)


class FreeTest(DevicesCase):
    def free(self, uuid, document=None):
        return self.patch(f"/v1/devices/{uuid}", {"state": "free"} if document is None else document)

    def test_a_dirty_device_becomes_free(self):
        response = self.free(self.dirty)
        self.assertEqual(
            (200, "free", None), (response.status_code, response.json["state"], response.json["reason"])
        )
        self.assertEqual("free", self.backend.store.get(models.Device, self.dirty).state)
        self.assertEqual(200, self.free(self.dirty).status_code)

    def test_other_states_belong_to_the_pod_manager(self):
        (problem,) = self.assert_error(self.free(self.large), 409, "valence.conflict")
        self.assertIn("in_use", problem["detail"])
        self.assertEqual("in_use", self.backend.store.get(models.Device, self.large).state)

    def test_nothing_else_can_be_written(self):
        for document in (
            {"state": "dirty"},
            {"node_id": "x"},
            {"size": 1},
            {"state": None},
            {"full": True},
            [],
        ):
            with self.subTest(document=document):
                self.assert_error(self.free(self.dirty, document), 400)
        self.assertEqual(200, self.free(self.dirty, {}).status_code)
        self.assertEqual("dirty", self.backend.store.get(models.Device, self.dirty).state)
        self.assert_error(self.free(case.UUID), 404, "valence.not_found")
