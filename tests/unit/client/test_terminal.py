# SPDX-License-Identifier: Apache-2.0
"""Control characters in names, and terminals."""

import io
import json

import yaml

from tests import base
from tests.unit.client import console
from valence.client import errors
from valence.client import terminal
from valence.client.commands import base as commands_base

UUID = "0a000000-0000-4000-8000-000000000001"
#: escape sequences of C0 and C1, a title of a terminal, a carriage return, and a mark of direction
NAME = "ev\x1b[31mil\x1b]0;pwn\x07\x9b2J\rb\u202ec\x7f"
SHOWN = r"ev\x1b[31mil\x1b]0;pwn\x07\u009b2J\x0db\u202ec\u007f"
FLAVOR = {"uuid": UUID, "name": NAME, "properties": {NAME: [NAME]}, "policy": "pack", "description": "Ä\t漢"}


class EscapedTest(base.TestCase):
    def test_what_steers_a_terminal_is_escaped_and_other_text_is_not(self):
        self.assertEqual(SHOWN, terminal.escaped(NAME))
        self.assertEqual("Ä\t漢\n✓", terminal.escaped("Ä\t漢\n✓"))

    def test_errors_are_escaped_where_they_are_shown(self):
        error = errors.NotFound(f"There is no {NAME}.")
        self.assertEqual((f"There is no {SHOWN}.", f"There is no {NAME}."), (str(error), error.detail))


class StreamTest(base.TestCase):
    def test_all_that_is_written_is_escaped_once(self):
        program = type("Program", (), {"stdout": io.StringIO(), "stderr": console.Terminal()})
        out = program.stdout
        terminal.guard(program)
        terminal.guard(program)
        program.stdout.writelines([NAME, "\n"])
        self.assertEqual(f"{SHOWN}\n", out.getvalue())
        self.assertEqual((out, True), (terminal.raw(program.stdout), program.stderr.isatty()))
        self.assertEqual(out, terminal.raw(out))

    def test_progress_moves_the_cursor_and_names_do_not(self):
        screen = terminal.Stream(console.Terminal())
        with commands_base.steps(screen, lambda row: row) as told:
            told(NAME)
        self.assertIn("\x1b[", screen.getvalue())
        self.assertIn(SHOWN, screen.getvalue())


class CommandsTest(base.TestCase):
    def run_command(self, *argv):
        """Run a command on a flavor, whose name steers terminals."""
        return self.useFixture(console.Console(FLAVOR | {"flavors": [FLAVOR]})).run(*argv)

    def test_no_form_prints_control_characters(self):
        for form in ("table", "value", "csv"):
            printed = self.run_command("flavor", "list", "-f", form)
            self.assertEqual((0, ""), (printed.code, printed.err))
            self.assertIn(SHOWN, printed.out.replace("\\\\", "\\"), form)
            self.assertEqual("", "".join(set(NAME) & set(printed.out) - set(map(chr, range(32, 127)))))

    def test_a_table_stays_a_table(self):
        lines = self.run_command("flavor", "list").out.splitlines()
        self.assertEqual({len(lines[0])}, set(map(len, lines)))

    def test_json_and_yaml_have_the_name_itself(self):
        for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
            printed = self.run_command("flavor", "show", UUID, "-f", form)
            self.assertEqual(NAME, read(printed.out)["name"], form)
