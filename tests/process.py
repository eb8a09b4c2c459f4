# SPDX-License-Identifier: Apache-2.0
"""Commands of this installation as processes of their own, for tests."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import fixtures
from testtools import content
from testtools import content_type

from tests import clock
from tests import programs
from tests import zygote

BIN = pathlib.Path(sys.executable).parent
POLL_SECONDS = 0.05
#: these are forked, if nothing but their arguments differs from an ordinary start, see tests.zygote
FORKED = {str(BIN / f"valence-{name}") for name in ("all-in-one", "api", "conductor", "simulator")}
#: what a failed test shows of a log at most
TAIL_BYTES = 20_000


class ProcessError(Exception):
    """A process ended or was not ready in time; the text has the end of its log."""


class Process(fixtures.Fixture):
    """A running command; what it prints goes to a file, whose end is shown when the test fails.

    It can be stopped, killed and started again, with the same arguments. It dies with the test process at the latest.
    """

    def __init__(self, program, *arguments, folder, name=None, environment=None):
        super().__init__()
        #: variables of its environment that differ from those of the test
        self.environment = environment or {}
        self.name = name or program
        self.command = [str(BIN / program), *map(str, arguments)]
        self.log_file = pathlib.Path(folder, f"{self.name}.log")
        self._process = None

    def _setUp(self):
        tail = content.Content(content_type.UTF8_TEXT, lambda: [self.log()[-TAIL_BYTES:].encode()])
        self.addDetail(self.log_file.name, tail)
        self.addCleanup(self.kill)
        self.start()

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        """Start the process, which must not run."""
        if self.command[0] in FORKED and not self.environment:
            self._process = zygote.running().fork(self.command, self.log_file, dict(os.environ))
            return
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "SIGKILL", "--", *self.command],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def runs(self):
        """Tell whether the process runs, or stands still."""
        return self._process.poll() is None

    def stop(self, seconds=40):
        """End the process as an operator does, with SIGTERM, and return its exit code."""
        self.terminate()
        return self.wait(seconds)

    def terminate(self):
        """Send SIGTERM and wait for nothing."""
        self._process.send_signal(signal.SIGTERM)

    def reload(self):
        """Send SIGHUP: read the configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def wait(self, seconds=40):
        """Return the exit code of a process that ends within ``seconds``."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProcessError(f"{self.name} did not end within {seconds} s:\n{self.log()}") from None

    def kill(self):
        """End the process with SIGKILL, as a crash does."""
        self._process.kill()
        self._process.wait()

    def pause(self):
        """Let the process stand still, as a machine that hangs does."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Let a paused process go on."""
        self._process.send_signal(signal.SIGCONT)

    def log(self):
        """Return everything that the process has printed."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_until(self, ready, seconds=30):
        """Return the first true value of ``ready()``, or raise what the log says when the process ends before."""
        deadline = clock.seconds() + clock.SLOWEST * seconds
        while not (value := ready()):
            if self._process.poll() is not None:
                raise ProcessError(f"{self.name} ended with {self._process.returncode}:\n{self.log()}")
            if clock.seconds() > deadline:
                raise ProcessError(
                    f"{self.name} was not ready within {seconds} s:\n{self.log()[-TAIL_BYTES:]}"
                )
            time.sleep(POLL_SECONDS)
        return value


def run(program, *arguments):
    """Run a command of this installation to its end and return what it printed."""
    command = [str(programs.find(BIN / program)), *map(str, arguments)]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise ProcessError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
