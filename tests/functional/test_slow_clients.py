# SPDX-License-Identifier: Apache-2.0
"""Slow, silent and deaf clients at each port of a process: everybody else is answered, and nothing grows."""

import os
import warnings

import requests
import urllib3

from tests import base
from tests import deployment
from tests import process
from tests import slow_clients
from tests.servers import ports
from valence.simulator import server

#: port -> what others ask there, the status, and what those ask who do not read
PORTS = {
    "api": ("/v1/pod_managers", 200, "/v1/openapi.json"),
    "introspection": ("/v1/introspection", 200, "/"),
    "events": ("/events/nobody", 404, "/"),
    "metrics": ("/metrics", 200, "/metrics"),
}
CONFIGURATION = """
[api]
introspection_port = {introspection}
port = {api}
{tls}
[conductor]
metrics_port = {metrics}
[events]
host = 127.0.0.1
port = {events}
{tls}
"""
TLS = """
tls_cert_file = {}
tls_key_file = {}
"""
#: more clients than the process had threads, and the seconds after which an answer is given up
CLIENTS, GIVE_UP = 120, 30
MOST_LOG = 100_000


class AllInOne(deployment.AllInOne):
    """``valence-all-in-one`` with all its ports and a limit of descriptors."""

    def __init__(self, folder, descriptors, tls=()):
        self.ports = {name: ports.free_port() for name in PORTS}
        self.scheme = "https" if tls else "http"
        file = folder / "valence.conf"
        file.write_text(CONFIGURATION.format(tls=TLS.format(*tls) if tls else "", **self.ports))
        super().__init__(folder, "--config-file", file)
        self.command = ["prlimit", f"--nofile={descriptors}:{descriptors}", *self.command]
        self.command[self.command.index("--port") + 1] = str(self.ports["api"])

    def start(self):
        """Start the process and wait until it can serve; it prints the URLs of other ports first."""
        process.Process.start(self)
        self.wait_until(self._is_ready, deployment.READY_SECONDS)

    def _is_ready(self):
        try:
            return self.get("api", "/readyz").status_code == 200
        except requests.ConnectionError:
            return False

    def get(self, name, path):
        """Return the answer of a port."""
        scheme = "http" if name == "metrics" else self.scheme  # which has no TLS
        url = f"{scheme}://127.0.0.1:{self.ports[name]}{path}"
        return requests.get(url, timeout=GIVE_UP, verify=False)


class SlowClientsCase(base.TestCase):
    time_limit = 300
    descriptors = 4096

    def setUp(self):
        super().setUp()
        self.valence = self.useFixture(self.all_in_one(self.make_folder()))
        self.idle = self.open_files()

    def all_in_one(self, folder):
        return AllInOne(folder, self.descriptors)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.valence.pid}/fd"))

    def assert_holds_nothing(self, kind, number):
        """Check that so many clients at each port keep nobody from there, and leave nothing."""
        for name, (path, status, theirs) in PORTS.items():
            port, size = self.valence.ports[name], len(self.valence.log())
            with slow_clients.SlowClients(kind, port, number, theirs):
                for _ in range(5):
                    self.assertEqual(status, self.valence.get(name, path).status_code, name)
                self.assertLess(self.open_files(), self.descriptors)
            self.wait_for(lambda: self.open_files() < self.idle + 20, 60)
            self.assertLess(len(self.valence.log()) - size, MOST_LOG, name)
        self.assertNotIn("Traceback", self.valence.log())
        self.assertEqual(0, self.valence.stop())


class SlowClientsTest(SlowClientsCase):
    def test_clients_that_send_a_head_slowly(self):
        self.assert_holds_nothing("drip", CLIENTS)

    def test_clients_that_send_a_body_slowly(self):
        self.assert_holds_nothing("body", CLIENTS)

    def test_clients_that_begin_a_handshake(self):
        self.assert_holds_nothing("handshake", CLIENTS)

    def test_clients_that_do_not_read(self):
        self.assert_holds_nothing("deaf", 20)


class TLSTest(SlowClientsCase):
    def all_in_one(self, folder):
        return AllInOne(folder, self.descriptors, server.ensure(str(folder), "127.0.0.1"))

    def test_clients_that_begin_a_handshake(self):
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        self.assert_holds_nothing("handshake", CLIENTS)


class DescriptorsTest(SlowClientsCase):
    descriptors = 300

    def test_more_silent_clients_than_descriptors(self):
        self.assert_holds_nothing("silent", 350)
