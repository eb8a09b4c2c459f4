# SPDX-License-Identifier: Apache-2.0
"""Nodes over HTTP: bodies, answers, and what other projects see."""

from unittest import mock

import fixtures

from tests.unit.api import case
from valence.api.http import auth
from valence.common import context
from valence.common import errors
from valence.conductor.endpoints import nodes
from valence.db import models
from valence.db import store


class NodesCase(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.add_pod_manager()
        self.system, self.other, self.chassis = self.add_resources(
            self.pod_manager, "System", "System", "Chassis", power_state="On"
        )

    def manage(self, system=None, **values):
        """Adopt a system and return the response."""
        return self.post("/v1/nodes/manage", {"resource_id": system or self.system} | values)

    def adopted(self, **values):
        """Return the UUID of a node whose adoption has ended."""
        uuid = self.manage(**values).json["uuid"]
        for operation in self.backend.store.list(models.Operation):
            self.backend.store.commit(
                store.Update(operation, {"state": "succeeded", "ended_at": operation.created_at})
            )
        self.backend.store.commit(
            store.Update(self.backend.store.get(models.Node, uuid), {"state": "composed"})
        )
        return uuid

    def sign_in(self, project, *roles):
        """Let further requests come from a project."""

        def signed_in(_self, http):
            return context.RequestContext(
                request_id=auth.request_id(http), user_id="u1", project_id=project, roles=list(roles)
            )

        self.useFixture(fixtures.MonkeyPatch("valence.api.http.auth.Noauth.context", signed_in))


class ManageTest(NodesCase):
    def test_the_answer_is_the_node_with_its_operation(self):
        response = self.manage(name="web-3")
        self.assertEqual(202, response.status_code, response.text)
        node = response.json
        self.assertEqual(("web-3", "composing", "system"), (node["name"], node["state"], node["kind"]))
        self.assertTrue(response.headers["Location"].endswith(f"/v1/nodes/{node['uuid']}"))
        links = {link["rel"]: link["href"] for link in node["links"]}
        operation = self.get(links["operation"]).json
        self.assertEqual(("adopt", node["uuid"]), (operation["operation_kind"], operation["target_id"]))
        self.assertEqual("On", self.get(links["system"]).json["power_state"])

    def test_a_node_that_cannot_be_read_after_the_wait_was_accepted(self):
        self.useFixture(fixtures.MonkeyPatch("valence.api.v1.operations.Waits.until_ended", self.end))
        error = errors.ConductorUnavailable(reason="restart")
        failing = mock.Mock(side_effect=error)
        self.useFixture(fixtures.MonkeyPatch(f"{nodes.__name__}.NodesEndpoint.get", failing))
        response = self.post("/v1/nodes/manage", {"resource_id": self.system}, Prefer="wait=60")
        self.assertEqual((202, "composing"), (response.status_code, response.json["state"]), response.text)
        self.assertTrue(response.headers["Location"].endswith(f"/v1/nodes/{response.json['uuid']}"))

    @staticmethod
    def end(_waits, _call, operation, _seconds):
        """Return an operation as it is after its success."""
        return operation | {"state": "succeeded", "ended_at": operation["created_at"]}

    def test_all_problems_are_reported_together(self):
        response = self.post("/v1/nodes/manage", {"name": "", "colour": "red"})
        paths = {each["path"] for each in self.assert_error(response, 400, *["valence.validation"] * 3)}
        self.assertEqual({"$.name", "$.colour", "$.resource_id"}, paths)

    def test_a_machine_is_named_by_its_index_in_a_pod_manager_too(self):
        mine = {"podm_id": self.pod_manager["uuid"]}
        row = models.Resource(
            podm_id=mine["podm_id"], resource_url="/redfish/v1/Systems/7", resource_type="System"
        )
        self.backend.store.commit(store.Create(row), store.Create(models.ResourceState(uuid=row.uuid)))
        for index in ("8", "7/Processors", "../Systems/7", 8):
            response = self.post("/v1/nodes/manage", mine | {"node_index": index})
            (problem,) = self.assert_error(response, 400, "valence.validation")
            self.assertEqual("$.node_index", problem["path"])
        response = self.post("/v1/nodes/manage", mine | {"node_index": 7})
        self.assertEqual((202, row.resource_url), (response.status_code, response.json["resource_url"]))
        again = self.post("/v1/nodes/manage", mine | {"node_index": "7"})
        (problem,) = self.assert_error(again, 409, "valence.device_taken")
        self.assertIn(response.json["uuid"], problem["detail"])

    def test_a_machine_is_named_in_one_way(self):
        podm_id = self.pod_manager["uuid"]
        for path, body in (
            ("$.podm_id", {"node_index": "1"}),
            ("$.node_index", {"podm_id": podm_id}),
            ("$", {"podm_id": podm_id, "node_index": "1", "resource_id": self.system}),
        ):
            (problem,) = self.assert_error(self.post("/v1/nodes/manage", body), 400, "valence.validation")
            self.assertEqual((path, True), (problem["path"], "node_index" in problem["hint"]), body)

    def test_what_is_no_machine_is_named(self):
        (problem,) = self.assert_error(self.manage(self.chassis), 400, "valence.validation")
        self.assertIn("is a Chassis", problem["detail"])

    def test_a_machine_that_has_a_node_is_a_conflict(self):
        first = self.manage().json["uuid"]
        (problem,) = self.assert_error(self.manage(), 409, "valence.device_taken")
        self.assertIn(first, problem["detail"])


class CreateTest(NodesCase):
    def setUp(self):
        super().setUp()
        row = models.Device(
            uuid=self.system, podm_id=self.pod_manager["uuid"], device_type="System", state="free", cores=8, size=8,
            memory_mib=4096, zoning=f"{self.pod_manager['uuid']}/none",
        )  # fmt: skip
        zoning = models.Zoning(id=row.zoning, podm_id=row.podm_id)
        online = self.backend.store.get(models.PodManager, row.podm_id)
        self.backend.store.commit(
            store.Create(row),
            store.Create(zoning),
            store.Update(online, {"status": "online", "conductor": "test"}),
        )

    def test_a_machine_that_satisfies_it_is_claimed(self):
        body = {"name": "web", "properties": {"processor": {"total_cores": "4"}}}
        response = self.post("/v1/nodes", body)
        self.assertEqual(202, response.status_code, response.text)
        self.assertEqual(("system", {"processor": {"total_cores": 4}}),
                         (response.json["kind"], response.json["requirements"]))  # fmt: skip
        (problem,) = self.assert_error(self.post("/v1/nodes", body), 409, "valence.nothing_fits")
        self.assertIn("processor", problem["path"])

    def test_boot_and_power_are_kept_for_the_time_after(self):
        body = {"name": "web", "boot": {"target": "pxe"}, "power": "force_restart"}
        uuid = self.post("/v1/nodes", body).json["uuid"]
        request = self.backend.store.get(models.Node, uuid).handle["request"]
        boot = {"target": "pxe", "enabled": "once", "mode": None}
        self.assertEqual({"boot": boot, "power": "force_restart"}, request)

    def test_a_dry_run_stores_nothing(self):
        response = self.post("/v1/nodes?dry_run=true", {"name": "web", "resources": [self.system]})
        self.assertEqual((200, True), (response.status_code, response.json["fits"]))
        self.assertEqual([], self.get("/v1/nodes").json["nodes"])

    def test_all_problems_are_reported_together(self):
        body = {
            "flavor_id": "f",
            "properties": {"processor": {"total_cores": -1}, "x": 1},
            "podm_id": "p",
            "boot": {"target": "moon"},
            "power": "up",
            "y": 1,
        }
        found = self.assert_error(self.post("/v1/nodes", body), 400, *["valence.validation"] * 8)
        paths = {each["path"] for each in found}
        wanted = {"$.name", "$.y", "$.podm_id", "$.properties.x", "$.properties.processor.total_cores", "$"}
        self.assertEqual(wanted | {"$.boot.target", "$.power"}, paths)

    def test_garbage_is_refused(self):
        for body in ([], 1, "x", {"name": "web", "properties": []}, {"name": "web", "resources": []}):
            response = self.request("POST", "/v1/nodes", json=body)
            found = [each["path"] for each in self.assert_error(response, 400)]
            self.assertEqual(len(set(found)), len(found), "each is told once")

    def test_another_project_gets_a_node_from_an_administrator_alone(self):
        self.sign_in("red", "member")
        response = self.post("/v1/nodes", {"name": "web", "project_id": "blue"})
        self.assert_error(response, 403, "valence.forbidden")
        self.assertEqual("red", self.post("/v1/nodes", {"name": "web"}).json["project_id"])


class ShowTest(NodesCase):
    def test_lists_filter_sort_and_page(self):
        for name, system in (("b", self.system), ("a", self.other)):
            self.manage(system, name=name)
        names = [node["name"] for node in self.get("/v1/nodes?sort=name").json["nodes"]]
        self.assertEqual(["a", "b"], names)
        page = self.get("/v1/nodes?sort=name&limit=1").json
        self.assertEqual("b", self.get(page["links"][1]["href"]).json["nodes"][0]["name"])
        (node,) = self.get("/v1/nodes?name=b&fields=name,power_state").json["nodes"]
        self.assertEqual({"name": "b", "power_state": "On"}, node)
        self.assert_error(self.get("/v1/nodes?power_state=On"), 400, "valence.validation")

    def test_nodes_are_found_by_their_device_and_by_the_uuid_of_their_machine(self):
        uuid = self.manage(name="b").json["uuid"]
        self.manage(self.other, name="a")
        product = "0c4a4d8e-5b0f-4d1a-9a65-3f1c6e0b7d21"
        state = self.backend.store.get(models.ResourceState, self.system)
        self.backend.store.commit(store.Update(state, {"identity": product}))
        for wanted in (f"device_id={self.system}", f"system_uuid={product.upper()}"):
            for more in ("", "&limit=1", "&name=b&sort=name"):
                (node,) = self.get(f"/v1/nodes?{wanted}{more}").json["nodes"]
                self.assertEqual(uuid, node["uuid"])
            self.assertEqual([], self.get(f"/v1/nodes?{wanted}&name=a").json["nodes"])
        self.assertEqual([], self.get(f"/v1/nodes?device_id={product}").json["nodes"])
        self.sign_in("red", "reader")
        self.assertEqual([], self.get(f"/v1/nodes?device_id={self.system}").json["nodes"])
        response = self.get("/v1/nodes?device_id=x&system_uuid=7&state=x")
        self.assert_error(response, 400, *["valence.validation"] * 3)

    def test_a_node_whose_system_was_not_seen_has_no_state(self):
        uuid = self.manage().json["uuid"]
        self.backend.store.commit(store.Delete(self.backend.store.get(models.ResourceState, self.system)))
        self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, self.system)))
        expected = {"resource_id": None, "power_state": None, "health": None, "name": "/redfish/v1/0"}
        (node,) = self.get(f"/v1/nodes?uuid={uuid}&fields=resource_id,power_state,health,name").json["nodes"]
        self.assertEqual(expected, node)
        shown = self.get(f"/v1/nodes/{uuid}").json
        self.assertEqual(expected, {name: shown[name] for name in expected})
        self.assertNotIn("system", {link["rel"] for link in shown["links"]})

    def test_a_node_is_found_by_its_name(self):
        uuid = self.manage(name="web/3").json["uuid"]
        self.manage(self.other, name="web-4")
        self.assertEqual("web-4", self.get("/v1/nodes/web-4").json["name"])
        self.assertEqual(uuid, self.get(f"/v1/nodes/{uuid.upper()}").json["uuid"])
        self.assert_error(self.get("/v1/nodes/web-5"), 404, "valence.not_found")

    def test_devices_are_the_claims(self):
        uuid = self.manage().json["uuid"]
        (device,) = self.get(f"/v1/nodes/{uuid}/devices").json["devices"]
        self.assertEqual((self.system, "claimed"), (device["device_id"], device["state"]))


