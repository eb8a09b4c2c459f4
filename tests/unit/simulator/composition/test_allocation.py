# SPDX-License-Identifier: Apache-2.0
"""Nodes of Intel RSD: their state machine, what is refused, and how services deviate."""

import requests

from tests.unit.simulator.composition import composition_case

ROOT = "/redfish/v1"
DRIVE = {"Resource": {"@odata.id": f"{ROOT}/Chassis/Rack1/Drives/1"}}


class AllocationCase(composition_case.CompositionCase):
    pod = {"racks": 1, "systems": 3, "nodes": 1, "composition": "allocate", "power_seconds": 0}

    def allocate(self, status=201, **body):
        """Return the answer to a request for a node."""
        answer = self.call("POST", "Nodes/Actions/Allocate", json=body)
        self.assertEqual(status, answer.status_code, answer.text)
        return answer

    def act(self, name, number=2, status=204, **body):
        """Return the answer to an action of a node."""
        answer = self.call("POST", f"Nodes/{number}/Actions/ComposedNode.{name}", json=body)
        self.assertEqual(status, answer.status_code, answer.text)
        return answer

    def state_of(self, number=2):
        return self.document(f"Nodes/{number}")["ComposedNodeState"]

    def pin(self, system, place="Processors/1"):
        return {"Resource": {"@odata.id": f"{ROOT}/Systems/{system}/{place}"}}


class AllocationTest(AllocationCase):
    def test_a_node_is_allocated_then_assembled_then_deleted(self):
        answer = self.allocate(Name="web", Description="mine", Processors=[self.pin("System3")])
        self.assertEqual(f"http://podm.example.com:8443{ROOT}/Nodes/2", answer.headers["Location"])
        self.assertEqual("", answer.text)
        node = self.document("Nodes/2")
        self.assertEqual(("web", "mine", "Allocated"), (node["Name"], node["Description"], self.state_of()))
        self.assertEqual(f"{ROOT}/Systems/System3", node["Links"]["ComputerSystem"]["@odata.id"])
        self.act("Reset", status=409, ResetType="ForceOff")
        self.act("Assemble")
        self.assertEqual("Assembled", self.state_of())
        self.act("Assemble", status=409)
        self.act("Reset", ResetType="ForceOff")
        self.assertEqual("Off", self.document("Nodes/2")["PowerState"])
        self.assertEqual(204, self.call("DELETE", "Nodes/2").status_code)
        self.assertEqual(404, self.call("GET", "Nodes/2").status_code)
        self.allocate(Processors=[self.pin("System3")])

    def test_time_passes_between_the_states(self):
        held = composition_case.HeldCase.start.__get__(self)
        self._call_later = composition_case.HeldCase._call_later.__get__(self)
        self.simulator = held(compose_seconds=1)
        end_all = composition_case.HeldCase.end_all.__get__(self)
        for before, after in (("Allocating", "Allocated"), ("Assembling", "Assembled")):
            self.allocate() if before == "Allocating" else self.act("Assemble")
            self.assertEqual(before, self.state_of())
            end_all()
            self.assertEqual(after, self.state_of())
        self.allocate()
        end_all()
        self.simulator.set_faults(compose_fail_rate=1.0)
        self.act("Assemble", 3)
        end_all()
        self.assertEqual("Failed", self.state_of(3))

    def test_requests_that_nothing_fits_are_refused(self):
        for status, body in (
            (409, {"Processors": [self.pin("System1")]}),  # a node stands on it
            (400, {"Processors": [self.pin("System9")]}),
            (400, {"Memory": [self.pin("System2")]}),  # that is no memory
            (400, {"Processors": [self.pin("System2")], "Memory": [self.pin("System3", "Memory/1")]}),
            (400, {"Processors": [{"TotalCores": 400_000}]}),
            (400, {"Processors": [{"TotalCores": 1}] * 3}),
            (400, {"TotalSystemCoreCount": 65}),
            (400, {"Colour": "blue"}),
            (400, {"Processors": {"TotalCores": 1}}),
        ):
            self.allocate(status, **body)
        self.assertEqual(1, len(self.simulator.compositions()["nodes"]))
        self.allocate(
            Processors=[{"TotalCores": 32}], Memory=[{"CapacityMiB": 65536}], TotalSystemCoreCount=64
        )
        self.allocate()
        self.allocate(400)

    def test_drives_belong_to_one_node(self):
        for _ in range(2):
            self.allocate()
        self.act("Assemble")
        self.act("Assemble", 3)
        info = self.document("Nodes/2/Actions/AttachResourceActionInfo")
        self.assertEqual([DRIVE["Resource"]], info["Parameters"][0]["AllowableValues"])
        self.act("AttachResource", **DRIVE)
        self.assertEqual([DRIVE["Resource"]], self.document("Nodes/2")["Links"]["Storage"])
        self.act("AttachResource", 3, 409, **DRIVE)
        self.act("DetachResource", 3, 400, **DRIVE)
        self.act("AttachResource", status=400, Resource={"@odata.id": "/somewhere"})
        self.act("DetachResource", **DRIVE)
        self.act("AttachResource", 3, **DRIVE)
        self.act("ForceDelete", 3)
        self.act("AttachResource", **DRIVE)

    def test_a_service_that_allocates_nothing_has_its_nodes_all_the_same(self):
        self.simulator = self.start(composition="blocks")
        self.assertNotIn("Actions", self.document("Nodes"))
        self.allocate(405)
        self.assertEqual(405, self.call("DELETE", "Nodes/1").status_code)
        self.assertEqual("Assembled", self.state_of(1))


class QuirkTest(AllocationCase):
    def test_older_versions(self):
        self.simulator = self.start(quirks="nodes_at_root,other_allocate,chooses_systems,endpoint_actions")
        self.assertIn("Nodes", self.document(""))
        self.assertEqual(["#ComposedNodesCollection.Allocate"], list(self.document("Nodes")["Actions"]))
        self.allocate(400, Processors=[self.pin("System2")])
        self.allocate(Processors=[{"TotalCores": 1}])
        self.act("Assemble")
        names = set(self.document("Nodes/2")["Actions"])
        self.assertIn("#ComposedNode.AttachEndpoint", names)
        self.assertNotIn("#ComposedNode.ForceDelete", names)
        self.act("AttachEndpoint", **DRIVE)

    def test_simulators_of_intel(self):
        self.simulator = self.start(
            quirks="unlinked_nodes,targets_of_first_node,stale_nodes", name_ignored_rate=1.0
        )
        self.allocate(Name="web")
        node = self.document("Nodes/2")
        self.assertEqual(("Composed Node", {}), (node["Name"], node["Links"]))
        for action in node["Actions"].values():
            self.assertIn("/Nodes/1/", action["target"])
        for _ in range(2):
            self.assertEqual(204, self.call("DELETE", "Nodes/2").status_code)
        self.assertEqual(200, self.call("GET", "Nodes/2").status_code)
        self.assertEqual(1, len(self.document("Nodes")["Members"]))

    def test_a_body_that_is_no_json_ends_the_service(self):
        for body in ("", "text"):
            self.simulator = self.start(quirks="ended_by_text")
            self.allocate()
            self.call("POST", "Nodes/2/Actions/ComposedNode.Assemble", data=body)
            self.assertRaises(requests.ConnectionError, self.get, "Nodes/2")
            self.control("POST", "reset")
            self.assertEqual(200, self.get("Nodes/1").status_code)

    def test_a_system_in_a_block_is_not_allocated(self):
        self.simulator = self.start(composition="blocks,allocate", systems=1, system_blocks=1, nodes=0)
        self.allocate(400)
