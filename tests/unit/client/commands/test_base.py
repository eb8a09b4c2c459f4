# SPDX-License-Identifier: Apache-2.0
"""What commands print, send and end with."""

import importlib
import io
import json
import re
import urllib.parse

import fixtures

from tests import base
from tests.unit.client import console
from tests.unit.client import server
from valence.client import commands
from valence.client.commands import base as commands_base

ROW = {
    "uuid": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11",
    "name": "large",
    "properties": {"a": 1},
    "policy": None,
}
OPERATION = {
    "uuid": "7",
    "operation_kind": "sync",
    "state": "pending",
    "steps": [],
    "cause": None,
    "hint": None,
}


def classes():
    """Yield the name and the class of each command."""
    for name in commands.COMMANDS:
        module, _, kind = commands.entry_point(name).partition(":")
        yield name, getattr(importlib.import_module(module), kind)


class CommandTest(base.TestCase):
    def run_command(self, answers, *argv):
        self.console = self.useFixture(console.Console(*answers))
        return self.console.run(*argv)


class TableTest(base.TestCase):
    def test_every_command_has_an_example_and_says_what_it_does(self):
        for name, kind in classes():
            self.assertTrue(kind.example, name)
            self.assertNotIn("\n", kind.__doc__.strip(), name)

    def test_columns_are_fields(self):
        lists = [kind for _, kind in classes() if issubclass(kind, commands_base.List)]
        self.assertGreater(len(lists), 7)
        for kind in lists:
            self.assertEqual(set(), {*kind.columns, *kind.narrow} - set(kind.model.public_fields()), kind)

    def test_every_public_class_of_a_command_is_in_the_table(self):
        known = {kind for _, kind in classes()}
        for module in {kind.__module__ for kind in known}:
            named = vars(importlib.import_module(module)).items()
            mine = {
                each for name, each in named if getattr(each, "__module__", "") == module and name[0] != "_"
            }
            self.assertEqual(set(), {each for each in mine if isinstance(each, type)} - known)


