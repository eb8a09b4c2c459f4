# SPDX-License-Identifier: Apache-2.0
"""A whole conductor: it starts on a schema that it knows, and hands everything back when it stops."""

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import errors
from valence.conductor import service
from valence.db import models
from valence.db import store


class ConductorTest(base.TestCase):
    def test_it_refuses_a_database_without_its_schema(self):
        database = self.useFixture(embedded.Database())
        database.conf.set_override("connection", f"sqlite:///{self.make_folder()}/empty.db", "database")
        bus = self.useFixture(message_bus.Bus(database.conf.transport_url))
        one = service.Conductor(database.conf, bus.transport())
        self.assertRaises(errors.SchemaOutdated, one.start)

    def test_what_runs_when_it_stops_is_done_by_the_next(self):
        simulator = self.useFixture(embedded.Pod(systems=40, latency=20)).simulator
        conductor = self.useFixture(embedded.Conductor(redfish__expand=False))
        access = {"url": f"{simulator.url}/redfish/v1", "username": "admin", "password": "password"}
        asked = conductor.client.pod_managers.create(message_bus.user_context(), {"name": "pod"} | access)
        uuid = asked["operation"]["uuid"]
        self.wait_for(lambda: self.operation(conductor, uuid).state == "running")
        conductor.service.stop()
        self.assertEqual("pending", self.operation(conductor, uuid).state)
        simulator.set_faults(latency=0)
        conductor.start()
        self.wait_for(lambda: self.operation(conductor, uuid).state == "succeeded", timeout=30)
        systems = [store.Filter("resource_type", "eq", "System")]
        self.assertEqual(40, conductor.database.store.count(models.ResourceWithState, filters=systems))

    def operation(self, conductor, uuid):
        return conductor.database.store.get(models.Operation, uuid)
