# SPDX-License-Identifier: Apache-2.0
"""Commands of Valence forked from a process that has imported them: imports take most of the CPU time of their start.

A forked process has what an executed one has: its own session, environment, folder, files and arguments. It runs the
same script, and ends as an interpreter ends. ``python tests/zygote.py`` is the process that forks. It serves requests
on its standard input, a socket; when that is closed, it ends, and with it all that it has forked. It also serves the
listening socket whose descriptor is its first argument, see tests.programs. The second one is the path of a program.
Where that is not ``valence`` of this environment, it imports whatever the program has imported when it ends.
"""

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import importlib.metadata
import json
import os
import pathlib
import runpy
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading

#: what commands import only when they run, after that which chooses how oslo.service runs
MODULES = (
    "valence.common",
    "cliff.formatters.commaseparated",
    "cliff.formatters.json_format",
    "cliff.formatters.table",
    "cliff.formatters.value",
    "cliff.formatters.yaml_format",
    "keystoneauth1.http_basic",
    "keystoneauth1.noauth",
    "oslo_messaging._drivers.impl_rabbit",
    "psycopg",
    "pymysql",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "valence.api.http.api_server",
    "valence.api.http.app",
    "valence.bus.local_driver",
    "valence.bus.rpc_client",
    "valence.client.rack",
    "valence.conductor.client",
    "valence.conductor.service",
    "valence.db.sql.migration",
    "valence.simulator.server",
)
#: These read the environment or the folder when they are imported: a forked process does it again.
READERS = ("openstack.config.loader",)
#: groups of entry points of Valence that commands load when they run
GROUPS = (
    "openstack.rack.v1",
    "valence.db.driver",
    "valence.introspection.hook",
    "valence.introspection.storage_backend",
    "valence.podmanager.driver",
)
#: the program whose zygote forks all commands of Valence
OWN = pathlib.Path(sys.executable).parent / "valence"
LENGTH, STATUS = struct.Struct("=I"), struct.Struct("=i")
#: a forked process closes the descriptors from 3 to this number, which it has from the zygote
DESCRIPTORS = 256
#: of Linux's prctl: the signal that a process gets when its parent ends
PR_SET_PDEATHSIG = 1


#: all of this test process
_zygotes = []


class Zygote:
    """The process that forks, seen from the test; ``address`` is where it listens to programs of tests.programs."""

    def __init__(self, program):
        self._lock = threading.Lock()
        self._channel, its = socket.socketpair()
        with its, socket.socket(socket.AF_UNIX) as listener:
            listener.bind("")  # Linux chooses a name
            listener.listen()
            self.address = listener.getsockname()
            # Not as a module: the package of tests imports what other environments do not have.
            command = [program.parent / "python", __file__, str(listener.fileno()), program]
            self._process = subprocess.Popen(
                command, stdin=its, pass_fds=[listener.fileno()], start_new_session=True
            )
        _zygotes.append(self)

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
        _zygotes.remove(self)
        self._channel.close()
        self._process.wait()


@functools.cache
def running():
    """Return the zygote of this test process, which ends with it."""
    return start(OWN)


def start(program):
    """Return a new zygote of OWN or of another program, which ends with this test process."""
    zygote = Zygote(program)
    atexit.register(zygote.end)
    return zygote


def cpu_seconds():
    """Return the CPU seconds of the zygotes of this test process, and of the processes whose end they have seen."""
    return sum(zygote.ask({"usage": True}) for zygote in _zygotes)


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
    """Serve requests; in a forked process, be its program."""
    listener, program = sys.argv[1:]
    sys.argv = [program]  # cliff takes the name of the program from here when it is imported
    sys.path[0] = os.path.dirname(program)
    if program == str(OWN):
        load()
    server = Server(socket.socket(fileno=int(listener)), learns=program != str(OWN))
    request = server.serve()
    if request:
        become(request, server.parent)
        runpy.run_path(sys.argv[0], run_name="__main__")


