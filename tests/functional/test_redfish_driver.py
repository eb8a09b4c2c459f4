# SPDX-License-Identifier: Apache-2.0
"""The Redfish driver against data and services that nobody here wrote, and against a simulator that fails."""

import collections

from oslo_config import cfg

from tests import base
from tests import clock
from tests import redfish_mockup
from tests import sushy_emulator
from valence.common import errors
from valence.common import introspection_errors
from valence.common.configuration import config
from valence.conductor.inventory import comparison
from valence.db import models
from valence.podmanagers import base as podmanagers_base
from valence.podmanagers.base import Etags
from valence.podmanagers.redfish import driver as redfish_driver
from valence.podmanagers.redfish.crawl import properties
from valence.simulator import server

ROOT = "/redfish/v1"
CREDENTIALS = {"username": "admin", "password": "password"}

#: mockup -> its resources by type, counted by hand in the data: what is linked and there
MOCKUPS = {
    # the blades' disks are SimpleStorage, the power supplies parts of the enclosure's Power document
    "dmtf/public-bladed": {
        "System": 4, "Processor": 4, "Storage": 4, "Manager": 5, "Ethernet Interface": 5, "Chassis": 5,
        "Power Supply": 2, "Fan": 8,
    },
    # one system's network interface is linked as another's; two documents named Capabilities are no resources
    "dmtf/public-composability": {
        "System": 5, "Processor": 8, "Memory": 11, "Storage": 6, "Ethernet Interface": 6, "NVMe": 8, "Manager": 1,
        "Chassis": 8, "Power Supply": 2, "Fan": 4, "Resource Block": 12, "Zone": 3,
    },
    # ports of USB and graphics controllers are not followed
    "dmtf/public-rackmount1": {
        "System": 1, "Processor": 3, "Memory": 4, "Storage": 1, "Ethernet Interface": 6, "Manager": 1,
        "Ethernet Port": 1, "Chassis": 1, "Power Supply": 2, "Fan": 4, "Battery": 1,
    },
    "intelrsd-sim-pnc": {
        "System": 1, "PCIe Device": 1, "PCIeFunction": 1, "Storage": 1, "NVMe": 2, "Manager": 1, "Chassis": 1,
        "Fabric": 1, "Switch": 1, "Zone": 1, "Endpoint": 2, "Port": 2,
    },
    "intelrsd-sim-psme": {
        "System": 1, "Processor": 1, "Memory": 1, "Storage": 1, "Ethernet Interface": 3, "Drive": 1, "Manager": 3,
        "Chassis": 3, "Power Supply": 1, "Switch": 1, "Ethernet Port": 3,
    },
    "intelrsd-sim-rss": {"Manager": 1, "Storage Service": 1, "Drive": 1, "Volume": 3},
    # 113 of 218 links lead nowhere, those to every chassis and node among them
    "rsd-lib-tree": {
        "System": 2, "PCIe Device": 1, "PCIeFunction": 1, "Processor": 1, "Memory": 1, "Ethernet Interface": 1,
        "Manager": 1, "Fabric": 1, "Zone": 1, "Endpoint": 2, "Switch": 1, "Ethernet Port": 1,
        "Storage Service": 2, "NVMe": 1, "Volume": 1,
    },
    # the two racks are linked and not there
    "valence-rsd121-sim": {"System": 48, "Chassis": 10, "Node": 6},
}  # fmt: skip


class DriverTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.conf = cfg.ConfigOpts()
        config.register(self.conf)
        self.conf([])

    def configure(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, "redfish")

    def connect(self, url, **values):
        driver = redfish_driver.RedfishDriver(self.conf, models.PodManager(name="pod", url=url, **values))
        self.addCleanup(driver.close)
        return driver


def seen(items):
    return [item for item in items if isinstance(item, podmanagers_base.Seen)]


def counts(items):
    return dict(collections.Counter(item.resource_type for item in items))


class MockupTest(DriverTestCase):
    def test_every_mockup_has_the_resources_that_were_counted(self):
        for name, expected in MOCKUPS.items():
            driver = self.connect(self.useFixture(redfish_mockup.RedfishMockup(name)).url)
            driver.root()
            self.assertEqual(expected, counts(seen(driver.crawl(Etags()))), name)

    def test_every_resource_of_every_mockup_can_be_read(self):
        for name in MOCKUPS:
            driver = self.connect(self.useFixture(redfish_mockup.RedfishMockup(name)).url)
            for item in seen(driver.crawl(Etags())):
                document = driver.read(item.resource_url)
                self.assertEqual(item.identity, properties.identity(document), item)

    def test_a_second_crawl_of_a_mockup_sees_the_same(self):
        for name in MOCKUPS:
            driver = self.connect(self.useFixture(redfish_mockup.RedfishMockup(name)).url)
            first = list(driver.crawl(Etags()))
            etags = {item.resource_url: item.etag for item in seen(first)}
            self.assertEqual(first, list(driver.crawl(Etags(etags))), name)


