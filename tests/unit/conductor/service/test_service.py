# SPDX-License-Identifier: Apache-2.0
"""A whole conductor: it starts on a schema that it knows, and hands everything back when it stops."""

import contextlib
import functools
import socket
import threading

from tests import base
from tests import clock
from tests import embedded
from tests import message_bus
from tests.contract import case
from valence.backup import changes
from valence.bus import bounds
from valence.bus import messaging
from valence.common import bus_errors
from valence.common import errors
from valence.conductor import service
from valence.conductor.work import deletions
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
            server.settimeout(60)
            for _ in range(2):  # a synchronization, and a document or an introspection
                self.addCleanup(server.accept()[0].close)
        began = clock.seconds()
        conductor.service.stop()
        self.assert_in_time(clock.seconds() - began, 10)

    def test_it_leaves_a_long_deletion_to_the_next(self):
        conductor = self.useFixture(embedded.Conductor(conductor__drain_seconds=60))
        begun, never = threading.Event(), threading.Event()

        def slowly(deletion, _):
            deletion._batch = 1
            begun.set()
            never.wait(0.05)

        self.patch(deletions, "FIRST", 1)
        self.patch(deletions.Deletion, "_adapt", slowly)
        pod_manager = models.PodManager(name="pod", url="http://127.0.0.1:1/redfish/v1", maintenance=True)
        parts = [
            models.Resource(podm_id=pod_manager.uuid, resource_type="System", resource_url=f"/s/{number}")
            for number in range(deletions.FEW + 50)
        ]
        conductor.database.store.commit(*map(store.Create, [pod_manager, *parts]))
        delete = functools.partial(self.delete, conductor, pod_manager.uuid)
        threading.Thread(target=delete, daemon=True).start()
        self.assertTrue(begun.wait(60))
        conductor.service.stop()
        self.assertLess(100, conductor.database.store.count(models.Resource))

    def test_changes_of_sessions_that_wait_keep_no_other_call_waiting(self):
        conductor = self.useFixture(embedded.Conductor())

        def ask():
            self.join_in_background(conductor, messaging.THREADS + 8, started=messaging.THREADS)
            return conductor.client.records.list(message_bus.user_context(), "PodManager")["rows"]

        self.assertEqual("[]", self.while_the_session_changes(conductor, ask))

    def test_changes_of_sessions_are_refused_while_too_many_wait(self):
        self.patch(bounds, "KINDS", bounds.KINDS | {messaging.SESSION_TOPIC: ("that change sessions", 2)})
        conductor = self.useFixture(embedded.Conductor())

        def ask():
            self.join_in_background(conductor, 2, started=2)
            self.assertRaises(bus_errors.Busy, self.join_session, conductor)
            backup, mine = conductor.client.backup, message_bus.user_context()
            tenant = {"version": "v2", "project_id": "demo"}
            for change, document in ((backup.update, [{}]), (backup.replace, [{}]), (backup.delete, [])):
                self.assertRaises(bus_errors.Busy, change, mine, tenant, "sessions", "s", *document)

        self.while_the_session_changes(conductor, ask)

    def while_the_session_changes(self, conductor, ask):
        """Return the result of ``ask()``, called inside of a change of the session "s"."""
        tenant = changes.Scope("v2", "demo", "alice")
        return changes.again(conductor.service._store, tenant, models.Session, "s", ask)

    def join_in_background(self, conductor, number, started):
        """Let ``number`` jobs join the session at once, and return when the conductor has ``started`` of them."""
        waiting, patience = [], changes._patience
        self.patch(changes, "_patience", lambda database: waiting.append(1) or patience(database))
        join = functools.partial(self.join_session, conductor)
        for _ in range(number):
            caller = threading.Thread(target=case.together, args=[join], daemon=True)
            caller.start()
            self.addCleanup(caller.join, 10)
        self.wait_for(lambda: len(waiting) >= started)

    def join_session(self, conductor):
        tenant = {"version": "v2", "project_id": "demo"}
        conductor.client.backup.add_job(message_bus.user_context(), tenant, "s", "job")

    def delete(self, conductor, uuid):
        with contextlib.suppress(errors.ValenceError):
            conductor.client.pod_managers.delete(message_bus.user_context(), uuid)

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
