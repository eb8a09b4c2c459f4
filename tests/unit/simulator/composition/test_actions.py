# SPDX-License-Identifier: Apache-2.0
"""Composing by blocks: POST, DELETE, the states of blocks, and refusals."""

import concurrent.futures

from tests.unit.simulator.composition import composition_case


class ComposeTest(composition_case.CompositionCase):
    def test_a_system_is_composed_of_the_parts_of_its_blocks(self):
        answer = self.compose("Compute1", "Storage1", "Accelerator1", Description="for me", HostName="h1")
        path = answer.headers["Location"].removeprefix("/redfish/v1/")
        document = self.document(path)
        self.assertEqual(answer.json(), document)
        self.assertEqual(
            ("mine", "for me", "h1", "Composed", "Off"),
            tuple(document[name] for name in ("Name", "Description", "HostName", "SystemType", "PowerState")),
        )
        self.assertEqual(["Compute1", "Storage1", "Accelerator1"], self.blocks_of(path))
        for collection, names in (
            ("Processors", ("Compute1", "Accelerator1")),
            ("Memory", ("Compute1",)),
            ("EthernetInterfaces", ("Compute1",)),
        ):
            expected = [link for name in names for link in self.block(name)[collection]]
            self.assertEqual(expected, self.document(f"{path}/{collection}")["Members"], collection)
        self.assertEqual(self.block("Storage1")["Drives"], self.document(f"{path}/Storage/1")["Drives"])

    def test_it_is_a_member_like_others(self):
        path = self.composed("Compute1")
        members = [link["@odata.id"] for link in self.document("Systems")["Members"]]
        self.assertEqual(f"/redfish/v1/{path}", members[-1])
        self.assertEqual(3, len(self.document("Systems?$expand=.")["Members"]))
        self.crawl()

    def test_summaries_count_the_parts(self):
        document = self.document(self.composed("Compute1"))
        parts = [
            self.document(link["@odata.id"].removeprefix("/redfish/v1/"))
            for name in ("Processors", "Memory")
            for link in self.block("Compute1")[name]
        ]
        cores = sum(part.get("TotalCores", 0) for part in parts)
        memory = sum(part.get("CapacityMiB", 0) for part in parts)
        self.assertEqual(cores, document["ProcessorSummary"]["CoreCount"])
        self.assertEqual(memory, document["MemorySummary"]["TotalSystemMemoryGiB"] * 1024)

    def test_blocks_say_who_uses_them_until_it_is_taken_apart(self):
        path = self.composed("Compute1", "Storage1")
        block = self.block("Compute1")
        self.assertEqual("Composed", block["CompositionStatus"]["CompositionState"])
        self.assertEqual(1, block["CompositionStatus"]["NumberOfCompositions"])
        self.assertEqual([{"@odata.id": f"/redfish/v1/{path}"}], block["Links"]["ComputerSystems"])
        self.assertEqual(204, self.call("DELETE", path).status_code)
        self.assertEqual(404, self.get(path).status_code)
        block = self.block("Compute1")
        self.assertEqual(("Unused", []), (self.state("Storage1"), block["Links"]["ComputerSystems"]))
        self.assertEqual(404, self.call("DELETE", path).status_code)

    def test_it_has_power_and_boot(self):
        path = self.composed("Compute1")
        reset = f"{path}/Actions/ComputerSystem.Reset"
        self.assertEqual(204, self.call("POST", reset, json={"ResetType": "On"}).status_code)
        boot = {"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"}}
        self.assertEqual(200, self.call("PATCH", path, json={**boot, "HostName": "new"}).status_code)
        document = self.document(path)
        self.assertEqual(("On", "new"), (document["PowerState"], document["HostName"]))
        self.assertEqual("Pxe", document["Boot"]["BootSourceOverrideTarget"])
        self.call("POST", reset, json={"ResetType": "ForceRestart"})
        self.wait_for(lambda: self.document(path)["Boot"]["BootSourceOverrideTarget"] == "None")

    def test_a_taken_block_is_refused(self):
        self.compose("Compute1", "Storage1")
        answer = self.compose("Compute2", "Storage1", status=409)
        self.assertEqual("ResourceBlockInUse", self.message(answer, 409))
        self.assertEqual("Unused", self.state("Compute2"))

    def test_one_of_many_that_want_a_block_gets_it(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            body = {"Name": "mine", **self.links("Compute1")}
            answers = [pool.submit(self.call, "POST", "Systems", json=body) for _ in range(8)]
        statuses = sorted(answer.result().status_code for answer in answers)
        self.assertEqual([201, *[409] * 7], statuses)

    def test_garbage_is_refused_and_changes_nothing(self):
        good = self.links("Compute1")["Links"]
        for body in (
            {},
            {"Name": "mine"},
            {"Name": "mine", "Links": None},
            {"Name": "mine", "Links": {"ResourceBlocks": []}},
            {"Name": "mine", "Links": {"ResourceBlocks": "Compute1"}},
            {"Name": "mine", "Links": {"ResourceBlocks": ["Compute1"]}},
            {"Name": "mine", "Links": {"ResourceBlocks": [{"@odata.id": "/redfish/v1/Systems/System1"}]}},
            {"Name": "mine", **self.links("Compute9")},
            {"Name": "mine", **self.links("Compute01")},
            {"Name": "mine", **self.links("Compute1", "Compute1")},
            {"Name": "mine", **self.links("System1")},
            {"Name": 5, "Links": good},
            {"Links": good},
            {"Name": "mine", "Links": good, "Id": "x"},
            {"Name": "mine", "Links": good, "Colour": "red"},
        ):
            answer = self.call("POST", "Systems", json=body)
            self.assertEqual(400, answer.status_code, (body, answer.text))
        self.assertEqual("Unused", self.state("Compute1"))
        self.assertEqual(2, self.document("Systems")["Members@odata.count"])

    def test_limits_of_the_capabilities_are_kept(self):
        self.simulator = self.start(limits="MinCompute=1,MaxCompute=1,MaxStorage=2")
        [entry] = self.document("Systems")["@Redfish.CollectionCapabilities"]["Capabilities"]
        self.assertEqual("ComputerSystemComposition", entry["UseCase"])
        path = entry["CapabilitiesObject"]["@odata.id"].removeprefix("/redfish/v1/")
        limits = self.document(path)["@Redfish.ResourceBlockLimits"]
        self.assertEqual({"MinCompute": 1, "MaxCompute": 1, "MaxStorage": 2}, limits)
        for names in (
            ("Storage1",),
            ("Compute1", "Compute2"),
            ("Compute1", "Storage1", "Storage2", "Storage3"),
        ):
            self.assertEqual("PropertyValueOutOfRange", self.message(self.compose(*names, status=400), 400))

    def test_blocks_of_different_zones_do_not_go_together(self):
        self.simulator = self.start(zones=2)
        self.assertEqual(2, self.document("CompositionService/ResourceZones")["Members@odata.count"])
        answer = self.compose("Compute1", "Accelerator2", status=400)
        self.assertEqual("IncompatibleZone", self.message(answer, 400))
        self.compose("Compute1", "Storage2", "Accelerator1")
        for zone in self.block("Storage2")["Links"]["Zones"]:
            members = self.document(zone["@odata.id"].removeprefix("/redfish/v1/"))["Links"]["ResourceBlocks"]
            self.assertIn(self.link("Storage2"), members)

    def test_capabilities_may_be_those_of_zones(self):
        self.simulator = self.start(capabilities="zone")
        self.assertNotIn("@Redfish.CollectionCapabilities", self.document("Systems"))
        zone = self.document("CompositionService/ResourceZones/Rack1")
        [entry] = zone["@Redfish.CollectionCapabilities"]["Capabilities"]
        self.assertEqual("/redfish/v1/Systems", entry["Links"]["TargetCollection"]["@odata.id"])
        self.simulator = self.start(capabilities="collection, zone")
        for path in ("Systems", "CompositionService/ResourceZones/Rack1"):
            self.assertIn("@Redfish.CollectionCapabilities", self.document(path))

    def test_storage_can_be_shared(self):
        self.simulator = self.start(sharing=2)
        first = self.composed("Compute1", "Storage1")
        self.assertEqual("ComposedAndAvailable", self.state("Storage1"))
        self.compose("Compute2", "Storage1")
        status = self.block("Storage1")["CompositionStatus"]
        self.assertEqual(("Composed", 2, 2), (
            status["CompositionState"], status["MaxCompositions"], status["NumberOfCompositions"]
        ))  # fmt: skip
        self.compose("Compute3", "Storage1", status=409)
        self.call("DELETE", first)
        self.compose("Compute3", "Storage1")

    def test_a_plain_system_is_not_taken_apart(self):
        answer = self.call("DELETE", "Systems/System1")
        self.assertEqual("OperationNotAllowed", self.message(answer, 405))

    def test_a_service_may_only_show_its_blocks(self):
        self.simulator = self.start(composition="none")
        self.assertEqual("OperationNotAllowed", self.message(self.compose("Compute1", status=405), 405))
        self.assertNotIn("@Redfish.CollectionCapabilities", self.document("Systems"))
        self.assertEqual(404, self.get("Systems/Capabilities").status_code)

    def test_removing_a_system_from_outside_frees_its_blocks(self):
        path = self.composed("Compute1")
        self.simulator.remove_system(path.rpartition("/")[2])
        self.assertEqual("Unused", self.state("Compute1"))


class ReserveTest(composition_case.CompositionCase):
    path = f"{composition_case.BLOCKS}/Rack1-Compute1"

    def reserve(self, value, **headers):
        body = {"CompositionStatus": {"Reserved": value}}
        return self.call("PATCH", self.path, json=body, headers=headers)

    def test_a_block_is_reserved_and_can_still_be_composed(self):
        self.assertEqual(200, self.reserve(True).status_code)
        self.assertIs(True, self.block("Compute1")["CompositionStatus"]["Reserved"])
        self.compose("Compute1")
        self.reserve(False)
        self.assertIs(False, self.block("Compute1")["CompositionStatus"]["Reserved"])

    def test_one_of_two_with_the_same_etag_reserves_it(self):
        etag = self.get(self.path).headers["ETag"]
        statuses = [self.reserve(True, **{"If-Match": etag}).status_code for _ in range(2)]
        self.assertEqual([200, 412], statuses)

    def test_nothing_else_can_be_set(self):
        self.assertEqual("PropertyValueTypeError", self.message(self.reserve("yes"), 400))
        answer = self.call("PATCH", self.path, json={"Name": "x"})
        self.assertEqual("PropertyNotWritable", self.message(answer, 400))

    def test_a_service_may_know_no_reserving(self):
        self.simulator = self.start(reserve=False)
        self.assertNotIn("Reserved", self.block("Compute1")["CompositionStatus"])
        self.assertEqual("PropertyNotWritable", self.message(self.reserve(True), 400))