class SushyEmulatorTest(DriverTestCase):
    def test_systems_are_seen_in_spite_of_links_that_fail(self):
        emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=5))
        items = list(self.connect(emulator.url).crawl(Etags()))
        expected = {"System": 5, "Manager": 5, "Ethernet Interface": 5, "Chassis": 1, "Fan": 2}
        self.assertEqual(expected, counts(seen(items)))
        unread = [item for item in items if isinstance(item, podmanagers_base.Unread)]
        self.assertEqual([frozenset({"Storage"})] * 5, [each.resource_types for each in unread])

    def test_http_basic_is_used_where_that_is_all_there_is(self):
        users = self.make_folder() / "htpasswd"
        users.write_text(
            "admin:$2b$05$p6.8UxJzDP92YapdgankaOwO2Jtiygqo6trJDcRnCXpGC/OZpnT4.\n"
        )  # of "password"
        emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=1, auth_file=users))
        items = list(self.connect(emulator.url, **CREDENTIALS).crawl(Etags()))
        self.assertEqual(1, counts(seen(items))["System"])
        wrong = self.connect(emulator.url, username="admin", password="wrong")
        self.assertRaises(errors.PodManagerAuthFailed, wrong.root)

    def test_power_and_boot_of_a_system(self):
        driver = self.connect(self.useFixture(sushy_emulator.SushyEmulator(systems=1)).url)
        (url,) = [item["@odata.id"] for item in driver.read(f"{ROOT}/Systems")["Members"]]
        self.assertEqual(("Off", "disk"), driver.machine_state(url)[:3:2])
        done = podmanagers_base.Outcome(podmanagers_base.DONE)
        self.assertEqual(done, driver.boot(url, target="pxe", enabled="once"))
        for reset_type, power_state in (("on", "On"), ("force_off", "Off")):
            self.assertEqual(done, driver.power(url, reset_type))
            # The emulator takes up to 11 s.
            self.wait_for(lambda state=power_state: driver.machine_state(url).power_state == state, 60)
        self.assertEqual("pxe", driver.machine_state(url).boot_target)
        self.assertEqual(done, driver.power(url, "graceful_restart"))
        for action in (
            "power_cycle",
            "nmi",
        ):  # the one is not in its list, the other is, and is answered by 501
            self.assertRaises(introspection_errors.NotOffered, driver.power, url, action)
        self.assertEqual(done, driver.boot(url, target="cd", enabled="continuous", mode="legacy"))
        self.assertEqual(("cd", "continuous", "legacy"), driver.machine_state(url)[2:5])
        error = self.assertRaises(errors.PodManagerError, driver.boot, url, target=None, enabled="disabled")
        self.assertIn("Missing the BootSourceOverrideTarget", error.detail)


class InspectTest(DriverTestCase):
    """Machines of other makers, as introspection without a ramdisk sees them."""

    def test_systems_of_an_emulator(self):
        emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=1))
        driver = self.connect(emulator.url)
        (system,) = [each for each in seen(list(driver.crawl(Etags()))) if each.resource_type == "System"]
        document = driver.inspect(system.resource_url)
        (interface,) = document["inventory"]["interfaces"]
        self.assertEqual("00:5c:52:31:00:00", interface["mac_address"])
        self.assertNotEqual([], document["unread"])

    def test_systems_of_recorded_trees(self):
        for name in MOCKUPS:
            driver = self.connect(self.useFixture(redfish_mockup.RedfishMockup(name)).url)
            systems = [
                each for each in seen(driver.crawl(Etags())) if each.resource_type in ("System", "Node")
            ]
            documents = [driver.inspect(system.resource_url) for system in systems]
            self.assertEqual([[]] * len(systems), [document["unread"] for document in documents], name)
            known = [document["inventory"]["cpu"]["count"] for document in documents]
            self.assertEqual(bool(systems), any(known), name)

    def test_a_recorded_rack_server(self):
        driver = self.connect(self.useFixture(redfish_mockup.RedfishMockup("dmtf/public-rackmount1")).url)
        inventory = driver.inspect(f"{ROOT}/Systems/437XR1138R2")["inventory"]
        self.assertEqual("3500", inventory["system_vendor"]["product_name"])
        self.assertEqual((16, "x86_64"), (inventory["cpu"]["count"], inventory["cpu"]["architecture"]))
        self.assertEqual(96 * 1024, inventory["memory"]["physical_mb"])
        self.assertEqual([8 * 10**12, 4 * 10**12], [disk["size"] for disk in inventory["disks"]])
        self.assertEqual("192.168.0.10", inventory["bmc_address"])


