# SPDX-License-Identifier: Apache-2.0
"""The client against a whole Valence: what the library promises, while servers go away and come back."""

import json
import threading
from concurrent import futures

from tests import base
from tests import live
from tests import process
from tests import relay
from valence import client
from valence.api.http import api_server
from valence.api.http import app
from valence.client import errors
from valence.db import models
from valence.db import store

EVENTS, RESTARTS = 10_000, 3
#: events of one commit
BATCH = 500
EVENT = {"event_type": "valence.flavor.create", "object_kind": "flavor", "new": {"name": "large"}}


class SiteTest(base.TestCase):
    time_limit = 120

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site(systems=4))
        self.site.register()
        self.rack = client.connect(self.site.client.url)
        self.pod_manager = self.rack.pod_managers.find("pod")
        self.rack.wait_for_operation(self.rack.pod_managers.sync(self.pod_manager))

    def test_every_field_of_every_list_is_one_of_its_model(self):
        for name in (
            "pod_managers",
            "resources",
            "systems",
            "racks",
            "devices",
            "operations",
            "events",
            "conductors",
        ):
            collection = getattr(self.rack, name)
            for row in collection(limit=1):
                self.assertEqual(set(collection.model.public_fields()), set(row), name)
                self.assertEqual(row.id, collection.find(row.id).id)

    def test_pages(self):
        names = [row.name for row in self.rack.resources(sort="uuid:asc")]
        self.assertEqual(len(self.site.client.rows("/v1/resources")), len(names))
        self.assertEqual(3, len(list(self.rack.systems(limit=3))))

    def test_changes(self):
        known = next(self.rack.pod_managers())
        self.assertEqual("mine", self.rack.pod_managers.update(known, description="mine").description)
        self.assertRaises(errors.Changed, self.rack.pod_managers.update, known, description="yours")
        self.assertEqual("", self.rack.pod_managers.update(known.id, description=None).description)
        flavor = self.rack.flavors.create(name="large")
        error = self.assertRaises(errors.Conflict, self.rack.flavors.create, name="large")
        self.assertEqual("valence.duplicate", error.code)
        self.assertIsNone(self.rack.flavors.delete(flavor))
        self.assertRaises(errors.NotFound, self.rack.flavors.find, "large")

    def test_all_problems_of_a_request(self):
        error = self.assertRaises(errors.BadRequest, self.rack.pod_managers.create, name="", uri="x")
        self.assertEqual("valence.validation", error.code)
        self.assertEqual(3, len(error.problems))
        self.assertEqual("req-", error.request_id[:4])

    def test_a_node(self):
        system = next(self.rack.devices(device_type="System", state="free"))
        node = self.rack.nodes.manage(system, name="web-3")
        seen = []
        self.rack.wait_for_operation(
            self.rack.operation_of(node), progress=lambda operation: seen.append(operation.state)
        )
        self.assertEqual("succeeded", seen[-1])
        self.rack.wait_for_operation(self.rack.nodes.act("web-3", power="force_off"))
        self.assertEqual("Off", self.rack.nodes.find("web-3").power_state)
        operation = self.rack.nodes.act("web-3", power="pause")
        error = self.assertRaises(errors.OperationFailed, self.rack.wait_for_operation, operation)
        self.assertIn("no power action pause", error.detail)
        self.assertEqual(["attached"], [each.state for each in self.rack.nodes.devices("web-3")])
        self.rack.nodes.delete(self.rack.nodes.get("web-3"))
        self.assertEqual([], list(self.rack.nodes()))


def begin(work):
    """Do work in a thread; return the future of what comes out of it."""
    future = futures.Future()

    def run():
        try:
            future.set_result(work())
        except Exception as error:  # of the thread, for the test
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


class OutageTest(base.TestCase):
    """One API after the other at the same place, on one conductor."""

    time_limit = 120

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site())
        self.relay = self.useFixture(relay.Relay())
        self.start()
        self.rack = client.connect(self.relay.url)

    def start(self):
        conf = self.site.behind.conf
        self.server = api_server.Server(conf, app.create_app(conf, self.site.behind.client), port=0)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.relay.port = int(self.server.url.rpartition(":")[2])

    def stop(self):
        self.relay.port = None
        self.server.stop()

    def write_events(self, begin, number):
        """Store events as a conductor does; the numbers from ``begin`` on are what they are about."""
        made = [models.Event(**EVENT, object_id=f"{begin + each}") for each in range(number)]
        for at in range(0, number, BATCH):
            self.site.behind.database.store.commit(*map(store.Create, made[at : at + BATCH]))

    def test_a_command_prints_ten_thousand_events_once_and_in_order(self):
        """Each restart of the API cuts the stream while a part of the events is under way."""
        part = EVENTS // (RESTARTS + 1)
        self.write_events(0, part)
        argv = ("--since", "0", "--property", "object_kind=flavor", "--limit", EVENTS, "--json")
        program = ("valence", "--endpoint", self.relay.url, "event", "follow", *argv)
        command = self.useFixture(process.Process(*program, folder=self.make_folder()))
        for number in range(1, RESTARTS + 1):
            printed = (number - 1) * part
            self.wait_for(lambda printed=printed: command.log().count("\n") > printed, timeout=60)
            self.write_events(number * part, part)
            self.stop()
            self.start()
        self.assertEqual(0, command.wait(90), command.log()[-1000:])
        rows = [json.loads(line) for line in command.log().splitlines()]
        self.assertEqual([str(number) for number in range(EVENTS)], [row["object_id"] for row in rows])

    def test_a_request_waits_for_an_api_that_restarts(self):
        self.stop()
        maker = begin(lambda: self.rack.flavors.create(name="large"))
        self.wait_for(lambda: self.relay.cuts)
        self.start()
        self.wait_for(maker.done, timeout=60)
        self.assertEqual("large", maker.result().name)
        self.assertEqual(["large"], [row.name for row in self.rack.flavors()])
