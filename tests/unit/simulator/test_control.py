# SPDX-License-Identifier: Apache-2.0
"""The control endpoint, outside of Redfish."""

from tests.unit.simulator import case


class ControlTest(case.SimulatorTestCase):
    def test_counts_requests(self):
        self.get("Systems")
        self.get("Nothing")
        stats = self.control("GET", "stats").json()
        self.assertEqual(
            {
                "requests": 2,
                "by_method": {"GET": 2},
                "by_status": {"200": 1, "404": 1},
                "resets": {},
                "sessions": 0,
                "subscriptions": 0,
                "systems": 8,
            },
            stats,
        )

    def test_counts_resets_of_each_system(self):
        for reset_type in ("ForceRestart", "ForceRestart", "ForceOff", "Nothing"):
            path = "Systems/System1/Actions/ComputerSystem.Reset"
            self.call("POST", path, json={"ResetType": reset_type})
        resets = self.control("GET", "stats").json()["resets"]
        self.assertEqual({"System1": {"ForceRestart": 2, "ForceOff": 1}}, resets)

    def test_sets_health_and_power_at_once(self):
        answer = self.control("PATCH", "systems/System1", {"health": "Critical", "power": "Off"})
        self.assertEqual(204, answer.status_code)
        document = self.system()
        self.assertEqual(("Critical", "Off"), (document["Status"]["Health"], document["PowerState"]))

    def test_moves_a_system_with_all_that_belongs_to_it(self):
        uuid, chassis = (self.system()[name] for name in ("UUID", "Links"))
        drive = self.get("Systems/System1/Storage/1/Drives/1").json()["SerialNumber"]
        self.control("PATCH", "systems/System1", {"id": "Moved"})
        self.assertEqual(404, self.get("Systems/System1").status_code)
        document = self.system("Moved")
        self.assertEqual((uuid, chassis), (document["UUID"], document["Links"]))
        self.assertEqual(drive, self.get("Systems/Moved/Storage/1/Drives/1").json()["SerialNumber"])
        self.assertIn({"@odata.id": "/redfish/v1/Systems/Moved"}, self.get("Systems").json()["Members"])

    def test_adds_and_removes_systems(self):
        added = self.control("POST", "systems", {"rack": "Rack1"}).json()
        self.assertEqual(added["uuid"], self.system(added["id"])["UUID"])
        self.assertEqual(9, self.get("Systems").json()["Members@odata.count"])
        self.control("DELETE", f"systems/{added['id']}")
        self.assertEqual(404, self.get(f"Systems/{added['id']}").status_code)
        self.assertEqual(200, self.control("POST", "systems").status_code)

    def test_changes_faults_and_shows_them(self):
        self.control("PATCH", "faults", {"error_rate": 1})
        self.assertEqual(1, self.control("GET", "faults").json()["error_rate"])
        self.assertGreaterEqual(self.get("Systems").status_code, 500)

    def test_tells_what_is_composed_whatever_clients_see(self):
        self.simulator = self.start(racks=1, compute_blocks=1, stale_state_rate=1.0)
        path = "/redfish/v1/CompositionService/ResourceBlocks/Rack1-Compute1"
        body = {"Name": "mine", "Description": "for me", "Links": {"ResourceBlocks": [{"@odata.id": path}]}}
        document = self.call("POST", "Systems", json=body).json()
        found = self.control("GET", "compositions").json()
        system = {
            "path": document["@odata.id"],
            "uuid": document["UUID"],
            "name": "mine",
            "state": "Composed",
        }
        self.assertEqual([{**system, "description": "for me", "blocks": [path]}], found["systems"])
        block = {"path": path, "systems": [document["@odata.id"]], "reserved": False, "broken": False}
        self.assertEqual(([block], {}), (found["blocks"], found["tasks"]))

    def test_breaks_and_mends_a_block(self):
        path = "CompositionService/ResourceBlocks/Rack1-System1"
        for health in ("Critical", "OK"):
            answer = self.control("PATCH", "blocks/Rack1-System1", {"health": health})
            self.assertEqual((204, health), (answer.status_code, self.get(path).json()["Status"]["Health"]))

    def test_ends_sessions_and_changes_the_password(self):
        self.call("POST", "SessionService/Sessions", json=case.SIGN_IN)
        self.control("DELETE", "sessions")
        self.assertEqual(0, self.simulator.stats()["sessions"])
        self.control("PUT", "password", {"password": "new"})
        self.assertEqual(401, self.get("Systems").status_code)
        self.assertEqual(200, self.call("GET", "Systems", auth=("admin", "new")).status_code)

    def test_sets_everything_back(self):
        before = self.crawl()
        self.control("DELETE", "systems/System1")
        self.control("PATCH", "systems/System2", {"health": "Warning"})
        self.control("PATCH", "faults", {"error_rate": 1})
        self.control("POST", "reset")
        self.assertEqual(before, self.crawl())

    def test_says_what_is_wrong(self):
        for status, method, path, body in (
            (404, "PATCH", "systems/System99", {"health": "OK"}),
            (404, "DELETE", "systems/System99", None),
            (404, "GET", "nothing", None),
            (400, "PATCH", "systems/System1", {"health": "Fine"}),
            (400, "PATCH", "systems/System1", {"power": "Maybe"}),
            (400, "PATCH", "systems/System1", {"colour": "red"}),
            (400, "PATCH", "systems/System1", [1]),
            (404, "PATCH", "blocks/Rack1-None1", {"health": "OK"}),
            (400, "PATCH", "blocks/Rack1-System1", {"health": "Fine"}),
            (400, "PATCH", "faults", {"error_rate": "often"}),
            (400, "PATCH", "faults", {"no_rate": 1}),
            (400, "PUT", "password", {}),
        ):
            answer = self.control(method, path, body)
            self.assertEqual(status, answer.status_code, (path, body, answer.text))
            self.assertIn("error", answer.json())
