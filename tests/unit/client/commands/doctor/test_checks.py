# SPDX-License-Identifier: Apache-2.0
"""The checks of the doctor, and the page that lists them."""

import pathlib
import re
import shlex

from tests import base
from tests.unit.client import console
from valence.client import shell
from valence.client.commands.doctor import checks

PAGE = pathlib.Path(__file__).parents[5] / "doc/source/admin/doctor.rst"


def table():
    """Return the table of the checks as the page has it."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    rows = [(f"``{name}``", *check[:2], f"``{check.command}``") for name, check in checks.CHECKS.items()]
    for row in (("check", "severity", "finds", "command"), *rows):
        lines += [
            f"   {'-' if number else '* -'} {cell}".replace("   -", "     -")
            for number, cell in enumerate(row)
        ]
    return "\n".join([*lines, ""])


class ChecksTest(base.TestCase):
    def test_the_page_has_every_check(self):
        self.assertTrue(PAGE.read_text().endswith(f"\n{table()}"), f"{PAGE} should end with:\n{table()}")

    def test_every_check_has_a_severity_and_a_sentence(self):
        for name, check in checks.CHECKS.items():
            self.assertIn(check.severity, checks.SEVERITIES, name)
            self.assertTrue(check.about.endswith("."), name)
            self.assertNotEqual("", check.command, name)

    def test_every_command_of_valence_is_accepted(self):
        self.useFixture(console.Console())  # no option comes from the environment
        number = 0
        for check in checks.CHECKS.values():
            program, *words = shlex.split(re.sub(r"{\w+}", "x9", check.command))
            if program != "valence":
                continue
            number += 1
            app = shell.Shell(words)
            _, rest = app.parser.parse_known_args(words)
            factory, name, arguments = app.command_manager.find_command(rest)
            # An argument that the command does not know ends the parser with SystemExit.
            try:
                factory(app, None).get_parser(name).parse_args(arguments)
            except SystemExit:
                self.fail(check.command)
        self.assertGreaterEqual(number, 15)
