# SPDX-License-Identifier: Apache-2.0
"""The program ``valence``, and the plug-in of ``openstack`` with the same commands."""

import importlib.metadata
import io
import subprocess
import sys

import requests

from tests import base
from tests.unit.client import console
from tests.unit.client import server
from valence.client import commands
from valence.client import shell as shell_module

IMPORTED = """
import sys
from valence.client import shell
try:
    shell.main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def imported(*argv):
    """Return which modules a command imports, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *argv],
        text=True,
        capture_output=True,
        timeout=60,
        env=server.environment(),
    )
    return set(done.stderr.splitlines()[-1].split())


class ShellTest(base.TestCase):
    def test_help_names_every_command_and_its_example(self):
        shell = self.useFixture(console.Console())
        text = shell.run("--help").out
        for name in commands.COMMANDS:
            self.assertIn(f"\n  {name}  ", text)
            detailed = shell.run("help", *name.split())
            self.assertIn(f"Example: valence {name}", " ".join(detailed.out.split()), detailed.err)

    def test_help_waits_for_no_library_of_requests(self):
        self.assertEqual(
            set(), {"requests", "keystoneauth1", "openstack", "rich", "oslo_config"} & imported("--help")
        )

    def test_a_command_imports_no_server(self):
        used = imported("--endpoint", "http://127.0.0.1:9", "event", "list")
        self.assertIn("keystoneauth1", used)
        mine = {name.split(".")[1] for name in used if name.startswith("valence.")}
        self.assertEqual({"client", "db", "version"}, mine)
        self.assertEqual(set(), {"openstack", "sqlalchemy", "oslo_config", "oslo_messaging", "flask"} & used)

    def test_wrong_arguments_are_one_line_that_says_what_is_right(self):
        shell = self.useFixture(console.Console())
        for argv, part in (
            (("nodes", "list"), "There is no command nodes list. Did you mean: node list"),
            (("node", "--long"), "node alone is no command; there are: node attach, node boot"),
            (("xyzzy",), "There is no command xyzzy."),
            (("--nonsense", "node", "list"), "There is no option --nonsense before a command."),
            (("--os-region-name",), "--os-region-name: expected one argument."),
            (("--os-auth-type", "nonsense", "node", "list"), "named nonsense; they are: admin_token"),
            (("node", "list", "--limti", "3"), "Did you mean --limit? Its options: valence node list --help"),
            (("node", "list", "--xyzzy"), "unrecognized arguments: --xyzzy. Its options"),
            (("node", "list", "--limit", "0"), "'0' is not a whole number from 1 on. Its options"),
            (("node", "create", "a", "--policy", "b"), "invalid choice: 'b' (choose from"),
        ):
            printed = shell.run(*argv)
            self.assertEqual((2, "", 1), (printed.code, printed.out, printed.err.count("\n")), printed.err)
            self.assertIn(part, printed.err)

    def test_a_connection_that_cannot_be_made_is_one_line_with_a_hint(self):
        folder = self.make_folder()
        shell = self.useFixture(console.Console())
        for argv, part in (
            (("--os-auth-type", "password"), "not given: auth_url. Check --os-auth-type"),
            (("--os-auth-type", "http_basic"), "No valid authentication is available. Check --os-auth-type"),
            (("--os-cacert", f"{folder}/ca"), f"There is no file {folder}/ca. Name a file"),
        ):
            printed = shell.run(*argv, "node", "list")
            self.assertEqual((1, "", 1), (printed.code, printed.out, printed.err.count("\n")), printed.err)
            self.assertIn(part, printed.err)

    def test_every_error_is_one_line_without_a_traceback(self):
        cut = [requests.ConnectionError("refused")] * 4
        busy = [(*server.problem(503)[:2], {"Retry-After": "0"})] * 4
        for answers in ([server.problem(404)], [server.problem(409)], [server.problem(412)], busy, cut):
            printed = self.useFixture(console.Console(*answers)).run("node", "show", "web-3")
            self.assertEqual((1, ""), (printed.code, printed.out))
            self.assertEqual(1, printed.err.count("\n"), printed.err)

    def test_verbose_prints_requests_without_secrets(self):
        shell = self.useFixture(console.Console(server.page("flavors")))
        printed = shell.run("-v", "flavor", "list")
        self.assertIn("curl -g -i -X GET", printed.err)

    def test_openstack_has_the_same_commands(self):
        points = importlib.metadata.entry_points(group="openstack.rack.v1")
        known = {each.name: each.value for each in points}
        expected = {
            commands.name_in_openstack(name).replace(" ", "_"): commands.entry_point(name)
            for name in commands.COMMANDS
        }
        self.assertEqual(expected, known)


class StreamTest(base.TestCase):
    def test_a_stream_of_ascii_has_every_name(self):
        shell = self.useFixture(console.Console(server.page("flavors", {"uuid": "1", "name": "é"})))
        self.assertIsNotNone(shell.server)
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        argv = ["flavor", "list", "-f", "value", "-c", "name"]
        self.assertEqual(0, shell_module.main(argv, stdout=stream))
        stream.flush()
        self.assertEqual(b"\\xe9\n", raw.getvalue())
