# SPDX-License-Identifier: Apache-2.0
"""The hook scheduler."""

from tests import base
from tests import ramdisk
from valence.introspection.hooks import standard


class SchedulerTest(base.TestCase):
    def test_what_the_original_makes_of_a_real_machine(self):
        original, found = ramdisk.read("medium-processed-real-dell"), ramdisk.sample("medium")
        standard.SchedulerFacts(None).after(found)
        for name in ("cpus", "cpu_arch", "memory_mb", "local_gb"):
            self.assertEqual(original[name], found[name])

    def test_what_is_not_known_is_not_told(self):
        document = {"inventory": None}
        standard.SchedulerFacts(None).after(document)
        self.assertEqual({"inventory": None, "local_gb": 0}, document)
