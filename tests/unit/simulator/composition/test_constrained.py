# SPDX-License-Identifier: Apache-2.0
"""Systems for which the service chooses the blocks."""

from tests.unit.simulator.composition import composition_case


class ConstrainedTest(composition_case.CompositionCase):
    options = {"composition": "constrained", "memory_blocks": 2, "systems": 0}

    def send(self, status=201, **needs):
        answer = self.call("POST", "Systems", json={"Name": "mine", **needs})
        self.assertEqual(status, answer.status_code, answer.text)
        return answer

    def members(self, **properties):
        return {"Members": [properties]}

    def chosen(self, **needs):
        """Return the names of the blocks of a new system, and its path."""
        path = self.send(**needs).headers["Location"].removeprefix("/redfish/v1/")
        return self.blocks_of(path), path

    def count(self, name, part):
        return len(self.block(name)[part])

    def test_capabilities_say_what_can_be_asked_for(self):
        [entry] = self.document("Systems")["@Redfish.CollectionCapabilities"]["Capabilities"]
        self.assertEqual("ComputerSystemConstrainedComposition", entry["UseCase"])
        document = self.document(entry["CapabilitiesObject"]["@odata.id"].removeprefix("/redfish/v1/"))
        [member] = document["Processors"]["Members"]
        self.assertTrue(member["@Redfish.RequestedCountRequired"])
        self.assertEqual(404, self.get("Systems/Capabilities").status_code)

    def test_any_machine(self):
        blocks, _ = self.chosen(Processors=self.members(TotalCores=1))
        self.assertEqual(["Compute1"], blocks)
        blocks, _ = self.chosen(Processors=self.members(TotalCores=1))
        self.assertEqual(["Compute2"], blocks)

    def test_what_the_compute_block_lacks_comes_from_others(self):
        number = self.count("Accelerator1", "Processors") + 1
        gpus = {"@Redfish.RequestedCount": number, "ProcessorType": "GPU"}
        drives = {"Drives": [{"@Redfish.RequestedCount": 1, "CapacityBytes": 1}]}
        memory = {"@Redfish.RequestedCount": 5, "CapacityMiB": 1}
        blocks, path = self.chosen(
            Processors={"Members": [{"TotalCores": 1}, gpus]}, Storage=self.members(**drives),
            Memory=self.members(**memory),
        )  # fmt: skip
        self.assertEqual({"Accelerator1", "Accelerator2"}, {name for name in blocks if "Accelerator" in name})
        self.assertEqual(1, sum("Storage" in name or "Pool" in name for name in blocks))
        self.assertGreaterEqual(self.document(f"{path}/Memory")["Members@odata.count"], 5)
        for name in blocks:
            self.assertEqual("Composed", self.state(name))

    def test_sizes_and_models_are_met(self):
        cores = max(self.document(f"{composition_case.BLOCKS}/Rack1-Compute{number}/Processors/1")["TotalCores"]
                    for number in range(1, 5))  # fmt: skip
        _, path = self.chosen(Processors=self.members(TotalCores=cores))
        link = self.document(f"{path}/Processors")["Members"][0]["@odata.id"]
        self.assertEqual(cores, self.document(link.removeprefix("/redfish/v1/"))["TotalCores"])
        self.send(409, Processors=self.members(TotalCores=cores + 1))
        self.send(409, Processors=self.members(ProcessorType="GPU", Model="None"))

    def test_what_is_not_there_is_refused(self):
        self.simulator.set_block_health("Rack1-Compute1", "Critical")
        self.call(
            "PATCH",
            f"{composition_case.BLOCKS}/Rack1-Compute2",
            json={"CompositionStatus": {"Reserved": True}},
        )
        self.assertEqual(["Compute3"], self.chosen(Processors=self.members(TotalCores=1))[0])
        answer = self.send(409, Memory=self.members(**{"@Redfish.RequestedCount": 99, "CapacityMiB": 1}))
        self.assertEqual("NoResourceMatch", self.message(answer, 409))

    def test_garbage_is_refused(self):
        for needs in (
            {"Processors": None},
            {"Processors": {}},
            {"Processors": {"Members": []}},
            {"Processors": {"Members": ["x"]}},
            {"Processors": self.members(TotalCores="many")},
            {"Processors": self.members(**{"@Redfish.RequestedCount": -1})},
            {"Storage": self.members()},
            {"Storage": self.members(Drives=[1])},
            {"Memory": self.members(), "Colour": "red"},
            {"Memory": self.members(), "Name": ""},
            {},
            self.links("Compute1"),
        ):
            self.send(400, **needs)
        self.assertEqual([], self.simulator.compositions()["systems"])

    def test_it_goes_with_other_ways(self):
        self.simulator = self.start(composition="blocks,constrained")
        entries = self.document("Systems")["@Redfish.CollectionCapabilities"]["Capabilities"]
        self.assertEqual(2, len({entry["CapabilitiesObject"]["@odata.id"] for entry in entries}))
        self.compose("Compute1")
        self.assertEqual(["Compute2"], self.chosen(Processors=self.members(TotalCores=1))[0])
