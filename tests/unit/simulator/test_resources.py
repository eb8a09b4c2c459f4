# SPDX-License-Identifier: Apache-2.0
"""What a whole simulated pod consists of."""

import collections

from tests.unit.simulator import case

#: has the type of a system, and is none
CAPABILITIES = "/redfish/v1/Systems/Capabilities"
DEMO = {
    "ComputerSystem": 8,
    "Processor": 16,
    "Memory": 32,
    "Storage": 8,
    "Drive": 10,
    "EthernetInterface": 16,
    "Chassis": 4,
    "Manager": 3,
    "PCIeDevice": 2,
    "NetworkAdapter": 2,
    "Port": 20,
    "PowerSupply": 4,
    "Fabric": 2,
    "Switch": 4,
    "Zone": 6,
    "ResourceBlock": 4,
    "StorageService": 1,
    "Volume": 2,
    "ComposedNode": 2,
}


class ResourcesTest(case.SimulatorTestCase):
    def kinds(self, documents):
        return collections.Counter(
            document["@odata.type"].rpartition(".")[2]
            for path, document in documents.items()
            if path != CAPABILITIES
        )

    def test_every_link_leads_to_a_document_of_its_own_name(self):
        for path, document in self.crawl().items():
            self.assertEqual(path, document["@odata.id"])
            self.assertRegex(document["@odata.type"], r"^#(\w+)(\.v\d+_\d+_\d+)?\.\1$")
            self.assertIn("Name", document)

    def test_the_demo_has_every_kind_of_resource(self):
        kinds = self.kinds(self.crawl())
        self.assertEqual(DEMO, {kind: kinds[kind] for kind in DEMO})

    def test_a_system_has_ten_linked_resources(self):
        kinds = self.kinds(
            {path: document for path, document in self.crawl().items() if "/Systems/System1/" in path}
        )
        parts = {kind: count for kind, count in kinds.items() if not kind.endswith("Collection")}
        expected = {"Processor": 2, "Memory": 4, "Storage": 1, "Drive": 1, "EthernetInterface": 2}
        self.assertEqual((expected, 10), (parts, sum(parts.values())))

    def test_serial_numbers_and_uuids_are_unique(self):
        documents = self.crawl().values()
        for name in ("SerialNumber", "UUID", "MACAddress"):
            values = [document[name] for document in documents if name in document]
            self.assertEqual(len(values), len(set(values)), name)

    def test_the_same_options_make_the_same_pod(self):
        first = self.crawl()
        self.simulator = self.start()
        self.assertEqual(first, self.crawl())
        self.simulator = self.start(seed=2)
        self.assertNotEqual(first, self.crawl())

    def test_what_is_not_wanted_is_not_there(self):
        self.simulator = self.start(
            fabrics=False, composition="", volumes=0, nodes=0, pcie_devices=0, network_adapters=0,
            power_supplies=0, drives=0, rack_managers=0,
        )  # fmt: skip
        kinds = self.kinds(self.crawl())
        self.assertEqual({"ComputerSystem": 8, "Chassis": 4, "Manager": 1}, {
            kind: kinds[kind] for kind in ("ComputerSystem", "Chassis", "Manager")
        })  # fmt: skip
        absent = ("Fabric", "Volume", "ComposedNode", "PCIeDevice", "Port", "PowerSupply", "ResourceBlock")
        self.assertEqual([], [kind for kind in absent if kinds[kind]])
        self.assertEqual(404, self.get("Fabrics").status_code)

    def test_racks_contain_sleds_and_sleds_systems(self):
        rack = self.get("Chassis/Rack1").json()
        self.assertEqual("Rack", rack["ChassisType"])
        sled = self.get(rack["Links"]["Contains"][0]["@odata.id"].removeprefix("/redfish/v1/")).json()
        self.assertEqual("Sled", sled["ChassisType"])
        self.assertEqual("/redfish/v1/Systems/System1", sled["Links"]["ComputerSystems"][0]["@odata.id"])

    def test_an_empty_pod_stands(self):
        self.simulator = self.start(racks=1, systems=0)
        self.assertEqual(0, self.kinds(self.crawl())["ComputerSystem"])
