# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a resource keeps its uuid."""

from tests.functional import acceptance


class IdentityTest(acceptance.AcceptanceCase):
    def test_the_uuid_survives_a_restart_of_everything_and_a_new_synchronization(self):
        simulator = self.simulate(systems=8)
        pod_manager = self.register(simulator)
        known = self.places(pod_manager)
        for each in (self.valence.conductor, self.valence.api, simulator):
            self.assertEqual(0, each.stop())
            each.start()
        self.valence.wait_until_ready()
        self.wait_for(lambda: self.ask_to_synchronize(pod_manager)["state"] == "succeeded", 20)
        self.assertEqual(known, self.places(pod_manager))

    def ask_to_synchronize(self, pod_manager):
        path = f"/v1/pod_managers/{pod_manager['uuid']}/sync"
        return self.client.post(path, headers={"Prefer": "wait=20"})

    def test_the_uuid_survives_a_move_to_another_url(self):
        simulator = self.simulate(systems=8)
        pod_manager = self.register(simulator)
        known = self.places(pod_manager)
        simulator.control.patch("/simulator/systems/System3", {"id": "Elsewhere"})
        self.wait_for_events(1, "valence.resource.moved")
        self.synchronize(pod_manager["uuid"])
        self.assertEqual(
            known["/redfish/v1/Systems/System3"], self.places(pod_manager)["/redfish/v1/Systems/Elsewhere"]
        )
        self.assertNotIn("/redfish/v1/Systems/System3", self.places(pod_manager))
        self.assertEqual(len(known), len(self.places(pod_manager)))
        moved = {event["object_id"] for event in self.events("valence.resource.moved")}
        self.assertIn(known["/redfish/v1/Systems/System3"], moved)
