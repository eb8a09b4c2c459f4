# SPDX-License-Identifier: Apache-2.0
"""The background work of introspections."""

import requests

from tests import embedded
from tests.unit.api.introspection import case
from valence.db import models
from valence.db import store

SYSTEM = "/redfish/v1/Systems/System1"


class IntrospectorTest(case.IntrospectionCase):
    def stored(self):
        return self.backend.store.get(models.Introspection, self.uuid)

    def change(self, **values):
        self.backend.store.commit(store.Update(self.stored(), values))

    def look_until(self, state):
        self.backend.introspecting.introspector.look()
        self.wait_for(lambda: self.stored().state == state, message=lambda: str(vars(self.stored())))

    def test_who_boots_the_machine_himself_needs_no_pod_manager(self):
        self.start()
        (address,) = self.backend.store.list(models.IntrospectionAddress)
        self.assertEqual(("serial", "ser-1"), (address.attribute, address.value))

    def test_without_its_pod_manager_a_machine_cannot_be_booted(self):
        self.one("POST")
        self.look_until("error")
        self.assertIn("127.0.0.1:9", self.stored().error)

    def test_what_takes_too_long_fails(self):
        for state in ("waiting", "processing", "reapplying"):
            self.start()
            self.change(state=state, deadline="2020-01-01T00:00:00Z")
            self.look_until("error")
            self.assertEqual("Introspection timeout", self.stored().error)
            self.assertEqual(0, self.backend.store.count(models.IntrospectionAddress))

    def test_what_somebody_works_on_is_left_alone(self):
        self.one("POST")
        with self.backend.store.lease(f"introspection/{self.uuid}", "another", 60):
            self.backend.introspecting.introspector.look()
            self.backend.introspecting.introspector.stop()
        self.assertEqual("starting", self.stored().state)


class SimulatedTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod(systems=1)).simulator
        (row,) = self.backend.store.list(models.PodManager)
        access = {"url": f"{self.pod.url}/redfish/v1", "username": "admin", "password": "password"}
        self.backend.store.commit(store.Update(row, access))
        machine = self.backend.store.get(models.Resource, self.uuid)
        self.backend.store.commit(store.Update(machine, {"resource_url": SYSTEM}))

    def system(self):
        return requests.get(f"{self.pod.url}{SYSTEM}", auth=("admin", "password"), timeout=10).json()

    def test_a_machine_is_known_by_what_its_pod_manager_tells(self):
        self.start()
        found = {row.attribute for row in self.backend.store.list(models.IntrospectionAddress)}
        self.assertEqual({"mac", "serial", "uuid"}, found)
        self.assertEqual("Disabled", self.system()["Boot"]["BootSourceOverrideEnabled"])

    def test_a_machine_is_booted_from_the_network_once(self):
        self.one("POST")
        self.backend.introspecting.introspector.look()
        self.wait_for(lambda: self.status()["state"] == "waiting", message=self.status)
        boot = self.system()["Boot"]
        self.assertEqual(
            ("Pxe", "Once"), (boot["BootSourceOverrideTarget"], boot["BootSourceOverrideEnabled"])
        )
