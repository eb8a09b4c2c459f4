# SPDX-License-Identifier: Apache-2.0
"""The API with a whole conductor behind it: a bus in the process, SQLite, and a simulated pod."""

import json
import re

import requests
from keystoneauth1 import discover
from keystoneauth1 import session

from tests import base
from tests import embedded
from tests import rest
from valence.api.http import api_server
from valence.api.http import app


class LiveTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod(racks=1, systems=4)).simulator
        behind = self.useFixture(embedded.Conductor())
        for name, value in {"port": 0, "host": "127.0.0.1"}.items():
            behind.conf.set_override(name, value, "api")
        behind.conf.set_override("auth_strategy", "noauth")
        http = api_server.Server(behind.conf, app.create_app(behind.conf, behind.client))
        http.start()
        self.addCleanup(http.stop)
        self.client = rest.Client(http.url)

    def register(self):
        """Register the simulated pod and wait until it is synchronized."""
        document = {
            "name": "pod",
            "url": f"{self.pod.url}/redfish/v1",
            "username": "admin",
            "password": "password",
        }
        pod_manager = self.client.post("/v1/pod_managers", document)
        self.wait_for(lambda: len(self.client.rows("/v1/systems")) == 4, timeout=30)
        return pod_manager

    def test_a_synchronization_can_be_awaited(self):
        url = f"/v1/pod_managers/{self.register()['uuid']}/sync"
        response = self.client.request("POST", url, headers={"Prefer": "wait=30"}, timeout=40)
        self.assertEqual((200, "succeeded"), (response.status_code, response.json()["state"]))

    def test_live_documents(self):
        self.register()
        systems = self.client.get("/v1/systems", detail="true")["systems"]
        self.assertEqual(4, len({system["detail"]["Id"] for system in systems}))
        one = self.client.get(f"/v1/systems/{systems[0]['uuid']}", detail="true")
        self.assertEqual(systems[0]["detail"]["@odata.id"], one["detail"]["@odata.id"])
        (rack,) = self.client.get("/v1/racks", detail="true")["racks"]
        self.assertEqual("Rack", rack["detail"]["ChassisType"])

    def test_what_is_found_is_streamed(self):
        with requests.get(f"{self.client.url}/v1/events?stream=true", stream=True, timeout=60) as response:
            self.register()
            data = (json.loads(line[6:]) for line in response.iter_lines() if line.startswith(b"data: "))
            found = next(event for event in data if event["event_type"] == "valence.resource.added")
        self.assertIn(found["object_id"], [row["uuid"] for row in self.client.rows("/v1/resources")])

    def test_a_closed_stream_is_counted_no_longer(self):
        url = f"{self.client.url}/v1/events?stream=true"
        for _ in range(3):
            opened = [requests.get(url, stream=True, timeout=60) for _ in range(4)]
            self.assertEqual([200] * 4, [response.status_code for response in opened])
            for response in opened:
                response.close()
            # Nothing is written in this time that could find the connections closed.
            self.wait_for(lambda: self.streams() == 0, 3)

    def streams(self):
        """Return the number of streams that the API counts."""
        text = requests.get(f"{self.client.url}/metrics", timeout=60).text
        return float(re.search(r"^valence_api_event_streams (.*)$", text, re.MULTILINE)[1])

    def test_openstack_clients_find_the_version(self):
        for path in ("/", "/v1"):
            (version,) = discover.Discover(session.Session(), f"{self.client.url}{path}").version_data()
            self.assertEqual(((1, 0), f"{self.client.url}/v1/"), (version["version"], version["url"]))

    def test_ready(self):
        self.assertEqual("conductor-1", self.client.get("/readyz")["conductor"])
