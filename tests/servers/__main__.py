# SPDX-License-Identifier: Apache-2.0
"""Starts the shared servers once, runs a command with them, stops them: python -m tests.servers -- COMMAND."""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tests.servers import shared

#: A file system in memory for the data of tests and servers, which on a disk wait for each other's fsync. It must have
#: this number of bytes free, several times what a whole run takes.
MEMORY, LEAST_BYTES = pathlib.Path("/dev/shm"), 6 << 30


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("command", nargs="+")
    command = parser.parse_args().command
    if is_usable(MEMORY):
        os.environ.setdefault("TMPDIR", str(MEMORY))
    # Leaves by the way of an exception, so that the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        variables = start_all(stack)
        return subprocess.run(command, env=os.environ | variables).returncode


def is_usable(folder):
    """Tell whether temporary files may be in a folder: it is large, and files have the attributes that Swift stores."""
    if not folder.is_dir() or shutil.disk_usage(folder).free < LEAST_BYTES:
        return False
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        try:
            os.setxattr(file.name, "user.valence", b"")
        except OSError:  # tmpfs before Linux 6.6
            return False
    return True


def start_all(stack):
    """Start every kind of server at the same time and return the variables that lead tests to them."""
    began = time.monotonic()
    servers = {variable: stack.enter_context(kind(wait=False)) for variable, kind in shared.KINDS.items()}
    for server in servers.values():
        server.wait_until_ready()
        print(f"{type(server).__name__} is ready after {time.monotonic() - began:.1f} s", flush=True)
    return {variable: server.describe() for variable, server in servers.items()}


if __name__ == "__main__":
    sys.exit(main())
