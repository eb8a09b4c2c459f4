# SPDX-License-Identifier: Apache-2.0
"""Loopback ports for servers that are killed and come back on the same port."""

import fcntl
import os
import pathlib
import random
import socket

LOWEST = 20000
EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
#: The last port that was given away, for all processes of a user. One that was chosen at random might be given to two
#: tests that run side by side: nobody listens on it until its server has started, or while it is killed. Not in
#: $TMPDIR, which a test may set for what it starts: there is one row of ports, whoever counts.
LAST = pathlib.Path(f"/dev/shm/valence-tests-last-port-{os.getuid()}")


def free_port():
    """Return a TCP port of 127.0.0.1 that nobody listens on, and that was not returned for the longest time.

    Not one that the kernel hands out: a client that dials a killed server again and again would one day be
    given the server's own port for its end of the connection, and connect to itself.
    """
    highest = int(EPHEMERAL.read_text().split()[0])
    with open(LAST, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        port = int(file.read() or random.SystemRandom().randrange(LOWEST, highest))
        while True:
            port = port + 1 if port + 1 < highest else LOWEST
            if is_free(port):
                break
        file.truncate(0)
        file.write(str(port))
    return port


def is_free(port):
    """Tell whether a server can listen on ``port`` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
