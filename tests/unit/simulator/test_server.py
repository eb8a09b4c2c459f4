# SPDX-License-Identifier: Apache-2.0
"""The simulator as its clients meet it: over HTTP and TLS, by requests and by sushy."""

import pathlib
import threading

import fixtures
import requests
import sushy

from tests.unit.simulator import case
from valence.simulator import server


class SushyTest(case.SimulatorTestCase):
    options = {"power_seconds": 0.1}

    def connect(self):
        auth = sushy.auth.SessionAuth("admin", "password")
        root = sushy.Sushy(self.simulator.url, auth=auth, verify=False)
        # else the collector does it, later and in any thread, even in that of a simulator
        self.addCleanup(auth.close)
        return root

    def test_signs_in_with_a_session(self):
        self.connect().get_system_collection()
        self.assertEqual(1, self.simulator.stats()["sessions"])

    def test_lists_systems_with_their_parts(self):
        systems = self.connect().get_system_collection().get_members()
        self.assertEqual(8, len(systems))
        self.assertEqual(2, len(systems[0].processors.get_members()))
        self.assertEqual(2, len(systems[0].ethernet_interfaces.get_members()))
        self.assertEqual(sushy.PROTOCOL_TYPE_NVMe, systems[0].storage.get_members()[0].drives[0].protocol)

    def test_resets_power(self):
        system = self.connect().get_system("/redfish/v1/Systems/System1")
        system.reset_system(sushy.ResetType.FORCE_OFF)

        def is_off():
            system.refresh(force=True)
            return system.power_state == sushy.PowerState.OFF

        self.wait_for(is_off)

    def test_sets_the_boot_source(self):
        system = self.connect().get_system("/redfish/v1/Systems/System1")
        system.set_system_boot_options(
            target=sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE
        )
        self.assertEqual("Pxe", self.system()["Boot"]["BootSourceOverrideTarget"])

    def test_reads_managers_chassis_fabrics_and_composition(self):
        root = self.connect()
        self.assertEqual(3, len(root.get_manager_collection().get_members()))
        self.assertEqual(4, len(root.get_chassis_collection().get_members()))
        self.assertEqual(2, len(root.get_fabric_collection().get_members()))
        self.assertTrue(root.get_composition_service().service_enabled)


class TLSTest(case.SimulatorTestCase):
    def setUp(self):
        self.options = {"tls": self.useFixture(fixtures.TempDir()).join("tls")}
        super().setUp()

    def test_its_certificate_is_good_for_its_address(self):
        self.assertTrue(self.simulator.url.startswith("https://127.0.0.1:"))
        self.assertEqual(200, self.get("Systems").status_code)

    def test_the_certificate_is_kept(self):
        before = pathlib.Path(self.simulator.certificate).read_bytes()
        self.start(**self.options)
        self.assertEqual(before, pathlib.Path(self.simulator.certificate).read_bytes())

    def test_a_given_certificate_is_used(self):
        folder = pathlib.Path(self.options["tls"])
        self.simulator = self.start(tls_cert=str(folder / "cert.pem"), tls_key=str(folder / "key.pem"))
        self.assertEqual(200, self.get("Systems").status_code)


class LifeTest(case.SimulatorTestCase):
    def test_starts_again_at_the_same_url_with_the_same_state(self):
        url = self.simulator.url
        self.simulator.set_health("System1", "Warning")
        self.simulator.stop()
        self.assertRaises(requests.ConnectionError, self.get, "Systems")
        self.simulator.start()
        self.assertEqual(url, self.simulator.url)
        self.assertEqual("Warning", self.system()["Status"]["Health"])

    def test_a_taken_port_is_told(self):
        port = int(self.simulator.url.rpartition(":")[2])
        self.assertRaises(OSError, server.Simulator(port=port).start)

    def test_an_unknown_option_is_told(self):
        error = self.assertRaises(TypeError, server.Simulator, rack=1)
        self.assertIn("rack", str(error))

    def test_stops_while_clients_hang(self):
        self.simulator.set_faults(hang_rate=1.0)
        hanging = threading.Thread(target=self.assertRaises, args=(requests.ConnectionError, self.get, ""))
        hanging.start()
        self.wait_for(lambda: self.simulator.stats()["requests"])
        self.simulator.stop()
        hanging.join(10)
        self.assertFalse(hanging.is_alive())

    def test_health_changes_by_itself(self):
        self.simulator = self.start(systems=1, health_changes=1200)
        self.wait_for(lambda: self.system()["Status"]["Health"] != "OK")
