# SPDX-License-Identifier: Apache-2.0
"""Acceptance: one command, nothing installed: a demo pod with its systems."""

from tests import base
from tests import deployment


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

    def synchronize(self):
        [pod_manager] = self.valence.client.rows("/v1/pod_managers")
        path = f"/v1/pod_managers/{pod_manager['uuid']}/sync"
        return self.valence.client.post(path, headers={"Prefer": "wait=20"})

    def test_what_to_do_next_is_printed(self):
        told = f"curl {self.valence.client.url}/v1/systems"
        self.wait_for(lambda: told in self.valence.log())