class SimulatorTestCase(DriverTestCase):
    options: dict = {}

    def setUp(self):
        super().setUp()
        self.simulator = server.Simulator(**({"racks": 2, "systems": 12} | self.options))
        self.addCleanup(self.simulator.stop)
        self.simulator.start()
        self.configure(connect_timeout=1, read_timeout=1)
        self.driver = self.connect(self.simulator.url + ROOT, **CREDENTIALS)

    def rows(self, items):
        """Return what a store would hold after a crawl."""
        diff = comparison.Diff("pod", [])
        changes = [diff.see(item) for item in seen(items)]
        return [change.new for change in [*changes, *diff.finish()] if change]

    def changes(self, rows, items):
        """Return the kinds of changes that a crawl means for what is stored, and the URLs concerned."""
        diff = comparison.Diff("pod", rows)
        changes = []
        for item in items:
            if isinstance(item, podmanagers_base.Seen):
                changes.append(diff.see(item))
            elif isinstance(item, podmanagers_base.Unchanged):
                diff.unchanged(item.resource_url)
            else:
                diff.unread(item)
        changes = [change for change in [*changes, *diff.finish()] if change is not None]
        return sorted(
            (type(change).__name__, change[-1].resource_url) for change in changes if len(change) == 1
        )


class SimulatorTest(SimulatorTestCase):
    options = {"systems": 12}

    def test_every_type_of_resource_is_seen(self):
        simulator = server.Simulator(equipment=True)
        self.addCleanup(simulator.stop)
        self.configure(sensors=True)
        driver = self.connect(simulator.start().url + ROOT, **CREDENTIALS)
        self.assertEqual(set(models.resource.RESOURCE_TYPES), set(counts(driver.crawl(Etags()))))

    def test_sensors_are_listed_only_if_asked_for(self):
        simulator = server.Simulator(equipment=True)
        self.addCleanup(simulator.stop)
        driver = self.connect(simulator.start().url + ROOT, **CREDENTIALS)
        self.assertNotIn("Sensor", counts(driver.crawl(Etags())))

    def test_expanded_plain_and_paged_reads_see_the_same(self):
        def told(driver):
            # which of two links to a chassis comes first depends on the pages
            return {item.resource_url: (item.resource_type, *item[3:-1]) for item in driver.crawl(Etags())}

        expected = told(self.driver)
        for options in (
            {"expand": False},
            {"expand": False, "page_size": 3},
            {"page_size": 3},
            {"refuse_queries": True},
        ):
            simulator = server.Simulator(racks=2, systems=12, **options)
            self.addCleanup(simulator.stop)
            driver = self.connect(simulator.start().url + ROOT, **CREDENTIALS)
            self.assertEqual(expected, told(driver), options)

    def test_idle_hardware_does_not_change(self):
        rows = self.rows(self.driver.crawl(Etags()))
        for expand in (True, False):
            self.configure(expand=expand)
            for _ in range(3):
                etags = {row.resource_url: row.etag for row in rows}
                self.assertEqual([], self.changes(rows, self.driver.crawl(Etags(etags))))

    def test_what_changed_is_seen_in_spite_of_etags(self):
        self.configure(expand=False)
        etags = {item.resource_url: item.etag for item in self.driver.crawl(Etags())}
        self.simulator.set_health("System3", "Critical")
        again = {item.resource_url: item for item in seen(self.driver.crawl(Etags(etags)))}
        self.assertEqual("Critical", again[f"{ROOT}/Systems/System3"].health)
        self.assertLess(len(again), 30)

    def test_what_is_removed_below_a_resource_that_did_not_change_is_missing(self):
        rows = self.rows(self.driver.crawl(Etags()))
        self.simulator.remove_system("System3")
        removed = self.changes(rows, self.driver.crawl(Etags({row.resource_url: row.etag for row in rows})))
        self.assertIn(("Removed", f"{ROOT}/Systems/System3"), removed)
        self.assertIn(("Removed", f"{ROOT}/Systems/System3/Processors/1"), removed)

    def test_sessions_that_end_in_the_middle_of_a_crawl_are_replaced(self):
        expected = list(self.driver.crawl(Etags()))
        items = []
        for item in self.driver.crawl(Etags()):
            if len(items) in (5, 150):  # far apart: a system brings what it has with it
                self.simulator.end_sessions()
            items.append(item)
        self.assertEqual(expected, items)

    def test_closing_gives_the_session_back(self):
        self.driver.root()
        self.assertEqual(1, self.simulator.stats()["sessions"])
        self.driver.close()
        self.assertEqual(0, self.simulator.stats()["sessions"])

    def test_a_password_that_is_wrong_by_now_is_tried_once(self):
        self.driver.root()
        self.simulator.set_password("changed")
        self.simulator.end_sessions()
        before = self.simulator.stats()["by_status"].get("401", 0)
        for _ in range(3):
            self.assertRaises(errors.PodManagerAuthFailed, list, self.driver.crawl(Etags()))
        self.assertLess(self.simulator.stats()["by_status"]["401"] - before, 12)

    def test_a_pod_manager_that_dies_in_the_middle_of_a_crawl_ends_it_soon(self):
        crawl = self.driver.crawl(Etags())
        next(crawl)
        self.simulator.stop()
        start = clock.seconds()
        self.assertRaises(errors.PodManagerUnreachable, list, crawl)
        self.assert_in_time(clock.seconds() - start, 10)

    def test_a_pod_manager_that_comes_back_is_crawled_again(self):
        expected = list(self.driver.crawl(Etags()))
        self.simulator.stop()
        self.assertRaises(errors.PodManagerUnreachable, self.driver.root)
        self.simulator.start()
        self.assertEqual(expected, list(self.driver.crawl(Etags())))


