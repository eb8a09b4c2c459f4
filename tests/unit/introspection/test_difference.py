# SPDX-License-Identifier: Apache-2.0
"""What differs between two documents of a machine."""

import copy

from tests import base
from tests import ramdisk
from valence.introspection import difference


class DifferenceTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.old = ramdisk.read("medium-processed-real-dell")
        self.old["inventory"]["disks"] = ramdisk.sample("large")["inventory"]["disks"][:6]
        self.new = copy.deepcopy(self.old)

    def hardware(self):
        return {each["path"]: each for each in difference.hardware(self.old, self.new)}

    def test_equal_documents(self):
        self.assertEqual([], difference.everything(self.old, self.new))

    def test_a_disk_that_was_replaced(self):
        old, new = self.old["inventory"]["disks"][2], self.new["inventory"]["disks"][2]
        new |= {"serial": "NEW-1", "wwn": "0x5000c5000000ffff"}
        found = self.hardware()
        removed = found.pop(f"inventory.disks[serial={old['serial']}]")
        added = found.pop("inventory.disks[serial=NEW-1]")
        self.assertEqual((difference.REMOVED, old), (removed["change"], removed["old"]))
        self.assertEqual((difference.ADDED, new), (added["change"], added["new"]))
        self.assertEqual({}, found)

    def test_disks_in_another_order_are_the_same(self):
        disks = self.new["inventory"]["disks"]
        disks.reverse()
        for number, disk in enumerate(disks):
            disk |= {"name": f"/dev/sd{number}", "hctl": f"{number}:0:0:0"}
        self.assertEqual({}, self.hardware())
        self.assertEqual(12, len(difference.everything(self.old, self.new)))

    def test_more_memory(self):
        self.new["inventory"]["memory"]["physical_mb"] = 163840
        change = {"path": "inventory.memory.physical_mb", "change": "changed", "old": 81920, "new": 163840}
        self.assertEqual([change], difference.hardware(self.old, self.new))

    def test_an_interface_has_another_driver(self):
        interface = self.new["inventory"]["interfaces"][1]
        interface["vendor"] = "0xffff"
        path = f"inventory.interfaces[mac_address={interface['mac_address']}].vendor"
        self.assertEqual([path], list(self.hardware()))

    def test_what_is_another_at_each_boot_is_no_hardware(self):
        self.new["inventory"]["hostname"] = "other"
        self.new["inventory"]["interfaces"][0]["ipv4_address"] = "192.0.2.77"
        self.new["inventory"]["interfaces"][0]["lldp"] = []
        self.new["extra"]["ipmi"]["Fan4A RPM"]["value"] = 1
        self.new["local_gb"] = 1
        self.assertEqual({}, self.hardware())
        self.assertIn(
            "inventory.hostname", [each["path"] for each in difference.everything(self.old, self.new)]
        )

    def test_devices_that_nothing_tells_apart_are_counted(self):
        self.old["usb_devices"] = [{"product": "hub"}, {"product": "hub"}]
        self.new["usb_devices"] = [{"product": "hub"}, {"product": "key"}]
        told = [(each["change"], each.get("old", each.get("new"))) for each in self.hardware_list()]
        self.assertEqual([("removed", {"product": "hub"}), ("added", {"product": "key"})], told)

    def hardware_list(self):
        return difference.hardware(self.old, self.new)

    def test_whatever_stands_there_can_be_compared(self):
        odd = (None, True, 1, 1.5, "1", [], {}, [None], [[1], {}], [{"serial": None}], [{"serial": "a"}] * 2)
        for old in odd:
            for new in odd:
                found = difference.hardware({"inventory": old}, {"inventory": new})
                # What is empty says as much as what is not there.
                self.assertEqual(repr(old) == repr(new) or not (old or new), found == [], (old, new))