class ListTest(CommandTest):
    def paths(self):
        return self.console.server.paths()

    def test_a_table_has_the_usual_columns(self):
        printed = self.run_command([server.page("flavors", ROW)], "flavor", "list")
        self.assertEqual(0, printed.code)
        self.assertIn('| large | {"a": 1}   | None   |', printed.out)
        self.assertEqual(["GET /v1/flavors?fields=uuid%2Cname%2Cproperties%2Cpolicy"], self.paths())

    def test_a_narrow_terminal_has_fewer_columns(self):
        """UUIDs that are broken into lines cannot be copied."""
        for formatter, columns, names in (
            ("table", "80", {"uuid", "name", "policy"}),
            ("table", "200", {"uuid", "name", "policy", "properties"}),
            ("json", "80", {"uuid", "name", "policy", "properties"}),
        ):
            self.useFixture(fixtures.EnvironmentVariable("COLUMNS", columns))
            self.patch(console.Console, "stream", console.Terminal)
            self.run_command([server.page("flavors", ROW)], "flavor", "list", "-f", formatter)
            (path,) = self.paths()
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)["fields"][0]
            self.assertEqual(names, set(asked.split(",")))

    def test_an_empty_list_says_what_to_do_on_a_terminal_alone(self):
        empty = [server.page("flavors")]
        self.assertEqual("", self.run_command(empty, "flavor", "list").err)
        self.patch(console.Console, "stream", console.Terminal)
        printed = self.run_command(empty, "flavor", "list")
        self.assertEqual("There are no flavors. Create one: valence flavor create --help\n", printed.err)
        printed = self.run_command(empty, "flavor", "list", "--property", "name=x")
        self.assertIn("without --property", printed.err)

    def test_what_lists_say_names_commands(self):
        hints = [kind.empty for _, kind in classes() if getattr(kind, "empty", "")]
        self.assertGreater(len(hints), 5)
        for hint in hints:
            named = re.findall(r"\{program\} ([a-z ]+[a-z])", hint)
            self.assertEqual([], [each for each in named if each not in commands.COMMANDS], hint)
            self.assertNotEqual([], named, hint)

    def test_the_program_before_a_command(self):
        for prog_name, wanted in (
            ("valence flavor list", "valence"),
            ("openstack rack pod manager list", "openstack rack"),
            ("openstack rack list", "openstack rack"),
            ("valence apply", "valence"),
            ("python -m valence node device list", "python -m valence"),
        ):
            self.assertEqual(wanted, commands_base.program(prog_name))

    def test_the_size_of_a_device_has_its_unit_in_a_table_alone(self):
        row = {"size": 512, "device_type": "Storage"}
        for formatter, shown in (("table", "512 GiB"), ("value", "512"), ("json", "512")):
            argv = ("device", "list", "-c", "size", "-c", "device_type", "-f", formatter)
            printed = self.run_command([server.page("devices", row)], *argv)
            self.assertIn(shown, printed.out)
            self.assertEqual(formatter == "table", "GiB" in printed.out)

    def test_json_has_values_as_they_are(self):
        printed = self.run_command([server.page("flavors", ROW)], "flavor", "list", "-f", "json")
        self.assertEqual([ROW], printed.json)

    def test_columns_may_be_any_fields(self):
        argv = ("flavor", "list", "-c", "name", "-c", "description", "-f", "json")
        printed = self.run_command([server.page("flavors", {"name": "large", "description": "x"})], *argv)
        self.assertEqual([{"name": "large", "description": "x"}], printed.json)
        self.assertEqual(["GET /v1/flavors?fields=name%2Cdescription"], self.paths())

    def test_long_shows_what_only_the_server_knows(self):
        printed = self.run_command(
            [server.page("flavors", ROW | {"colour": "red"})], "flavor", "list", "--long", "-f", "json"
        )
        self.assertEqual("red", printed.json[0]["colour"])
        self.assertIn("created_at", printed.json[0])

    def test_the_server_sorts_filters_and_limits(self):
        argv = ("--sort", "name:desc", "--limit", "3", "--marker", "m", "--property", "policy=in:pack,spread")
        self.run_command([server.page("flavors")], "flavor", "list", "--long", *argv)
        expected = "GET /v1/flavors?policy=in%3Apack%2Cspread&sort=name%3Adesc&marker=m&limit=3"
        self.assertEqual([expected], self.paths())

    def test_properties_may_be_repeated_and_have_any_name(self):
        argv = ("--property", "name=gt:a", "--property", "name=lt:c", "--property", "self=x")
        printed = self.run_command([server.page("flavors")], "flavor", "list", "--long", *argv)
        self.assertEqual((0, ""), (printed.code, printed.err))
        self.assertEqual(["GET /v1/flavors?name=gt%3Aa&name=lt%3Ac&self=x"], self.paths())


