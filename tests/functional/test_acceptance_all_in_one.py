# SPDX-License-Identifier: Apache-2.0
"""Acceptance: one command, nothing installed: a demo pod with its systems, and nothing lost by a crash."""

import threading

import requests

from tests import base
from tests import deployment
from tests import rest


class DemoTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.valence = self.useFixture(deployment.AllInOne(self.folder, "--demo"))

    def systems(self):
        """Return the uuids of the demo's systems by their URLs, as soon as all are there."""
        return self.wait_for(self.all_systems, 20)

    def all_systems(self):
        systems = self.valence.client.rows("/v1/systems")
        return len(systems) == 8 and {row["resource_url"]: row["uuid"] for row in systems}

    def test_the_demo_shows_its_systems_and_knows_them_again_after_a_restart(self):
        known = self.systems()
        self.assertEqual(0, self.valence.stop())
        self.valence.start()
        operation = self.synchronize()
        self.assertEqual("succeeded", operation["state"], operation)
        self.assertEqual(known, self.systems())

    def test_a_node_is_composed_by_its_flavor_and_both_are_the_same_after_a_restart(self):
        [flavor] = self.valence.client.rows("/v1/flavors")
        self.assertEqual("gpu", flavor["name"])
        self.wait_for(lambda: self.device_types() >= {"Accelerator", "Compute", "Storage", "System"}, 20)
        node = {"name": "render-1", "flavor_id": "gpu"}
        made = self.valence.client.post("/v1/nodes", node, headers={"Prefer": "wait=60"}, timeout=80)
        self.assertEqual(("composed", flavor["uuid"]), (made["state"], made["flavor_id"]), made)
        self.assertEqual(0, self.valence.stop())
        self.valence.start()
        self.assertEqual([flavor], self.valence.client.rows("/v1/flavors"))
        operation = self.synchronize()
        self.assertEqual("succeeded", operation["state"], operation)
        [node] = self.valence.client.rows("/v1/nodes")
        known = ("uuid", "state", "error", "resource_url")
        self.assertEqual([made[name] for name in known], [node[name] for name in known])
        self.assertIsNotNone(node["resource_id"])

    def device_types(self):
        return {device["device_type"] for device in self.valence.client.rows("/v1/devices")}

    def synchronize(self):
        [pod_manager] = self.valence.client.rows("/v1/pod_managers")
        path = f"/v1/pod_managers/{pod_manager['uuid']}/sync"
        return self.valence.client.post(path, headers={"Prefer": "wait=20"})

    def test_what_to_do_next_is_printed(self):
        told = f"curl {self.valence.client.url}/v1/systems"
        self.wait_for(lambda: told in self.valence.log())


class CrashTest(base.TestCase):
    """Four clients create and delete pod managers on SQLite until the process is killed."""

    clients, rounds, fewest = 4, 2, 30

    def setUp(self):
        super().setUp()
        self.valence = self.useFixture(deployment.AllInOne(self.make_folder()))
        self.created, self.deleting, self.deleted = set(), set(), set()

    def test_what_was_acknowledged_is_there_after_kill_9(self):
        for number in range(1, self.rounds + 1):
            threads = [
                threading.Thread(target=self.write, args=(f"{number}-{each}",))
                for each in range(self.clients)
            ]
            for each in threads:
                each.start()
            self.wait_for(lambda count=number * self.fewest: len(self.created) >= count, 60)
            self.valence.kill()
            for each in threads:
                each.join()
            self.valence.start()
            there = {row["uuid"] for row in self.valence.client.rows("/v1/pod_managers")}
            self.assertEqual(set(), self.created - self.deleting - there)
            self.assertEqual(set(), self.deleted & there)

    def write(self, name):
        """Create pod managers, and delete every third, until nobody answers."""
        client, number = rest.Client(self.valence.client.url), 0
        try:
            while True:
                number += 1
                place = {"name": f"{name}-{number}", "url": f"http://192.0.2.1/{name}-{number}"}
                answer = client.request("POST", "/v1/pod_managers", json=place | {"maintenance": True})
                if answer.status_code != 201:
                    continue
                uuid = answer.json()["uuid"]
                self.created.add(uuid)
                if number % 3 == 0:
                    self.deleting.add(uuid)  # it may be gone, whether the answer arrives or not
                    if client.request("DELETE", f"/v1/pod_managers/{uuid}").status_code == 204:
                        self.deleted.add(uuid)
        except requests.RequestException:
            return
