# SPDX-License-Identifier: Apache-2.0
"""Rules and weights, those of a site too."""

from importlib import metadata

import stevedore

from tests import base
from valence.composition import requirements
from valence.composition import weighing
from valence.db import models
from valence.db import store


def fit(cores, free, needed=8):
    part = requirements.Part("processor", "Compute", needed)
    device = models.Device(device_type="Compute", cores=cores, size=cores)
    return weighing.Fit(((part, device),), None, lambda: free)


class RuleTest(base.TestCase):
    def test_a_part_has_the_conditions_that_it_asks_for(self):
        self.assertEqual([], weighing.conditions(requirements.Part("storage/0", "Storage")))
        part = requirements.Part("storage/0", "Storage", 5, media=("SSD", "NVMe"), models=("X",))
        self.assertEqual(
            [
                store.Filter("size", "gte", 5),
                store.Filter("model", "eq", "X"),
                store.Filter("media", "in", ("SSD", "NVMe")),
            ],
            weighing.conditions(part),
        )

    def test_a_model_that_no_device_has_is_a_condition_too(self):
        part = requirements.Part("storage/0", "Storage", models=())
        self.assertEqual([store.Filter("model", "in", ())], weighing.conditions(part))


class PolicyTest(base.TestCase):
    def test_pack_takes_the_least_waste_then_the_fullest(self):
        small, large, full = fit(8, 5), fit(16, 1), fit(8, 2)
        self.assertEqual([full], weighing.best([small, large, full], "pack"))
        self.assertEqual([full], weighing.best([small, large, full], None))

    def test_spread_takes_the_emptiest_then_the_least_waste(self):
        small, large, empty = fit(8, 5), fit(16, 9), fit(8, 9)
        self.assertEqual([empty], weighing.best([small, large, empty], "spread"))

    def test_those_that_are_equal_are_all_best(self):
        fits = [fit(8, 5), fit(8, 5)]
        self.assertEqual(fits, weighing.best(fits, "pack"))

    def test_what_needs_no_comparison_is_not_counted(self):
        def fail():
            raise AssertionError("counted")

        self.assertEqual(1, len(weighing.best([fit(8, 1)._replace(free=fail)], "spread")))


class OwnTest(base.TestCase):
    def setUp(self):
        super().setUp()
        weighing.own.cache_clear()
        self.addCleanup(weighing.own.cache_clear)

    def install(self, group, **functions):
        """Let entry points lead to functions, as an installed distribution does."""
        manager = stevedore.ExtensionManager.make_test_instance(
            [
                stevedore.extension.Extension(name, metadata.EntryPoint(name, "x:y", group), function, None)
                for name, function in functions.items()
            ]
        )
        self.patch(
            weighing.extension,
            "ExtensionManager",
            lambda namespace, **_: manager if namespace == group else (),
        )

    def test_a_filter_of_the_site_has_its_say(self):
        self.install(weighing.FILTERS, odd=lambda device, part: device.cores % 2)
        part = requirements.Part("processor", "Compute")
        self.assertTrue(weighing.passes(models.Device(cores=3), part))
        self.assertFalse(weighing.passes(models.Device(cores=4), part))

    def test_a_weigher_of_the_site_counts_before_the_policy(self):
        self.install(weighing.WEIGHERS, largest=lambda fit: -fit.devices[0][1].cores)
        small, large = fit(8, 5), fit(16, 5)
        self.assertEqual([large], weighing.best([small, large], "pack"))

    def test_a_site_has_none_of_its_own_at_first(self):
        self.assertEqual({}, dict(weighing.own(weighing.FILTERS)))
        self.assertTrue(weighing.passes(models.Device(), requirements.Part("processor", "Compute")))


class SizeTest(base.TestCase):
    def test_one_of_a_unit_is_not_several(self):
        for size, kind, text in (
            (1, "Compute", "1 core"),
            (2, "System", "2 cores"),
            (1, "Network", "1 Mbps"),
            (1, "Accelerator", "1 accelerator"),
            (4, "Accelerator", "4 accelerators"),
            (1, "Storage", "1 GiB"),
        ):
            self.assertEqual(text, weighing.size_text(size, kind))
