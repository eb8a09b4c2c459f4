# SPDX-License-Identifier: Apache-2.0
"""Older and newer descriptions of the same hardware: chosen by what they hold, never both."""

from tests.unit.podmanagers import case
from valence.podmanagers.base import Etags

SYSTEM, CHASSIS = "/redfish/v1/Systems/1", "/redfish/v1/Chassis/1"
STORAGE, SIMPLE = f"{SYSTEM}/Storage", f"{SYSTEM}/SimpleStorage"
POWER, SUBSYSTEM = f"{CHASSIS}/Power", f"{CHASSIS}/PowerSubsystem"


def link(url):
    return {"@odata.id": url}


def resource(url, **more):
    return {"@odata.id": url, "@odata.type": "#Thing.v1_0_0.Thing", "Id": url.rpartition("/")[2]} | more


class AlternativesTestCase(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve(
            {
                "/redfish/v1/Systems": case.collection(SYSTEM),
                "/redfish/v1/Chassis": case.collection(CHASSIS),
                SYSTEM: resource(SYSTEM),
                CHASSIS: resource(CHASSIS),
            }
        )
        self.driver = self.connect(self.service.url)

    def has(self, **documents):
        """Add documents by URL, and link each from the resource above it."""
        for url, document in documents.items():
            self.service.documents[url] = document

    def fail(self, url, status):
        self.service.answers[f"GET {url}"] = lambda handler: handler.answer(status, {})

    def below(self, above, known=()):
        self.items = list(self.driver.crawl(Etags(dict.fromkeys(known))))
        return [url for url in case.seen(self.items) if url.startswith(f"{above}/")]


class StorageTest(AlternativesTestCase):
    def setUp(self):
        super().setUp()
        self.service.documents |= {
            SYSTEM: resource(SYSTEM, Storage=link(STORAGE), SimpleStorage=link(SIMPLE)),
            STORAGE: case.collection(f"{STORAGE}/1"),
            f"{STORAGE}/1": resource(f"{STORAGE}/1"),
            SIMPLE: case.collection(f"{SIMPLE}/1"),
            f"{SIMPLE}/1": resource(f"{SIMPLE}/1"),
        }

    def test_the_newer_is_read_alone_where_it_holds_something(self):
        self.assertEqual([f"{STORAGE}/1"], self.below(SYSTEM))
        self.assertEqual(0, self.service.count(f"GET {SIMPLE}"))

    def test_an_empty_one_gives_way(self):
        self.service.documents[STORAGE] = case.collection(
            **{"@odata.type": "#StorageCollection.StorageCollection"}
        )
        self.assertEqual([f"{SIMPLE}/1"], self.below(SYSTEM))

    def test_one_that_is_not_there_gives_way(self):
        self.fail(STORAGE, 404)
        self.assertEqual([f"{SIMPLE}/1"], self.below(SYSTEM))
        self.assertEqual([], case.unread(self.items))

    def test_one_whose_members_are_all_dead_gives_way(self):
        self.fail(f"{STORAGE}/1", 404)
        self.assertEqual([f"{SIMPLE}/1"], self.below(SYSTEM))

    def test_one_with_a_dead_member_does_not_give_way(self):
        self.service.documents[STORAGE] = case.collection(f"{STORAGE}/0", f"{STORAGE}/1")
        self.assertEqual([f"{STORAGE}/1"], self.below(SYSTEM))

    def test_one_that_fails_gives_way_and_is_not_reported(self):
        self.fail(STORAGE, 500)
        self.assertEqual([f"{SIMPLE}/1"], self.below(SYSTEM))
        self.assertEqual([], case.unread(self.items))

    def test_one_that_fails_is_reported_where_the_other_is_of_no_use(self):
        self.fail(STORAGE, 500)
        self.fail(SIMPLE, 404)
        self.assertEqual([], self.below(SYSTEM))
        (unread,) = case.unread(self.items)
        self.assertEqual((SYSTEM, True), (unread.parent, "Storage" in unread.resource_types))

    def test_one_of_which_resources_are_known_is_unread_when_it_fails(self):
        self.fail(STORAGE, 500)
        self.assertEqual([], self.below(SYSTEM, known=[f"{STORAGE}/1"]))
        self.assertEqual(1, len(case.unread(self.items)))

    def test_what_other_links_lead_to_below_one_that_fails_is_no_matter(self):
        self.fail(STORAGE, 500)
        self.assertEqual([f"{SIMPLE}/1"], self.below(SYSTEM, known=[f"{STORAGE}/1/Drives/1"]))

    def test_one_that_fails_gives_way_to_all_embedded_members(self):
        self.fail(STORAGE, 500)
        urls = [f"{SIMPLE}/{number}" for number in (1, 2, 3)]
        for members in ([resource(url) for url in urls], [link(url) for url in urls]):
            self.service.documents |= {url: resource(url) for url in urls}
            embedded = link(SIMPLE) | {"Members": members, "Members@odata.count": 3}
            self.service.documents[SYSTEM]["SimpleStorage"] = embedded
            self.assertEqual(urls, self.below(SYSTEM))

    def test_one_that_is_busy_is_unread(self):
        self.fail(STORAGE, 503)
        self.assertEqual([], self.below(SYSTEM))
        self.assertEqual(1, len(case.unread(self.items)))

    def test_embedded_members_are_what_counts(self):
        self.service.documents[SYSTEM]["Storage"] = link(STORAGE) | {"Members": [], "Members@odata.count": 0}
        self.assertEqual([f"{SIMPLE}/1"], self.below(SYSTEM))

    def test_storage_of_hpe_before_it_was_standardized(self):
        smart = f"{SYSTEM}/SmartStorage"
        controllers, drives = f"{smart}/ArrayControllers", f"{smart}/ArrayControllers/0/DiskDrives"
        volumes = f"{smart}/ArrayControllers/0/LogicalDrives"
        oem = {"Hpe": {"Links": {"SmartStorage": link(smart)}}}
        self.service.documents |= {
            SYSTEM: resource(SYSTEM, Storage=link(STORAGE), Oem=oem),
            STORAGE: case.collection(),
            smart: resource(smart, Links={"ArrayControllers": link(controllers)}),
            controllers: case.collection(f"{controllers}/0"),
            f"{controllers}/0": resource(
                f"{controllers}/0", Links={"PhysicalDrives": link(drives), "LogicalDrives": link(volumes)}
            ),
            drives: case.collection(f"{drives}/0"),
            f"{drives}/0": resource(f"{drives}/0"),
            volumes: case.collection(f"{volumes}/1"),
            f"{volumes}/1": resource(f"{volumes}/1"),
        }
        self.assertEqual([f"{controllers}/0", f"{drives}/0", f"{volumes}/1"], self.below(SYSTEM))
        types = [each.resource_type for url, each in case.seen(self.items).items() if url.startswith(smart)]
        self.assertEqual(["Storage", "Drive", "Volume"], types)


class PowerTest(AlternativesTestCase):
    """The newer document only leads to the collection that counts."""

    def setUp(self):
        super().setUp()
        self.supplies = f"{SUBSYSTEM}/PowerSupplies"
        self.part = f"{POWER}#/PowerSupplies/0"
        self.service.documents |= {
            CHASSIS: resource(CHASSIS, PowerSubsystem=link(SUBSYSTEM), Power=link(POWER)),
            SUBSYSTEM: resource(SUBSYSTEM, PowerSupplies=link(self.supplies)),
            self.supplies: case.collection(f"{self.supplies}/1"),
            f"{self.supplies}/1": resource(f"{self.supplies}/1"),
            POWER: resource(POWER, PowerSupplies=[link(self.part) | {"MemberId": "0"}]),
        }

    def test_the_newer_is_read_alone_where_it_holds_something(self):
        self.assertEqual([f"{self.supplies}/1"], self.below(CHASSIS))

    def test_an_empty_collection_below_the_newer_gives_way(self):
        self.service.documents[self.supplies] = case.collection()
        self.assertEqual([self.part], self.below(CHASSIS))

    def test_a_dead_collection_below_the_newer_gives_way(self):
        self.fail(self.supplies, 404)
        self.assertEqual([self.part], self.below(CHASSIS))

    def test_a_newer_document_that_is_dead_gives_way(self):
        for status in (404, 500, 401):
            self.fail(SUBSYSTEM, status)
            self.assertEqual([self.part], self.below(CHASSIS), status)

    def test_a_newer_document_without_the_link_gives_way(self):
        batteries = f"{SUBSYSTEM}/Batteries"
        self.service.documents |= {
            SUBSYSTEM: resource(SUBSYSTEM, Batteries=link(batteries)),
            batteries: case.collection(f"{batteries}/1"),
            f"{batteries}/1": resource(f"{batteries}/1"),
        }
        self.assertEqual({f"{batteries}/1", self.part}, set(self.below(CHASSIS)))

    def test_it_is_the_same_in_every_crawl(self):
        self.service.documents[self.supplies] = case.collection()
        for _ in range(3):
            self.assertEqual([self.part], self.below(CHASSIS, known=[self.part]))


class PartsTest(AlternativesTestCase):
    """Parts of a document are resources by their fragments, whatever those say."""

    def setUp(self):
        super().setUp()
        self.service.documents[CHASSIS] = resource(CHASSIS, Power=link(POWER))

    def test_a_fragment_that_is_no_index_is_a_name(self):
        names = [f"{POWER}#/PowerSupplies/{name}" for name in ("200", "300")]
        supplies = [link(url) | {"SerialNumber": url[-3:]} for url in names]
        self.service.documents[POWER] = resource(POWER, PowerSupplies=supplies)
        self.assertEqual(names, self.below(CHASSIS))
        self.assertEqual(["200", "300"], [self.driver.read(url)["SerialNumber"] for url in names])

    def test_parts_that_have_the_same_url_are_known_by_their_place(self):
        supplies = [link(f"{POWER}#/PowerSupplies/0") | {"MemberId": number} for number in "01"]
        self.service.documents[POWER] = resource(POWER, PowerSupplies=supplies)
        urls = [f"{POWER}#/PowerSupplies/{number}" for number in "01"]
        self.assertEqual(urls, self.below(CHASSIS))
        self.assertEqual(["0", "1"], [self.driver.read(url)["MemberId"] for url in urls])

    def test_parts_without_a_url_are_known_by_their_place(self):
        supplies = [{"Name": "First"}, {"SerialNumber": "S2"}]
        self.service.documents[POWER] = resource(POWER, PowerSupplies=supplies)
        urls = [f"{POWER}#/PowerSupplies/{number}" for number in (0, 1)]
        self.assertEqual(urls, self.below(CHASSIS))
        self.assertEqual(supplies, [self.driver.read(url) for url in urls])


class TwoPlacesTest(AlternativesTestCase):
    """A part that a system and a chassis list at URLs of their own is one resource."""

    def check(self, expected, here, there):
        """Give a system and a chassis devices with these serial numbers; check which URLs are seen."""
        devices = {}
        for above, serials in ((SYSTEM, here), (CHASSIS, there)):
            urls = [f"{above}/PCIeDevices/{number}" for number in range(len(serials))]
            self.service.documents[above] = resource(above, PCIeDevices=[link(url) for url in urls])
            for url, serial in zip(urls, serials, strict=True):
                devices[url] = resource(url, SerialNumber=serial, PCIeFunctions=link(f"{url}/PCIeFunctions"))
                devices[f"{url}/PCIeFunctions"] = case.collection(f"{url}/PCIeFunctions/0")
                devices[f"{url}/PCIeFunctions/0"] = resource(f"{url}/PCIeFunctions/0")
        self.service.documents |= devices
        for _ in range(2):
            urls = [*self.below(SYSTEM), *self.below(CHASSIS)]
            self.assertEqual(expected, [url for url in urls if "Functions" not in url])
            self.assertEqual(2 * len(expected), len(urls))

    def test_the_first_one_is_seen_with_what_is_below(self):
        self.check([f"{SYSTEM}/PCIeDevices/0"], ["SN1234"], ["SN1234"])

    def test_without_a_serial_number_both_are_seen(self):
        self.check([f"{SYSTEM}/PCIeDevices/0", f"{CHASSIS}/PCIeDevices/0"], [None], [None])

    def test_a_serial_number_that_several_devices_have_proves_nothing(self):
        self.check(
            [f"{SYSTEM}/PCIeDevices/0", f"{SYSTEM}/PCIeDevices/1", f"{CHASSIS}/PCIeDevices/0"],
            ["SN1234", "SN1234"],
            ["SN1234"],
        )

    def test_a_url_that_differs_in_case_only_is_the_one_that_the_document_has(self):
        drive, lower = f"{SYSTEM}/Drives/D1", f"{SYSTEM.lower()}/drives/d1"
        self.service.documents |= {
            SYSTEM: resource(SYSTEM, Storage=[link(f"{STORAGE}/1")]),
            f"{STORAGE}/1": resource(f"{STORAGE}/1", Drives=[link(drive)]),
            CHASSIS: resource(CHASSIS, Links={"Drives": [link(lower)]}),
            drive: resource(drive),
            lower: resource(drive),
        }
        self.assertEqual([f"{STORAGE}/1", drive], self.below(SYSTEM))
        self.assertEqual([], [url for url in case.seen(self.items) if "/systems/" in url])


class ContainedTest(AlternativesTestCase):
    def test_a_chassis_that_only_another_one_contains_is_seen(self):
        inner = "/redfish/v1/Chassis/Blade"
        self.service.documents |= {
            CHASSIS: resource(CHASSIS, Links={"Contains": [link(inner), link(CHASSIS)]}),
            inner: resource(inner, Links={"Contains": [link(CHASSIS)]}),
        }
        self.below(CHASSIS)
        parents = {url: seen.parent for url, seen in case.seen(self.items).items()}
        self.assertEqual({SYSTEM: "", CHASSIS: "", inner: CHASSIS}, parents)
