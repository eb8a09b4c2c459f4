# SPDX-License-Identifier: Apache-2.0
"""Clients that ask for synchronizations and cancel some, and insist on an answer."""

import threading
import uuid

import requests

#: seconds between two requests
INTERVAL = 0.2
CANCELLED = 0.1


class Client:
    """Asks in a thread of its own; ``accepted`` are the operations by idempotency key, ``cancelled`` some of them."""

    def __init__(self, client, chance, targets):
        self._client, self._chance, self._targets = client, chance, targets
        self.accepted, self.cancelled, self.contradictions, self.refused = {}, set(), [], 0
        self._unanswered = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="client", daemon=True)

    def start(self):
        """Begin to ask."""
        self._thread.start()

    def stop(self):
        """Ask for nothing new."""
        self._stopping.set()
        self._thread.join(60)

    def insist(self):
        """Ask again for what was not answered; return whether everything was."""
        for key in list(self._unanswered):
            self._ask(key)
        return not self._unanswered

    def _run(self):
        while not self._stopping.wait(INTERVAL):
            self._unanswered[uuid.uuid4().hex] = self._chance.choice(self._targets)
            self.insist()
            if self.accepted and self._chance.random() < CANCELLED:
                self._cancel(self._chance.choice(list(self.accepted.values())))

    def _ask(self, key):
        path = f"/v1/pod_managers/{self._unanswered[key]}/sync"
        document = self._post(path, {"Idempotency-Key": key})
        if document is None:
            return
        if self.accepted.setdefault(key, document["uuid"]) != document["uuid"]:
            self.contradictions.append(key)
        if self._chance.random() > CANCELLED:  # else it is asked again: the answer has to be the same
            del self._unanswered[key]

    def _cancel(self, operation):
        # Noted first: the answer may get lost.
        self.cancelled.add(operation)
        self._post(f"/v1/operations/{operation}/cancel", {})

    def _post(self, path, headers):
        try:
            response = self._client.request("POST", path, headers=headers)
        except requests.RequestException:
            return None
        if response.ok:
            return response.json()
        self.refused += 1
        return None
