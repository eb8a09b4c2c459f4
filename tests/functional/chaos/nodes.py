# SPDX-License-Identifier: Apache-2.0
"""Pods whose blocks another client composes too, and a client that composes nodes, switches them and removes them."""

import collections
import functools
import threading
import uuid

import fixtures
import requests

from tests import embedded
from tests.functional import acceptance
from tests.functional.chaos import hardware

#: seconds between two requests
INTERVAL = 0.5
#: nodes that there are at most, and how likely each request is
MOST, WEIGHTS = 12, {"create": 5, "power": 3, "delete": 3}
BODY = {"properties": {"processor": {"total_cores": 1}, "accelerator": {}}}
#: how likely an accepted request is sent once more: the answer has to be the same
AGAIN = 0.1
#: answers that are final, besides good ones: refused for good, gone
REFUSED = (400, 403, 404, 409)
#: answers to a removal that was accepted, now or before
REMOVED = (202, 204, 404)
#: seconds that the thread gets to end: it waits for one answer at most
END_SECONDS = 120


class Pods(fixtures.Fixture):
    """Pods with blocks, and an intruder who begins or ends compositions so many times a minute."""

    def __init__(self, number, intruder):
        super().__init__()
        blocks = {"systems": 1, "nodes": 0, "system_blocks": 0, "compute_blocks": 8, "accelerator_blocks": 8}
        self._pods = [
            embedded.Pod(**blocks, intruder=intruder, seed=seed, power_seconds=0.2) for seed in range(number)
        ]
        self._simulators = {}

    def _setUp(self):
        for pod in self._pods:
            self.useFixture(pod)

    def register(self, valence):
        """Register every pod as a pod manager, and return their UUIDs."""
        for number, pod in enumerate(self._pods):
            url = f"{pod.simulator.url}/redfish/v1"
            values = {"name": f"blocks-{number}", "url": url} | acceptance.CREDENTIALS
            self._simulators[hardware.insist(valence.client, "/v1/pod_managers", values)] = pod.simulator
        return list(self._simulators)

    def compositions(self):
        """Return what the services have composed, by pod manager."""
        return {
            key: requests.get(f"{simulator.url}/simulator/compositions", timeout=60).json()
            for key, simulator in self._simulators.items()
        }


class Client:
    """Asks in a thread of its own.

    ``created`` are the nodes by idempotency key, ``actions`` the operations on them, ``removed`` those whose removal
    was accepted. ``refusals`` counts the refused requests by code; ``contradictions`` are keys that were answered with
    two different things.
    """

    def __init__(self, client, chance):
        self._client, self._chance = client, chance
        self.created, self.actions, self.removed, self.contradictions = {}, {}, set(), []
        self.refusals = collections.Counter()
        self._unanswered, self._doomed = {}, set()
        self._failure = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nodes", daemon=True)

    def start(self):
        """Begin to ask."""
        self._thread.start()

    def stop(self):
        """Ask for nothing new; raise AssertionError if the thread does not end, or an error has ended it before."""
        self._stopping.set()
        self._thread.join(END_SECONDS)
        if self._thread.is_alive():
            raise AssertionError("the client of nodes does not stop")
        if self._failure:
            raise AssertionError("the client of nodes stopped before its time") from self._failure

    def insist(self):
        """Send again what was not answered; return whether everything was."""
        posts = [functools.partial(self._post, key, *asked) for key, asked in self._unanswered.items()]
        for send in [*posts, *(functools.partial(self._delete, node) for node in sorted(self._doomed))]:
            if self._stopping.is_set() and threading.current_thread() is self._thread:
                return False  # the main thread goes on with the rest
            send()
        return not self._unanswered and not self._doomed

    def remove_all(self):
        """Ask that all nodes are taken apart; return whether each of these requests was accepted."""
        self._doomed |= {*self.created.values()} - self.removed
        return self.insist()

    def _run(self):
        try:
            while not self._stopping.wait(INTERVAL):
                if len(self._unanswered) < MOST:
                    self._ask(self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0])
                self.insist()
        except Exception as error:  # whatever it is, the test must not pass with less work
            self._failure = error

    def _ask(self, kind):
        there = sorted({*self.created.values()} - self.removed - self._doomed)
        key = uuid.uuid4().hex
        if kind == "create" and len(there) < MOST:
            self._unanswered[key] = ("/v1/nodes", BODY | {"name": f"node-{len(self.created)}"})
        elif there and kind == "power":
            action = {"power": self._chance.choice(["on", "force_off"])}
            self._unanswered[key] = (f"/v1/nodes/{self._chance.choice(there)}/action", action)
        elif there:
            self._doomed.add(self._chance.choice(there))

    def _post(self, key, path, body):
        response = self._send("POST", path, json=body, headers={"Idempotency-Key": key})
        if response is None:
            return
        if not response.ok:
            self.refusals[response.json()["errors"][0]["code"]] += 1
            del self._unanswered[key]
            return
        answers = self.created if path == "/v1/nodes" else self.actions
        answer = response.json()["uuid"]
        if answers.setdefault(key, answer) != answer:
            self.contradictions.append(key)
        if self._chance.random() > AGAIN:
            del self._unanswered[key]

    def _delete(self, node):
        """Ask for a removal, again where the node is busy; 404 means that it was done and the answer got lost."""
        response = self._send("DELETE", f"/v1/nodes/{node}")
        if response is None or response.status_code == 409:
            return
        if response.status_code not in REMOVED:
            raise AssertionError(
                f"the removal of {node} was answered by {response.status_code}: {response.text}"
            )
        self._doomed.discard(node)
        self.removed.add(node)

    def _send(self, method, path, **keywords):
        """Return a good answer or a final refusal, None for all others."""
        try:
            response = self._client.request(method, path, **keywords)
        except requests.RequestException:
            return None
        return response if response.ok or response.status_code in REFUSED else None
