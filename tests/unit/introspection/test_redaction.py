# SPDX-License-Identifier: Apache-2.0
"""Values that a site does not want to keep."""

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
        self.assertEqual(DOCUMENT | {"a": nested}, redaction.Redaction(["*.serial"]).hide(DOCUMENT))
        self.assertEqual(DOCUMENT | {"serial": hidden}, redaction.Redaction(["serial"]).hide(DOCUMENT))
        self.assertIs(DOCUMENT, redaction.Redaction([]).hide(DOCUMENT))

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
