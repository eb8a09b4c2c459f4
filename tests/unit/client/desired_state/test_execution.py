# SPDX-License-Identifier: Apache-2.0
"""The steps of a plan are done in their order, and one that fails stops no other."""

import json

import requests

from tests import base
from tests.unit.client import server
from valence.client import errors
from valence.client.desired_state import document
from valence.client.desired_state import execution
from valence.client.desired_state import plan

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


def created(kind, operation):
    return (
        201,
        {"uuid": UUID, "name": kind, "links": [{"rel": "operation", "href": f"/v1/operations/{operation}"}]},
        {},
    )


class RunTest(base.TestCase):
    def run_steps(self, text, *answers, failing=()):
        """Create all entries of a text; ``failing`` are operations that fail."""
        self.server, self.waited = server.Server(*answers), []
        steps = [
            plan.Step(plan.Action.CREATE, entry, [], dict(entry.values)) for entry in document.read(text)
        ]

        def wait(operation):
            self.waited.append((operation, len(self.server.requests)))
            if operation in failing:
                raise errors.WaitTimeout(f"{operation} failed.")

        return execution.run(self.server.client(), steps, wait)

    def bodies(self):
        return [json.loads(each.body) for each in self.server.requests if each.body]

    def test_nodes_come_after_the_hardware_and_are_waited_for_together(self):
        text = """
            pod_managers: [{name: row-7, url: 'https://10.0.0.7'}]
            nodes: [{name: a, flavor: large, boot: pxe}, {name: b, devices: [x]}]
        """
        answers = [created("row-7", "1"), created("a", "2"), created("b", "3")]
        self.assertEqual({}, self.run_steps(text, *answers))
        self.assertEqual([("1", 1), ("2", 3), ("3", 3)], sorted(self.waited))
        expected = [
            {"name": "a", "flavor_id": "large", "boot": {"target": "pxe"}},
            {"name": "b", "resources": ["x"]},
        ]
        self.assertEqual(expected, self.bodies()[1:])

    def test_a_pod_manager_alone_is_not_waited_for(self):
        text = "pod_managers: [{name: row-7, url: 'https://10.0.0.7'}]"
        self.assertEqual({}, self.run_steps(text, created("row-7", "1"), failing=["1"]))
        self.assertEqual([], self.waited)

    def test_a_step_that_may_have_been_done_is_repeated_by_the_file(self):
        steps = [
            plan.Step(plan.Action.CREATE, entry, [], {"name": "a"})
            for entry in document.read("flavors: [{name: a}]")
        ]
        client = server.Server(requests.ReadTimeout("slow"), server.problem(503)).client()
        client.retries = client.lost_retries = 1
        failures = execution.run(client, steps, lambda operation: None)
        self.assertIn("It may have been done; apply the file again.", failures[0])
        self.assertNotIn("--idempotency-key", failures[0])

    def test_a_failure_stops_nothing_else(self):
        text = "flavors: [{name: a}, {name: b}]\nnodes: [{name: c}, {name: d}]"
        answers = [server.problem(409), (201, {"uuid": UUID}, {}), created("c", "2"), server.problem(409)]
        failures = self.run_steps(text, *answers, failing=["2"])
        self.assertEqual({0: "There is none. Look.", 2: "2 failed.", 3: "There is none. Look."}, failures)

    def test_a_system_is_adopted_and_a_pod_manager_found(self):
        text = f"nodes: [{{name: a, system: {UUID}}}, {{name: b, pod_manager: {UUID}}}]"
        answers = [{"uuid": UUID}, created("a", "1"), {"uuid": UUID}, created("b", "2")]
        self.assertEqual({}, self.run_steps(text, *answers))
        self.assertEqual([{"resource_id": UUID, "name": "a"}, {"name": "b", "podm_id": UUID}], self.bodies())
        self.assertEqual("POST /v1/nodes/manage", self.server.paths()[1])

    def test_a_change_is_sent_and_what_is_refused_is_told(self):
        (entry,) = document.read("flavors: [{name: a}]")
        steps = [
            plan.Step(plan.Action.CHANGE, entry, [], {"policy": "pack"}, UUID),
            plan.Step(plan.Action.REFUSE, entry, [], why="It is fixed."),
        ]
        api = server.Server({"uuid": UUID})
        self.assertEqual({1: "It is fixed."}, execution.run(api.client(), steps, lambda operation: None))
        self.assertEqual([f"PATCH /v1/flavors/{UUID}"], api.paths())
        self.assertNotIn("If-Match", api.requests[0].headers)

    def test_limits_are_sent_for_their_project(self):
        (entry,) = document.read("quotas: [{project_id: demo, limits: {nodes: 3}}]")
        api = server.Server({"project_id": "demo"})
        step = plan.Step(plan.Action.CHANGE, entry, [], {"nodes": 3}, "demo")
        self.assertEqual({}, execution.run(api.client(), [step], lambda operation: None))
        (request,) = api.requests
        self.assertEqual(("PATCH", {"limits": {"nodes": 3}}), (request.method, json.loads(request.body)))
