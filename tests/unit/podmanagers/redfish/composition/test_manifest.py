# SPDX-License-Identifier: Apache-2.0
"""Machines that are made by manifests, on simulated services as the standard has them, and on some that differ."""

from tests.unit.podmanagers.redfish.composition import test_blocks
from valence.common import composition_errors
from valence.podmanagers import base as podmanagers


class ManifestTest(test_blocks.BlocksCase):
    def assert_life(self, **options):
        self.start(composition="manifest", **options)
        plan = self.plan()
        machine = self.composed(plan)
        self.assertEqual(set(plan.resource_urls), set(machine.resource_urls))
        outcome = self.composer.decompose(machine.resource_url)
        while outcome.state == podmanagers.TASK:
            outcome = self.driver.follow(outcome.task_url)
        self.assertFalse(self.composer.exists(machine.resource_url))
        self.assert_free(plan)
        self.assertEqual(podmanagers.DONE, self.composer.decompose(machine.resource_url).state)

    def test_a_machine_is_made_and_taken_apart(self):
        self.assert_life()

    def test_the_target_is_used_as_it_is_spelled(self):
        self.assert_life(quirks="misspelled_target,decompose_by_links,preview_applies")

    def test_a_task_is_followed(self):
        self.assert_life(tasks=True)

    def test_the_outcome_names_the_machine(self):
        self.start(composition="manifest")
        plan = self.plan()
        outcome = self.composer.compose(plan)
        (machine,) = self.composer.find(plan)
        self.assertEqual((podmanagers.DONE, machine.resource_url), (outcome.state, outcome.resource_url))

    def test_a_stanza_that_failed_is_a_failure_whatever_the_status_says(self):
        self.start(composition="manifest")
        self.composed(self.plan())
        other = self.plan(1)._replace(resource_urls=(self.compute[1], self.storage[0]))
        error = self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, other)
        self.assertIn(self.storage[0], error.detail)
        self.assertEqual([], self.composer.find(other))

    def test_an_answer_that_was_cut_is_looked_for(self):
        self.start(composition="manifest", compose_cut_rate=1.0)
        plan = self.plan()
        self.assertEqual(set(plan.resource_urls), set(self.composed(plan).resource_urls))
