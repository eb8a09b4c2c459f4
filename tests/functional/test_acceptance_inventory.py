# SPDX-License-Identifier: Apache-2.0
"""Acceptance: several kinds of pod managers at the same time, their resources, and the truth about what changes."""

from tests import clock
from tests import redfish_mockup
from tests import stores
from tests import sushy_emulator
from tests.functional import acceptance

RACKS, SYSTEMS = 50, 2000

#: what one system, one rack with its sleds, and the whole of a simulated pod are
SYSTEM = {"System": 1, "Processor": 2, "Memory": 4, "Storage": 1, "NVMe": 1, "Ethernet Interface": 2}
RACK = {
    "Rack": 1,
    "Chassis": SYSTEMS // RACKS // 4,
    "Manager": 1,
    "Power Supply": 2,
    "PCIe Device": 1,
    "Network Adapter": 1,
    "Drive": 1,
    "Node": 1,
    "Switch": 2,
    "Ethernet Port": 2 + 4,
    "Port": 4,
    "Resource Block": 2,
    "Zone": 3,
}
POD = {"Manager": 1, "Fabric": 2, "Storage Service": 1, "Volume": 2}
SIMULATOR = {
    kind: SYSTEM.get(kind, 0) * SYSTEMS + RACK.get(kind, 0) * RACKS + POD.get(kind, 0)
    for kind in SYSTEM | RACK | POD
}
#: DMTF DSP2043, public-rackmount1: what of it is hardware that Valence knows
RACKMOUNT = {
    "System": 1,
    "Chassis": 1,
    "Manager": 1,
    "Processor": 3,
    "Memory": 4,
    "Storage": 1,
    "Ethernet Interface": 6,
    "Ethernet Port": 1,
    "Power Supply": 2,
    "Fan": 4,
    "Battery": 1,
}


class KindsTest(acceptance.AcceptanceCase):
    time_limit = stores.patience(400)
    options = {"sync": {"interval": 600}}

    def test_all_resources_of_three_kinds_of_pod_managers_appear_with_the_right_types(self):
        emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=50))
        mockup = self.useFixture(redfish_mockup.RedfishMockup("dmtf/public-rackmount1"))
        simulator = self.simulate(racks=RACKS, systems=SYSTEMS)
        emulated = self.valence.register("emulator", emulator.url)
        rackmount = self.valence.register("rackmount", mockup.url)
        simulated = self.register(simulator, stores.patience(180))
        for pod_manager in (emulated, rackmount):
            self.wait_until_synchronized(pod_manager["uuid"], 60)
        self.assertEqual(SIMULATOR, self.counts(simulated))
        self.assertEqual(RACKMOUNT, self.counts(rackmount))
        self.assertEqual(50, self.counts(emulated)["System"])
        self.assertEqual(SYSTEMS + 1 + 50, len(self.client.rows("/v1/systems")))
        self.assertEqual(RACKS, len(self.client.rows("/v1/racks")))
        self.assert_every_resource_was_told_once()
        self.assert_everything_was_published(150)


class ChangeTest(acceptance.AcceptanceCase):
    def test_a_change_of_power_is_one_event_on_the_bus_and_in_the_history(self):
        simulator = self.simulate(systems=4, nodes=0)
        pod_manager = self.register(simulator)
        self.reset(simulator.root, "System1", "ForceOff")
        changed = self.wait_for_events(1, acceptance.STATE_CHANGED)
        self.synchronize(pod_manager["uuid"])
        self.assertEqual(changed, self.events(acceptance.STATE_CHANGED))
        [event] = changed
        self.assertEqual(("On", "Off"), (event["old"]["power_state"], event["new"]["power_state"]))
        self.assertEqual("/redfish/v1/Systems/System1", event["new"]["resource_url"])
        self.assert_everything_was_published()
        published = self.consumer.of_type(acceptance.STATE_CHANGED)
        self.assertEqual([event["uuid"]], [each["event_id"] for each in published])

    def test_a_changed_health_is_told_with_the_old_and_the_new_one(self):
        simulator = self.simulate(systems=4, nodes=0)
        self.register(simulator)
        self.set_health(simulator, "Critical", "System2")
        [event] = self.wait_for_events(1, acceptance.STATE_CHANGED, object_kind="resource")
        self.assertEqual(("OK", "Critical"), (event["old"]["health"], event["new"]["health"]))

    def test_ten_synchronizations_of_idle_hardware_tell_of_no_change(self):
        emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=10))
        mockup = self.useFixture(redfish_mockup.RedfishMockup("dmtf/public-rackmount1"))
        pod_managers = [
            self.valence.register("emulator", emulator.url),
            self.valence.register("rackmount", mockup.url),
            self.register(self.simulate(systems=40)),
        ]
        for pod_manager in pod_managers:
            self.wait_until_synchronized(pod_manager["uuid"])
        before = self.events(object_kind="resource")
        for _ in range(10):
            for pod_manager in pod_managers:
                self.synchronize(pod_manager["uuid"])
        self.assertEqual(before, self.events(object_kind="resource"))

    def test_a_change_of_power_of_an_emulated_system_is_one_event(self):
        emulator = self.useFixture(sushy_emulator.SushyEmulator(systems=2))
        pod_manager = self.valence.register("emulator", emulator.url)
        self.wait_until_synchronized(pod_manager["uuid"])
        system = self.client.rows("/v1/systems")[0]
        self.reset(emulator.url, system["resource_url"].rpartition("/")[2], "On")
        [event] = self.wait_for_events(1, acceptance.STATE_CHANGED)
        self.assertEqual(system["uuid"], event["object_id"])
        self.synchronize(pod_manager["uuid"])
        self.assertEqual([event], self.events(acceptance.STATE_CHANGED))


class DeadTest(acceptance.AcceptanceCase):
    interval = 4
    options = {"sync": {"interval": interval}}

    def test_a_dead_pod_manager_is_offline_within_two_intervals_and_its_resources_stay(self):
        simulator = self.simulate(systems=4)
        pod_manager = self.register(simulator)
        known = self.places(pod_manager)
        simulator.kill()
        died = clock.seconds()
        self.wait_for_status(pod_manager, "offline")
        self.assert_in_time(clock.seconds() - died, 2 * self.interval)
        self.assertEqual(known, self.places(pod_manager))
        simulator.start()
        self.wait_for_status(pod_manager, "online")
        self.assertEqual([], self.events("valence.resource.removed"))
        told = [event["event_type"].rpartition(".")[2] for event in self.events(object_kind="pod_manager")]
        self.assertEqual(["online", "offline", "online"], [each for each in told if each.endswith("line")])

    def wait_for_status(self, pod_manager, status):
        self.wait_for(lambda: self.pod_manager(pod_manager["uuid"])["status"] == status, 30)