class ChangeTest(CommandTest):
    def bodies(self):
        return [json.loads(each.body) for each in self.console.server.requests if each.body]

    def test_set_and_unset(self):
        answers = [server.page("flavors", ROW), (200, ROW, {"ETag": '"1"'}), ROW]
        printed = self.run_command(answers, "flavor", "set", "large", "--policy", "pack", "--name", "larger")
        self.assertEqual((0, ""), (printed.code, printed.err))
        self.assertEqual([{"name": "larger", "policy": "pack"}], self.bodies())
        # A conductor may have changed the row since it was read: that is no reason to refuse what the user sets.
        self.assertNotIn("If-Match", self.console.server.requests[-1].headers)
        self.run_command(answers, "flavor", "unset", "large", "--policy")
        self.assertEqual([{"policy": None}], self.bodies())

    def test_a_change_of_a_revision(self):
        answers = [server.page("flavors", ROW), (200, ROW, {"ETag": '"1"'}), ROW]
        for verb, more in (("set", ("pack",)), ("unset", ())):
            argv = ("large", "--policy", *more, "--if-match", "7")
            printed = self.run_command(answers, "flavor", verb, *argv)
            self.assertEqual((0, ""), (printed.code, printed.err))
            self.assertEqual('"7"', self.console.server.requests[-1].headers["If-Match"])

    def test_what_is_missing_is_told_with_its_choices(self):
        printed = self.run_command([ROW], "node", "power", "web-3")
        self.assertEqual(2, printed.code)
        self.assertIn("required: action; action is one of on, force_off, ", printed.err)
        self.assertEqual(1, printed.err.count("\n"))

    def test_nothing_to_change(self):
        for verb in ("set", "unset"):
            printed = self.run_command([ROW], "flavor", verb, "large")
            self.assertEqual(
                (1, f"Nothing to {verb}: name at least one field.\n"), (printed.code, printed.err)
            )

    def test_a_device_has_no_revision(self):
        device = {"uuid": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11", "state": "dirty"}
        printed = self.run_command([device, device], "device", "set", device["uuid"], "--state", "free")
        self.assertEqual((0, ""), (printed.code, printed.err))
        self.assertEqual([{"state": "free"}], self.bodies())
        self.assertNotIn("If-Match", self.console.server.requests[-1].headers)

    def test_what_can_be_deleted_is_deleted(self):
        missing = server.page("flavors")
        answers = [missing, server.page("flavors", ROW), ROW, (204, None, {})]
        printed = self.run_command(answers, "flavor", "delete", "small", "large")
        self.assertEqual(
            (1, "small: There is no flavor small. List them to see what there is.\n"),
            (printed.code, printed.err),
        )
        self.assertEqual([], self.console.server.answers)


class WaitTest(CommandTest):
    def test_without_wait_the_operation_is_shown(self):
        printed = self.run_command([OPERATION], "node", "power", "web-3", "on", "-f", "value", "-c", "state")
        self.assertEqual((0, "pending\n"), (printed.code, printed.out))

    def test_a_repetition_has_the_key_of_the_command_before(self):
        for argv in (
            ("pod", "manager", "sync", ROW["uuid"]),
            ("operation", "retry", "7"),
            ("operation", "cancel", "7"),
        ):
            answers = [ROW, OPERATION] if argv[-2] == "sync" else [OPERATION]
            printed = self.run_command(answers, *argv, "--idempotency-key", "k-1")
            self.assertEqual(0, printed.code, printed.err)
            self.assertEqual("k-1", self.console.server.requests[-1].headers["Idempotency-Key"])

    def test_with_wait_its_end_is_shown(self):
        answers = [OPERATION, OPERATION | {"state": "succeeded"}]
        printed = self.run_command(answers, "operation", "retry", "7", "--wait", "-f", "value", "-c", "state")
        self.assertEqual((0, "succeeded\n", ""), printed)

    def test_a_failure_is_one_line_and_an_exit_code(self):
        ended = OPERATION | {"state": "failed", "cause": "It broke.", "hint": "Mend it."}
        printed = self.run_command([ended], "operation", "wait", "7")
        self.assertEqual((1, "", "The operation sync 7 failed: It broke. Mend it.\n"), printed)

    def test_a_deletion_is_waited_for(self):
        answers = [ROW, (202, OPERATION, {}), OPERATION | {"state": "succeeded"}]
        self.assertEqual(0, self.run_command(answers, "node", "delete", "web-3", "--wait").code)
        self.assertEqual("GET /v1/operations/7", self.console.server.paths()[-1])

    def test_steps_are_shown_on_a_terminal(self):
        screen = Terminal()
        with commands_base.steps(screen) as told:
            told(OPERATION | {"steps": [{"name": "connect", "state": "running"}]})
        self.assertIn("sync: connect running", screen.getvalue())

    def test_steps_are_not_written_to_files(self):
        screen = io.StringIO()
        with commands_base.steps(screen) as told:
            told(OPERATION)
        self.assertEqual("", screen.getvalue())


class Terminal(io.StringIO):
    def isatty(self):
        return True
