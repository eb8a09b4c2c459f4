# SPDX-License-Identifier: Apache-2.0
"""What Redfish knows of the inside of a machine."""

import copy

from tests import base
from valence.common import errors
from valence.podmanagers.redfish import machines
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.crawl import collection_pages

SYSTEM = "/redfish/v1/Systems/1"
NODE = "/redfish/v1/Nodes/1"
GIB = 1024**3
PATHS = urls.Paths("http://pod")


def link(path):
    return {"@odata.id": path}


def collection(*paths):
    return {"Members": [link(path) for path in paths]}


DOCUMENTS = {
    NODE: {"Links": {"ComputerSystem": link(SYSTEM)}},
    SYSTEM: {
        "UUID": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11",
        "SerialNumber": "SN1",
        "Manufacturer": "Contoso",
        "Model": "3500",
        "BiosVersion": "P79 v1.45",
        "HostName": "web483",
        "Boot": {"BootSourceOverrideMode": "UEFI"},
        "EthernetInterfaces": link("/nics"),
        "Processors": link("/cpus"),
        "Memory": link("/dimms"),
        "Storage": link("/storage"),
        "PCIeDevices": [link("/pci/1"), link("/gone"), None],
        "Links": {"ManagedBy": [link("/bmc")]},
    },
    "/nics": collection("/nics/1"),
    "/nics/1": {
        "Id": "NIC.1",
        "MACAddress": "52-54-00-AB-00-01".replace("-", ":"),
        "LinkStatus": "LinkUp",
        "SpeedMbps": 25000,
        "IPv4Addresses": [{"Address": "10.0.0.5"}],
    },
    "/cpus": collection("/cpus/1", "/cpus/2", "/cpus/gpu"),
    "/cpus/1": {
        "ProcessorType": "CPU",
        "Model": "Xeon",
        "InstructionSet": "x86-64",
        "TotalThreads": 64,
        "MaxSpeedMHz": 3700,
    },
    "/cpus/2": {"ProcessorType": "CPU", "Status": {"State": "Absent"}, "TotalThreads": 64},
    "/cpus/gpu": {"ProcessorType": "GPU", "TotalThreads": 5000},
    "/dimms": collection("/dimms/1", "/dimms/2"),
    "/dimms/1": {"DeviceLocator": "A1", "CapacityMiB": 65536, "SerialNumber": "M1"},
    "/dimms/2": {"DeviceLocator": "A2", "CapacityMiB": 65536, "Status": {"State": "Absent"}},
    "/storage": collection("/storage/1"),
    "/storage/1": {"Drives": [link("/drives/1"), link("/drives/2")]},
    "/drives/1": {
        "Name": "Bay 1",
        "CapacityBytes": 480 * GIB,
        "MediaType": "SSD",
        "SerialNumber": "D1",
        "Identifiers": [
            {"DurableNameFormat": "UUID", "DurableName": "x"},
            {"DurableNameFormat": "NAA", "DurableName": "5000C500"},
        ],
    },
    "/drives/2": {"Name": "Bay 2", "CapacityBytes": 240 * GIB, "MediaType": "HDD", "Protocol": "SATA"},
    "/pci/1": {"PCIeFunctions": link("/pci/1/functions")},
    "/pci/1/functions": collection("/pci/1/functions/0"),
    "/pci/1/functions/0": {"@odata.id": "/pci/1/functions/0", "VendorId": "0x10DE", "DeviceId": "0x1DB4"},
    "/bmc": {"EthernetInterfaces": link("/bmc/nics")},
    "/bmc/nics": collection("/bmc/nics/1"),
    "/bmc/nics/1": {
        "IPv4Addresses": [{"Address": "0.0.0.0"}, {"Address": "10.0.0.9"}],
        "IPv6Addresses": [{"Address": "fe80::1"}, {"Address": 7}],
    },
}


class InspectTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.documents, self.failing = copy.deepcopy(DOCUMENTS), {}

    def read(self, path):
        if path in self.failing:
            raise self.failing[path]
        if path not in self.documents:
            raise errors.ResourceGone(url="http://pod", reason=path)
        return self.documents[path]

    def inspect(self, url=SYSTEM):
        return machines.inspect(collection_pages.Walker(self.read, PATHS), url)

    def test_the_parts_of_a_machine(self):
        document = self.inspect()
        inventory = document["inventory"]
        (interface,) = inventory["interfaces"]
        told = {name: value for name, value in interface.items() if value is not None}
        expected = {"name": "NIC.1", "mac_address": "52:54:00:ab:00:01", "ipv4_address": "10.0.0.5"}
        self.assertEqual(expected | {"has_carrier": True, "speed_mbps": 25000}, told)
        cpu = {"model_name": "Xeon", "frequency": "3700", "count": 64, "architecture": "x86_64", "flags": []}
        self.assertEqual(cpu | {"socket_count": 1}, inventory["cpu"])
        self.assertEqual({"total": 64 * GIB, "physical_mb": 65536}, inventory["memory"])
        self.assertEqual(("10.0.0.9", "fe80::1"), (inventory["bmc_address"], inventory["bmc_v6address"]))
        self.assertEqual({"current_boot_mode": "uefi", "pxe_interface": None}, inventory["boot"])
        self.assertEqual(["A1"], [each["locator"] for each in document["dmi"]["memory"]["devices"]])

    def test_disks(self):
        document = self.inspect()
        first, second = document["inventory"]["disks"]
        self.assertEqual(
            ("Bay 1", "5000C500", False, "D1"), tuple(map(first.get, ("name", "wwn", "rotational", "serial")))
        )
        self.assertEqual(("Bay 2", "sata", True), tuple(map(second.get, ("name", "tran", "rotational"))))
        self.assertEqual(second, document["root_disk"])

    def test_simple_storage_where_there_is_no_other(self):
        self.documents[SYSTEM] |= {"Storage": None, "SimpleStorage": link("/simple")}
        self.documents["/simple"] = collection("/simple/1")
        self.documents["/simple/1"] = {"Devices": [{"Name": "sda", "CapacityBytes": GIB}, None]}
        (disk,) = [each for each in self.inspect()["inventory"]["disks"] if each["name"]]
        self.assertEqual(("sda", GIB), (disk["name"], disk["size"]))

    def test_devices(self):
        (device,) = self.inspect()["pci_devices"]
        self.assertEqual(
            ("10de", "1db4", "/pci/1/functions/0"), tuple(map(device.get, ("vendor_id", "product_id", "bus")))
        )

    def test_a_composed_node_is_its_system(self):
        self.assertEqual(self.inspect(), self.inspect(NODE))

    def test_a_system_that_tells_only_sums(self):
        summary = {"ProcessorSummary": {"Count": 2, "LogicalProcessorCount": 96, "Model": "Xeon"}}
        self.documents[SYSTEM] = summary | {"MemorySummary": {"TotalSystemMemoryGiB": 1.5}}
        inventory = self.inspect()["inventory"]
        self.assertEqual((96, 2), (inventory["cpu"]["count"], inventory["cpu"]["socket_count"]))
        self.assertEqual(1536, inventory["memory"]["physical_mb"])
        self.assertEqual(([], []), (inventory["interfaces"], inventory["disks"]))

    def test_what_the_service_fails_to_answer_is_told(self):
        self.failing["/storage"] = errors.PodManagerError(url="http://pod", reason="it answers 500")
        document = self.inspect()
        self.assertEqual((["/storage"], []), (document["unread"], document["inventory"]["disks"]))
        self.assertIsNone(document["root_disk"])

    def test_a_service_that_is_away_ends_it(self):
        for kind in (errors.PodManagerUnreachable, errors.PodManagerAuthFailed):
            self.failing["/storage"] = kind(url="http://pod", reason="no")
            self.assertRaises(kind, self.inspect)

    def test_numbers_that_are_none_are_unknown(self):
        for odd in (float("nan"), float("inf"), -float("inf")):
            self.documents["/drives/1"]["CapacityBytes"] = self.documents["/nics/1"]["SpeedMbps"] = odd
            self.documents[SYSTEM]["MemorySummary"] = {"TotalSystemMemoryGiB": odd}
            self.documents["/dimms"] = collection()
            inventory = self.inspect()["inventory"]
            self.assertEqual((None, None), (inventory["disks"][0]["size"], inventory["memory"]["total"]))

    def test_a_list_with_members_missing_is_told(self):
        self.documents["/nics"] = collection("/nics/1") | {"Members@odata.count": 2}
        document = self.inspect()
        self.assertEqual((1, ["/nics"]), (len(document["inventory"]["interfaces"]), document["unread"]))

    def test_garbage_is_no_part(self):
        for odd in (None, 5, "x", [], [None, 5, "x"], {}, {"@odata.id": 5}, True):
            for name in DOCUMENTS[SYSTEM]:
                self.documents[SYSTEM] = DOCUMENTS[SYSTEM] | {name: odd}
                self.inspect()
            for path in DOCUMENTS.keys() - {SYSTEM, NODE}:
                self.documents = DOCUMENTS | {path: dict.fromkeys(DOCUMENTS[path], odd)}
                self.inspect()
