# SPDX-License-Identifier: Apache-2.0
"""Loopback ports for servers that are killed and come back on the same port."""

import pathlib
import random
import socket

LOWEST = 20000
#: Not the shared generator: tests seed that one, and then processes that run side by side draw the same ports.
RANDOM = random.SystemRandom()
EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port():
    """Return a TCP port of 127.0.0.1 that nobody listens on.

    Not one that the kernel hands out: a client that dials a killed server again and again would one day be
    given the server's own port for its end of the connection, and connect to itself.
    """
    highest = int(EPHEMERAL.read_text().split()[0])
    while True:
        port = RANDOM.randrange(LOWEST, highest)
        if is_free(port):
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
