# SPDX-License-Identifier: Apache-2.0
"""A client in a process of its own: python -m tests.bench.others PORT asks for something until its input ends.

Then it prints the seconds that each request took. In the process of others that send much, it would measure these.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import threading
import time

from tests.bench import load

ROOT = pathlib.Path(__file__).parents[2]
REQUEST = load.request("GET", "/v1/pod_managers?limit=100")
#: seconds between two requests
PAUSE = 0.01


class Others(contextlib.AbstractContextManager):
    """The client, inside a ``with`` block; ``seconds`` are those of all its requests, also of blocks before."""

    def __init__(self, port):
        self._command = [sys.executable, "-m", __name__, str(port)]
        self.seconds = []

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._process.stdout.readline()
        return self

    def __exit__(self, *_):
        answer, _ = self._process.communicate()
        self.seconds += json.loads(answer)


def main(port):
    """Ask until the standard input ends."""
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    with contextlib.closing(load.Connection(port)) as connection:
        connection.ask(REQUEST)
        print("asks", flush=True)
        print(json.dumps(list(times(connection, ended))))


def times(connection, ended):
    """Yield the seconds that one request after the other takes."""
    while not ended.is_set():
        began = time.perf_counter()
        connection.ask(REQUEST)
        yield time.perf_counter() - began
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(int(sys.argv[1]))
