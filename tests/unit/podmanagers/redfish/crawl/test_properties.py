# SPDX-License-Identifier: Apache-2.0
"""What is read from a document, also from one that breaks the standard."""

from tests import base
from valence.podmanagers.redfish.crawl import properties

URL = "/redfish/v1/Systems/1"


def seen(**document):
    return properties.seen(document, URL, "System", "")


class SeenTest(base.TestCase):
    def test_tells_what_is_compared(self):
        found = properties.seen(
            {
                "Id": "1",
                "Name": "Web",
                "Status": {"Health": "OK", "State": "Enabled"},
                "PowerState": "On",
                "UUID": "ABCDEF00-0000-0000-0000-000000000001",
                "@odata.etag": "in document",
            },
            URL,
            "System",
            "/above",
            '"in header"',
        )
        self.assertEqual(
            (
                URL,
                "System",
                "/above",
                "Web",
                "OK",
                "Enabled",
                "On",
                "abcdef00-0000-0000-0000-000000000001",
                '"in header"',
            ),
            tuple(found),
        )

    def test_an_empty_document_tells_nothing(self):
        self.assertEqual((URL, "System", "", "1", None, None, None, None, None), tuple(seen()))

    def test_the_id_stands_in_for_a_name(self):
        self.assertEqual("1", seen(Id="1", Name="").name)
        self.assertEqual("0", seen(MemberId="0").name)

    def test_the_last_part_of_the_path_stands_in_for_name_and_id(self):
        self.assertEqual("1", seen(Name=None, Id="").name)

    def test_the_health_of_a_resource_and_its_parts_stands_in_for_its_own(self):
        self.assertEqual("Warning", seen(Status={"HealthRollup": "Warning"}).health)
        self.assertEqual("OK", seen(Status={"HealthRollup": "Warning", "Health": "OK"}).health)

    def test_fillers_of_serial_numbers_identify_nothing(self):
        for filler in ("0x00000000", "0000-0000", "00:00:00", "0", "0x", "FFFFFFFF", "0xffff", "----", ". ."):
            self.assertIsNone(seen(SerialNumber=filler).identity, filler)
        for serial in ("0x0000000a", "100", "F0F0"):
            self.assertEqual(serial, seen(SerialNumber=serial).identity)

    def test_a_bare_status_is_the_state(self):
        self.assertEqual((None, "Enabled"), seen(Status="Enabled")[4:6])
        self.assertEqual((None, None), seen(Status=["Enabled"])[4:6])

    def test_values_of_other_types_are_made_text_or_left_out(self):
        self.assertEqual("7", seen(Name=7).name)
        self.assertEqual("1", seen(Name={"a": 1}).name)
        self.assertIsNone(seen(PowerState=True).power_state)

    def test_values_fit_their_columns(self):
        found = seen(Name="n" * 300, Status={"Health": "h" * 300, "State": "s" * 300}, SerialNumber="1" * 300)
        self.assertEqual(
            (255, 32, 32, 255), (len(found.name), len(found.health), len(found.state), len(found.identity))
        )

    def test_characters_that_no_database_keeps_become_spaces(self):
        self.assertEqual("a b c", seen(Name="a\0b\ud800c").name)

    def test_an_etag_that_cannot_be_sent_is_none(self):
        for etag in ("", "e" * 256, "a\r\nInjected: yes", "ä", 5, ["e"]):
            self.assertIsNone(seen(**{"@odata.etag": etag}).etag, etag)


