# SPDX-License-Identifier: Apache-2.0
"""The client against a whole Valence: what the library promises, while servers go away and come back."""

import contextlib
import socket
import threading
from concurrent import futures

import fixtures

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


class Relay(fixtures.Fixture):
    """Forwards connections at ``url`` to 127.0.0.1:``port``, and hangs up while that is None; ``cuts`` counts those."""

    def _setUp(self):
        self.port, self.cuts = None, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.addCleanup(self._listener.close)
        self.addCleanup(self._listener.shutdown, socket.SHUT_RDWR)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near, self.port), daemon=True).start()

    def _serve(self, near, port):
        with near:
            if port is None:
                self.cuts += 1
                return
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as far:
                back = threading.Thread(target=forward, args=(far, near), daemon=True)
                back.start()
                forward(near, far)
                back.join()


def forward(source, sink):
    """Forward what comes until one of the ends is closed; then close both."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


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
        self.relay = self.useFixture(Relay())
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

    def test_a_stream_has_each_event_once_and_in_order(self):
        total = 200
        since = next(iter(self.rack.events(sort="sequence:desc", limit=1)), {"sequence": 0})["sequence"]
        seen = []

        def follow():
            for row in self.rack.events.follow(since=since, object_kind="flavor"):
                seen.append(row.new["name"])
                if len(seen) == total:
                    return

        reader = begin(follow)
        for number in range(total):
            self.site.client.post("/v1/flavors", {"name": f"f{number}"})
            if number % 50 == 25:
                self.wait_for(lambda: seen)
                self.stop()
                self.start()
        self.wait_for(reader.done, timeout=60, message=lambda: f"{len(seen)} events came")
        reader.result()
        self.assertEqual([f"f{number}" for number in range(total)], seen)

    def test_a_request_waits_for_an_api_that_restarts(self):
        self.stop()
        maker = begin(lambda: self.rack.flavors.create(name="large"))
        self.wait_for(lambda: self.relay.cuts)
        self.start()
        self.wait_for(maker.done, timeout=60)
        self.assertEqual("large", maker.result().name)
        self.assertEqual(["large"], [row.name for row in self.rack.flavors()])
