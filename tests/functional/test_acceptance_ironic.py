# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a real Ironic manages what Valence registers there, and lets it go."""

import collections

import bcrypt
import requests

from tests import relay
from tests import rest
from tests import stores
from tests import sushy_emulator
from tests.functional import acceptance
from tests.servers import ironic

VERSION = {"X-OpenStack-Ironic-API-Version": "1.95"}
CREDENTIALS = {"username": "valence", "password": "of the emulator"}


class IronicTest(acceptance.AcceptanceCase):
    """One site with everything, because Ironic takes long to start: the parts of the test follow each other."""

    conductors = 2
    time_limit = stores.patience(300)

    def setUp(self):
        self.bare_metal = ironic.Ironic()
        self.way = relay.Relay()
        super().setUp()

    def deployment(self, **where):
        self.useFixture(self.bare_metal)
        self.useFixture(self.way).port = self.bare_metal.port
        self.options = {"ironic": {"auth_type": "none", "endpoint_override": self.way.url}}
        return super().deployment(**where)

    def test_a_machine_goes_to_ironic_and_comes_back(self):
        names = ["plain", "deployed", "crashed"]
        nodes = dict(zip(names, self.adopt(len(names)), strict=True))
        self.check_what_is_registered_is_manageable(nodes["plain"])
        self.check_what_is_deployed_stays(nodes["deployed"])
        self.check_a_crash_makes_no_second_node(nodes["crashed"])
        self.check_no_password_is_told()

    def adopt(self, number):
        """Return nodes of the emulator's systems, which only those see who have its password."""
        file = self.make_folder() / "users"
        secret = bcrypt.hashpw(CREDENTIALS["password"].encode(), bcrypt.gensalt(4)).decode()
        file.write_text(f"{CREDENTIALS['username']}:{secret}\n")
        self.emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=number, auth_file=file))
        pod_manager = self.valence.register("emulator", self.emulator.url, **CREDENTIALS)
        self.wait_until_synchronized(pod_manager["uuid"], 60)
        systems = self.client.rows("/v1/systems", podm_id=pod_manager["uuid"], sort="name")
        return [self.done("/v1/nodes/manage", {"resource_id": system["uuid"]}) for system in systems]

    def check_what_is_registered_is_manageable(self, node):
        for _ in range(2):
            operation = self.done(f"/v1/nodes/{node['uuid']}/register", {})
            self.assertEqual("succeeded", operation["state"], operation)
        self.assertEqual([node["uuid"]], [each["uuid"] for each in self.ironic("GET", "/nodes")["nodes"]])
        found = self.ironic("GET", f"/nodes/{node['uuid']}")
        self.assertEqual(("enroll", "redfish"), (found["provision_state"], found["driver"]))
        self.assertEqual(node["resource_url"], found["driver_info"]["redfish_system_id"])
        (port,) = self.ironic("GET", "/ports?detail=true")["ports"]
        self.assertEqual((node["uuid"], "00:5c:52:31:00:00"), (port["node_uuid"], port["address"]))
        self.provision(node, "manage", "manageable")
        self.assertEqual("power off", self.ironic("GET", f"/nodes/{node['uuid']}")["power_state"])
        self.ironic("PUT", f"/nodes/{node['uuid']}/states/power", {"target": "power on"})
        self.wait_for(lambda: self.powers(node) == ("power on", "On"), 90, lambda: str(self.powers(node)))
        self.assert_refused(
            "node_managed", "managed by ironic", f"/v1/nodes/{node['uuid']}/action", {"power": "force_off"}
        )
        self.done(f"/v1/nodes/{node['uuid']}/unregister")
        self.assertEqual([], self.ironic("GET", "/nodes")["nodes"] + self.ironic("GET", "/ports")["ports"])
        self.assertIsNone(self.client.get(f"/v1/nodes/{node['uuid']}")["managed_by"])

    def check_what_is_deployed_stays(self, node):
        url, body = f"/v1/nodes/{node['uuid']}", {"driver": "fake-hardware", "resource_class": "gpu"}
        self.done(f"{url}/register", body)
        found = self.ironic("GET", f"/nodes/{node['uuid']}")
        self.assertEqual(("gpu", {}), (found["resource_class"], found["driver_info"]))
        for target, state in (("manage", "manageable"), ("provide", "available"), ("active", "active")):
            self.provision(node, target, state)
        self.assert_refused("ironic_in_use", "its provision state is active", f"{url}/unregister")
        self.provision(node, "deleted", "available")
        self.assertEqual("succeeded", self.done(f"{url}/unregister")["state"])

    def check_a_crash_makes_no_second_node(self, node):
        self.way.mute_at = b"POST /v1/nodes"
        operation = self.client.post(f"/v1/nodes/{node['uuid']}/register", {})
        self.wait_for(lambda: self.ironic("GET", "/nodes")["nodes"], 60)
        name = self.client.get(f"/v1/operations/{operation['uuid']}")["conductor"]
        next(each for each in self.valence.conductors if each.name == name).kill()
        self.way.is_mute = False
        ended = self.wait_for(lambda: self.ended(operation), 90, lambda: str(self.ended(operation)))
        self.assertEqual(("succeeded", 2), (ended["state"], ended["attempts"]), ended)
        self.assertNotEqual(name, ended["conductor"])
        self.assertEqual([node["uuid"]], [each["uuid"] for each in self.ironic("GET", "/nodes")["nodes"]])
        self.assertEqual("ironic", self.client.get(f"/v1/nodes/{node['uuid']}")["managed_by"])

    def check_no_password_is_told(self):
        told = [self.client.rows("/v1/operations"), self.events(), self.client.rows("/v1/nodes")]
        logs = [each.log() for each in (*self.valence.conductors, self.valence.api)]
        self.assertNotIn(CREDENTIALS["password"], f"{told} {logs}")
        states = collections.Counter(each["operation_kind"] for each in told[0])
        self.assertEqual((4, 2), (states["register"], states["unregister"]))

    def done(self, path, body=None):
        """Send a request, wait for what it starts, and return what the answer shows."""
        return self.client.post(path, body, headers={"Prefer": "wait=60"}, timeout=90)

    def ended(self, operation):
        """Return an operation if it has ended."""
        row = self.client.get(f"/v1/operations/{operation['uuid']}")
        return row if row["ended_at"] else None

    def assert_refused(self, code, reason, path, body=None):
        """Check that a request is a conflict that says why."""
        answer = self.client.request("POST", path, json=body)
        self.assertEqual(409, answer.status_code, answer.text)
        (problem,) = answer.json()["errors"]
        self.assertEqual(f"valence.{code}", problem["code"])
        self.assertIn(reason, problem["detail"])

    def provision(self, node, target, state):
        """Let Ironic change the provision state of a node."""
        url = f"/nodes/{node['uuid']}"
        self.ironic("PUT", f"{url}/states/provision", {"target": target})

        def found():
            return self.ironic("GET", url)

        self.wait_for(lambda: found()["provision_state"] == state, 60, lambda: str(found()))

    def powers(self, node):
        """Return the power of a node as Ironic says, and as Valence does."""
        found = self.ironic("GET", f"/nodes/{node['uuid']}")
        return found["power_state"], self.client.get(f"/v1/nodes/{node['uuid']}")["power_state"]

    def ironic(self, method, path, body=None):
        """Return what Ironic answers to an operator."""
        answer = requests.request(
            method, f"{self.bare_metal.url}/v1{path}", json=body, headers=VERSION, timeout=rest.TIMEOUT
        )
        self.assertTrue(answer.ok, answer.text)
        return answer.json() if answer.content else None
