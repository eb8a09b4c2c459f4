# SPDX-License-Identifier: Apache-2.0
"""The checks of the doctor, and the page that lists them."""

import pathlib

from tests import base
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