class ChangeTest(NodesCase):
    def test_a_name_changes_if_the_revision_is_the_one_expected(self):
        uuid = self.manage().json["uuid"]
        tag = self.get(f"/v1/nodes/{uuid}").headers["ETag"]
        changed = self.patch(f"/v1/nodes/{uuid}", {"name": "db"}, If_Match=tag)
        self.assertEqual((200, "db"), (changed.status_code, changed.json["name"]))
        again = self.patch(f"/v1/nodes/{uuid}", {"name": "x"}, If_Match=tag)
        self.assert_error(again, 412, "valence.revision_mismatch")
        self.assert_error(self.patch(f"/v1/nodes/{uuid}", {"state": "error"}), 400, "valence.validation")

    def test_a_node_is_released(self):
        uuid = self.adopted()
        self.assertEqual(204, self.request("DELETE", f"/v1/nodes/{uuid}").status_code)
        self.assert_error(self.get(f"/v1/nodes/{uuid}"), 404, "valence.not_found")


class ActionTest(NodesCase):
    def act(self, uuid, body, **headers):
        return self.post(f"/v1/nodes/{uuid}/action", body, **headers)

    def test_an_action_is_an_operation(self):
        uuid = self.adopted()
        response = self.act(uuid, {"power": "force_off"})
        self.assertEqual((202, "power"), (response.status_code, response.json["operation_kind"]))
        self.assertEqual("changing", self.get(f"/v1/nodes/{uuid}").json["state"])
        self.assert_error(self.act(uuid, {"power": "on"}), 409, "valence.node_busy")

    def test_the_same_request_is_one_operation(self):
        uuid = self.adopted()
        first, again = (self.act(uuid, {"power": "on"}, Idempotency_Key="k").json["uuid"] for _ in range(2))
        self.assertEqual(first, again)

    def test_exactly_one_action_is_given(self):
        uuid = self.adopted()
        for body in ({}, {"power": None}, {"power": "on", "boot": {"target": "pxe"}}):
            (problem,) = self.assert_error(self.act(uuid, body), 400, "valence.validation")
            self.assertIn("attach, boot, detach, erase, power", problem["hint"])

    def test_what_is_allowed_is_told(self):
        uuid = self.adopted()
        body = {"boot": {"target": "moon", "enabled": 1, "mode": "bios", "x": 1}}
        found = self.assert_error(self.act(uuid, body), 400, *["valence.validation"] * 5)
        self.assertIn("uefi_http", " ".join(each["detail"] for each in found))

    def test_a_node_without_a_machine_cannot_be_switched(self):
        uuid = self.adopted()
        row = self.backend.store.get(models.Node, uuid)
        self.backend.store.commit(store.Update(row, {"state": "error", "error": "it is gone"}))
        (problem,) = self.assert_error(self.act(uuid, {"power": "on"}), 409, "valence.conflict")
        self.assertIn("it is gone", problem["detail"])


