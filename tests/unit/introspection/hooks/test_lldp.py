# SPDX-License-Identifier: Apache-2.0
"""The hook lldp."""

from tests import base
from tests import ramdisk
from valence.introspection.hooks import lldp


class LLDPTest(base.TestCase):
    def test_what_the_original_makes_of_real_switches(self):
        original, raw = ramdisk.read("medium-processed-real-dell"), ramdisk.sample("medium")["lldp_raw"]
        for name, interface in original["all_interfaces"].items():
            self.assertEqual(interface["lldp_processed"], lldp.read(raw[name]))

    def test_interfaces_have_it_beside_them(self):
        document = ramdisk.sample("medium") | {"all_interfaces": {"em1": {}, "none": {}}}
        lldp.LLDP(None).after(document)
        self.assertEqual("ge-0/0/25", document["all_interfaces"]["em1"]["lldp_processed"]["switch_port_id"])
        self.assertEqual({}, document["all_interfaces"]["none"])

    def test_the_inventory_has_it_where_the_collector_did_not_run(self):
        interface = {"name": "eth0", "lldp": [[5, "737731"]]}
        document = {"inventory": {"interfaces": [interface]}, "all_interfaces": {"eth0": {}}}
        lldp.LLDP(None).after(document)
        self.assertEqual({"switch_system_name": "sw1"}, document["all_interfaces"]["eth0"]["lldp_processed"])

    def test_identifiers_and_addresses(self):
        told = lldp.read(
            [[1, "05010a000001"], [2, "0302005e000001"], [8, "1102" + "fd" + "00" * 14 + "0100"]]
        )
        self.assertEqual("10.0.0.1", told["switch_chassis_id"])
        self.assertEqual("02:00:5e:00:00:01", told["switch_port_id"])
        self.assertEqual(["fd00::1"], told["switch_mgmt_addresses"])

    def test_broken_units_say_nothing(self):
        for units in (
            None,
            "x",
            [None],
            [[1]],
            [[1, ""]],
            [[127, "00"]],
            [[1, "zz"]],
            [[7, ""]],
            [[8, "ff01"]],
        ):
            self.assertEqual({}, lldp.read(units))
