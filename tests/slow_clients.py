# SPDX-License-Identifier: Apache-2.0
"""Clients that try to hold a port: python -m tests.slow_clients KIND PORT NUMBER PATH, until its input ends.

A process of its own keeps NUMBER connections open and replaces those that the server closes. KIND is one of KINDS.
They come from SOURCE, an address of its own as that of a stranger would be.
"""

import contextlib
import itertools
import pathlib
import resource
import socket
import subprocess
import sys
import threading
import time

#: the address that they come from
SOURCE = "127.0.0.2"

ROOT = pathlib.Path(__file__).parents[1]

#: seconds between two looks at the connections, and how many are replaced at each
LOOK, REPLACED = 0.5, 25
#: seconds between two bytes of those that send slowly, and two requests of those that read nothing
SLOW, PATIENT = 8, 2


class Silent:
    """Sends nothing."""

    first = b""

    def __init__(self, path):
        self._path = path
        self._sent = time.monotonic()

    def more(self):
        """Return what to send now."""
        return b""


class Drip(Silent):
    """Sends a request, a byte every SLOW seconds."""

    first = b"G"

    def __init__(self, path):
        super().__init__(path)
        self._rest = itertools.chain(b"ET / HTTP/1.1\r\nHost: localhost\r\n", itertools.cycle(b"a: b\r\n"))

    def more(self):
        if time.monotonic() - self._sent < SLOW:
            return b""
        self._sent = time.monotonic()
        return bytes([next(self._rest)])


class Handshake(Silent):
    """Begins the handshake of TLS."""

    first = b"\x16\x03\x01"


class Body(Drip):
    """Sends a body, a byte every SLOW seconds."""

    first = b"POST /v1/continue HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{"


class Deaf(Silent):
    """Sends one request after the other and reads nothing."""

    def more(self):
        if time.monotonic() - self._sent < PATIENT:
            return b""
        self._sent = time.monotonic()
        return b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % self._path.encode()


KINDS = {"silent": Silent, "drip": Drip, "handshake": Handshake, "body": Body, "deaf": Deaf}


class Connection:
    """One connection to a port."""

    def __init__(self, kind, port, path):
        self._behaviour = KINDS[kind](path)
        self._reads = kind != "deaf"
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(60)
        self._socket.bind((SOURCE, 0))
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)
        self._socket.send(self._behaviour.first)

    def lives(self):
        """Go on; tell whether the connection is still open."""
        try:
            with contextlib.suppress(BlockingIOError):
                self._socket.send(self._behaviour.more())
            with contextlib.suppress(BlockingIOError):
                return not self._reads or self._socket.recv(4096) != b""
        except OSError:
            return False
        return True

    def close(self):
        self._socket.close()


class SlowClients(contextlib.AbstractContextManager):
    """The process, inside a ``with`` block, which begins when the connections are open."""

    def __init__(self, kind, port, number, path="/"):
        self._command = [sys.executable, "-m", __name__, kind, str(port), str(number), path]

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._process.stdout.readline()
        return self

    def __exit__(self, *_):
        self._process.communicate()


def main(kind, port, number, path):
    """Keep the connections until the standard input ends."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    connections = []
    for round_ in itertools.count():
        missing = number - len(connections)
        for _ in range(min(missing, REPLACED) if round_ else missing):
            with contextlib.suppress(OSError):
                connections.append(Connection(kind, port, path))
        if not round_:
            print("holds", flush=True)
        if ended.wait(LOOK):
            return
        dead = [each for each in connections if not each.lives()]
        for each in dead:
            each.close()
            connections.remove(each)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
