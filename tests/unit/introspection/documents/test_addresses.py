# SPDX-License-Identifier: Apache-2.0
"""What a machine is known by."""

from tests import base
from tests import ramdisk
from valence.introspection import documents


class AddressesTest(base.TestCase):
    def test_a_document_of_a_real_machine(self):
        known = documents.of_document(ramdisk.sample("medium"))
        self.assertEqual(["10.9.10.109"], known["bmc_address"])
        self.assertIn("b0:83:fe:c6:63:86", known["mac"])

    def test_a_document_that_says_nothing(self):
        for document in ({}, {"inventory": None}, {"inventory": {"interfaces": 5, "system_vendor": []}}):
            self.assertEqual([], sum(documents.of_document(document).values(), []))

    def test_forms(self):
        self.assertEqual("52:54:00:12:34:ab", documents.mac(" 52-54-00-12-34-AB "))
        self.assertEqual("10.0.0.1", documents.bmc_address("10.0.0.1"))
        self.assertEqual("fd00::1", documents.bmc_address("FD00:0::1"))
        self.assertEqual("ab12", documents.serial("AB12"))
        self.assertEqual(
            "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", documents.uuid("5B5C2D6E-3C0F-4CE6-9D1C-0F6E3A2B7C11")
        )

    def test_what_says_nothing(self):
        for value in ("00:00:00:00:00:00", "52:54", "", None, 5, "zz:zz:zz:zz:zz:zz", "52:54:00:12:34:56'"):
            self.assertIsNone(documents.mac(value))
        for value in ("0.0.0.0", "::/0", "::", "host", None, 7):
            self.assertIsNone(documents.bmc_address(value))
        for value in (
            "None",
            "0000",
            "To Be Filled By O.E.M.",
            "Not Specified",
            "x",
            None,
            "a\0bcd",
            "s" * 300,
        ):
            self.assertIsNone(documents.serial(value))
        for value in ("00000000-0000-0000-0000-000000000000", "5b5c", None):
            self.assertIsNone(documents.uuid(value))

    def test_values_count_once_and_are_limited(self):
        self.assertEqual(["52:54:00:00:00:01"], documents.normal(mac=["52:54:00:00:00:01"] * 2)["mac"])
        many = [f"52:54:00:00:{number // 256:02x}:{number % 256:02x}" for number in range(1000)]
        self.assertEqual(documents.MOST_VALUES, len(documents.normal(mac=many)["mac"]))