def load():
    """Import everything that commands of Valence use."""
    for name in MODULES:
        importlib.import_module(name)
    entry_points = importlib.metadata.distribution("valence").entry_points
    for group in (*GROUPS, "console_scripts"):
        for each in entry_points.select(group=group):
            each.load()


class Server:
    """Forks a process for each request, either of the test process or of a program of tests.programs."""

    def __init__(self, listener, learns):
        self.parent = os.getpid()
        self._learns, self._listener = learns, listener
        self._channel = socket.socket(fileno=os.dup(0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._channel, selectors.EVENT_READ, self._answer)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def serve(self):
        """Return the request of a forked process in that process, something false when the test process ends."""
        request = None
        while request is None:
            # Not more than one event: what it does may end another one's descriptor.
            request = self._selector.select()[0][0].data()
        return request

    def _answer(self):
        request = receive(self._channel)
        if request is None:
            return {}
        if "ended" in request:
            send(self._channel, os.waitstatus_to_exitcode(os.waitpid(request["ended"], 0)[1]))
        elif "usage" in request:
            send(self._channel, sum(os.times()[:4]))
        else:
            pid = self._fork()
            if not pid:
                log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
                return request | {"files": [os.open(os.devnull, os.O_RDONLY), log, log]}
            send(self._channel, pid)
        return None

    def _accept(self):
        """Fork for a program, which has sent its standard files; it lives as long as its connection."""
        connection, _ = self._listener.accept()
        _, files, _, _ = socket.recv_fds(connection, 1, 3)
        request = receive(connection) if len(files) == 3 else None
        if request is None:  # the program was killed
            connection.close()
            return None
        names = os.memfd_create("names") if self._learns else None
        pid = self._fork()
        if not pid:
            return request | {"files": files, "names": names}
        for each in files:
            os.close(each)
        process = os.pidfd_open(pid)
        passing = functools.partial(self._pass_signal, connection, process)
        self._selector.register(connection, selectors.EVENT_READ, passing)
        ending = functools.partial(self._end, connection, process, pid, names)
        self._selector.register(process, selectors.EVENT_READ, ending)
        return None

    def _fork(self):
        if threading.active_count() > 1:
            raise RuntimeError(f"an import has started threads, which no fork has: {threading.enumerate()}")
        gc.freeze()  # otherwise each garbage collection of the new process goes through all this, and copies it
        return os.fork()

    def _pass_signal(self, connection, process):
        number = receive(connection)
        signal.pidfd_send_signal(process, number or signal.SIGKILL)
        if number is None:
            self._selector.unregister(connection)

    def _end(self, connection, process, pid, names):
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(ConnectionError):
            connection.sendall(STATUS.pack(status))
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)
        connection.close()
        self._selector.unregister(process)
        os.close(process)
        if names is not None:
            with open(names) as file:
                learn(file.read().split())


def learn(names):
    """Import what a program has imported, so that the next one need not."""
    for name in names:
        if name not in sys.modules:
            # Some names cannot be imported, such as those of six.moves.
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def become(request, parent):
    """Be the process that a request describes, until ``parent`` ends."""
    end_with(parent)
    os.setsid()
    os.chdir(request["folder"])
    for number, file in enumerate(fcntl.fcntl(each, fcntl.F_DUPFD, 3) for each in request["files"]):
        os.dup2(file, number)
    if request.get("names") is not None:
        names = fcntl.fcntl(request["names"], fcntl.F_DUPFD_CLOEXEC, DESCRIPTORS)
        atexit.register(lambda: os.pwrite(names, "\n".join(list(sys.modules)).encode(), 0))
    os.closerange(3, DESCRIPTORS)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["command"]
    for name in READERS:
        if name in sys.modules:
            importlib.reload(sys.modules[name])


def end_with(parent):
    """Let the kernel kill this process when its parent ends in any way; end now if that has happened already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()
