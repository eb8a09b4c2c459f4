# SPDX-License-Identifier: Apache-2.0
"""Nodes are requested, shown to their project alone, changed and released."""

from tests.unit.conductor.nodes import case
from valence.common import composition_errors
from valence.common import errors
from valence.db import models

NOWHERE = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class ManageTest(case.NodesCase):
    def test_a_machine_has_one_node(self):
        node = self.adopt()
        error = self.refused(composition_errors.DeviceTaken, self.adopt, self.systems()[0])
        self.assertIn(node.uuid, error.detail)
        self.assertEqual(1, self.store.count(models.Node))

    def test_what_is_no_machine_is_refused(self):
        chassis = self.database.resources("Chassis")[0].uuid
        for uuid in (NOWHERE, chassis):
            error = self.refused(
                errors.ValidationFailed, self.nodes.manage, self.context, {"resource_id": uuid}
            )
            self.assertEqual("$.resource_id", error.problems[0]["path"])

    def test_an_adopted_machine_counts(self):
        first, second = self.systems()
        self.conductor.client.quotas.update(self.context, "blue", {"nodes": 1})
        node = self.adopt(first, project_id="blue")
        error = self.refused(composition_errors.QuotaExceeded, self.adopt, second, project_id="blue")
        self.assertIn("may have 1 node and has 1", error.detail)
        used = self.conductor.client.quotas.get(self.context, "blue")["used"]
        self.assertEqual((1, True), (used["nodes"], used["cores"] > 0))
        self.nodes.delete(self.context, None, node.uuid)
        self.adopt(second, project_id="blue")

    def test_in_maintenance_nothing_is_adopted(self):
        self.conductor.client.pod_managers.update(self.context, self.podm_id, {"maintenance": True})
        self.refused(errors.InMaintenance, self.adopt)

    def test_the_same_request_is_one_node(self):
        values = {"resource_id": self.systems()[0].uuid}
        idempotency = {"key": "k" * 64, "request": "r" * 64}
        first = self.nodes.manage(self.context, values, idempotency=idempotency)
        again = self.nodes.manage(self.context, values, idempotency=idempotency)
        self.assertEqual(first["node"]["uuid"], again["node"]["uuid"])

    def test_clients_see_the_state_of_the_machine_with_the_node(self):
        system = self.systems()[0]
        node = self.adopt(system)
        shown = self.nodes.get(self.context, None, node.name)
        self.assertEqual((system.uuid, "On", "OK"),
                         (shown["resource_id"], shown["power_state"], shown["health"]))  # fmt: skip


class ReleaseTest(case.NodesCase):
    def test_nothing_of_it_is_left(self):
        node = self.adopt()
        self.nodes.delete(self.context, None, node.uuid)
        self.assertEqual([], self.claims())
        self.assertEqual([], self.store.list(models.Node))
        self.assertEqual([], self.machines.requests)
        self.assertEqual(1, len(self.database.events("node.delete")))
        self.adopt()

    def test_a_node_that_something_is_done_to_is_released_by_force(self):
        self.machines.obeys = False
        node = self.adopt()
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.refused(composition_errors.NodeBusy, self.nodes.delete, self.context, None, node.uuid)
        self.nodes.delete(self.context, None, node.uuid, force=True)
        self.assertEqual("cancelled", self.ended(operation).state)
        self.assertEqual([], self.claims())

    def test_a_pod_manager_with_nodes_is_removed_by_force(self):
        self.adopt()
        self.refused(errors.InUse, self.conductor.client.pod_managers.delete, self.context, self.podm_id)
        self.conductor.client.pod_managers.delete(self.context, self.podm_id, force=True)
        self.assertEqual([], self.store.list(models.Node))
        self.assertEqual([], self.claims())


class ProjectsTest(case.NodesCase):
    def test_other_projects_see_nothing_of_a_node(self):
        node = self.adopt(project_id="blue", name="web")
        self.assertEqual("blue", node.project_id)
        for key in (node.uuid, "web"):
            self.assertEqual(node.uuid, self.nodes.get(self.context, "blue", key)["uuid"])
            for call in (self.nodes.get, self.nodes.devices, self.nodes.delete):
                self.refused(errors.NotFound, call, self.context, "red", key)
            self.refused(errors.NotFound, self.nodes.update, self.context, "red", key, {"name": "x"})
            self.refused(errors.NotFound, self.nodes.act, self.context, "red", key, {"power": "on"})
        self.assertEqual(0, self.nodes.list(self.context, "red")["count"])
        self.assertEqual(1, self.nodes.list(self.context, "blue")["count"])

    def test_a_name_of_two_nodes_is_ambiguous(self):
        for system in self.systems():
            self.adopt(system, name="web")
        self.refused(errors.Conflict, self.nodes.get, self.context, None, "web")

    def test_a_change_is_an_event_and_a_revision(self):
        node = self.adopt()
        changed = self.nodes.update(self.context, None, node.uuid, {"name": "db"}, revision=node.revision)
        self.assertEqual(("db", node.revision + 1), (changed["name"], changed["revision"]))
        self.assertEqual(1, len(self.database.events("node.update")))
        self.refused(
            errors.RevisionMismatch,
            self.nodes.update,
            self.context,
            None,
            node.uuid,
            {"name": "x"},
            revision=node.revision,
        )


class ActTest(case.NodesCase):
    options = {"composition__power_timeout": 2}

    def test_a_node_has_one_operation_at_a_time(self):
        node = self.adopt()
        self.machines.obeys = False
        first = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        error = self.refused(
            composition_errors.NodeBusy, self.nodes.act, self.context, None, node.uuid, {"power": "on"}
        )
        self.assertIn(first["uuid"], error.detail)
        self.ended(first)

    def test_in_maintenance_nothing_is_asked_for(self):
        node = self.adopt()
        self.conductor.client.pod_managers.update(self.context, self.podm_id, {"maintenance": True})
        self.refused(errors.InMaintenance, self.nodes.act, self.context, None, node.uuid, {"power": "on"})
