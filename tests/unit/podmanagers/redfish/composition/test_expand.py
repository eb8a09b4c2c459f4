# SPDX-License-Identifier: Apache-2.0
"""Machines that get blocks besides their own, on simulated services that offer actions, a PATCH, or both."""

import uuid

from tests.unit.podmanagers.redfish.composition import test_blocks
from valence.common import composition_errors
from valence.common import errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers import composers

EXPAND = {"composition": "expand", "systems": 2, "system_blocks": 2, "compute_blocks": 0, "storage_blocks": 3}
#: what each kind of service lacks
ACTIONS_ONLY, PATCH_ONLY = {"block_patch": False}, {"block_actions": False}


class ExpandCase(test_blocks.BlocksCase):
    def start(self, **options):
        super().start(**EXPAND | options)
        members = [each["@odata.id"] for each in self.driver.read(test_blocks.BLOCKS)["Members"]]
        self.storage = self.storage[:3]
        self.bases = [url for url in members if self.driver.read(url)["Links"]["ComputerSystems"]]

    def plan(self, number=0, drives=2):
        """Return the plan of a base with the first storage blocks."""
        urls = (self.bases[number], *self.storage[:drives])
        return composers.Plan(str(uuid.uuid4()), "web", urls, before=tuple(self.composer.machines()))

    def blocks_of(self, machine_url):
        links = self.driver.read(machine_url)["Links"]["ResourceBlocks"]
        return [each["@odata.id"] for each in links]

    def free(self, urls):
        return [part.is_free for part in self.composer.look(urls)]


class ComposeTest(ExpandCase):
    def assert_life(self, **options):
        """Compose a machine, and take it apart."""
        self.start(**options)
        plan = self.plan()
        self.assertEqual([], self.composer.find(plan))
        machine = self.composed(plan)
        self.assertEqual((composers.COMPOSED, set(plan.resource_urls)),
                         (machine.state, set(machine.resource_urls)))  # fmt: skip
        self.assertTrue(self.composer.exists(machine.resource_url))
        self.assertEqual([False] * 3, self.free(plan.resource_urls))
        outcome = self.composer.decompose(machine.resource_url)
        while outcome.state == podmanagers.TASK:
            outcome = self.driver.follow(outcome.task_url)
        self.assertFalse(self.composer.exists(machine.resource_url))
        self.assertEqual([self.bases[0]], self.blocks_of(machine.resource_url))
        self.assert_free(plan)
        self.assertEqual(podmanagers.DONE, self.composer.decompose(machine.resource_url).state)

    def assert_free(self, plan):
        self.assertEqual([], self.pod.compositions()["systems"])
        self.assertEqual([True] * len(plan.resource_urls), self.free(plan.resource_urls))

    def test_a_base_gets_its_blocks_and_loses_them(self):
        self.assert_life()

    def test_the_actions_are_enough(self):
        self.assert_life(**ACTIONS_ONLY)

    def test_the_list_is_enough(self):
        self.assert_life(**PATCH_ONLY, quirks="no_placeholders")

    def test_a_base_is_known_by_its_links(self):
        self.assert_life(**PATCH_ONLY, quirks="bases_by_links_only,no_placeholders", stale_state_rate=1.0)

    def test_tasks_are_followed(self):
        for lacking in ({}, ACTIONS_ONLY, PATCH_ONLY):
            self.assert_life(tasks=True, **lacking)

    def test_blocks_that_always_say_unused_are_seen_in_the_machine(self):
        self.assert_life(stale_state_rate=1.0)

    def test_a_service_without_etags(self):
        self.assert_life(etags=False)

    def test_answers_that_were_cut_are_looked_for(self):
        for lacking in (ACTIONS_ONLY, PATCH_ONLY):
            self.start(compose_cut_rate=1.0, **lacking)
            plan = self.plan()
            self.assertEqual(set(plan.resource_urls), set(self.composed(plan).resource_urls))

    def test_a_plan_of_a_base_alone_is_there(self):
        self.start()
        plan = self.plan(drives=0)
        machine = self.composed(plan)
        self.assertEqual(self.bases[:1], list(machine.resource_urls))
        self.assertFalse(self.composer.exists(machine.resource_url))
        self.assertEqual([True], self.free(plan.resource_urls))


class TakenTest(ExpandCase):
    def test_a_block_of_another_machine_is_taken_and_none_of_the_others_is_added(self):
        for lacking in ({}, PATCH_ONLY):
            self.start(**lacking)
            self.composed(self.plan(drives=1))
            other = self.plan(1)._replace(resource_urls=(self.bases[1], *self.storage[1:], self.storage[0]))
            error = self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, other)
            self.assertIn(self.storage[0], error.detail)
            self.assertEqual([], self.composer.find(other))

    def test_what_was_added_before_a_refusal_is_found_and_removed(self):
        self.start(**ACTIONS_ONLY)
        self.composed(self.plan(drives=1))
        other = self.plan(1)._replace(resource_urls=(self.bases[1], *self.storage[1:], self.storage[0]))
        # Not DeviceTaken: that would mean that nothing has to be undone.
        self.assertRaises(composition_errors.CompositionFailed, self.composer.compose, other)
        (machine,) = self.composer.find(other)
        self.assertEqual({self.bases[1], *self.storage[1:]}, set(machine.resource_urls))
        self.composer.decompose(machine.resource_url)
        self.assertEqual([True, True, True, False], self.free(other.resource_urls))

    def test_a_base_that_somebody_else_expanded_is_taken(self):
        self.start()
        self.composed(self.plan(drives=1))
        plan = self.plan()._replace(resource_urls=(self.bases[0], self.storage[1]))
        error = self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, plan)
        self.assertIn(self.storage[0], error.detail)


class AttachTest(ExpandCase):
    def test_a_block_is_attached_once_and_detached(self):
        for lacking in ({}, ACTIONS_ONLY, PATCH_ONLY):
            self.start(**lacking)
            url = self.composed(self.plan(drives=1)).resource_url
            for _ in range(2):
                outcome = self.composer.attach(url, self.storage[1])
                self.assertEqual((podmanagers.DONE, url), (outcome.state, outcome.resource_url))
                self.assertEqual([self.bases[0], *self.storage[:2]], self.blocks_of(url))
            for _ in range(2):
                self.assertEqual(podmanagers.DONE, self.composer.detach(url, self.storage[0]).state)
                self.assertEqual([self.bases[0], self.storage[1]], self.blocks_of(url))
            self.assertEqual([True, False], self.free(self.storage[:2]))

    def test_a_base_is_not_detached(self):
        self.start()
        url = self.composed(self.plan()).resource_url
        self.assertRaises(errors.PodManagerError, self.composer.detach, url, self.bases[0])
        self.assertIn(self.bases[0], self.blocks_of(url))

    def test_a_machine_that_is_gone_gets_nothing(self):
        self.start()
        url = "/redfish/v1/Systems/nobody"
        self.assertRaises(errors.ResourceGone, self.composer.attach, url, self.storage[0])
