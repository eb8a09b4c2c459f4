# SPDX-License-Identifier: Apache-2.0
"""Acceptance: a conductor that stands still takes no requests, and writes nothing late when it goes on."""

import collections
import concurrent.futures
import threading
import time

import requests

from tests import clock
from tests import rest
from tests.functional import acceptance

#: seconds of load with a conductor that stands still
SECONDS = 20
#: seconds between two requests of each client
REST = 0.5
CLIENTS = 4
#: requests that may fail: those that the conductor was working on, and one that it was about to get
MOST_FAILED = 3
ROUNDS = 8
WRITERS = 6
#: seconds in which a conductor that goes on would apply what it had before
LATE_SECONDS = 2


class Load:
    """Clients that ask in turn for a list, a row, readiness and a change, until they are stopped."""

    def __init__(self, url, uuids):
        self._url, self._uuids = url, uuids
        self._stopping = threading.Event()
        #: status codes
        self.answers, self.slowest = collections.Counter(), 0.0
        self._threads = [threading.Thread(target=self._run, args=(uuid,), daemon=True) for uuid in uuids]

    def start(self):
        for each in self._threads:
            each.start()

    def stop(self):
        self._stopping.set()
        for each in self._threads:
            each.join(60)

    def _run(self, uuid):
        client, path = rest.Client(self._url), f"/v1/pod_managers/{uuid}"
        requested = [
            ("GET", "/v1/pod_managers", None),
            ("GET", path, None),
            ("GET", "/readyz", None),
            ("PATCH", path, {"description": "changed"}),
        ]
        while not self._stopping.is_set():
            for method, url, document in requested:
                began = clock.seconds()
                status = client.request(method, url, json=document).status_code
                self.slowest = max(self.slowest, clock.seconds() - began)
                self.answers[f"{method} {status}"] += 1
                self._stopping.wait(REST)


class PausedTest(acceptance.AcceptanceCase):
    time_limit = 300
    conductors = 3
    # None is taken for dead, and none joins anew, while the test lasts.
    options = {"conductor": {"lease_seconds": 10, "call_timeout": 2.5}}

    def create(self, number):
        values = {
            "name": f"pod-{number}",
            "url": f"http://192.0.2.1/{number}/redfish/v1",
            "maintenance": True,
        }
        return self.client.post("/v1/pod_managers", values)["uuid"]

    def test_one_of_three_that_stands_still_fails_hardly_any_request(self):
        load = Load(self.client.url, [self.create(number) for number in range(CLIENTS)])
        load.start()
        self.addCleanup(load.stop)
        self.wait_for(lambda: load.answers.total() > CLIENTS * 8, 30)
        self.valence.conductors[1].pause()
        self.addCleanup(self.valence.conductors[1].resume)
        time.sleep(SECONDS)
        load.stop()
        failed = sum(count for name, count in load.answers.items() if not name.endswith(("200", "204")))
        print(
            f"stopped: {failed} of {load.answers.total()} requests failed: {dict(load.answers)}", flush=True
        )
        self.assertLessEqual(failed, MOST_FAILED)

    def test_what_was_refused_is_not_written_after_what_was_accepted_later(self):
        uuid = self.create(0)
        late = [one for one in range(ROUNDS) if self.is_late(uuid, one)]
        print(f"late: {len(late)} of {ROUNDS} rounds", flush=True)
        self.assertEqual([], late)

    def is_late(self, uuid, number):
        """Pause a conductor in the middle of writes; return whether one that was refused is applied at last."""
        path, last = f"/v1/pod_managers/{uuid}", f"round {number}: last"
        paused, stopping = self.valence.conductors[number % self.conductors], threading.Event()

        def write(writer):
            client, count = rest.Client(self.client.url), 0
            while not stopping.is_set():
                count += 1
                client.request("PATCH", path, json={"description": f"round {number}: {writer}.{count}"})

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            for writer in range(WRITERS):
                pool.submit(write, writer)
            time.sleep(0.5 + number / 20)
            paused.pause()
            time.sleep(0.5)
            stopping.set()
        try:
            self.wait_for(lambda: self.is_written(path, last), 20)
        finally:
            paused.resume()
        end = clock.seconds() + LATE_SECONDS
        while clock.seconds() < end:
            if self.client.get(path)["description"] != last:
                return True
            time.sleep(0.1)
        return False

    def is_written(self, path, description):
        try:
            return self.client.request("PATCH", path, json={"description": description}).ok
        except requests.RequestException:
            return False
