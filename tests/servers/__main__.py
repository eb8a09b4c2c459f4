# SPDX-License-Identifier: Apache-2.0
"""Starts the shared servers once, runs a command with them, stops them: python -m tests.servers -- COMMAND."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time

from tests.servers import shared


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("command", nargs="+")
    command = parser.parse_args().command
    # Leaves by the way of an exception, so that the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        variables = start_all(stack)
        return subprocess.run(command, env=os.environ | variables).returncode


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
