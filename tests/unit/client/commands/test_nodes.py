# SPDX-License-Identifier: Apache-2.0
"""What the commands for nodes send."""

import json

from tests import base
from tests.unit.client import console
from tests.unit.client import server

NODE = {"uuid": "1", "name": "web-3", "links": [{"rel": "operation", "href": "http://a/v1/operations/7"}]}
POD_MANAGER = {"uuid": "2", "name": "row-7"}


class CreateTest(base.TestCase):
    def run_command(self, answers, *argv):
        self.console = self.useFixture(console.Console(*answers))
        return self.console.run("node", "create", "web-3", *argv)

    def sent(self):
        """Return the body of the last request."""
        return json.loads(self.console.server.requests[-1].body)

    def test_what_is_given_is_sent(self):
        argv = ("--flavor", "large", "--zone", "3", "--policy", "spread", "--boot", "pxe", "--power", "on")
        self.run_command([NODE], *argv)
        expected = {"name": "web-3", "flavor_id": "large", "zone_id": "3", "policy": "spread"}
        self.assertEqual(expected | {"boot": {"target": "pxe"}, "power": "on"}, self.sent())

    def test_a_pod_manager_is_found_by_its_name(self):
        answers = [server.page("pod_managers", POD_MANAGER), POD_MANAGER, NODE]
        self.run_command(answers, "--pod-manager", "row-7", "--device", "a", "--device", "b")
        self.assertEqual({"name": "web-3", "podm_id": "2", "resources": ["a", "b"]}, self.sent())

    def test_the_operation_of_a_new_node_is_shown(self):
        printed = self.run_command([NODE], "-f", "json")
        self.assertEqual({"uuid": "1", "name": "web-3", "operation": "7"}, printed.json)

    def test_a_repetition_has_the_key_of_the_command_before(self):
        self.run_command([NODE], "--idempotency-key", "k-1")
        self.assertEqual("k-1", self.console.server.requests[-1].headers["Idempotency-Key"])

    def test_there_is_one_way_to_choose_devices(self):
        printed = self.run_command([NODE], "--flavor", "large", "--device", "a")
        self.assertEqual(2, printed.code)


class RepeatTest(base.TestCase):
    def test_actions_and_adoptions_have_the_key_of_the_command_before(self):
        operation = {"uuid": "7", "operation_kind": "power", "state": "pending"}
        for answers, argv in (
            ([operation], ("power", "web-3", "on")),
            ([operation], ("boot", "web-3", "pxe")),
            ([server.page("systems", NODE), NODE, NODE], ("manage", "System 3")),
        ):
            shell = self.useFixture(console.Console(*answers))
            printed = shell.run("node", *argv, "--idempotency-key", "k-1")
            self.assertEqual(0, printed.code, printed.err)
            self.assertEqual("k-1", shell.server.requests[-1].headers["Idempotency-Key"])

    def test_a_node_of_intel_rsd_is_adopted_where_no_system_has_the_name(self):
        machine = {"uuid": "5", "name": "Node 1", "resource_type": "Node"}
        none, found = server.page("systems"), server.page("resources", machine)
        shell = self.useFixture(console.Console(none, found, NODE, NODE))
        printed = shell.run("node", "manage", "Node 1")
        self.assertEqual(0, printed.code, printed.err)
        self.assertIn("resource_type=Node", shell.server.requests[1].path_url)
        self.assertEqual("5", json.loads(shell.server.requests[2].body)["resource_id"])
        for rows, part in (
            ((), "There is no system Node 1."),
            ((machine, machine), "Several nodes of Intel RSD"),
        ):
            shell = self.useFixture(console.Console(none, server.page("resources", *rows)))
            printed = shell.run("node", "manage", "Node 1")
            self.assertEqual((1, True), (printed.code, part in printed.err), printed.err)


class DeviceTest(base.TestCase):
    def sent(self, *argv):
        """Run a command for a node and return the body of its request, None if there was none."""
        operation = {"uuid": "7", "operation_kind": "attach", "state": "pending"}
        shell = self.useFixture(console.Console(operation))
        shell.run("node", *argv)
        return json.loads(shell.server.requests[0].body) if shell.server.requests else None

    def test_a_device_is_attached_by_its_uuid_or_by_requirements(self):
        self.assertEqual({"attach": {"device_id": "d"}}, self.sent("attach", "web-3", "--device", "d"))
        needed = {"storage": {"capacity_gib": 100}}
        sent = self.sent("attach", "web-3", "--properties", json.dumps(needed), "--power-off")
        self.assertEqual({"attach": needed | {"power_off": True}}, sent)

    def test_requirements_of_a_device_are_an_object(self):
        for text in ("[1]", "5", '"ab"', "[]"):
            shell = self.useFixture(console.Console({}))
            printed = shell.run("node", "attach", "web-3", "--properties", text)
            self.assertEqual(1, printed.code)
            self.assertIn("--properties must be a JSON object", printed.err)
            self.assertEqual([], shell.server.requests)

    def test_there_is_one_way_to_choose_the_device(self):
        self.assertIsNone(self.sent("attach", "web-3"))
        self.assertIsNone(self.sent("attach", "web-3", "--device", "d", "--properties", "{}"))

    def test_a_device_is_detached(self):
        self.assertEqual({"detach": {"device_id": "d"}}, self.sent("detach", "web-3", "d"))
        self.assertEqual(
            {"detach": {"device_id": "d", "power_off": True}},
            self.sent("detach", "web-3", "d", "--power-off"),
        )

    def test_devices_are_erased_and_released_erased(self):
        self.assertEqual({"erase": {}}, self.sent("erase", "web-3"))
        self.assertEqual({"erase": {"device_id": "d"}}, self.sent("erase", "web-3", "--device", "d"))
        self.assertEqual(
            {"detach": {"device_id": "d", "erase": True}}, self.sent("detach", "web-3", "d", "--erase")
        )
        for argv, query in (((), ""), (("--erase",), "erase=true"), (("--force",), "force=true")):
            shell = self.useFixture(console.Console(NODE, {"uuid": "7", "state": "pending"}))
            shell.run("node", "delete", "web-3", *argv)
            request = shell.server.requests[-1]
            self.assertEqual(("DELETE", query), (request.method, request.url.partition("?")[2]))
