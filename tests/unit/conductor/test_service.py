# SPDX-License-Identifier: Apache-2.0
"""A whole conductor: it starts on a schema that it knows, and hands everything back when it stops."""

import contextlib
import functools
import socket
import threading
import time

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

    def test_it_stops_within_seconds_while_all_kinds_of_work_wait_for_hardware(self):
        conductor = self.useFixture(
            embedded.Conductor(conductor__drain_seconds=60, redfish__read_timeout=120, sync__slow_seconds=1)
        )
        hung = [self.enterContext(socket.create_server(("127.0.0.1", 0))) for _ in range(6)]
        asking, mine = [], message_bus.user_context()
        for number, server in enumerate(hung):
            values = {"name": f"pod{number}", "url": f"http://127.0.0.1:{server.getsockname()[1]}/redfish/v1"}
            access = {"username": "admin", "password": "password"}
            uuid = conductor.client.pod_managers.create(mine, values | access)["pod_manager"]["uuid"]
            self.add_work(conductor, uuid, number, asking)
        for server in hung:
            server.settimeout(20)
            for _ in range(2):  # a synchronization, and a document or an introspection
                self.addCleanup(server.accept()[0].close)
        began = time.monotonic()
        conductor.service.stop()
        self.assertLess(time.monotonic() - began, 10)

    def add_work(self, conductor, uuid, number, asking):
        """Let a document of a machine be read, or, of every other pod manager, its introspection begin."""
        machine = models.Resource(
            podm_id=uuid, resource_type="System", resource_url="/redfish/v1/Systems/1", name=f"s{number}"
        )
        changes = [machine]
        if number % 2:
            times = {"started_at": "2020-01-01T00:00:00Z", "deadline": "2099-01-01T00:00:00Z"}
            changes.append(models.Introspection(uuid=machine.uuid, podm_id=uuid, source="redfish", **times))
        conductor.database.store.commit(*map(store.Create, changes))
        if not number % 2:
            read = functools.partial(self.read, conductor, machine.uuid)
            asking.append(threading.Thread(target=read, daemon=True))
            asking[-1].start()

    def read(self, conductor, uuid):
        with contextlib.suppress(errors.ValenceError):
            conductor.client.resources.details(message_bus.user_context(), [uuid])

    def operation(self, conductor, uuid):
        return conductor.database.store.get(models.Operation, uuid)
