# SPDX-License-Identifier: Apache-2.0
"""Commands of Valence forked from a process that has imported them: imports take most of the CPU time of their start.

A forked process has what an executed one has: its own session, environment, folder, log and arguments. It runs the
same function, and ends as an interpreter ends. ``python -m tests.zygote`` is the process that forks. It serves requests
on its standard input, a socket; when that is closed, it ends, and with it all that it has forked.
"""

import atexit
import ctypes
import functools
import importlib
import importlib.metadata
import json
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import threading

#: what commands import only when they run
MODULES = (
    "oslo_messaging._drivers.impl_rabbit",
    "psycopg",
    "pymysql",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "valence.api.http.api_server",
    "valence.api.http.app",
    "valence.bus.rpc_client",
    "valence.conductor.client",
    "valence.conductor.service",
    "valence.simulator.server",
)
#: groups of entry points of Valence that commands load when they run
GROUPS = ("valence.db.driver", "valence.podmanager.driver", "valence.introspection.hook")
LENGTH = struct.Struct("=I")
#: of Linux's prctl: the signal that a process gets when its parent ends
PR_SET_PDEATHSIG = 1


class Zygote:
    """The process that forks, seen from the test."""

    def __init__(self):
        self._lock = threading.Lock()
        self._channel, its = socket.socketpair()
        with its:
            command = [sys.executable, "-m", "tests.zygote"]
            self._process = subprocess.Popen(command, stdin=its, start_new_session=True)

    def fork(self, command, log, environment):
        """Start a command, whose output is appended to a file, and return it as a Forked."""
        pathlib.Path(log).touch()
        request = {"command": command, "log": str(log), "environment": environment, "folder": os.getcwd()}
        return Forked(self, self.ask(request))

    def ask(self, request):
        """Return the answer to a request; raise ConnectionError if the process has ended."""
        with self._lock:
            send(self._channel, request)
            answer = receive(self._channel)
        if answer is None:
            raise ConnectionError(
                "the process that forks has ended; its reason is in the output of the tests"
            )
        return answer

    def end(self):
        """End the process, and with it all that it has forked."""
        self._channel.close()
        self._process.wait()


@functools.cache
def running():
    """Return the zygote of this test process, which ends with it."""
    zygote = Zygote()
    atexit.register(zygote.end)
    return zygote


def run(command, log):
    """Fork a command, whose output is appended to a file, and return its exit code when it has ended."""
    return running().fork(command, log, dict(os.environ)).wait()


class Forked:
    """A forked command, with that of subprocess.Popen's interface which tests.process needs."""

    def __init__(self, zygote, pid):
        self._zygote, self.pid = zygote, pid
        # No other process gets the number before the zygote has fetched the exit code.
        self._descriptor = os.pidfd_open(pid)
        self._lock = threading.Lock()
        self.returncode = None

    def poll(self):
        """Return the exit code, None as long as the process runs."""
        return self._fetch(0)

    def wait(self, timeout=None):
        """Return the exit code; raise subprocess.TimeoutExpired after ``timeout`` seconds."""
        if self._fetch(timeout) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return self.returncode

    def send_signal(self, number):
        """Send a signal, unless the process has ended."""
        if self.returncode is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self):
        """End the process with SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _fetch(self, seconds):
        if self.returncode is None and self._has_ended(seconds):
            with self._lock:
                if self.returncode is None:
                    self.returncode = self._zygote.ask({"ended": self.pid})
                    os.close(self._descriptor)
        return self.returncode

    def _has_ended(self, seconds):
        waiting = select.poll()
        waiting.register(self._descriptor, select.POLLIN)
        return waiting.poll(None if seconds is None else seconds * 1000)


def send(channel, document):
    data = json.dumps(document).encode()
    channel.sendall(LENGTH.pack(len(data)) + data)


def receive(channel):
    """Return the next document, None when the other end is closed."""
    with channel.makefile("rb", buffering=0) as stream:
        head = stream.read(LENGTH.size)
        data = b""
        while head and len(data) < LENGTH.unpack(head)[0]:
            data += stream.read(LENGTH.unpack(head)[0] - len(data))
    return json.loads(data) if head else None


def main():
    """Serve requests; in a forked process, return the exit code of its command."""
    commands = load()
    if threading.active_count() > 1:
        raise RuntimeError(f"an import has started threads, which no fork has: {threading.enumerate()}")
    channel, parent = socket.socket(fileno=os.dup(0)), os.getpid()
    while (request := receive(channel)) is not None:
        if "ended" in request:
            send(channel, os.waitstatus_to_exitcode(os.waitpid(request["ended"], 0)[1]))
        elif pid := os.fork():
            send(channel, pid)
        else:
            channel.close()
            become(request, parent)
            return commands[os.path.basename(request["command"][0])]()
    return 0


def load():
    """Import everything and return the functions of the commands by their names."""
    for name in MODULES:
        importlib.import_module(name)
    entry_points = importlib.metadata.distribution("valence").entry_points
    for group in GROUPS:
        for each in entry_points.select(group=group):
            each.load()
    return {each.name: each.load() for each in entry_points.select(group="console_scripts")}


def become(request, parent):
    """Be the process that a request describes, until ``parent`` ends."""
    end_with(parent)
    os.setsid()
    os.chdir(request["folder"])
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for number in (1, 2):
        os.dup2(log, number)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["command"]


def end_with(parent):
    """Let the kernel kill this process when its parent ends in any way; end now if that has happened already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
