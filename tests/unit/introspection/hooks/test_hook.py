# SPDX-License-Identifier: Apache-2.0
"""Hooks, all of them, on whatever a ramdisk may send."""

import hypothesis
from hypothesis import strategies

from tests import base
from tests import ramdisk
from tests.unit.api import case
from valence.common import introspection_errors
from valence.introspection import documents
from valence.introspection.hooks import hook

JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=20),
    lambda inner: (
        strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(max_size=8), inner)
    ),
    max_leaves=8,
)
PARTS = (
    "inventory",
    "root_disk",
    "data",
    "lldp_raw",
    "pci_devices",
    "boot_interface",
    "all_interfaces",
    "extra",
)


class Broken(hook.Hook):
    """A hook that somebody wrote in a hurry."""

    def before(self, document):
        raise KeyError("nobody expected this")


class HooksTest(base.TestCase):
    def hooks(self, **options):
        return hook.Hooks(case.configuration(self.make_folder(), **options))

    def test_all_of_them_on_a_real_document(self):
        found, hooks = ramdisk.sample("medium"), self.hooks()
        self.assertEqual([], hooks.before(found))
        hooks.after(found)
        for name in (
            "all_interfaces",
            "interfaces",
            "macs",
            "cpus",
            "memory_mb",
            "local_gb",
            "extra",
        ):
            self.assertIn(name, found)

    def test_a_hook_that_does_not_exist_is_told_at_the_start(self):
        self.assertRaises(introspection_errors.HookUnusable, self.hooks, processing__hooks=["nobody"])

    def test_every_failure_is_told(self):
        (failure,) = self.hooks().before({})
        self.assertIn("validate_interfaces", failure.detail)

    def test_a_broken_hook_fails_and_says_nothing_of_its_inside(self):
        failure = hook._failure("broken", Broken(None).before, {})
        self.assertIsInstance(failure, introspection_errors.HookFailed)
        self.assertNotIn("nobody", failure.detail)

    def test_documents_that_are_nothing_like_it(self):
        hooks = self.hooks()

        @hypothesis.given(strategies.dictionaries(strategies.sampled_from(PARTS), JSON))
        @hypothesis.settings(max_examples=300, derandomize=True, database=None, deadline=None)
        def run(changes):
            document = ramdisk.sample("small") | changes
            failures = hooks.before(document)
            hooks.after(document)
            self.assertEqual([], [each for each in failures if "did not expect" in each.detail])
            documents.dump(document)

        run()
