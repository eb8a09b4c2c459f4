# SPDX-License-Identifier: Apache-2.0
"""How services deviate from the standard, what the state costs, and what is told of it."""

import tracemalloc

from tests import base
from tests.unit.simulator.composition import composition_case
from valence.simulator import options
from valence.simulator import pod
from valence.simulator.composition import requests
from valence.simulator.composition import work


class QuirkTest(composition_case.CompositionCase):
    def with_quirks(self, *names, **values):
        self.simulator = self.start(quirks=",".join(names), **values)

    def test_taken_blocks_are_accepted(self):
        self.with_quirks("accepts_taken_blocks")
        first, second = self.composed("Compute1"), self.composed("Compute1")
        self.assertEqual((["Compute1"], ["Compute1"]), (self.blocks_of(first), self.blocks_of(second)))

    def test_an_id_is_required_and_overwrites(self):
        self.with_quirks("requires_id")
        answer = self.compose("Compute1", status=400)
        self.assertIn("Id", answer.json()["error"]["message"])
        self.assertTrue(self.document("Systems/Capabilities")["Id@Redfish.RequiredOnCreate"])
        self.assertEqual("Systems/mine", self.composed("Compute1", Id="mine"))
        self.assertEqual("Systems/mine", self.composed("Compute2", Id="mine"))
        self.assertEqual(("Unused", ["Compute2"]), (self.state("Compute1"), self.blocks_of("Systems/mine")))
        self.compose("Compute1", Id="System1", status=409)
        self.compose("Compute1", Id="a/b", status=400)
        self.compose("Compute1", Id="Capabilities", status=400)

    def test_placeholders_are_refused(self):
        self.with_quirks("no_placeholders")
        path = self.composed("Compute1")
        for link in ({}, None):
            body = {"Links": {"ResourceBlocks": [link, self.link("Storage1")]}}
            self.assertEqual(400, self.call("PATCH", path, json=body).status_code)

    def test_links_on_one_side_only(self):
        self.with_quirks("links_of_blocks_only")
        path = self.composed("Compute1")
        self.assertNotIn("ResourceBlocks", self.document(path)["Links"])
        self.assertEqual(1, len(self.block("Compute1")["Links"]["ComputerSystems"]))
        self.with_quirks("links_of_systems_only")
        path = self.composed("Compute1")
        self.assertEqual(["Compute1"], self.blocks_of(path))
        self.assertNotIn("ComputerSystems", self.block("Compute1")["Links"])

    def test_zones_on_one_side_only(self):
        def members():
            zone = self.document("CompositionService/ResourceZones/Rack1")
            return [link["@odata.id"].rpartition("-")[2] for link in zone["Links"]["ResourceBlocks"]]

        self.with_quirks("zones_of_blocks_only")
        self.assertEqual(([], 1), (members(), len(self.block("Compute1")["Links"]["Zones"])))
        self.with_quirks("blocks_of_zones_only")
        self.assertNotIn("Zones", self.block("Compute1")["Links"])
        self.assertIn("Compute1", members())
        self.with_quirks("zones_of_unused_only")
        self.compose("Compute1")
        self.assertNotIn("Compute1", members())
        self.assertIn("Compute2", members())

    def test_types_and_values_in_other_forms(self):
        self.assertEqual(["Compute"], self.block("Compute1")["ResourceBlockType"])
        self.with_quirks("no_types")
        self.assertEqual([], self.block("Compute1")["ResourceBlockType"])
        self.with_quirks("bare_type", "text_reserved")
        self.assertEqual("Compute", self.block("Compute1")["ResourceBlockType"])
        self.assertEqual("false", self.block("Compute1")["CompositionStatus"]["Reserved"])

    def test_wrong_summaries(self):
        right = self.document(self.composed("Compute1"))["MemorySummary"]["TotalSystemMemoryGiB"]
        self.with_quirks("wrong_summaries")
        wrong = self.document(self.composed("Compute1"))["MemorySummary"]["TotalSystemMemoryGiB"]
        self.assertEqual(right * 1024, wrong)

    def test_a_reset_that_does_nothing(self):
        self.with_quirks("ignores_reset")
        path = "Systems/System1/Actions/ComputerSystem.Reset"
        self.assertEqual(204, self.call("POST", path, json={"ResetType": "ForceOff"}).status_code)
        self.assertEqual("On", self.system()["PowerState"])

    def test_answers_in_other_forms(self):
        self.with_quirks("bare_errors", "answers_deletion")
        self.compose("Compute1")
        text = self.compose("Compute1", status=409).json()
        self.assertEqual("Resource block 'Rack1-Compute1' is in use.", text)
        answer = self.call("DELETE", "Systems/Composed1")
        self.assertEqual((200, 200), (answer.status_code, answer.json()))
        self.assertEqual("Unused", self.state("Compute1"))

    def test_ways_that_are_announced_and_not_offered(self):
        ways = "blocks,constrained,expand,manifest"
        for refused, status in ((ways, 405), ("", 400)):
            self.simulator = self.start(composition=ways, refused=refused, system_blocks=1)
            (system,) = self.block("System1")["ComputerSystems"]
            system = system["@odata.id"].removeprefix(f"{composition_case.ROOT}/")
            self.assertEqual(
                2, len(self.document("Systems")["@Redfish.CollectionCapabilities"]["Capabilities"])
            )
            for method, path, body in (
                ("POST", "Systems", {}),
                ("POST", "Systems", {"Memory": {}}),
                ("POST", "CompositionService/Actions/CompositionService.Compose", {}),
                ("POST", f"{system}/Actions/ComputerSystem.AddResourceBlock", {}),
                ("PATCH", system, {"Links": {"ResourceBlocks": 1}}),
            ):
                answer = self.call(method, path, json=body)
                self.assertEqual(status, answer.status_code, (path, body, answer.text))

    def test_an_unknown_one_is_refused(self):
        for values in ({"quirks": "no_such"}, {"composition": "magic"}, {"limits": "MaxStorage"}):
            self.assertRaises(ValueError, self.start, **values)


class MemoryTest(base.TestCase):
    def make(self, blocks=0):
        inventory = options.Inventory(racks=10, systems=10, compute_blocks=blocks, storage_blocks=blocks)
        return pod.Pod(inventory)

    def size(self, blocks):
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        made = self.make(blocks)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        self.assertEqual(10, len(made.systems))
        return size

    def test_blocks_that_nobody_touched_cost_nothing(self):
        self.size(0)  # what is imported and cached by the first one
        # one pointer a block would be 800,000 bytes
        self.assertLess(abs(self.size(5000) - self.size(0)), 200_000)

    def test_what_was_taken_apart_is_forgotten(self):
        made = self.make(5000)
        for number in range(1, 101):
            request = requests.Request((f"Rack1-Compute{number}", f"Rack1-Storage{number}"), {"name": "x"})
            change = work.Compose(made, request)
            change.begin()
            change.show()
            change.finish()
        self.assertEqual(200, len(made.compositions.touched))
        for system in [system for system in made.systems.values() if system.is_composed]:
            made.remove_system(system.id)
        self.assertEqual([], made.compositions.touched)
