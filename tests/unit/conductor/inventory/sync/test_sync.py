# SPDX-License-Identifier: Apache-2.0
"""Synchronizations of a simulated pod with a real store."""

import fixtures

from tests import base
from tests import embedded
from valence.common import context
from valence.common import errors
from valence.common import words
from valence.conductor.inventory import connections
from valence.conductor.inventory import sync
from valence.db import models
from valence.db import store
from valence.db.models import device


class SyncCase(base.TestCase):
    #: options of the simulated pod
    pod: dict = {}

    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod(**self.pod)).simulator
        self.pod_manager = self.database.register(self.simulator)
        self.connections = self.database.connections()
        self.reports, self.remember = [], 60

    def sync(self, batch=500, must_end=bool, lease=None):
        with self.database.keeper().hold("work") as own:
            self.synchronizer = sync.Synchronizer(
                self.database.store,
                self.connections.get(self.pod_manager, connections.SYNC),
                self.pod_manager,
                context=context.service_context(),
                lease=lease or own,
                batch=batch,
                report=lambda counters: self.reports.append(dict(counters)),
                must_end=must_end,
                remember=self.remember,
            )
            return self.synchronizer.run()

    def urls(self, resource_type):
        return {each.uuid: each.resource_url for each in self.database.resources(resource_type)}


class SynchronizerTest(SyncCase):
    def test_the_first_one_adds_every_resource_and_tells_of_each(self):
        counters = self.sync()
        stored = self.database.resources()
        self.assertEqual(len(stored), counters["added"])
        self.assertEqual(
            {each.uuid for each in stored}, {e.object_id for e in self.database.events("resource.added")}
        )
        self.assertEqual(2, len(self.urls("System")))

    def test_idle_ones_change_nothing(self):
        self.sync()
        before = len(self.database.events())
        for _ in range(3):
            counters = self.sync()
            self.assertEqual((0, 0, 0), (counters["added"], counters["changed"], counters["removed"]))
        self.assertEqual(before, len(self.database.events()))

    def test_a_power_change_is_one_event_with_the_old_and_the_new_state(self):
        self.sync()
        self.simulator.set_power("System1", "Off")
        self.sync()
        self.sync()
        told = [
            each
            for each in self.database.events("resource.state_changed")
            if each.new["resource_type"] == "System"
        ]
        self.assertEqual(
            [("On", "Off")], [(each.old["power_state"], each.new["power_state"]) for each in told]
        )

    def test_a_removed_system_is_removed_with_what_was_in_it(self):
        self.sync()
        self.simulator.remove_system("System2")
        counters = self.sync()
        self.assertEqual(["/redfish/v1/Systems/System1"], list(self.urls("System").values()))
        self.assertEqual(counters["removed"], len(self.database.events("resource.removed")))
        self.assertGreater(counters["removed"], 10)

    def test_what_comes_back_has_its_uuid_again(self):
        self.sync()
        before = {each.resource_url: each.uuid for each in self.database.resources()}
        self.simulator.set_faults(dead_rate=1.0, fault_paths="System2")
        self.assertGreater(self.sync()["removed"], 10)
        self.assertEqual(["/redfish/v1/Systems/System1"], list(self.urls("System").values()))
        self.simulator.set_faults()
        self.sync()
        after = {each.resource_url: each.uuid for each in self.database.resources()}
        self.assertEqual(before, after)
        self.assertEqual([], self.database.store.list(models.RemovedResource))

    def test_what_comes_back_late_is_new(self):
        self.sync()
        before = self.urls("System")
        self.simulator.set_faults(dead_rate=1.0, fault_paths="System2")
        self.sync()
        self.simulator.set_faults()
        self.remember = 0
        self.sync()
        self.assertNotEqual(before, self.urls("System"))
        self.assertEqual([], self.database.store.list(models.RemovedResource))

    def test_a_device_that_was_not_erased_is_dirty_when_it_comes_back_however_late(self):
        self.remember = 0
        self.sync()
        path = "/redfish/v1/Systems/System2"
        (uuid,) = (uuid for uuid, url in self.urls("System").items() if url == path)
        dirty = {"state": device.DIRTY, "reason": f"{device.UNERASED}7: it hangs"}

        def stored():
            return self.database.store.get(models.Device, uuid)

        self.database.store.commit(store.Update(stored(), dirty))
        for interrupted in (False, True):
            if interrupted:  # it is gone again before the devices are there
                self.back(lambda *_: None)
                self.assertEqual([path], [row.resource_url for row in self.database.store.list(
                    models.RemovedResource)])  # fmt: skip
            self.simulator.set_faults(dead_rate=1.0, fault_paths="System2")
            self.sync()
            self.assertRaises(errors.NotFound, stored)
            if not interrupted:
                self.sync()
        self.back()
        self.assertEqual(dirty, {"state": stored().state, "reason": stored().reason})
        self.assertEqual([], self.database.store.list(models.RemovedResource))
        self.database.store.commit(store.Update(stored(), {"state": device.FREE, "reason": None}))
        self.sync()
        self.assertEqual((device.FREE, None), (stored().state, stored().reason))

    def back(self, project=sync.Synchronizer._project):
        """Synchronize while everything is there, with another end of the synchronization."""
        self.simulator.set_faults()
        with fixtures.MonkeyPatch(f"{sync.__name__}.Synchronizer._project", project):
            self.sync()

    def test_a_moved_system_keeps_its_uuid(self):
        self.sync()
        before = {url: uuid for uuid, url in self.urls("System").items()}
        self.simulator.move_system("System1", "Blade7")
        self.sync()
        self.assertEqual(
            "/redfish/v1/Systems/Blade7", self.urls("System")[before["/redfish/v1/Systems/System1"]]
        )
        moved = [each.object_id for each in self.database.events("resource.moved")]
        self.assertIn(before["/redfish/v1/Systems/System1"], moved)

    def test_what_cannot_be_read_is_not_removed(self):
        self.sync()
        before = self.urls("Processor")
        self.simulator.set_faults(error_rate=1.0, fault_paths="System1")
        counters = self.sync()
        self.assertGreater(counters["unread"], 0)
        self.assertEqual(before, self.urls("Processor"))

    def test_what_cannot_be_read_is_told_with_a_reason(self):
        self.assertIsNone(self.sync() and self.synchronizer.problem)
        self.simulator.set_faults(error_rate=1.0, fault_paths="System1")
        counters = self.sync()
        told = f"{words.counted(counters['unread'], 'part')} could not be read; the first, below"
        self.assertIn(told, self.synchronizer.problem)
        self.assertIn("Systems/System1", self.synchronizer.problem)

    def test_where_nothing_can_be_read_it_fails_and_removes_nothing(self):
        self.sync()
        before = self.database.resources()
        self.simulator.set_faults(error_rate=1.0, fault_paths="/redfish/v1/[A-Z]")
        error = self.assertRaises(sync.NothingRead, self.sync)
        self.assertIn("nothing of it could be read", error.detail)
        self.assertEqual(before, self.database.resources())

    def test_a_state_that_was_thrown_away_is_made_again_without_events(self):
        self.sync()
        states = self.database.store.list(models.ResourceState)
        self.database.store.commit(*(store.Delete(state) for state in states))
        before = len(self.database.events())
        self.sync()
        self.assertEqual(len(states), len(self.database.store.list(models.ResourceState)))
        self.assertEqual(before, len(self.database.events()))

    def test_it_reports_after_each_batch(self):
        counters = self.sync(batch=20)
        self.assertGreater(len(self.reports), 2)
        self.assertEqual(counters["added"], self.reports[-1]["added"])

    def test_it_gives_the_work_back_when_the_conductor_stops(self):
        self.assertRaises(sync.HandedBack, self.sync, must_end=lambda: True)

    def test_without_its_lease_it_writes_nothing(self):
        with self.database.keeper("one").hold("x") as lost, self.database.keeper("two").hold("x", steal=True):
            self.assertRaises(errors.LeaseLost, self.sync, lease=lost)
        self.assertEqual([], self.database.resources())


