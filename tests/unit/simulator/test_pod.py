# SPDX-License-Identifier: Apache-2.0
"""The state of a pod: spread over racks, the same from the same seed."""

from tests import base
from valence.simulator import options
from valence.simulator import pod


def make(**values):
    return pod.Pod(options.Inventory(**values))


class PodTest(base.TestCase):
    def test_systems_are_spread_over_racks_evenly(self):
        sizes = [sum(len(sled.systems) for sled in rack.contains) for rack in make(racks=3, systems=10).racks]
        self.assertEqual((10, 1), (sum(sizes), max(sizes) - min(sizes)))

    def test_sleds_are_filled(self):
        sleds = make(racks=1, systems=5, systems_per_sled=2).racks[0].contains
        self.assertEqual([2, 2, 1], [len(sled.systems) for sled in sleds])

    def test_the_seed_decides_who_is_who(self):
        def uuids(seed):
            return [system.uuid for system in make(seed=seed).systems.values()]

        self.assertEqual(uuids(1), uuids(1))
        self.assertNotEqual(uuids(1), uuids(2))

    def test_the_seed_decides_who_falls_ill(self):
        def course(seed):
            one, seen = make(seed=seed), []
            one.listeners.append(lambda system: seen.append((system.id, system.health)))
            for _ in range(10):
                one.change_some_health()
            return seen

        self.assertEqual(course(1), course(1))
        self.assertNotEqual(course(1), course(2))

    def test_a_removed_number_is_not_used_again(self):
        one = make(systems=2)
        one.remove_system("System2")
        self.assertEqual("System3", one.add_system().id)

    def test_a_move_keeps_who_it_is(self):
        one = make()
        uuid = one.systems["System1"].uuid
        one.move_system("System1", "Other")
        self.assertEqual((uuid, "Other"), (one.systems["Other"].uuid, one.systems["Other"].id))
        self.assertNotIn("System1", one.systems)

    def test_a_move_to_a_taken_or_impossible_place_is_refused(self):
        for place in ("System2", "a/b", "", None):
            self.assertRaises(ValueError, make().move_system, "System1", place)

    def test_a_system_goes_into_a_rack_only(self):
        self.assertRaises(ValueError, make().add_system, "Rack1-Sled1")
        self.assertRaises(KeyError, make().add_system, "Rack9")

    def test_an_empty_pod_has_nobody_to_fall_ill(self):
        make(racks=0, systems=0).change_some_health()

    def test_reset_undoes_everything(self):
        one = make()
        before = sorted(one.systems)
        one.remove_system("System1")
        one.set_health("System2", "Critical")
        one.add_system("Rack1")
        one.reset()
        self.assertEqual(before, sorted(one.systems))
        self.assertEqual({"OK"}, {system.health for system in one.systems.values()})

    def test_a_health_that_is_none_is_refused(self):
        self.assertRaises(ValueError, make().set_health, "System1", "Fine")
