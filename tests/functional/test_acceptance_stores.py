# SPDX-License-Identifier: Apache-2.0
"""Acceptance: whichever store is chosen, a pod manager lives its life from registration to removal."""

import testscenarios

from tests import stores
from tests.functional import acceptance
from valence.conductor.inventory import devices

STORES = ("postgresql", "etcd", "etcd3")
#: more resources than a page of the conductor's has
SYSTEMS = 100


class StoreTest(testscenarios.WithScenarios, acceptance.AcceptanceCase):
    scenarios = [(name, {"store": name}) for name in STORES]
    time_limit = 480
    options = {"sync": {"interval": 5}}

    def setUp(self):
        super().setUp()
        # etcd's v2 API gives one key a request, and the conductor has other things to do, too.
        self.client.page = 100

    def deployment(self):
        return super().deployment(database_url=stores.SERVERS[self.store]().new_database())

    def test_a_pod_manager_from_registration_to_removal(self):
        simulator = self.simulate(systems=SYSTEMS)
        pod_manager = self.register(simulator, seconds=120)
        known = self.places(pod_manager)
        self.assertLess(devices.PAGE, len(known))
        self.assertEqual(SYSTEMS, self.counts(pod_manager)["System"])
        self.assert_every_resource_was_told_once()
        self.set_health(simulator, "Critical", "System7")
        [event] = self.wait_for_events(1, acceptance.STATE_CHANGED, seconds=40)
        self.assertEqual(("OK", "Critical"), (event["old"]["health"], event["new"]["health"]))
        [ill] = self.client.get("/v1/systems", health="Critical")["systems"]
        self.assertEqual(known["/redfish/v1/Systems/System7"], ill["uuid"])
        shown = self.client.get(f"/v1/systems/{ill['uuid']}", detail="true")
        self.assertEqual("Critical", shown["detail"]["Status"]["Health"])
        self.assertEqual(0, self.valence.conductor.stop())
        self.valence.conductor.start()
        self.valence.wait_until_ready()
        self.synchronize(pod_manager["uuid"])
        self.assertEqual(known, self.places(pod_manager))
        self.assertEqual(1, len(self.events(acceptance.STATE_CHANGED)))
        path = f"/v1/pod_managers/{pod_manager['uuid']}?force=true"
        # A deletion that takes longer than 40 s is finished after the response.
        self.assertEqual(204, self.client.request("DELETE", path, timeout=60).status_code)
        self.wait_for(lambda: not self.client.rows("/v1/resources"), 120)
        self.assert_everything_was_published(60)
