# SPDX-License-Identifier: Apache-2.0
"""What a hint is about is read again and stored, with its event, as a synchronization would."""

from tests import base
from tests import embedded
from tests import figures
from valence.common import context
from valence.common import errors
from valence.conductor.hardware_events import hints
from valence.conductor.inventory import connections
from valence.conductor.inventory import sync
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.models.pod_manager import DELETED
from valence.podmanagers.base import Hint

SYSTEM = "/redfish/v1/Systems/System1"


class RereadingTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod()).simulator
        self.pod_manager = self.database.register(self.simulator, next_sync_at=None)
        self.connections = self.database.connections()
        self.synchronize()
        self.told = len(self.database.events())

    def synchronize(self):
        with self.database.keeper().hold("work") as lease:
            sync.Synchronizer(
                self.database.store,
                self.connections.get(self.pod_manager, connections.SYNC),
                self.pod_manager,
                context=context.service_context(),
                lease=lease,
                batch=500,
                report=lambda counters: None,
                must_end=lambda: False,
            ).run()

    def hint(self, *urls, structural=False, vague=False, lease=None, times=0):
        """Have URLs read again; return those that have not settled."""
        waiting = hints.Waiting()
        for url in urls:
            waiting.add(Hint(url, structural, vague))
        waiting.urls.update(dict.fromkeys(waiting.urls, times))
        with self.database.keeper().hold("work") as own:
            work = sync.Rereading(self.database.store, self.connections, lease or own)
            return work.run(self.pod_manager.uuid, waiting)

    def events(self):
        """Return type, name and states of the events since the synchronization."""
        return [
            (each.event_type.removeprefix("valence.resource."), (each.new or each.old)["name"], each)
            for each in self.database.events()[self.told :]
        ]

    def is_due(self):
        return self.database.store.get(models.PodManager, self.pod_manager.uuid).next_sync_at is not None

    def test_a_change_is_stored_with_its_event(self):
        self.simulator.set_power("System1", "Off")
        with figures.growth("valence_conductor_reread_seconds_count") as timed:
            self.hint(SYSTEM)
        [(happened, name, event)] = self.events()
        self.assertEqual(("state_changed", "System 1"), (happened, name))
        self.assertEqual(("On", "Off"), (event.old["power_state"], event.new["power_state"]))
        self.assertEqual((False, 1), (self.is_due(), timed()))
        [row] = [each for each in self.database.resources("System") if each.resource_url == SYSTEM]
        self.assertEqual("Off", row.power_state)

    def test_a_pod_manager_that_is_being_deleted_is_left_alone(self):
        (current,) = self.database.store.list(models.PodManager)
        self.database.store.commit(store.Update(current, {"status": DELETED, "next_sync_at": None}))
        self.simulator.set_power("System1", "Off")
        self.hint(SYSTEM, structural=True)
        self.assertEqual(([], False), (self.events(), self.is_due()))

    def test_the_next_synchronization_tells_it_no_second_time(self):
        self.simulator.set_health("System1", "Critical")
        self.hint(SYSTEM)
        before = self.events()
        self.synchronize()
        again = [each for each in self.events()[len(before) :] if each[1] == "System 1"]
        self.assertEqual([], again)

    def test_a_hint_without_a_change_is_nothing(self):
        self.hint(SYSTEM, f"{SYSTEM}/Processors/1")
        self.assertEqual([], self.events())
        self.assertFalse(self.is_due())

    def test_a_part_of_a_resource_is_the_resource(self):
        self.simulator.set_health("System1", "Warning")
        self.hint(f"{SYSTEM}/LogServices/SEL/Entries/17", f"{SYSTEM}/Thermal")
        self.assertEqual(["System 1"], [name for _, name, _ in self.events()])

    def test_only_what_is_named_is_read(self):
        for system in ("System1", "System2"):
            self.simulator.set_health(system, "Warning")
        before = self.simulator.stats()["requests"]
        self.hint(SYSTEM)
        self.assertEqual(1, self.simulator.stats()["requests"] - before)
        self.assertEqual(["System 1"], [name for _, name, _ in self.events()])

    def test_a_passing_power_state_is_not_told(self):
        simulator = self.simulator
        simulator._call(lambda service: service.pod.set_values("System1", power="PoweringOff"))
        self.assertEqual({SYSTEM: 1}, self.hint(SYSTEM))
        self.assertEqual([], self.events())
        self.assertEqual({SYSTEM: 4}, self.hint(SYSTEM, times=3))
        simulator._call(lambda service: service.pod.set_values("System1", power="Off"))
        self.assertEqual({}, self.hint(SYSTEM, times=4))
        self.assertEqual(["System 1"], [name for _, name, _ in self.events()])

    def test_an_event_that_comes_before_its_change_is_looked_into_once_more(self):
        self.assertEqual({SYSTEM: 1}, self.hint(SYSTEM, f"{SYSTEM}/Bios"))
        self.assertEqual({}, self.hint(SYSTEM, times=1))
        self.simulator.set_health("System1", "Warning")
        self.assertEqual({}, self.hint(SYSTEM))

    def test_an_event_that_names_no_resource_makes_it_due(self):
        self.hint("", vague=True)
        self.assertTrue(self.is_due())

    def test_an_event_that_may_name_another_resource_makes_it_due_unless_that_is_known(self):
        self.hint(SYSTEM, vague=True)
        self.assertFalse(self.is_due())
        self.hint(f"{SYSTEM}/Processors/cpu1", vague=True)
        self.assertTrue(self.is_due())

    def test_what_is_gone_or_new_makes_the_pod_manager_due(self):
        self.simulator.remove_system("System1")
        self.hint(SYSTEM)
        self.assertTrue(self.is_due())
        self.assertEqual([], self.events())

    def test_one_that_was_just_synchronized_is_due_a_little_later(self):
        values = {"last_synced_at": types.now()}
        [self.pod_manager] = self.database.store.commit(store.Update(self.pod_manager, values))
        self.hint(SYSTEM, structural=True)
        due = self.database.store.get(models.PodManager, self.pod_manager.uuid).next_sync_at
        self.assertGreater(due, values["last_synced_at"])

    def test_a_structural_hint_makes_it_due(self):
        new = self.simulator.add_system()["path"]
        self.hint(new, structural=True)
        self.assertTrue(self.is_due())

    def test_another_resource_at_the_same_url_makes_it_due(self):
        self.simulator.remove_system("System1")
        self.simulator.move_system("System2", "System1")
        self.hint(SYSTEM)
        self.assertTrue(self.is_due())
        self.assertEqual([], self.events())

    def test_an_event_about_a_machine_or_a_device_of_a_node_makes_it_due(self):
        one, two = (row for row in self.database.resources("System"))
        node = models.Node(name="web", podm_id=self.pod_manager.uuid, state="composed", resource_url="/x")
        claim = models.Claim(id=f"{two.uuid}/1", node_id=node.uuid, device_id=two.uuid, podm_id=node.podm_id,
                             part="system/0", state="attached")  # fmt: skip
        self.database.store.commit(store.Create(node), store.Create(claim))
        composed, elsewhere = {"state": "composed", "resource_url": "/x"}, {"resource_url": one.resource_url}
        for row, values, times, about, is_due in (
            (one, {"health": "Warning"}, 0, {}, False),  # no node has it
            (two, {"health": "Warning"}, 0, {}, True),
            (two, {}, 0, {}, True),  # the change may be one of its links
            (two, {}, 1, {}, False),
            (two, {"power": "Off"}, 0, {}, False),
            (two, {"health": "OK"}, 0, {"state": "changing"}, False),
            (one, {"health": "OK"}, 0, elsewhere, True),  # it is the machine of the node
        ):
            node = self.change(node, **composed | about)
            name = row.resource_url.rpartition("/")[2]
            self.simulator._call(lambda service, *at, **to: service.pod.set_values(*at, **to), name, **values)
            self.hint(row.resource_url, times=times)
            self.assertEqual(is_due, self.is_due(), (row.name, values, about))
            self.change(self.database.store.list(models.PodManager)[0], next_sync_at=None)

    def change(self, row, **values):
        return self.database.store.commit(store.Update(row, values))[0]

    def test_what_nobody_knows_is_counted_and_left_to_the_timer(self):
        with figures.growth("valence_conductor_hardware_events_total", result="unknown") as unknown:
            self.hint("/redfish/v1/Fabrics/None")
        self.assertEqual((1, False), (unknown(), self.is_due()))

    def test_a_pod_manager_that_fails_changes_nothing(self):
        self.simulator.set_faults(error_rate=1.0, fault_paths="Systems")
        with figures.growth("valence_conductor_hardware_events_total", result="failed") as failed:
            self.hint(SYSTEM)
        self.assertEqual((1, [], False), (failed(), self.events(), self.is_due()))

    def test_a_state_that_was_thrown_away_is_left_to_a_crawl(self):
        states = self.database.store.list(models.ResourceState)
        self.database.store.commit(*(store.Delete(state) for state in states))
        self.hint(SYSTEM)
        self.assertEqual(([], True), (self.events(), self.is_due()))

    def test_in_maintenance_and_after_deletion_nobody_is_asked(self):
        before = self.simulator.stats()["requests"]
        update = store.Update(self.pod_manager, {"maintenance": True})
        [pod_manager] = self.database.store.commit(update)
        self.hint(SYSTEM)
        self.database.store.commit(store.Delete(pod_manager))
        self.hint(SYSTEM)
        self.assertEqual(before, self.simulator.stats()["requests"])

    def test_without_its_lease_it_writes_nothing(self):
        self.simulator.set_health("System1", "Warning")
        with self.database.keeper("one").hold("x") as lost, self.database.keeper("two").hold("x", steal=True):
            self.assertRaises(errors.LeaseLost, self.hint, SYSTEM, lease=lost)
        self.assertEqual([], self.events())
