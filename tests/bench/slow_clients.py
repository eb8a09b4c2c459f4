# SPDX-License-Identifier: Apache-2.0
"""What slow clients do to others: python -m tests.bench.slow_clients [--program PATH] [--attacks KIND ...].

Starts valence-all-in-one, this one or that at PATH, and tries to hold each of its ports. With 1,024 descriptors, as
--descriptors says, most of the clients are closed at once and come again, 50 a second.
"""

import argparse
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

import psutil

from tests import rest
from tests import slow_clients
from tests.bench import http_requests
from tests.bench import load
from tests.servers import ports

#: what is tried: kind and number of the clients
ATTACKS = {"drip": 1000, "silent": 1010, "handshake": 100, "deaf": 50, "body": 1000}
#: port -> what others ask there, and what those ask who do not read
PROBES = {
    "api": ({"/healthcheck": 200, "/v1/pod_managers": 200}, "/v1/pod_managers"),
    "introspection": ({"/": 200, "/v1/introspection": 200}, "/v1/introspection"),
    "events": ({"/events/nobody": 404}, "/"),
    "metrics": ({"/metrics": 200}, "/metrics"),
}
#: seconds after which an answer is given up, and between two requests
GIVE_UP, BETWEEN = 5, 0.02

CONFIGURATION = """
[DEFAULT]
auth_strategy = noauth
[api]
port = {api}
introspection_port = {introspection}
{tls}
[conductor]
metrics_port = {metrics}
[events]
host = 127.0.0.1
port = {events}
"""


class Site:
    """An all-in-one whose ``ports`` are known by name."""

    def __init__(self, program, folder, descriptors):
        self.ports = {name: ports.free_port() for name in PROBES}
        self._folder = pathlib.Path(folder)
        file = self._folder / "valence.conf"
        file.write_text(CONFIGURATION.format(tls="", **self.ports))
        limit = ["prlimit", f"--nofile={descriptors}:{descriptors}"]
        command = [*limit, program, "--config-file", str(file), "--state-dir", str(folder)]
        self.log = self._folder / "log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self.process = psutil.Process(self._process.pid)
        client = rest.Client(f"http://127.0.0.1:{self.ports['api']}")
        until = time.monotonic() + 60
        while client.status("/readyz") != 200 and time.monotonic() < until:
            time.sleep(0.1)
        for number in range(100):
            document = {"name": f"p{number}", "url": f"https://192.0.2.1/{number}", "maintenance": True}
            client.post("/v1/pod_managers", document)

    def stop(self):
        """End it, and return the seconds that this took."""
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(60)
        return time.monotonic() - began

    def ask(self, name, seconds):
        """Ask a port for some seconds; return how many requests failed, and the times by path, sorted."""
        failed, times = 0, {path: [] for path in PROBES[name][0]}
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for path, status in PROBES[name][0].items():
                began = time.perf_counter()
                if once(self.ports[name], path) != status:
                    failed += 1
                times[path].append(time.perf_counter() - began)
                time.sleep(BETWEEN)
        return failed, {path: sorted(each) for path, each in times.items()}


def once(port, path):
    """Return the status of an answer on a new connection, None without one."""
    try:
        with contextlib.closing(load.Connection(port)) as connection:
            connection._socket.settimeout(GIVE_UP)
            connection._socket.sendall(load.request("GET", path))
            return int(connection._socket.recv(65536)[9:12])
    except (OSError, ValueError):
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--program", default=str(pathlib.Path(sys.executable).with_name("valence-all-in-one"))
    )
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--descriptors", type=int, default=16384)
    parser.add_argument("--ports", nargs="*", default=list(PROBES), choices=PROBES)
    parser.add_argument("--attacks", nargs="*", default=list(ATTACKS), choices=ATTACKS)
    arguments = parser.parse_args()
    print(
        f"{'port':14}{'attack':16}{'failed':>9}{'p50':>8}{'p99':>8}{'max':>8}  path, ms; MB, descriptors, log KB"
    )
    for name in arguments.ports:
        with tempfile.TemporaryDirectory() as folder:
            site = Site(arguments.program, folder, arguments.descriptors)
            show(site, name, arguments.attacks, arguments.seconds)


def show(site, name, attacks, seconds):
    """Print a line for a port without an attack, with each, and after them."""
    line(site, name, "none", seconds)
    for kind in attacks:
        number = ATTACKS[kind]
        with slow_clients.SlowClients(kind, site.ports[name], number, PROBES[name][1]):
            line(site, name, f"{number} {kind}", seconds)
    time.sleep(2)
    line(site, name, "none, afterwards", seconds / 2)
    print(f"{name:14}stopped in {site.stop():.1f} s", flush=True)


def line(site, name, attack, seconds):
    """Measure and print."""
    failed, times = site.ask(name, seconds)
    for path, each in times.items():
        marks = [http_requests.percentile(each, percent) for percent in (50, 99)] + [each[-1] * 1000]
        total = sum(map(len, times.values()))
        state = f"{site.process.memory_info().rss >> 20}, {site.process.num_fds()}, {site.log.stat().st_size >> 10}"
        shown = "".join(f"{mark:8.1f}" for mark in marks)
        print(f"{name:14}{attack:16}{failed:4}/{total:<4}{shown}  {path}; {state}", flush=True)


if __name__ == "__main__":
    main()
