# SPDX-License-Identifier: Apache-2.0
"""What has to be done so that a Valence has what a file says."""

import typing

import fixtures

from tests import base
from tests.unit.client import server
from valence.client.desired_state import document
from valence.client.desired_state import plan

UUID, OTHER = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", "6b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c12"
POD_MANAGER = {
    "uuid": UUID,
    "name": "row-7",
    "url": "https://10.0.0.7/redfish/v1",
    "driver": "redfish",
    "username": "admin",
    "description": "",
    "status": "online",
}
FLAVOR = {"uuid": UUID, "name": "large", "properties": {"processor": {"total_cores": 8}}, "policy": "pack"}
NODE = {
    "uuid": UUID,
    "name": "web-1",
    "description": "",
    "goal": "present",
    "podm_id": UUID,
    "requirements": {},
    "flavor_id": UUID,
    "resource_id": None,
}


class PlanTest(base.TestCase):
    def plan(self, text, *answers):
        self.server = server.Server(*answers)
        return plan.make(self.server.client(), document.read(text))

    def problems(self, text, *answers):
        return self.assertRaises(document.Invalid, self.plan, text, *answers).problems

    def assert_steps(self, expected, steps):
        """Compare actions and what differs."""
        self.assertEqual(
            expected,
            [(str(step.action), {each.field: each.actual for each in step.differences}) for step in steps],
        )
        self.assertEqual([], self.server.answers)


class RowTest(PlanTest):
    def test_what_is_there_as_it_shall_be_needs_nothing(self):
        text = "flavors: [{name: large, properties: {processor: {total_cores: '8'}}}]"
        self.assert_steps([], self.plan(text, server.page("flavors", FLAVOR)))
        self.assertEqual(["GET /v1/flavors?name=eq%3Alarge&limit=5"], self.server.paths())

    def test_only_what_differs_is_changed(self):
        text = "flavors: [{name: large, properties: {processor: {total_cores: 8}}, policy: spread}]"
        steps = self.plan(text, server.page("flavors", FLAVOR))
        self.assert_steps([("change", {"policy": "pack"})], steps)
        self.assertEqual(({"policy": "spread"}, UUID), (steps[0].values, steps[0].key))

    def test_null_is_the_default(self):
        steps = self.plan("flavors: [{name: large, policy: null}]", server.page("flavors", FLAVOR))
        self.assertEqual({"policy": None}, steps[0].values)

    def test_what_is_not_there_is_created(self):
        steps = self.plan("flavors: [{name: large, policy: pack}]", server.page("flavors"))
        self.assert_steps([("create", {"policy": None})], steps)
        self.assertEqual({"name": "large", "policy": "pack"}, steps[0].values)

    def test_what_is_fixed_is_refused(self):
        text = "pod_managers: [{name: row-7, url: 'https://10.0.0.7', driver: other}]"
        (step,) = steps = self.plan(text, server.page("pod_managers", POD_MANAGER))
        self.assert_steps([("refuse", {"driver": "redfish"})], steps)
        self.assertIn("fixed when the pod manager is created", step.why)


class QuotaTest(PlanTest):
    QUOTA: typing.ClassVar = {"project_id": "demo", "limits": {"nodes": 10, "cores": 8}}

    def test_limits_that_differ_are_changed_and_others_stay(self):
        text = "quotas: [{project_id: demo, limits: {nodes: 10, cores: null, accelerators: 2}}]"
        (step,) = steps = self.plan(text, self.QUOTA)
        self.assert_steps([("change", {"cores": 8, "accelerators": None})], steps)
        self.assertEqual(({"cores": None, "accelerators": 2}, "demo"), (step.values, step.key))
        self.assertEqual(["GET /v1/quotas/demo"], self.server.paths())

    def test_limits_that_are_there_need_nothing(self):
        text = "quotas: [{project_id: demo, limits: {nodes: 10, accelerators: null}}]"
        self.assert_steps([], self.plan(text, self.QUOTA))


class SecretTest(PlanTest):
    TEXT = "pod_managers: [{{name: row-7, url: '{}', username: admin, password: {{env: PASSWORD_OF_ROW_7}}}}]"

    def test_it_is_sent_where_the_access_changes(self):
        self.useFixture(fixtures.EnvironmentVariable("PASSWORD_OF_ROW_7", "secret"))
        text = self.TEXT.format("https://10.0.0.8")
        (step,) = self.plan(text, server.page("pod_managers", POD_MANAGER))
        self.assertEqual({"url": "https://10.0.0.8", "password": "secret"}, step.values)
        self.assertNotIn("secret", str(step.differences))

    def test_a_creation_shows_where_it_is(self):
        self.useFixture(fixtures.EnvironmentVariable("PASSWORD_OF_ROW_7", "secret"))
        (step,) = self.plan(self.TEXT.format("https://10.0.0.8"), server.page("pod_managers"))
        self.assertEqual("secret", step.values["password"])
        shown = {each.field: each.wanted for each in step.differences}
        self.assertEqual("(env PASSWORD_OF_ROW_7)", shown["password"])

    def test_it_is_read_only_where_it_is_sent(self):
        self.useFixture(fixtures.EnvironmentVariable("PASSWORD_OF_ROW_7"))
        self.assert_steps(
            [], self.plan(self.TEXT.format("https://10.0.0.7"), server.page("pod_managers", POD_MANAGER))
        )
        problems = self.problems(self.TEXT.format("https://10.0.0.7"), server.page("pod_managers"))
        self.assertEqual(1, len(problems))
        self.assertIn("line 1: pod_managers[0].password: The environment has no variable", problems[0])

    def test_a_new_pod_manager_with_a_user_needs_one(self):
        text = "pod_managers:\n- {name: row-7, url: 'https://10.0.0.7', username: admin}"
        (problem,) = self.problems(text, server.page("pod_managers"))
        self.assertIn("line 2: pod_managers[0].password: It is missing", problem)


