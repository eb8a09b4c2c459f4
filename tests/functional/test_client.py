# SPDX-License-Identifier: Apache-2.0
"""The client against a whole Valence: what the library promises, while servers go away and come back."""

import threading

from tests import base
from tests import live
from valence import client
from valence.api.http import api_server
from valence.api.http import app
from valence.client import errors


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


class OutageTest(base.TestCase):
    """One API after the other at the same place, on one conductor."""

    time_limit = 120

    def setUp(self):
        super().setUp()
        self.site = self.useFixture(live.Site())
        self.server = None
        self.start(0)
        self.rack = client.connect(self.server.url)

    def start(self, port):
        conf = self.site.behind.conf
        conf.set_override("port", port, "api")
        self.server = api_server.Server(conf, app.create_app(conf, self.site.behind.client))
        self.server.start()
        self.addCleanup(self.server.stop)

    def restart(self):
        port = int(self.server.url.rpartition(":")[2])
        self.server.stop()
        self.start(port)

    def test_a_stream_has_each_event_once_and_in_order(self):
        total = 200
        begin = next(iter(self.rack.events(sort="sequence:desc", limit=1)), {"sequence": 0})["sequence"]
        seen, done = [], threading.Event()

        def follow():
            for row in self.rack.events.follow(since=begin, object_kind="flavor"):
                seen.append(row.new["name"])
                if len(seen) >= total:
                    break
            done.set()

        reader = threading.Thread(target=follow, daemon=True)
        reader.start()
        for number in range(total):
            self.site.client.post("/v1/flavors", {"name": f"f{number}"})
            if number % 50 == 25:
                self.wait_for(lambda: seen)
                self.restart()
        self.wait_for(done.is_set, timeout=60, message=lambda: f"{len(seen)} events came")
        self.assertEqual([f"f{number}" for number in range(total)], seen)

    def test_a_request_waits_for_an_api_that_restarts(self):
        port = int(self.server.url.rpartition(":")[2])
        self.server.stop()
        made = []
        maker = threading.Thread(
            target=lambda: made.append(self.rack.flavors.create(name="large")), daemon=True
        )
        maker.start()
        self.start(port)
        self.wait_for(lambda: made, timeout=30)
        self.assertEqual(["large"], [row.name for row in self.rack.flavors()])
