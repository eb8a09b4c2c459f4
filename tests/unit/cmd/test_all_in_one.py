# SPDX-License-Identifier: Apache-2.0
"""The folder of a process's state, and what is said once everything runs."""

import os
import socket
import stat

import fixtures

from tests import base
from valence.cmd import all_in_one
from valence.common import errors
from valence.common.configuration import config


def mode(path):
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


class StateDirTest(base.TestCase):
    def start(self, path):
        """Take a folder until the end of the test."""
        folder = all_in_one.StateDir(path)
        folder.start()
        self.addCleanup(folder.stop)
        return folder

    def test_it_is_for_its_owner_alone(self):
        path = self.make_folder() / "a" / "b"
        self.start(path)
        self.assertEqual((0o700, 0o600), (mode(path), mode(path / all_in_one.LOCK)))

    def test_a_database_that_others_could_read_is_closed_to_them(self):
        path = self.make_folder()
        for name in ("valence.db", "valence.db-wal", "other"):
            (path / name).write_bytes(b"")
            (path / name).chmod(0o644)
        self.start(path)
        modes = [mode(path / name) for name in ("valence.db", "valence.db-wal", "other")]
        self.assertEqual([0o600, 0o600, 0o644], modes)

    def test_two_do_not_share_it(self):
        path = self.make_folder()
        self.start(path)
        self.assertRaises(errors.StateDirUnusable, all_in_one.StateDir(path).start)


class BannerTest(base.TestCase):
    """Commands that can be copied into another terminal."""

    def setUp(self):
        super().setUp()
        folder = self.make_folder()
        (folder / "valence").touch(mode=0o755)
        self.programs = str(folder)
        self.useFixture(fixtures.MonkeyPatch("sys.argv", [f"{folder}/valence-all-in-one"]))

    def lines(self, url="http://127.0.0.1:8181", *, path, is_demo=True):
        """Return the lines of a start with a PATH."""
        self.useFixture(fixtures.EnvironmentVariable("PATH", path))
        text = all_in_one.banner(url, "/tmp/x", is_demo=is_demo)
        return [line.strip() for line in text.splitlines()]

    def test_commands_come_before_requests(self):
        text = "\n".join(self.lines(path=self.programs))
        self.assertLess(text.index("valence system list"), text.index("curl "))
        self.assertNotIn("export", text)

    def test_what_a_shell_has_to_know_first(self):
        lines = self.lines("http://127.0.0.1:9", path=os.defpath)
        path, endpoint = (line for line in lines if line.startswith("export"))
        self.assertEqual(f"export PATH={self.programs}:$PATH", path)
        self.assertEqual("export VALENCE_ENDPOINT=http://127.0.0.1:9", endpoint)
        self.assertLess(lines.index(endpoint), lines.index(next(x for x in lines if x.startswith("valence"))))

    def test_only_the_demo_has_the_flavor(self):
        flavored = [line for line in self.lines(path=self.programs) if "--flavor gpu" in line]
        self.assertEqual(1, len(flavored))
        self.assertNotIn("--flavor", "\n".join(self.lines(path=self.programs, is_demo=False)))

    def test_lines_fit_a_terminal(self):
        text = all_in_one.banner(all_in_one.URL, "/tmp/x", is_demo=True)
        self.assertEqual([], [line for line in text.splitlines() if len(line) > 80])


class PartsTest(base.TestCase):
    def test_a_port_that_is_taken_is_noticed_before_anything_is_made(self):
        state = self.make_folder() / "state"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            argv = ["--state-dir", str(state), "--port", str(taken.getsockname()[1])]
            conf = config.load(argv, "valence-all-in-one", cli=all_in_one.OPTIONS, system_files=False)
            conf.set_override("demo", False)
            parts = all_in_one.parts(conf)
            folder = next(parts)
            folder.start()
            self.addCleanup(folder.stop)
            self.assertRaises(errors.CannotListen, next, parts)
        self.assertEqual([all_in_one.LOCK], [each.name for each in state.iterdir()])
