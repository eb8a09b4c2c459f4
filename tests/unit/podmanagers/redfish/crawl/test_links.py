# SPDX-License-Identifier: Apache-2.0
"""The table of links: consistent in itself, with the model, and with the rules of what is called how."""

from tests import base
from valence.db.models import resource
from valence.podmanagers.redfish.crawl import links

KINDS = set(links.LINKS).union(*map(links.kinds_below, links.LINKS))


class TableTest(base.TestCase):
    def test_every_kind_is_a_type_of_resource_or_passed_through(self):
        self.assertEqual(set(), KINDS - links.PASSED_THROUGH - set(resource.RESOURCE_TYPES))

    def test_every_type_of_resource_can_be_reached(self):
        self.assertEqual(set(resource.RESOURCE_TYPES), links.TYPES_BELOW["ServiceRoot"])

    def test_only_what_leads_on_is_passed_through(self):
        self.assertEqual(set(), links.PASSED_THROUGH - set(links.LINKS))

    def test_types_below_a_kind_are_those_of_all_its_links(self):
        ports = {"Port", "Ethernet Port"}
        self.assertEqual(
            {"Drive", "NVMe", "Volume", "StorageController"} | ports, links.TYPES_BELOW["Storage"]
        )
        self.assertEqual({"Power Supply"}, links.TYPES_BELOW["Power"])
        self.assertEqual(ports, links.TYPES_BELOW["Processor"])
        self.assertEqual(set(), links.TYPES_BELOW["Memory"])

    def test_alternatives_are_links_of_the_same_kind_of_document_in_the_order_of_preference(self):
        (storage,) = (link for link in links.LINKS["System"] if link.path == ("Storage",))
        self.assertEqual(
            [
                ("Oem", "Hpe", "Links", "SmartStorage"),
                ("Oem", "Hp", "Links", "SmartStorage"),
                ("SimpleStorage",),
            ],
            [link.path for link in storage.instead],
        )

    def test_kinds_that_are_left_out_by_default_lead_nowhere(self):
        self.assertEqual(set(), links.OPTIONAL & set(links.LINKS))

    def test_types_of_a_link_include_the_kind_itself_by_all_its_names(self):
        self.assertLessEqual({"Storage", "Drive", "NVMe", "Volume"}, links.TYPES_OF["Storage"])
        self.assertEqual({"Port", "Ethernet Port"}, links.TYPES_OF["Port"])
        self.assertLessEqual({"Chassis", "Rack", "Power Supply"}, links.TYPES_OF["Chassis"])


class ResourceTypeTest(base.TestCase):
    def check(self, expected, kind, **document):
        self.assertEqual(expected, links.resource_type(kind, document))

    def test_a_chassis_whose_type_is_rack_is_a_rack(self):
        self.check("Rack", "Chassis", ChassisType="Rack")
        self.check("Chassis", "Chassis", ChassisType="RackMount")
        self.check("Chassis", "Chassis", ChassisType=["Rack"])
        self.check("Chassis", "Chassis")

    def test_a_drive_with_the_nvme_protocol_is_an_nvme(self):
        self.check("NVMe", "Drive", Protocol="NVMe")
        self.check("NVMe", "Drive", Interface="NVMe")
        self.check("Drive", "Drive", Protocol="SAS")
        self.check("Drive", "Drive", Protocol=None)

    def test_a_port_is_an_ethernet_port_by_any_of_the_properties_that_schemas_had_for_it(self):
        self.check("Ethernet Port", "Port", PortProtocol="Ethernet")
        self.check("Ethernet Port", "Port", LinkNetworkTechnology="Ethernet")
        self.check("Ethernet Port", "Port", ActiveLinkTechnology="Ethernet")
        self.check(
            "Ethernet Port", "Port", **{"@odata.type": "#EthernetSwitchPort.v1_0_0.EthernetSwitchPort"}
        )
        self.check("Port", "Port", PortProtocol="PCIe")

    def test_every_other_kind_is_called_by_its_name(self):
        self.check("System", "System", ChassisType="Rack", Protocol="NVMe")
