# SPDX-License-Identifier: Apache-2.0
"""Which method composes a machine on simulated services that offer one, or several."""

from tests.unit.podmanagers.redfish.composition import test_blocks
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base as podmanagers

BOTH = {"composition": "blocks,expand", "system_blocks": 1}


class MethodsTest(test_blocks.BlocksCase):
    def start(self, **options):
        super().start(**options)
        members = [each["@odata.id"] for each in self.driver.read(test_blocks.BLOCKS)["Members"]]
        self.bases = [url for url in members if self.driver.read(url).get("ComputerSystems")]

    def posts(self):
        """Return how many POST requests the service got."""
        return self.pod.stats()["by_method"]["POST"]

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

    def test_a_machine_that_says_nothing_of_its_creation_is_known_by_it(self):
        for blocks in (1, 2):
            self.start(quirks="no_system_type", name_ignored_rate=1.0)
            plan = self.plan()
            plan = plan._replace(resource_urls=plan.resource_urls[:blocks])
            machine = self.composed(plan).resource_url
            self.assertNotIn(machine, plan.before)
            self.assertTrue(self.composer.exists(machine, is_created=True))
            self.composer.decompose(machine, is_created=True)
            self.assertFalse(self.composer.exists(machine, is_created=True))
            self.assertEqual([], self.pod.compositions()["systems"])
            self.assertEqual(list(plan.before), self.composer.machines())

    def test_a_machine_that_is_in_no_collection_is_a_base_whoever_says_otherwise(self):
        self.start(**BOTH)
        plan = self.plan()._replace(resource_urls=(self.bases[0], self.storage[1]))
        machine = self.composed(plan).resource_url
        self.composer._expand.machines = list
        self.composer.decompose(machine, is_created=True)
        self.assertEqual([self.bases[0]], [
            each["@odata.id"] for each in self.driver.read(machine)["Links"]["ResourceBlocks"]
        ])  # fmt: skip

    def test_a_capability_is_preferred_to_the_action_wherever_it_is(self):
        failing = {"compose_fail_rate": 1.0, "fault_paths": "CompositionService.Compose$"}
        for place in ("collection", "zone"):
            self.start(composition="blocks,manifest", capabilities=place, **failing)
            self.composed(self.plan())
        self.start(composition="blocks,manifest", capabilities="", **failing)
        self.assertRaises(errors.PodManagerError, self.composer.compose, self.plan())

    def test_a_method_that_is_announced_and_refused_leads_to_the_next(self):
        for first, second in (("blocks", "manifest"), ("blocks", "constrained"), ("manifest", "constrained")):
            with self.subTest(first=first, second=second):
                self.start(composition=f"{first},{second}", refused=first)
                plan = self.plan()._replace(may_differ=True)
                machine = self.composed(plan)
                self.assertTrue(machine.is_marked)
                (system,) = self.pod.compositions()["systems"]
                self.assertEqual(2, len(system["blocks"]))
                self.composer.decompose(machine.resource_url)
                self.assert_free(plan)

    def test_a_base_that_cannot_be_expanded_leads_to_the_next_method(self):
        for second in ("manifest", "constrained"):
            with self.subTest(second=second):
                more = {"system_blocks": 1, "compute_blocks": 5, "storage_blocks": 4, "network_blocks": 1}
                self.start(composition=f"expand,{second}", refused="expand", **more)
                before = tuple(self.composer.machines())
                plan = self.plan()._replace(
                    resource_urls=(self.bases[0], self.storage[1]), before=before, may_differ=True
                )
                self.assertEqual([], self.composer.find(plan))
                self.composer.compose(plan)
                (machine,) = self.composer.find(plan)
                is_new = machine.resource_url not in before
                self.assertEqual(second == "constrained", is_new)

    def test_a_base_whose_list_cannot_be_changed_is_taken_apart_by_the_manifest_and_never_deleted(self):
        options = {"system_blocks": 1, "storage_blocks": 4, "quirks": "decompose_by_links"}
        self.start(composition="expand,manifest", refused="expand", **options)
        before = self.composer.machines()
        plan = self.plan()._replace(resource_urls=(self.bases[0], self.storage[1]), before=tuple(before))
        self.composer.compose(plan)
        (machine,) = self.composer.find(plan)
        self.assertTrue(self.composer.exists(machine.resource_url))
        self.composer.decompose(machine.resource_url)
        self.assertFalse(self.composer.exists(machine.resource_url))
        self.assertEqual([], self.pod.compositions()["systems"])
        self.assertEqual(before, self.composer.machines())
        self.start(composition="expand,blocks", refused="expand", **options)
        machine_url = self.driver.read(self.bases[0])["ComputerSystems"][0]["@odata.id"]
        pod, before = self.pod.service.pod, self.composer.machines()
        pod.systems[machine_url.rpartition("/")[2]].blocks = ("Rack1-Storage1",)
        pod.changed(pod.systems[machine_url.rpartition("/")[2]])
        self.assertRaises(introspection_errors.NotOffered, self.composer.decompose, machine_url)
        self.assertEqual(before, self.composer.machines())

    def test_the_next_method_says_why_it_does_not_compose(self):
        self.start(composition="expand,blocks", refused="expand", system_blocks=1)
        plan = self.plan()._replace(resource_urls=(self.bases[0], self.storage[1]))
        error = self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, plan)
        self.assertIn("is a whole system", error.detail)
        self.assertEqual([], self.pod.compositions()["systems"])

    def test_no_other_method_is_tried_after_any_other_answer(self):
        for faults, kind in (
            ({"compose_cut_rate": 1.0}, composition_errors.HardwareOutcomeUnknown),
            ({"compose_fail_rate": 1.0}, errors.PodManagerError),
        ):
            self.start(composition="blocks,manifest", **faults)
            plan, before = self.plan(), self.posts()
            self.assertRaises(kind, self.composer.compose, plan)
            self.assertEqual(before + 1, self.posts())

    def test_what_cannot_be_read_is_not_taken_for_nothing(self):
        self.start(composition="manifest")
        plan, before = self.plan(), self.posts()
        self.pod.set_faults(html_rate=1.0, fault_paths="/CompositionService$")
        error = self.assertRaises(errors.PodManagerUnreachable, self.composer.compose, plan)
        self.assertIn("/CompositionService could not be read", error.detail)
        self.assertEqual(before, self.posts())
        self.pod.set_faults()
        self.composed(plan)
        self.start(composition="blocks", capabilities="collection")
        self.pod.set_faults(html_rate=1.0, fault_paths="/CompositionService/")
        self.assertEqual(podmanagers.DONE, self.composer._creating[0].compose(self.plan()).state)

    def test_the_first_refusal_is_raised_where_no_method_is_offered(self):
        self.start(composition="blocks,manifest", refused="blocks,manifest")
        error = self.assertRaises(introspection_errors.NotOffered, self.composer.compose, self.plan())
        self.assertIn("offers no composition.", error.detail)

    def test_a_service_without_composition_offers_none(self):
        self.assertRaises(introspection_errors.NotOffered, self.start, composition="")

    def test_a_plan_without_a_base_is_not_offered_where_machines_are_only_expanded(self):
        self.start(composition="expand")
        self.assertRaises(introspection_errors.NotOffered, self.composer.compose, self.plan())