class NodeTest(PlanTest):
    def test_a_node_that_fits_needs_nothing(self):
        text = "nodes: [{name: web-1, flavor: large, description: '', power: 'on'}]"
        flavors = (server.page("flavors", FLAVOR), FLAVOR)
        self.assert_steps([], self.plan(text, server.page("nodes", NODE), *flavors))

    def test_another_flavor_is_refused_and_a_description_changed(self):
        text = "nodes: [{name: web-1, flavor: small, description: new}]"
        small = FLAVOR | {"uuid": OTHER, "name": "small"}
        answers = (server.page("nodes", NODE), server.page("flavors", small), small)
        expected = [("change", {"description": ""}), ("refuse", {"flavor": UUID})]
        self.assert_steps(expected, self.plan(text, *answers))

    def test_a_flavor_that_the_file_creates_is_another_one(self):
        text = "flavors: [{name: small}]\nnodes: [{name: web-1, flavor: small}]"
        pages = (server.page("flavors"), server.page("nodes", NODE), server.page("flavors"))
        self.assert_steps([("create", {}), ("refuse", {"flavor": UUID})], self.plan(text, *pages))

    def test_devices_and_requirements_are_compared(self):
        text = f"nodes: [{{name: web-1, devices: [{OTHER}]}}]"
        devices = {"devices": [{"id": "7", "device_id": UUID}]}
        self.assert_steps(
            [("refuse", {"devices": [UUID]})], self.plan(text, server.page("nodes", NODE), devices)
        )
        text = "nodes: [{name: web-1, properties: {processor: {total_cores: 8}}}]"
        self.assert_steps([("refuse", {"properties": {}})], self.plan(text, server.page("nodes", NODE)))

    def test_a_node_that_is_taken_apart_is_made_again(self):
        answer = server.page("nodes", NODE | {"goal": "absent"})
        self.assert_steps([("create", {})], self.plan("nodes: [{name: web-1}]", answer))

    def test_a_node_that_failed_is_refused(self):
        answer = server.page("nodes", NODE | {"state": "error", "error": "The system is gone."})
        steps = self.plan("nodes: [{name: web-1, description: new}]", answer)
        self.assert_steps([("change", {"description": ""}), ("refuse", {})], steps)
        self.assertIn("The system is gone. Retry", steps[1].why)

    def test_an_ambiguous_name_is_refused(self):
        answer = server.page("nodes", NODE, NODE | {"uuid": OTHER})
        (step,) = steps = self.plan("nodes: [{name: web-1}]", answer)
        self.assert_steps([("refuse", {})], steps)
        self.assertIn(f"{UUID}, {OTHER}", step.why)

    def test_a_system_may_come_with_a_new_pod_manager(self):
        text = "pod_managers: [{name: row-7, url: 'https://10.0.0.7'}]\nnodes: [{name: a, system: System 1}]"
        steps = self.plan(text, server.page("pod_managers"), server.page("nodes"))
        self.assertEqual(["create", "create"], [step.action for step in steps])
        self.problems(
            text, server.page("pod_managers", POD_MANAGER), server.page("nodes"), server.page("systems")
        )

    def test_a_new_flavor_whose_name_is_a_uuid_is_not_what_a_node_refers_to(self):
        text = f"flavors:\n- {{name: {OTHER}}}\nnodes:\n- {{name: a, flavor: {OTHER}}}"
        (problem,) = self.problems(text, server.page("flavors"), server.page("nodes"), server.problem(404))
        self.assertIn("line 4: nodes[0].flavor: There is none.", problem)

    def test_references_that_lead_nowhere_come_together(self):
        text = "nodes:\n- {name: a, flavor: large}\n- {name: b, flavor: large, pod_manager: row-7}"
        pages = [server.page(name) for name in ("nodes", "flavors", "nodes", "pod_managers")]
        found = self.problems(text, *pages)
        self.assertEqual(
            ["line 2: nodes[0].flavor", "line 3: nodes[1].flavor", "line 3: nodes[1].pod_manager"],
            [each.rpartition(": There is no")[0] for each in found],
        )
