# SPDX-License-Identifier: Apache-2.0
"""A whole Valence in the test's process, with a simulated pod: bus, conductor, store, and the API over HTTP."""

import fixtures
import requests

from tests import embedded
from tests import rest
from valence.api.http import api_server
from valence.api.http import app

CREDENTIALS = {"username": "admin", "password": "password"}


class Site(fixtures.Fixture):
    """``client`` talks to the API, ``pod`` is the simulator; ``options`` are ``group__name=value``.

    ``hardware`` are options of the simulator.
    """

    def __init__(self, systems=2, hardware=None, **options):
        super().__init__()
        self._hardware = {"racks": 1, "systems": systems} | (hardware or {})
        self._options = options

    def _setUp(self):
        self.pod = self.useFixture(embedded.Pod(**self._hardware)).simulator
        self.behind = self.useFixture(embedded.Conductor(**self._options))
        conf = self.behind.conf
        for name, value in {"port": 0, "host": "127.0.0.1"}.items():
            conf.set_override(name, value, "api")
        conf.set_override("auth_strategy", "noauth")
        application = app.create_app(conf, self.behind.client)
        *others, http = [*api_server.servers(conf, application), api_server.Server(conf, application)]
        for each in (*others, http):
            each.start()
            self.addCleanup(each.stop)
        self.client = rest.Client(http.url)
        self.introspection = others[0].url if others else f"{http.url}/introspection"

    def register(self):
        """Register the simulated pod."""
        document = {"name": "pod", "url": f"{self.pod.url}/redfish/v1", **CREDENTIALS}
        return self.client.post("/v1/pod_managers", document)

    def systems(self):
        """Return the systems that were found so far, in the order of their URLs."""
        return sorted(self.client.rows("/v1/systems"), key=lambda row: row["resource_url"])

    def mac(self, system):
        """Return the MAC address of a system's first interface, asked of the pod itself."""
        url = f"{self.pod.url}{system['resource_url']}/EthernetInterfaces/1"
        return requests.get(url, auth=tuple(CREDENTIALS.values()), timeout=60).json()["MACAddress"]