class DevicesTest(SyncCase):
    """The devices after synchronizations; a block of the simulated pod contains System1."""

    pod = {"expand": False}

    def devices(self):
        """Return the devices by the path of their resource."""
        places = {each.uuid: each.resource_url for each in self.database.resources()}
        return {places[row.uuid]: row for row in self.database.store.list(models.Device)}

    def systems(self):
        return {url: row for url, row in self.devices().items() if "/Systems/" in url}

    def test_systems_are_devices_with_the_numbers_of_their_parts(self):
        self.sync()
        row = self.systems()["/redfish/v1/Systems/System2"]
        parts = self.database.resources("Processor")
        cores = [each for each in parts if "/Systems/System2/" in each.resource_url]
        self.assertTrue(cores)
        self.assertGreater(row.cores, 0)
        self.assertEqual(("System", row.cores), (row.device_type, row.size))
        self.assertGreater(row.memory_mib, 0)

    def test_a_device_goes_with_its_system(self):
        self.sync()
        self.assertEqual(["/redfish/v1/Systems/System2"], list(self.systems()))
        self.simulator.remove_system("System2")
        self.sync()
        self.assertEqual([], list(self.systems()))

    def test_a_part_that_cannot_be_read_removes_no_device_and_changes_no_number(self):
        self.sync()
        before = self.devices()
        self.simulator.set_faults(error_rate=1.0, fault_paths="System2/Processors/")
        self.assertGreater(self.sync()["unread"], 0)
        self.assertEqual(before, self.devices())
        self.simulator.set_faults(error_rate=1.0, fault_paths="System2")
        self.assertGreater(self.sync()["unread"], 0)
        self.assertEqual(before, self.devices())

    def test_devices_that_were_thrown_away_are_made_again_without_events(self):
        self.sync()
        before, told = self.devices(), len(self.database.events())
        rows = [*self.database.store.list(models.Device), *self.database.store.list(models.Zoning)]
        self.database.store.commit(*map(store.Delete, rows))
        self.sync()
        self.assertEqual((before, told), (self.devices(), len(self.database.events())))
