# SPDX-License-Identifier: Apache-2.0
"""The hook extra."""

from tests import base
from tests import ramdisk
from valence.introspection.hooks import standard


class ExtraTest(base.TestCase):
    def run_hook(self, document):
        standard.ExtraHardware(None).before(document)
        return document

    def test_what_the_original_makes_of_a_real_machine(self):
        found = self.run_hook(ramdisk.sample("medium"))
        self.assertEqual(ramdisk.read("medium-processed-real-dell")["extra"], found["extra"])
        self.assertNotIn("data", found)

    def test_rows_that_are_none_are_left_out(self):
        rows = [["a", "b", "c", "1"], ["a", "b"], [], [None] * 4, [1, 2, 3, 4], ["a", "b", "d", "-x"]]
        self.assertEqual({"a": {"b": {"c": 1, "d": "-x"}}}, self.run_hook({"data": rows})["extra"])

    def test_data_of_another_form_stay(self):
        for data in ("text", {"a": 1}, [["a", "b", "c", "1"], "x"], None, 5):
            self.assertEqual({"data": data}, self.run_hook({"data": data}))
        self.assertEqual({}, self.run_hook({}))
