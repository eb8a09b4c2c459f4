# SPDX-License-Identifier: Apache-2.0
"""What a Redfish system can be known by."""

from tests import base
from valence.common import errors
from valence.podmanagers.redfish import machines
from valence.podmanagers.redfish import urls
from valence.podmanagers.redfish.crawl import collection_pages

SYSTEM = "/redfish/v1/Systems/1"
NODE = "/redfish/v1/Nodes/1"


def link(path):
    return {"@odata.id": path}


class Service(collection_pages.Walker):
    """Documents by path; what is not there is gone."""

    def __init__(self, documents):
        super().__init__(self.document_at, urls.Paths("http://pod"))
        self.documents = documents

    def document_at(self, path):
        if path not in self.documents:
            raise errors.ResourceGone(url="http://pod", reason=path)
        return self.documents[path]


DOCUMENTS = {
    NODE: {"Links": {"ComputerSystem": link(SYSTEM)}},
    SYSTEM: {
        "UUID": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11",
        "SerialNumber": "SN1",
        "EthernetInterfaces": link(f"{SYSTEM}/EthernetInterfaces"),
        "Links": {"ManagedBy": [link("/redfish/v1/Managers/1"), link("/gone")]},
    },
    f"{SYSTEM}/EthernetInterfaces": {"Members": [link("/nic/1"), link("/gone"), None]},
    "/nic/1": {"MACAddress": "52:54:00:00:00:01", "PermanentMACAddress": "52:54:00:00:00:02"},
    "/redfish/v1/Managers/1": {"EthernetInterfaces": link("/bmc")},
    "/bmc": {"Members": [link("/bmc/1")]},
    "/bmc/1": {"IPv4Addresses": [{"Address": "10.0.0.9"}, None], "IPv6Addresses": None},
}


class MachineTest(base.TestCase):
    def test_a_system(self):
        machine = machines.identify(Service(DOCUMENTS), SYSTEM)
        self.assertEqual(["52:54:00:00:00:01", "52:54:00:00:00:02"], machine.macs)
        self.assertEqual((["10.0.0.9"], "SN1"), (machine.bmc_addresses, machine.serial))

    def test_links_may_be_absolute_or_bare_and_collections_have_pages(self):
        nics = f"{SYSTEM}/EthernetInterfaces"
        pages = {
            SYSTEM: DOCUMENTS[SYSTEM] | {"EthernetInterfaces": f"http://pod{nics}"},
            nics: {"Members": ["http://pod/nic/1"], "@odata.nextLink": "?$skip=1"},
            f"{nics}?$skip=1": {"Members": ["/nic/2"]},
            "/nic/2": {"MACAddress": "52:54:00:00:00:03"},
        }
        machine = machines.identify(Service(DOCUMENTS | pages), SYSTEM)
        self.assertEqual(["01", "02", "03"], [mac[-2:] for mac in machine.macs])

    def test_a_composed_node_is_known_by_its_system(self):
        walker = Service(DOCUMENTS)
        self.assertEqual(machines.identify(walker, SYSTEM), machines.identify(walker, NODE))

    def test_a_system_that_tells_little(self):
        machine = machines.identify(Service({SYSTEM: {"Links": 5}}), SYSTEM)
        self.assertEqual(([], [], None, None), tuple(machine))

    def test_a_system_that_is_gone(self):
        self.assertRaises(errors.ResourceGone, machines.identify, Service({}), SYSTEM)
