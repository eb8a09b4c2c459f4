# SPDX-License-Identifier: Apache-2.0
"""What clients have changed of a pod outlasts the process of the simulator."""

import json

import fixtures
import requests

from tests import base
from valence.simulator import server

POD = {"racks": 1, "systems": 2, "system_blocks": 0, "compute_blocks": 2, "storage_blocks": 2}
ROOT = "/redfish/v1"
BLOCKS = f"{ROOT}/CompositionService/ResourceBlocks"


class SavedTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.path = self.make_folder() / "simulator.json"

    def start(self):
        """Start a simulator with the state of the one before."""
        simulator = server.Simulator(**POD)
        simulator.keep(self.path)
        simulator.start()
        self.addCleanup(simulator.stop)
        return simulator

    def compose(self, simulator, *blocks):
        """Compose a system of blocks, and return its path."""
        links = [{"@odata.id": f"{BLOCKS}/{each}"} for each in blocks]
        body = {"Name": "web", "Description": "valence:1", "Links": {"ResourceBlocks": links}}
        answer = requests.post(
            f"{simulator.url}{ROOT}/Systems", json=body, auth=("admin", "password"), timeout=10
        )
        self.assertEqual(201, answer.status_code, answer.text)
        return answer.headers["Location"]

    def test_a_composed_system_and_its_power_stay(self):
        simulator = self.start()
        path = self.compose(simulator, "Rack1-Compute1", "Rack1-Storage1")
        simulator.set_power(path.rpartition("/")[2], "On")
        simulator.set_power("System1", "Off")
        seen = [
            self.read(simulator, each)
            for each in (path, f"{ROOT}/Systems/System1", f"{BLOCKS}/Rack1-Storage1")
        ]
        self.assertEqual(("On", "Off"), (seen[0]["PowerState"], seen[1]["PowerState"]))
        again = self.start()  # the first one is not stopped: what it wrote is there after a crash too
        found = [
            self.read(again, each) for each in (path, f"{ROOT}/Systems/System1", f"{BLOCKS}/Rack1-Storage1")
        ]
        self.assertEqual(seen, found)

    def test_the_next_system_has_another_path_and_removed_ones_stay_away(self):
        simulator = self.start()
        path = self.compose(simulator, "Rack1-Compute1")
        requests.delete(f"{simulator.url}{path}", auth=("admin", "password"), timeout=60).raise_for_status()
        again = self.start()
        self.assertEqual(
            404, requests.get(f"{again.url}{path}", auth=("admin", "password"), timeout=60).status_code
        )
        self.assertNotEqual(path, self.compose(again, "Rack1-Compute1"))

    def test_a_damaged_file_is_reported_and_the_pod_is_as_new(self):
        for text in ("", "{", "[]", "null", '{"systems": [7]}', '{"systems": [{"id": "System1"}]}'):
            self.path.write_text(text)
            log = self.useFixture(fixtures.FakeLogger())
            self.assertEqual("On", self.read(self.start(), f"{ROOT}/Systems/System1")["PowerState"])
            self.assertIn(f"{self.path} cannot be used", log.output)

    def test_the_file_of_an_earlier_version_may_lack_a_field(self):
        self.start().set_power("System1", "Off")
        state = json.loads(self.path.read_text())
        del state["systems"][0]["host_name"]
        self.path.write_text(json.dumps(state))
        self.assertEqual("Off", self.read(self.start(), f"{ROOT}/Systems/System1")["PowerState"])

    def read(self, simulator, path):
        """Return a document."""
        answer = requests.get(f"{simulator.url}{path}", auth=("admin", "password"), timeout=60)
        answer.raise_for_status()
        return answer.json()
