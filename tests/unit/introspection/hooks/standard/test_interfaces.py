# SPDX-License-Identifier: Apache-2.0
"""The hook validate_interfaces."""

from tests import base
from tests import ramdisk
from valence.common import introspection_errors
from valence.introspection.hooks import standard


class InterfacesTest(base.TestCase):
    def run_hook(self, document):
        standard.ValidateInterfaces(None).before(document)
        return document

    def test_what_the_original_makes_of_a_real_machine(self):
        original = ramdisk.read("medium-processed-real-dell")
        found = self.run_hook(ramdisk.sample("medium"))
        for name, interface in original["all_interfaces"].items():
            wanted = {key: interface[key] for key in ("ip", "mac", "client_id", "pxe")}
            self.assertEqual(wanted, found["all_interfaces"][name])
        for name in ("macs", "ipmi_address"):
            self.assertEqual(original[name], found[name])
        self.assertEqual(set(original["interfaces"]), set(found["interfaces"]))

    def test_without_the_interface_that_booted_all_count(self):
        document = ramdisk.sample("medium")
        document["boot_interface"] = document["inventory"]["boot"] = None
        found = self.run_hook(document)
        self.assertEqual(set(found["all_interfaces"]), set(found["interfaces"]))

    def test_the_interface_that_booted_is_told_in_two_forms(self):
        for told in ("01-b0-83-fe-c6-63-86", "B0:83:FE:C6:63:86"):
            self.assertEqual("b0:83:fe:c6:63:86", standard.boot_mac({"boot_interface": told}, {}))
        self.assertIsNone(standard.boot_mac({"boot_interface": ["01"]}, {"boot": 5}))

    def test_an_address_has_no_zone(self):
        document = ramdisk.sample("small")
        one = {"name": "eth0", "mac_address": "52:54:00:12:34:56", "ipv6_address": "fe80::1%eth0"}
        document["inventory"]["interfaces"] = [one]
        self.assertEqual("fe80::1", self.run_hook(document)["all_interfaces"]["eth0"]["ip"])

    def test_a_document_without_interfaces_fails(self):
        for inventory in (
            None,
            {},
            {"interfaces": []},
            {"interfaces": [{"name": "eth0", "mac_address": "x"}]},
        ):
            self.assertRaises(introspection_errors.HookFailed, self.run_hook, {"inventory": inventory})
