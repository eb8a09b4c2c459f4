# SPDX-License-Identifier: Apache-2.0
"""The hook pci_devices."""

from tests import base
from tests.unit.api import case
from valence.common import introspection_errors
from valence.introspection.hooks import standard

DEVICE = {"vendor_id": "10DE", "product_id": "1db4"}


class PCIDevicesTest(base.TestCase):
    def hook(self, *aliases):
        conf = case.configuration(self.make_folder(), processing__pci_aliases=list(aliases))
        return standard.PCIDevices(conf)

    def test_named_devices_are_counted(self):
        document = {"pci_devices": [DEVICE, DEVICE, {"vendor_id": None}, 5]}
        self.hook("gpu=10de:1db4").after(document)
        self.assertEqual({"gpu": 2}, document["pci_aliases"])

    def test_without_such_devices_nothing_is_told(self):
        for aliases in ((), ("gpu=10de:1db5",)):
            document = {"pci_devices": [DEVICE]}
            self.hook(*aliases).after(document)
            self.assertEqual({"pci_devices": [DEVICE]}, document)

    def test_an_alias_that_is_none_is_told_at_the_start(self):
        self.assertRaises(introspection_errors.HookUnusable, self.hook, "gpu")
