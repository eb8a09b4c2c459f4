# SPDX-License-Identifier: Apache-2.0
"""Acceptance: corrections count at once, maintenance means no contact, and a deletion leaves nothing behind."""

import time

from tests import clock
from tests.functional import acceptance

#: seconds within which a corrected pod manager is online; the pause after a refused password is 120 s at least
CORRECTED = 30


class CorrectionTest(acceptance.AcceptanceCase):
    def patch_pod_manager(self, uuid, **values):
        response = self.client.request("PATCH", f"/v1/pod_managers/{uuid}", json=values)
        self.assertEqual(200, response.status_code, response.text)

    def wait_until_online(self, uuid):
        self.wait_for(lambda: self.pod_manager(uuid)["status"] == "online", 150)

    def test_a_corrected_password_is_tried_at_once_whenever_it_comes(self):
        # Slow enough that the correction comes while the wrong password is being tried.
        simulator = self.simulate(systems=1, nodes=0, latency=1000)
        access = acceptance.CREDENTIALS | {"password": "wrong"}
        uuid = self.valence.register("simulator", simulator.root, **access)["uuid"]
        for delay in (0.5, 1, 2, 4):
            time.sleep(delay)
            self.patch_pod_manager(uuid, **acceptance.CREDENTIALS)
            began = clock.seconds()
            self.wait_until_online(uuid)
            seconds = clock.seconds() - began
            print(
                f"{type(self).__name__}: corrected after {delay} s, online {seconds:.1f} s later", flush=True
            )
            self.assert_in_time(seconds, CORRECTED)
            self.client.request("DELETE", f"/v1/pod_managers/{uuid}", params={"force": "true"})
            uuid = self.valence.register("simulator", simulator.root, **access)["uuid"]

    def test_in_maintenance_there_is_no_contact(self):
        simulator = self.simulate(systems=2, nodes=0)
        uuid = self.register(simulator)["uuid"]
        (system, *_) = self.client.rows("/v1/systems")
        self.patch_pod_manager(uuid, maintenance=True)
        self.wait_for(lambda: simulator.control.get("/simulator/stats")["sessions"] == 0, 20)
        before = self.requests(simulator)
        details = self.client.request("GET", f"/v1/systems/{system['uuid']}", params={"detail": "true"})
        self.assertIn("valence.in_maintenance", details.text)
        sync = self.client.request("POST", f"/v1/pod_managers/{uuid}/sync")
        self.assertEqual(
            (409, "valence.in_maintenance"), (sync.status_code, sync.json()["errors"][0]["code"])
        )
        time.sleep(2)  # whatever looks for work has looked
        self.assertEqual(before, self.requests(simulator))

    def requests(self, simulator):
        return simulator.control.get("/simulator/stats")["requests"]


class DeletionTest(acceptance.AcceptanceCase):
    conductors = 2
    options = {"sync": {"interval": 600}, "events": {"host": "127.0.0.1", "port": 0}}

    def setUp(self):
        super().setUp()
        names = ", ".join(sorted(each.name for each in self.valence.conductors))
        # Before that one of them may subscribe, and give the pod manager away.
        self.wait_for(
            lambda: all(f"conductors: {names};" in each.log() for each in self.valence.conductors), 30
        )

    def subscriptions(self, simulator):
        return simulator.control.get("/simulator/stats")["subscriptions"]

    def test_a_subscription_is_removed_though_its_conductor_is_dead(self):
        simulator = self.simulate(systems=2, nodes=0)
        uuid = self.register(simulator)["uuid"]
        self.wait_for(lambda: self.subscriptions(simulator) == 1, 20)
        owner = self.pod_manager(uuid)["conductor"]
        next(each for each in self.valence.conductors if each.name == owner).kill()
        path, force = f"/v1/pod_managers/{uuid}", {"force": "true"}
        self.wait_for(lambda: self.client.request("DELETE", path, params=force).status_code in (204, 404), 30)
        self.assertEqual(1, self.subscriptions(simulator))
        began = clock.seconds()
        self.wait_for(lambda: self.subscriptions(simulator) == 0, 60)
        print(f"{type(self).__name__}: removed after {clock.seconds() - began:.1f} s", flush=True)
