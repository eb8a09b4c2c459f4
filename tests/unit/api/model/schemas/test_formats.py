# SPDX-License-Identifier: Apache-2.0
"""Formats of text."""

from tests import base
from valence.api.model import schemas


class UUIDTest(base.TestCase):
    def test_upper_case_is_kept_lower(self):
        self.assertEqual(
            "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", schemas.uuid_text("5B5C2D6E-3C0F-4CE6-9D1C-0F6E3A2B7C11")
        )

    def test_other_spellings_are_refused(self):
        for text in (
            "5b5c2d6e3c0f4ce69d1c0f6e3a2b7c11",
            "{5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11}",
            "x",
            "",
            "a\n",
        ):
            self.assertRaises(ValueError, schemas.uuid_text, text)


class TimestampTest(base.TestCase):
    def test_every_zone_becomes_utc(self):
        for text in (
            "2026-11-21T03:37:02Z",
            "2026-11-21T05:37:02+02:00",
            "2026-11-21 03:37:02.9",
            "2026-11-21T03:37:02",
        ):
            self.assertEqual("2026-11-21T03:37:02Z", schemas.timestamp(text))

    def test_what_no_store_can_keep_is_refused(self):
        for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59-10:00", "2026-02-30T00:00:00Z", "now", ""):
            self.assertRaises(ValueError, schemas.timestamp, text)


class URITest(base.TestCase):
    def test_equal_urls_get_one_form(self):
        forms = {
            "HTTPS://Pod.Example.ORG:443/redfish/v1/": "https://pod.example.org/redfish/v1",
            "http://10.0.0.7:80": "http://10.0.0.7",
            "http://10.0.0.7:8000//": "http://10.0.0.7:8000",
            "https://[2001:DB8::7]:8443/redfish/v1": "https://[2001:db8::7]:8443/redfish/v1",
        }
        self.assertEqual(forms, {text: schemas.uri(text) for text in forms})

    def test_what_cannot_be_a_service_root_is_refused(self):
        wrong = [
            "", "pod", "ftp://pod", "http://", "http:///redfish", "http://:80", "http://pod:0", "http://pod:99999",
            "http://pod:x", "http://[::1", "http://pod /", "http://pod/\n", "http://pod\\x", "http://pod?a=1",
            "http://pod#a", "http://po<d", "//pod", "javascript:alert(1)", "file:///etc/passwd",
        ]  # fmt: skip
        for text in wrong:
            self.assertRaises(ValueError, schemas.uri, text)

    def test_credentials_are_refused_with_the_way_to_give_them(self):
        for text in ("https://admin:pw@pod", "https://admin@pod", "https://:pw@pod", "https://@pod"):
            error = self.assertRaises(ValueError, schemas.uri, text)
            self.assertIn("username and password", str(error))


class CheckerTest(base.TestCase):
    def test_other_values_than_text_are_left_to_the_type(self):
        self.assertTrue(schemas._checker().conforms(7, "uri"))
        self.assertFalse(schemas._checker().conforms("7", "uri"))

    def test_values_get_their_form(self):
        self.assertEqual("http://pod", schemas._normal({"format": "uri"}, "http://POD/"))
        self.assertEqual("http://POD/", schemas._normal({}, "http://POD/"))
