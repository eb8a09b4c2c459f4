# SPDX-License-Identifier: Apache-2.0
"""A real server in a temporary folder, on loopback, that ends when its test process ends."""

import abc
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import fixtures

from tests.servers import ports

START_SECONDS = 60
STOP_SECONDS = 30
POLL_SECONDS = 0.05


class ServerError(Exception):
    """A server did not start or refused a command; the text has the end of its log."""


class Server(fixtures.Fixture, abc.ABC):
    """One server; as a fixture it is ready after setUp and gone, with its data, after cleanUp.

    A process that did not start the server uses it through ``attach``; only the owner may stop or kill it.
    """

    #: Ports the server listens on, the one for clients first.
    port_names = ("port",)
    #: System user that the server runs as when root starts it.
    system_user = "root"
    #: Ends the server at once and lets it remove what it shares with the system.
    end_signal = signal.SIGKILL
    #: Ends the server in good order, without waiting for its clients to disconnect.
    stop_signal = signal.SIGTERM

    def __init__(self, address=None, wait=True, syncs=False):
        """Take the address of a server that runs already, or whether setUp waits until a new one is ready.

        ``syncs`` makes databases wait until their writes are on the disk, as in production. Only measurements need
        that: after SIGKILL the kernel still has all writes, and no test cuts the power of a machine.
        """
        super().__init__()
        self.address = address or {}
        self.is_attached = address is not None
        self.wait, self.syncs = wait, syncs
        self.was_ready = False
        self.processes = []

    @classmethod
    def attach(cls, text):
        """Return the server that another process described as ``text`` (see ``describe``)."""
        return cls(json.loads(text))

    def describe(self):
        """Return what another process needs to use this server, as JSON text."""
        return json.dumps(self.address)

    @property
    def folder(self):
        return pathlib.Path(self.address["folder"])

    @property
    def port(self):
        return self.address[self.port_names[0]]

    @property
    def pid(self):
        """Process id of the running server."""
        return self.processes[-1].pid

    def _setUp(self):
        self.addCleanup(self.remove)
        self.addCleanup(self.end)
        self.create()
        if self.wait:
            self.wait_until_ready()

    def create(self):
        """Make a folder, choose the ports and spawn the server there."""
        folder = tempfile.mkdtemp(prefix=f"valence-{type(self).__name__.lower()}-")
        self.address = {"folder": folder} | {name: ports.free_port() for name in self.port_names}
        shutil.chown(folder, self.run_as())
        self.prepare()
        self.spawn()

    def recreate(self):
        """Begin again in a new folder and on new ports."""
        self.remove()
        self.create()

    def remove(self):
        """Remove the folder, if there is one."""
        if self.address:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Start the server again, on the same ports and data, and wait until it serves clients."""
        self.spawn()
        self.wait_until_ready()

    def stop(self):
        """Stop the server as an administrator does: it ends its work first."""
        self._send(self.stop_signal)

    def kill(self):
        """End the server with SIGKILL, as a crash or a power cut does."""
        self._send(signal.SIGKILL)

    def end(self):
        """End the server for good."""
        self._send(self.end_signal)

    def _send(self, number):
        """Send a signal to the server's processes, the main one first, and wait until they are gone."""
        if self.is_attached:
            raise ServerError(
                "a server that all tests share is not yours to stop; use one of your own as a fixture"
            )
        while self.processes:
            process = self.processes.pop()
            process.send_signal(number)
            process.wait(STOP_SECONDS)

    def wait_until_ready(self):
        """Wait until the server serves clients.

        A start that failed on what a crash left is tried again; one that failed before the server ever served
        is tried with new ports, because somebody may have taken one in the meantime.
        """
        deadline = time.monotonic() + START_SECONDS
        while not (self.runs() and self.is_ready()):
            if time.monotonic() > deadline:
                raise ServerError(f"{type(self).__name__} did not start:\n{self.log_tail()}")
            if not self.runs():
                self.end()
                self.spawn() if self.was_ready else self.recreate()
            time.sleep(POLL_SECONDS)
        self.was_ready = True

    def runs(self):
        """Tell whether all processes of the server run."""
        return all(process.poll() is None for process in self.processes)

    def run_as(self):
        """Return the name of the system user that the server runs as."""
        return self.system_user if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

    def execute(self, *command, env=None):
        """Run an administration command to its end as the server's user and return its output."""
        done = subprocess.run(self.as_user(command), env=env, cwd=self.folder, text=True, capture_output=True)
        if done.returncode:
            raise ServerError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def spawn_process(self, *command, env=None):
        """Start a process of the server; it dies with the thread that called this."""
        # A session of its own keeps Ctrl-C in a terminal away from it: the fixture ends it in good order.
        with open(self.folder / "output.log", "ab") as log:
            self.processes.append(
                subprocess.Popen(
                    self.as_user(command, "--pdeathsig", self.end_signal.name),
                    env=env,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def as_user(self, command, *options):
        """Return the command line that runs ``command`` as the server's user."""
        if os.geteuid() == 0:
            options += ("--reuid", self.run_as(), "--regid", self.run_as(), "--clear-groups")
        return ["setpriv", *options, "--", *map(str, command)]

    def log_tail(self):
        """Return the last lines that the server printed."""
        return (self.folder / "output.log").read_text(errors="replace")[-4000:]

    @abc.abstractmethod
    def prepare(self):
        """Make the configuration and the empty data folder."""

    @abc.abstractmethod
    def spawn(self):
        """Spawn the server's processes, the main one last."""

    @abc.abstractmethod
    def is_ready(self):
        """Tell whether the server serves clients."""
