# SPDX-License-Identifier: Apache-2.0
"""A process ends when it is told to, whatever it is doing at that moment."""

import importlib.metadata
import pathlib
import signal
import socket
import subprocess
import sys

from tests import base
from valence.common import secrets

#: a process with a part that says what happens to it; HUPs come faster than they are dealt with
PROGRAM = """
import sys
from oslo_config import cfg
from valence.cmd import process
from valence.common.configuration import config

class Part:
    def start(self):
        print("started", flush=True)

    def stop(self):
        print("stopped", flush=True)

conf = config.load([], "test", config_files=[])
sys.exit(process.run(conf, lambda: [Part()]))
"""


#: the same, with a thread that takes the signal before it ends the process
TAKEN = PROGRAM.replace(
    'print("started", flush=True)',
    """
        import signal
        import threading
        import time

        def take():
            time.sleep(0.5)  # by then the main thread waits, or the test is easier than it could be
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

        threading.Thread(target=take).start()
        print("started", flush=True)
""".strip(),
)


#: the same, with a part that never stops
HUNG = PROGRAM.replace(
    'print("stopped", flush=True)', 'print("stopping", flush=True); import time; time.sleep(999)'
)


class SignalTest(base.TestCase):
    def start(self, program=PROGRAM, stderr=subprocess.DEVNULL):
        one = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        self.addCleanup(one.stdout.close)
        self.addCleanup(one.wait)
        self.addCleanup(one.kill)
        self.assertEqual("started\n", one.stdout.readline())
        return one

    def assert_ends(self, one):
        printed, _ = one.communicate(timeout=180)  # the log of the signals too
        self.assertEqual(("stopped", 0), (printed.splitlines()[-1], one.returncode))

    def test_it_ends_in_good_order(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            one = self.start()
            one.send_signal(number)
            self.assert_ends(one)

    def test_it_ends_whichever_thread_takes_the_signal(self):
        self.assert_ends(self.start(TAKEN))

    def test_it_ends_in_the_middle_of_other_signals(self):
        one = self.start()
        for _ in range(300):
            one.send_signal(signal.SIGHUP)
        one.send_signal(signal.SIGTERM)
        for _ in range(30):
            one.send_signal(signal.SIGHUP)
        self.assert_ends(one)

    def test_a_second_signal_ends_it_at_once(self):
        one = self.start(HUNG)
        one.send_signal(signal.SIGINT)
        self.assertEqual("stopping\n", one.stdout.readline())
        one.send_signal(signal.SIGINT)
        one.communicate(timeout=180)
        self.assertEqual(1, one.returncode)

    def test_it_ends_at_the_deadline_whatever_a_part_does(self):
        one = self.start(HUNG.replace("conf = config", "process.STOP_SECONDS = -29\nconf = config"))
        one.send_signal(signal.SIGTERM)
        one.communicate(timeout=180)
        self.assertEqual(1, one.returncode)

    def test_it_ends_though_a_thread_waits_for_ever(self):
        thread = 'import threading; threading.Thread(target=threading.Event().wait).start(); print("started"'
        one = self.start(PROGRAM.replace('print("started"', thread))
        one.send_signal(signal.SIGTERM)
        self.assert_ends(one)

    def test_a_part_that_cannot_be_stopped_keeps_no_other_from_it(self):
        parts = PROGRAM.replace("[Part()]", "[Part(), Broken()]").replace(
            "conf =",
            "class Broken(Part):\n    def start(self): pass\n    def stop(self): raise ValueError\nconf =",
        )
        one = self.start(parts)
        one.send_signal(signal.SIGTERM)
        self.assert_ends(one)

    def test_diagnostic_signals_print_the_stacks_and_end_nothing(self):
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            one = self.start(stderr=subprocess.PIPE)
            one.send_signal(number)
            # A library may have warned of something before.
            self.assertTrue(any("most recent call first" in line for line in one.stderr))
            self.assertIsNone(one.poll())
            one.send_signal(signal.SIGTERM)
            one.communicate(timeout=180)
            self.assertEqual(0, one.returncode)


class CommandTest(base.TestCase):
    """Mistakes are explained in a line, by every command, with an exit code and no traceback."""

    COMMANDS = {
        "api": [],
        "conductor": [],
        "all-in-one": [],
        "manage": ["db", "check"],
        "migrate-data": ["--from", "file", "--to", "database"],
        "status": ["upgrade", "check"],
    }

    def run_command(self, name, text, *more):
        """Return exit code and standard error of a command with a configuration."""
        folder = self.make_folder()
        file = folder / "valence.conf"
        file.write_text(f"[DEFAULT]\nstate_dir = {folder}\nauth_strategy = noauth\n{text}")
        program = pathlib.Path(sys.executable).parent / f"valence-{name}"
        command = [program, "--config-file", file, *(more or self.COMMANDS[name])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        self.assertNotIn("Traceback", done.stderr)
        return done.returncode, done.stderr

    def test_a_wrong_value(self):
        for name in self.COMMANDS:
            code, told = self.run_command(name, "[sync]\ninterval = abc\n")
            self.assertEqual(2, code, name)
            self.assertIn("valence.conf: [sync] interval: 'abc' is not valid", told.splitlines()[-1])

    def test_a_database_whose_driver_is_not_installed(self):
        secrets.create(keys := self.make_folder() / "keys")
        text = f"[database]\nconnection = mysql://u:p@h/d\n[secrets]\nkey_file = {keys}\n"
        code, told = self.run_command("conductor", text)
        self.assertEqual((2, True), (code, "[database] connection" in told and "MySQLdb" in told), told)

    def test_a_policy_that_is_no_yaml(self):
        file = self.make_folder() / "policy.yaml"
        for broken in ('"x: [', "- a list\n"):
            file.write_text(broken)
            code, told = self.run_command(
                "all-in-one", f"[oslo_policy]\npolicy_file = {file}\n", "--port", "0"
            )
            self.assertEqual(2, code)
            self.assertIn(f"[oslo_policy] policy_file, {file}, cannot be used", told.splitlines()[-1])

    def test_a_certificate_that_is_not_there(self):
        code, told = self.run_command("api", "[api]\ntls_cert_file = /no/such\n")
        self.assertEqual((2, True), (code, "[api] tls_cert_file" in told), told)

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, told = self.run_command("all-in-one", f"[api]\nport = {port}\n")
        self.assertEqual((1, True), (code, f"127.0.0.1:{port}" in told), told)

    def test_a_folder_that_cannot_be_written(self):
        file = self.make_folder() / "file"
        file.touch()
        code, told = self.run_command("all-in-one", "", "--state-dir", file / "state")
        self.assertEqual((1, True), (code, str(file) in told), told)
        code, told = self.run_command("api", f"log_dir = {file}\nlog_file = x\n")
        self.assertEqual((2, True), (code, str(file) in told), told)


class HelpTest(base.TestCase):
    """Every program of the distribution shows how it is called."""

    def test_help_ends_with_examples(self):
        folder = pathlib.Path(sys.executable).parent
        programs = importlib.metadata.distribution("valence").entry_points.select(group="console_scripts")
        names = sorted(
            each.name for each in programs if each.name != "valence"
        )  # test_client_commands sees those
        self.assertIn("valence-status", names)
        helps = [
            subprocess.Popen([folder / name, "--help"], stdout=subprocess.PIPE, text=True) for name in names
        ]
        for name, started in zip(names, helps, strict=True):
            text, _ = started.communicate(timeout=180)
            self.assertEqual(0, started.returncode, name)
            self.assertIn(f"  {name}", text.partition("\nexamples:\n")[2], name)
            self.assertEqual(1, text.count("\nexamples:\n"), name)