class IdentityTest(base.TestCase):
    def test_a_uuid_goes_before_a_serial_number(self):
        self.assertEqual("u-1", seen(UUID="U-1", SerialNumber="S1").identity)

    def test_a_serial_number_is_kept_as_it_is(self):
        self.assertEqual("SnA1", seen(SerialNumber=" SnA1 ").identity)

    def test_what_makers_write_for_none_is_none(self):
        junk = (
            "",
            " ",
            "None",
            "Not Specified",
            "N/A",
            "n/a",
            "0",
            "0000",
            "unknown",
            "To be filled by O.E.M.",
        )
        for value in (*junk, "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"):
            self.assertIsNone(seen(UUID=value, SerialNumber=value).identity, value)

    def test_a_junk_uuid_leaves_the_serial_number(self):
        self.assertEqual("S1", seen(UUID="03000200-0400-0500-0006-000700080009", SerialNumber="S1").identity)


class ReferenceTest(base.TestCase):
    def test_a_link_is_an_object_or_bare(self):
        self.assertEqual("/a", properties.reference({"@odata.id": "/a"}))
        self.assertEqual("/a", properties.reference("/a"))

    def test_anything_else_is_no_link(self):
        for value in (None, {}, [], 5, "", {"@odata.id": None}, {"@odata.id": {"@odata.id": "/a"}}):
            self.assertIsNone(properties.reference(value), value)


class MembersTest(base.TestCase):
    def test_members_stand_at_the_top_or_under_links(self):
        self.assertEqual([1], properties.members({"Members": [1]}))
        self.assertEqual([1], properties.members({"Links": {"Members": [1]}}))

    def test_one_member_without_a_list_is_a_list_of_one(self):
        self.assertEqual([{"@odata.id": "/a"}], properties.members({"Members": {"@odata.id": "/a"}}))

    def test_anything_else_is_no_list(self):
        for document in (
            {"Members": None},
            {"Members": {}},
            {"Members": "x"},
            {"Id": "1", "Links": None},
            {},
        ):
            self.assertIsNone(properties.members(document), document)


class ResourceTest(base.TestCase):
    """Services answer 200 with anything; what is believed has a name of its own and no error."""

    def test_resources(self):
        for document in ({"@odata.id": "/a"}, {"@odata.type": "#Drive"}, {"@odata.id": "/a", "error": None}):
            self.assertTrue(properties.is_resource(document), document)

    def test_no_resources(self):
        error = {"error": {"message": "no"}}
        for document in ({}, error, {"Id": "1"}, {"@odata.id": None}, {"@odata.id": "/a"} | error):
            self.assertFalse(properties.is_resource(document), document)

    def test_a_service_root_says_so_or_has_its_links(self):
        for document in (
            {"@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot"},
            {"Systems": {}},
            {"RedfishVersion": "1"},
        ):
            self.assertTrue(properties.is_service_root(document), document)
        for document in (
            {"@odata.type": "#ComputerSystem.X", "Chassis": {}},
            {"Members": [], "Systems": {}},
            {},
        ):
            self.assertFalse(properties.is_service_root(document), document)

    def test_an_expanded_document_that_leaves_out_state_or_links_lacks_something(self):
        whole = {"Name": "a", "Status": {"Health": "OK"}, "PowerState": "On", "Storage": {"@odata.id": "/s"}}
        self.assertFalse(properties.lacks(whole, whole, "System"))
        self.assertFalse(properties.lacks(whole | {"PowerState": "Off"}, whole, "System"))
        for name in whole:
            poor = {key: value for key, value in whole.items() if key != name}
            self.assertTrue(properties.lacks(poor, whole, "System"), name)


class PartTest(base.TestCase):
    def test_a_path_of_keys_stops_where_there_is_no_object(self):
        self.assertEqual(1, properties.at({"a": {"b": 1}}, ("a", "b")))
        self.assertIsNone(properties.at({"a": [1]}, ("a", "b")))

    def test_a_json_pointer_leads_through_lists_and_objects(self):
        document = {"a/b": [{"c~": 1}]}
        self.assertEqual(1, properties.pointed(document, "/a~1b/0/c~0"))
        for pointer in ("/a", "/a~1b/1", "/a~1b/x", "/a~1b/0/c~0/d"):
            self.assertIsNone(properties.pointed(document, pointer), pointer)
