# SPDX-License-Identifier: Apache-2.0
"""Another client that composes as it likes."""

from tests.unit.simulator.composition import composition_case
from valence.simulator import options
from valence.simulator import pod
from valence.simulator.composition import intruder


class IntruderTest(composition_case.CompositionCase):
    def systems(self, made):
        return [system for system in made.systems.values() if system.blocks]

    def course(self, **values):
        inventory = {name: value for name, value in self.pod.items() if name != "power_seconds"}
        made = pod.Pod(options.Inventory(**inventory | values))
        another = intruder.Intruder(made)
        seen = []
        for _ in range(200):
            another.step()
            seen.append(sorted((system.name, *system.blocks) for system in self.systems(made)))
        return made, seen

    def test_it_composes_and_takes_apart(self):
        made, seen = self.course()
        numbers = [len(each) for each in seen]
        self.assertGreater(max(numbers), 1)
        self.assertLessEqual(max(numbers), intruder.MOST)
        self.assertIn(0, numbers)
        for system in self.systems(made):
            self.assertEqual("Intruder", system.name)

    def test_it_takes_free_blocks_only(self):
        for each in self.course()[1]:
            taken = [block for _, *blocks in each for block in blocks]
            self.assertEqual(len(taken), len(set(taken)))

    def test_the_seed_decides_what_it_does(self):
        self.assertEqual(self.course(seed=1)[1], self.course(seed=1)[1])
        self.assertNotEqual(self.course(seed=1)[1], self.course(seed=2)[1])

    def test_it_expands_where_systems_are_not_made(self):
        made, seen = self.course(composition="expand", systems=4, system_blocks=4)
        self.assertGreater(max(len(each) for each in seen), 1)
        self.assertEqual(4, len(made.systems))

    def test_it_acts_by_itself(self):
        self.simulator = self.start(intruder=6000)
        self.wait_for(lambda: self.simulator.compositions()["systems"])

    def test_it_leaves_an_empty_pod_alone(self):
        made, seen = self.course(systems=0, compute_blocks=0, storage_blocks=0, composition="blocks,expand")
        self.assertEqual([], [each for each in seen if each])
        self.assertEqual({}, made.systems)
