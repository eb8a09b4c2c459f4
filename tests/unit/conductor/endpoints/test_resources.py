# SPDX-License-Identifier: Apache-2.0
"""Live documents of resources."""

from tests import base
from tests import embedded
from tests import message_bus


class DetailsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.pod = self.useFixture(embedded.Pod())
        conductor = self.useFixture(embedded.Conductor())
        self.resources = conductor.client.resources
        self.context = message_bus.user_context()
        access = {"url": f"{self.pod.simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        conductor.client.pod_managers.create(self.context, {"name": "pod"} | access)
        self.wait_for(lambda: len(conductor.database.resources("System")) == 2)
        self.systems = {each.name: each.uuid for each in conductor.database.resources("System")}

    def details(self):
        return self.resources.details(self.context, list(self.systems.values()))

    def test_each_resource_has_its_document(self):
        found = self.details()
        self.assertEqual(self.systems, {each["detail"]["Name"]: uuid for uuid, each in found.items()})

    def test_a_resource_that_cannot_be_read_says_why_and_the_others_come(self):
        self.pod.simulator.set_faults(error_rate=1.0, fault_paths="Systems/System1$")
        found = self.details()
        self.assertEqual("valence.pod_manager_error", found[self.systems["System 1"]]["error"]["code"])
        self.assertIn("detail", found[self.systems["System 2"]])

    def test_a_document_is_kept_for_seconds(self):
        self.details()
        before = self.pod.simulator.stats()["requests"]
        self.details()
        self.assertEqual(before, self.pod.simulator.stats()["requests"])
