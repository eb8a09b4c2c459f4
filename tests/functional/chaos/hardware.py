# SPDX-License-Identifier: Apache-2.0
"""Simulated pods whose systems change their health all the time, and what Valence told of that."""

import collections
import secrets
import threading
import time

import fixtures
import requests

from tests import embedded
from tests.functional import acceptance

#: seconds within which a pod manager has to be registered, and between two attempts
REGISTERED, ATTEMPTS_INTERVAL = 60, 0.5
HEALTHS = ("OK", "Warning", "Critical")
#: seconds between two rounds of changes, and how likely a system changes in one
INTERVAL, CHANCE = 0.5, 0.3


class Fleet(fixtures.Fixture):
    """Pods with some systems; ``made`` and ``told`` are ``{(pod manager, system): [(old health, new health)…]}``.

    A system changes only after its change before was told: what changes twice between two looks was never seen.
    """

    def __init__(self, client, chance, pods, systems=2):
        super().__init__()
        self._client, self._chance, self._systems = client, chance, systems
        self._pods = [embedded.Pod(racks=1, systems=systems, nodes=0) for _ in range(pods)]
        self.made, self.told = collections.defaultdict(list), collections.defaultdict(list)
        self._simulators, self._sequence = {}, 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hardware", daemon=True)

    def _setUp(self):
        for pod in self._pods:
            self.useFixture(pod)

    def register(self, valence):
        """Register every pod as a pod manager, and return their UUIDs."""
        for number, pod in enumerate(self._pods):
            url = f"{pod.simulator.url}/redfish/v1"
            values = {"name": f"pod-{number}", "url": url} | acceptance.CREDENTIALS
            self._simulators[insist(valence.client, "/v1/pod_managers", values)] = pod.simulator
        return list(self._simulators)

    def start(self):
        """Begin to change."""
        self._thread.start()
        self.addCleanup(self.stop)

    def stop(self):
        """Change no more."""
        self._stopping.set()
        self._thread.join(60)

    def is_told(self):
        """Look what was told, and return whether that is as much as was made."""
        self._listen()
        return all(len(self.told[key]) >= len(changes) for key, changes in self.made.items())

    def _run(self):
        while not self._stopping.wait(INTERVAL):
            self._listen()
            for uuid in self._simulators:
                for number in range(1, self._systems + 1):
                    self._change_perhaps(uuid, number)

    def _change_perhaps(self, uuid, number):
        key = uuid, f"System {number}"
        if len(self.told[key]) < len(self.made[key]) or self._chance.random() > CHANCE:
            return
        old = self.made[key][-1][1] if self.made[key] else HEALTHS[0]
        new = self._chance.choice([health for health in HEALTHS if health != old])
        self.made[key].append((old, new))
        self._simulators[uuid].set_health(f"System{number}", new)

    def _listen(self):
        """Take what was told since the last time; while Valence does not answer, nothing."""
        asked = {
            "event_type": acceptance.STATE_CHANGED,
            "since": self._sequence,
            "sort": "sequence",
            "limit": 1000,
        }
        try:
            response = self._client.request("GET", "/v1/events", params=asked)
        except requests.RequestException:
            return
        for event in response.json()["events"] if response.ok else ():
            self._sequence = event["sequence"]
            key = event["podm_id"], event["new"]["name"]
            self.told[key].append((event["old"]["health"], event["new"]["health"]))


def insist(client, path, values):
    """Create something, asking again while Valence is too busy to answer, and return its uuid."""
    deadline, headers = time.monotonic() + REGISTERED, {"Idempotency-Key": secrets.token_hex(16)}
    while True:
        response = client.request("POST", path, json=values, headers=headers)
        if response.ok:
            return response.json()["uuid"]
        if response.status_code != 503 or time.monotonic() > deadline:
            raise AssertionError(f"{values}: {response.text}")
        time.sleep(ATTEMPTS_INTERVAL)