class FaultTest(SimulatorTestCase):
    """Nothing is taken for removed, or for new, because of a fault."""

    def setUp(self):
        super().setUp()
        self.rows_before = self.rows(self.driver.crawl(Etags()))

    def check(self, **faults):
        """Crawl with and without $expand under faults, and return how much was unread."""
        unread = 0
        for expand in (True, False):
            self.configure(expand=expand)
            self.simulator.set_faults(**faults)
            items = list(self.driver.crawl(Etags({row.resource_url: None for row in self.rows_before})))
            self.simulator.set_faults()
            self.assertEqual([], self.changes(self.rows_before, items), (expand, faults))
            unread += len(items) - len(seen(items))
        return unread

    def test_errors(self):
        self.assertGreater(self.check(error_rate=0.2, retry_after=0), 0)

    def test_errors_of_a_service_that_asks_to_wait(self):
        self.check(error_rate=0.02, retry_after=1)

    def test_connections_that_are_cut(self):
        self.assertGreater(self.check(cut_rate=0.3), 0)

    def test_documents_that_end_in_the_middle(self):
        self.assertGreater(self.check(truncate_rate=0.2), 0)

    def test_web_pages_instead_of_documents(self):
        self.assertGreater(self.check(html_rate=0.2), 0)

    def test_answers_that_never_come(self):
        self.assertGreater(self.check(hang_rate=0.02), 0)

    def test_slow_answers(self):
        self.assertEqual(0, self.check(latency=20))

    def test_links_that_are_dead(self):
        self.simulator.set_faults(dead_rate=0.1, fault_paths="/v1/(Systems|Chassis|Managers|Fabrics)/")
        items = list(self.driver.crawl(Etags()))
        self.assertEqual(len(items), len(seen(items)))
        changed = self.changes(self.rows_before, items)
        self.assertEqual({"Removed"}, {kind for kind, url in changed})
        self.assertEqual(len(self.rows_before), len(items) + len(changed))

    def test_a_service_that_only_fails_ends_the_crawl(self):
        for faults in ({"hang_rate": 1}, {"cut_rate": 1}):
            self.simulator.set_faults(**faults, fault_paths="Systems/.")
            start = clock.seconds()
            self.assertRaises(errors.PodManagerUnreachable, list, self.driver.crawl(Etags()))
            self.assert_in_time(clock.seconds() - start, 10)


class TLSTest(SimulatorTestCase):
    def setUp(self):
        self.options = {"tls": str(self.make_folder())}
        super().setUp()

    def test_a_certificate_is_checked_as_the_pod_manager_says(self):
        url = self.simulator.url + ROOT
        self.assertRaises(errors.PodManagerUnreachable, self.connect(url, **CREDENTIALS).root)
        for verify_ca in (self.simulator.certificate, "false"):
            driver = self.connect(url, verify_ca=verify_ca, **CREDENTIALS)
            self.assertEqual(12, counts(driver.crawl(Etags()))["System"])
