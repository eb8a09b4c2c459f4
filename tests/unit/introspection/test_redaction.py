# SPDX-License-Identifier: Apache-2.0
"""Values that a site does not want to keep."""

import json

from tests import ramdisk
from tests.unit.api.introspection import case
from valence.introspection import redaction

DOCUMENT = {"a": {"serial": 1, "list": [{"serial": 2, "name": "x"}, "y"]}, "serial": {"deep": 3}}


class RedactionTest(case.IntrospectionCase):
    options = {
        "processing__redact": ["inventory.system_vendor.serial_number", "*.mac_address", "*.mac", "macs"]
    }

    def test_places(self):
        hidden = redaction.HIDDEN
        nested = {"serial": hidden, "list": [{"serial": hidden, "name": "x"}, "y"]}
        every = {"a": nested, "serial": hidden}
        self.assertEqual(every, redaction.Redaction(["*.serial"]).hide(DOCUMENT))
        self.assertEqual(DOCUMENT | {"serial": hidden}, redaction.Redaction(["serial"]).hide(DOCUMENT))
        self.assertIs(DOCUMENT, redaction.Redaction([]).hide(DOCUMENT))

    def hide(self, document, *patterns):
        return redaction.Redaction(patterns).hide(document)

    def test_rows_of_extra_hardware(self):
        rows = [
            ["disk", "sda", "serial", "S3Z9NB0K"],
            ["disk", "sda", "size", "500"],
            ["odd"],
            "row",
            [1, 2, 3, 4],
        ]
        for pattern in ("*.serial", "data.disk.*.serial", "extra.disk.sda.serial"):
            shown = self.hide({"data": rows}, pattern)["data"]
            self.assertEqual([["disk", "sda", "serial", redaction.HIDDEN], *rows[1:]], shown, pattern)

    def test_copies_of_serial_numbers(self):
        document = {
            "root_disk": {"serial": "S3Z9NB0K", "by_id": "/dev/disk/by-id/ata-Samsung_SSD_S3Z9NB0K"},
            "note": "serial s3z9nb0k, not S3Z9NB0K1", "list": ["S3Z9NB0K", "scsi-3S3Z9NB0K", "0xs3z9nb0k"],
            "board": {"serial": "CN-70 16/7"},
            "label": "board CN-70 16/7", "extra": {"S3Z9NB0K": 1, "number": 7654321, "other": 7654322},
            "numbers": {"serial": "7654321"}, "short": {"serial": "sda"}, "name": "sda",
        }  # fmt: skip
        shown = self.hide(document, "*.serial")
        self.assertEqual("/dev/disk/by-id/ata-Samsung_SSD_redacted", shown["root_disk"]["by_id"])
        self.assertEqual("serial redacted, not S3Z9NB0K1", shown["note"])
        listed = ["redacted", "scsi-redacted", "redacted"]
        self.assertEqual((listed, "board redacted"), (shown["list"], shown["label"]))
        self.assertEqual({"redacted": 1, "number": "redacted", "other": 7654322}, shown["extra"])
        self.assertEqual("sda", shown["name"])

    def test_copies_of_mac_addresses(self):
        mac, pxe = "52:54:00:12:34:ab", "01-52-54-00-12-34-ab"
        document = {
            "inventory": {"interfaces": [{"mac_address": mac}]},
            "copies": [
                mac.upper(), "52-54-00-12-34-ab", "5254.0012.34AB", "5254001234ab", pxe,
                f"BOOTIF={pxe} quiet", "fe80::5054:ff:fe12:34ab%eth0", "2001:db8::5054:ff:fe12:34ab/64",
            ],
            "others": ["52:54:00:12:34:ac", "fe80::5054:ff:fe12:34ac", "fe80::1", "ff:fe"],
            "by_mac": {mac: 1, "52:54:00:12:34:AB": 2},
        }  # fmt: skip
        shown = self.hide(document, "*.mac_address")
        expected = [redaction.HIDDEN] * 5 + ["BOOTIF=redacted quiet"] + [redaction.HIDDEN] * 2
        self.assertEqual(expected, shown["copies"])
        self.assertEqual(document["others"], shown["others"])
        self.assertEqual([1, 2], list(shown["by_mac"].values()))
        self.assertNotIn("12:34", str(list(shown["by_mac"])).lower())
        boot = self.hide({"boot_interface": pxe, "mac": mac}, "boot_interface")
        self.assertEqual({"boot_interface": "redacted", "mac": "redacted"}, boot)

    def test_what_rules_wrote_is_hidden_by_its_place_only(self):
        document = {"serial": "S3Z9NB0K", "node": {"extra": {"x": "S3Z9NB0K"}, "serial": "S3Z9NB0K"}}
        self.assertEqual(
            {"serial": "redacted", "node": {"extra": {"x": "S3Z9NB0K"}, "serial": "redacted"}},
            self.hide(document, "*.serial"),
        )

    def test_no_serial_number_or_mac_address_of_a_sample_stays(self):
        patterns = ["*.serial", "*.serial_number", "*.mac_address", "*.mac", "*.wwn*", "macs"]
        for size in ramdisk.SAMPLES:
            document = ramdisk.sample(size)
            text = json.dumps(self.hide(document, *patterns)).lower()
            inventory = document["inventory"]
            known = [each["mac_address"] for each in inventory["interfaces"]]
            known += [each["serial"] for each in inventory["disks"] if each["serial"]]
            for value in known:
                for form in (value, value.replace(":", "-"), value.replace(":", "")):
                    self.assertNotIn(form.lower(), text, size)

    def test_neither_document_has_them_and_the_machine_is_known_all_the_same(self):
        self.introspect()
        mac = self.document()["inventory"]["interfaces"][0]["mac_address"]
        for path in ("/data", "/data/unprocessed"):
            text = self.one("GET", path).text
            self.assertNotIn("SER-1", text)
            self.assertNotIn(f'"mac_address":"{mac}"', text)
        self.assertEqual(
            ["redacted"], [each["mac"] for each in self.one("GET", "/data").json["interfaces"].values()]
        )
