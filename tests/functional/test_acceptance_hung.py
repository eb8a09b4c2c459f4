# SPDX-License-Identifier: Apache-2.0
"""Acceptance: readers of pod managers that do not answer delay nobody else; nor do introspection documents."""

import concurrent.futures
import contextlib
import functools
import http.client
import json
import os
import threading

from tests import clock
from tests import rest
from tests.functional import acceptance
from valence.simulator import server

HUNG, READERS = 20, 40
LATENCY_MS = 60_000.0
#: between two requests of a reader, whatever the answer to the first says
REST_SECONDS = 0.5
#: requests of each kind by which a usual time is measured
SAMPLES = 60
#: twice the usual time, and room for a busy machine; a request that waits for a hung one takes 5 s or more
FACTOR, SLACK_SECONDS = 2, 1.5
#: of a document below [processing] max_body_kib, and of a text in it, which cannot be compressed much
DOCUMENT_BYTES, TEXT_BYTES = 16_000_000, 1000


class HungTest(acceptance.AcceptanceCase):
    time_limit = 300
    conductors = 2
    options = {"redfish": {"connect_timeout": 5, "read_timeout": 30}, "sync": {"interval": 3600}}

    def setUp(self):
        super().setUp()
        self.good, _ = self.register_pod("good")
        self.system = self.client.rows("/v1/systems", podm_id=self.good)[0]["uuid"]
        self.stopping = threading.Event()

    def register_pod(self, name):
        pod = server.Simulator(racks=1, systems=2).start()
        self.addCleanup(pod.stop)
        uuid = self.valence.register(name, f"{pod.url}/redfish/v1", **acceptance.CREDENTIALS)["uuid"]
        self.wait_until_synchronized(uuid, 60)
        return uuid, pod

    def test_readers_of_hung_pod_managers_delay_nobody_else(self):
        pods = [self.register_pod(f"hung-{number}") for number in range(HUNG)]
        systems = [self.client.rows("/v1/systems", podm_id=uuid)[0]["uuid"] for uuid, _ in pods]
        usual = self.measure()
        for _, pod in pods:
            pod.set_faults(latency=LATENCY_MS)
        one, every = [systems[0]] * READERS, systems
        with concurrent.futures.ThreadPoolExecutor(READERS + HUNG) as pool:
            requests = [("GET", f"/v1/systems/{system}?detail=true") for system in (*one, *every)]
            loaded = self.measure_beside(pool, requests)
        self.assert_unaffected(usual, loaded)

    def test_documents_of_machines_delay_nobody_else(self):
        usual = self.measure()
        texts = [os.urandom(TEXT_BYTES // 2).hex() for _ in range(DOCUMENT_BYTES // (TEXT_BYTES + 4))]
        large = json.dumps({"inventory": {"interfaces": []}, "x": texts})
        small = json.dumps({"inventory": {"interfaces": []}, "x": "y" * 10_000})
        with concurrent.futures.ThreadPoolExecutor(41) as pool:
            requests = [("POST", "/introspection/v1/continue", body) for body in (large, *[small] * 40)]
            loaded = self.measure_beside(pool, requests)
        self.assert_unaffected(usual, loaded)

    def measure_beside(self, pool, requests):
        """Return what ``measure`` does while each of the requests is repeated in a thread of its own."""
        sent = set()
        try:
            for number, request in enumerate(requests):
                pool.submit(self.repeat, functools.partial(sent.add, number), *request)
            self.wait_for(lambda: len(sent) == len(requests), 60, lambda: f"{len(sent)} were sent")
            return self.measure()
        finally:
            self.stopping.set()

    def repeat(self, note, method, path, body=None):
        """Send a request again and again until the test stops; call ``note()`` when one was sent."""
        while not self.stopping.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.valence.port, timeout=60)
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                connection.request(method, path, body)
                note()
                connection.getresponse().read()
            self.stopping.wait(REST_SECONDS)

    def measure(self):
        """Return the seconds of the requests of each kind, sorted, and how many of them failed."""
        kinds = {
            "list": "/v1/pod_managers",
            "readiness": "/readyz",
            "health": "/healthcheck",
            "details": f"/v1/systems/{self.system}?detail=true",
        }
        client, seconds, failed = rest.Client(self.client.url), {name: [] for name in kinds}, []
        for _ in range(SAMPLES):
            for name, path in kinds.items():
                began = clock.seconds()
                status = client.request("GET", path).status_code
                seconds[name].append(clock.seconds() - began)
                failed += [(name, status)] * (status != 200)
        return {name: sorted(each) for name, each in seconds.items()}, failed

    def assert_unaffected(self, usual, loaded):
        (before, _), (after, failed) = usual, loaded
        for name, each in after.items():
            print(
                f"{name}: p50 {before[name][SAMPLES // 2] * 1000:.0f} -> {each[SAMPLES // 2] * 1000:.0f} ms, "
                f"slowest {before[name][-1] * 1000:.0f} -> {each[-1] * 1000:.0f} ms",
                flush=True,
            )
        print(f"failed: {failed}", flush=True)
        self.assertEqual([], failed)
        for name, each in after.items():
            self.assertLess(each[-2], FACTOR * before[name][-1] + SLACK_SECONDS, name)
