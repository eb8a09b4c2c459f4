# SPDX-License-Identifier: Apache-2.0
"""The progress bar."""

import io

from tests import base
from valence.cmd.manage import copy


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressTest(base.TestCase):
    def test_a_terminal_sees_a_bar_that_grows_in_its_line(self):
        terminal = Terminal()
        show = copy.Progress(terminal)
        show("copy resources", 500, 1500)
        show("copy resources", 1500, 1500)
        first, last = terminal.getvalue().split("\r")[1:]
        self.assertTrue(
            first.startswith("[##########....................] copy resources: 500 of 1,500"), first
        )
        self.assertTrue(
            last.startswith("[##############################] copy resources: 1,500 of 1,500"), last
        )
        self.assertTrue(last.endswith("\n"))

    def test_a_terminal_is_not_flooded(self):
        terminal = Terminal()
        show = copy.Progress(terminal)
        for done in range(1, 1000):
            show("copy resources", done, 1000)
        self.assertLess(terminal.getvalue().count("\r"), 100)

    def test_a_file_gets_a_line_for_each_part(self):
        file = io.StringIO()
        show = copy.Progress(file)
        for part in ("one", "two"):
            show(part, 1, 2)
            show(part, 2, 2)
        self.assertEqual(
            ["one: 2 of 2", "two: 2 of 2"], [row.split(",")[0] for row in file.getvalue().splitlines()]
        )
