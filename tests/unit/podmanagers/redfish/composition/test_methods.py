# SPDX-License-Identifier: Apache-2.0
"""Which method composes a machine on simulated services that offer one, or several."""

from tests.unit.podmanagers.redfish.composition import test_blocks
from valence.common import errors
from valence.common import introspection_errors

BOTH = {"composition": "blocks,expand", "system_blocks": 1}


class MethodsTest(test_blocks.BlocksCase):
    def start(self, **options):
        super().start(**options)
        members = [each["@odata.id"] for each in self.driver.read(test_blocks.BLOCKS)["Members"]]
        self.bases = [url for url in members if self.driver.read(url).get("ComputerSystems")]

    def test_the_base_of_a_plan_decides_where_a_service_offers_both(self):
        self.start(**BOTH)
        created = self.plan()
        expanded = created._replace(resource_urls=(self.bases[0], self.storage[1]))
        machines = [self.composed(plan).resource_url for plan in (created, expanded)]
        self.assertNotIn(machines[0], created.before)
        self.assertIn(machines[1], created.before)
        for machine in machines:
            self.assertTrue(self.composer.exists(machine))
            self.composer.decompose(machine)
            self.assertFalse(self.composer.exists(machine))
        self.assertEqual(list(created.before), self.composer.machines())
        urls = {*created.resource_urls, *expanded.resource_urls}
        self.assertTrue(all(part.is_free for part in self.composer.look(sorted(urls))))

    def test_a_machine_of_one_block_that_was_created_is_no_base(self):
        # A public emulator does not say that a system is composed; its blocks never name one.
        for quirks, faults in (
            ("links_of_systems_only", {"name_ignored_rate": 1.0}),
            ("", {}),
            ("requires_id", {"name_ignored_rate": 1.0}),
        ):
            self.start(quirks=f"no_system_type,{quirks}".rstrip(","), stale_state_rate=1.0, **faults)
            plan = self.plan()
            plan = plan._replace(resource_urls=plan.resource_urls[:1])
            machine = self.composed(plan).resource_url
            self.assertTrue(self.composer.exists(machine), quirks)
            self.composer.decompose(machine)
            self.assertFalse(self.composer.exists(machine), quirks)
            self.assertEqual([], self.pod.compositions()["systems"], quirks)

    def test_a_capability_is_preferred_to_the_action_wherever_it_is(self):
        failing = {"compose_fail_rate": 1.0, "fault_paths": "CompositionService.Compose$"}
        for place in ("collection", "zone"):
            self.start(composition="blocks,manifest", capabilities=place, **failing)
            self.composed(self.plan())
        self.start(composition="blocks,manifest", capabilities="", **failing)
        self.assertRaises(errors.PodManagerError, self.composer.compose, self.plan())

    def test_a_service_without_composition_offers_none(self):
        self.assertRaises(introspection_errors.NotOffered, self.start, composition="")

    def test_a_plan_without_a_base_is_not_offered_where_machines_are_only_expanded(self):
        self.start(composition="expand")
        self.assertRaises(introspection_errors.NotOffered, self.composer.compose, self.plan())