class ProjectsTest(NodesCase):
    def setUp(self):
        super().setUp()
        self.uuid = self.adopted(project_id="blue", name="web")
        self.operation = self.post(f"/v1/nodes/{self.uuid}/action", {"power": "on"}).json["uuid"]

    def test_another_project_sees_nothing_of_it(self):
        self.sign_in("red", "member", "reader")
        for url in (f"/v1/nodes/{self.uuid}", "/v1/nodes/web", f"/v1/nodes/{self.uuid}/devices"):
            self.assert_error(self.get(url), 404, "valence.not_found")
        self.assert_error(self.patch("/v1/nodes/web", {"name": "x"}), 404, "valence.not_found")
        self.assert_error(self.request("DELETE", "/v1/nodes/web"), 404, "valence.not_found")
        self.assert_error(self.post("/v1/nodes/web/action", {"power": "on"}), 404, "valence.not_found")
        self.assert_error(self.get(f"/v1/operations/{self.operation}"), 404, "valence.not_found")
        self.assert_error(self.post(f"/v1/operations/{self.operation}/cancel"), 404, "valence.not_found")
        self.assertEqual([], self.get("/v1/nodes").json["nodes"])
        self.assertEqual([], self.get("/v1/nodes?project_id=blue").json["nodes"])
        self.assert_error(self.get("/v1/nodes?all_projects=true"), 403, "valence.forbidden")
        seen = self.get("/v1/operations?target_kind=node").json["operations"]
        seen += self.get("/v1/events?object_kind=node").json["events"]
        self.assertEqual([], seen)

    def test_a_count_is_of_what_the_client_sees(self):
        nodes, operations = ("nodes?", "nodes?project_id=blue&"), "operations?target_kind=node&"
        for project, role, counts in (
            ("red", "reader", [0, 0, 0]),
            ("blue", "reader", [1, 1, 2]),
            ("green", "admin", [0, 1, 2]),
        ):
            self.sign_in(project, role)
            pages = [self.get(f"/v1/{url}limit=0&with_count=true").json for url in (*nodes, operations)]
            self.assertEqual(counts, [page["count"] for page in pages], project)
        self.assertEqual(1, self.get("/v1/nodes?all_projects=true&limit=0&with_count=true").json["count"])

    def test_its_own_project_sees_it_and_its_events(self):
        self.sign_in("blue", "member", "reader")
        self.assertEqual(self.uuid, self.get("/v1/nodes").json["nodes"][0]["uuid"])
        self.assertEqual(2, len(self.get("/v1/operations?target_kind=node").json["operations"]))
        kinds = {event["object_kind"] for event in self.get("/v1/events").json["events"]}
        self.assertLessEqual({"node", "pod_manager"}, kinds)
        self.assert_error(self.manage(self.other), 403, "valence.forbidden")
        self.assert_error(self.request("DELETE", "/v1/nodes/web?force=true"), 403, "valence.forbidden")

    def test_administrators_see_all_projects_if_they_ask_for_them(self):
        self.sign_in("red", "admin")
        self.assertEqual([], self.get("/v1/nodes").json["nodes"])
        self.assertEqual(1, len(self.get("/v1/nodes?all_projects=true").json["nodes"]))
        self.assertEqual(1, len(self.get("/v1/nodes?project_id=blue").json["nodes"]))
        self.assertEqual("web", self.get("/v1/nodes/web").json["name"])
