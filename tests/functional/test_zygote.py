# SPDX-License-Identifier: Apache-2.0
"""Commands that tests fork behave as executed ones do: exit codes, signals, environment, output, and their end."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import psutil

from tests import base
from tests import process
from tests import programs
from tests import zygote

#: starts a simulator, prints its number and waits
PARENT = """\
import sys
from tests import deployment
with deployment.Simulator(sys.argv[1]) as simulator:
    print(simulator.pid, flush=True)
    sys.stdin.read()
"""


class ZygoteTest(base.TestCase):
    def fork(self, *arguments, program="valence-simulator", **variables):
        """Return a forked command and the file of its output."""
        log = self.make_folder() / "log"
        forked = zygote.running().fork(
            [str(process.BIN / program), *arguments], log, dict(os.environ) | variables
        )
        self.addCleanup(forked.kill)
        return forked, log

    def test_exit_codes_and_output_are_those_of_the_command(self):
        for arguments, expected in ((["--help"], 0), (["--no-such-option"], 2)):
            executed = subprocess.run(
                [process.BIN / "valence-simulator", *arguments],
                text=True,
                stderr=subprocess.STDOUT,
                stdout=subprocess.PIPE,
            )
            forked, log = self.fork(*arguments)
            self.assertEqual((executed.returncode, expected), (forked.wait(60), expected))
            self.assertEqual(executed.stdout, log.read_text())

    def test_a_process_has_a_session_of_its_own_and_no_files_of_others(self):
        forked, log = self.fork("--port=0")
        self.wait_for(lambda: "http" in log.read_text())
        self.assertEqual(forked.pid, os.getsid(forked.pid))
        self.assertLess(psutil.Process(forked.pid).num_fds(), 20)

    def test_the_environment_is_that_of_the_request(self):
        folder = self.make_folder()
        _, log = self.fork("--port=0", program="valence-all-in-one", XDG_STATE_HOME=str(folder))
        self.wait_for(lambda: "Valence serves" in log.read_text(), 30, log.read_text)
        self.assertTrue((folder / "valence" / "valence.db").exists())

    def test_signals_end_it(self):
        for number, expected in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
            forked, log = self.fork("--port=0")
            self.wait_for(lambda log=log: "http" in log.read_text())
            self.assertIsNone(forked.poll())
            self.assertRaises(subprocess.TimeoutExpired, forked.wait, 0.01)
            forked.send_signal(number)
            self.assertEqual(expected, forked.wait(60))
            self.assertEqual(expected, forked.poll())
            forked.send_signal(number)  # nobody has the number of the process now

    def test_a_process_ends_with_the_test_process(self):
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, self.make_folder()],
            cwd=pathlib.Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(parent.stdout.close)
        self.addCleanup(parent.stdin.close)
        self.addCleanup(parent.wait)
        self.addCleanup(parent.kill)
        simulator = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        self.wait_for(lambda: not simulator.is_running())


class ProgramTest(base.TestCase):
    """Programs that a zygote forks for a shell."""

    def start(self, name, *arguments):
        program = programs.find(process.BIN / name)
        self.assertNotEqual(process.BIN, program.parent)
        started = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(started.__exit__, None, None, None)
        self.addCleanup(started.kill)
        return started

    def test_exit_codes_and_output_are_those_of_the_command(self):
        for name, arguments in (
            ("valence", ["--version"]),
            ("openstack", ["--version"]),
            ("openstack", ["--version"]),  # now by a process that has learned what to import
            ("openstack", ["--os-cloud", "none", "rack", "system", "list"]),
        ):
            command = [process.BIN / name, *arguments]
            executed, forked = (
                subprocess.run(each, cwd=self.make_folder(), text=True, capture_output=True)
                for each in (command, [programs.find(command[0]), *arguments])
            )
            self.assertEqual(
                (executed.returncode, executed.stdout, executed.stderr),
                (forked.returncode, forked.stdout, forked.stderr),
            )

    def test_the_configuration_is_that_of_the_folder(self):
        cloud = {"auth_type": "none", "rack_endpoint_override": "http://127.0.0.1:1"}
        for name in ("one", "two"):
            folder = self.make_folder()
            (folder / "clouds.yaml").write_text(json.dumps({"clouds": {name: cloud}}))
            command = [programs.find(process.BIN / "openstack"), "--os-cloud", name, "rack", "system", "list"]
            done = subprocess.run(command, cwd=folder, text=True, capture_output=True)
            self.assertIn("http://127.0.0.1:1 cannot be reached", done.stderr)

    def test_signals_are_passed_on(self):
        one = self.start("valence-simulator", "--port=0")
        self.assertIn("http", one.stdout.readline())
        one.terminate()
        self.assertEqual(0, one.wait(60))

    def test_a_command_ends_with_its_program(self):
        one = self.start("valence-simulator", "--port=0")
        self.assertIn("http", one.stdout.readline())
        one.kill()
        self.assertEqual("", one.stdout.read())  # nothing has the file any more
