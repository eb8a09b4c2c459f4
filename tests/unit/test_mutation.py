# SPDX-License-Identifier: Apache-2.0
"""The mutants fit the code that they change."""

import pathlib

from tests import base
from tests.mutation import table

CODE = pathlib.Path(__file__).parents[2] / "valence"


class TableTest(base.TestCase):
    def test_each_mutant_changes_one_place(self):
        found = {each.name: (CODE / each.file).read_text().count(each.old) for each in table.MUTANTS}
        self.assertEqual({}, {name: times for name, times in found.items() if times != 1})

    def test_each_mutant_can_be_compiled(self):
        for mutant in table.MUTANTS:
            text = (CODE / mutant.file).read_text()
            compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")

    def test_names_are_unique(self):
        self.assertEqual(len(table.MUTANTS), len({each.name for each in table.MUTANTS}))
