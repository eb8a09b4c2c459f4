# SPDX-License-Identifier: Apache-2.0
"""Clients that ask for synchronizations and cancel some, register pod managers and delete some, and insist."""

import threading
import typing
import uuid

import requests

#: seconds between two requests
INTERVAL = 0.2
CANCELLED = 0.1
#: requests without an answer, beyond which nothing new is asked
MOST = 10
#: how likely a pod manager is registered, and one of those is deleted, beside a request
REGISTERED, DELETED = 0.2, 0.05
#: the first port of pod managers that nobody contacts
PORT = 10000


class Request(typing.NamedTuple):
    """A request that is sent until it is answered; ``answers`` are its answers by idempotency key."""

    path: str
    document: dict | None
    answers: dict


class Client:
    """Asks in a thread of its own.

    ``accepted`` are the operations by idempotency key, ``cancelled`` some of them; ``registered`` are the pod
    managers by idempotency key, ``deleted`` those of them whose deletion was answered, ``doomed`` those whose was sent.
    """

    def __init__(self, client, chance, targets):
        self._client, self._chance, self._targets = client, chance, targets
        self.accepted, self.cancelled, self.contradictions, self.refused = {}, set(), [], 0
        self.registered, self.deleted, self.doomed = {}, set(), set()
        self._unanswered, self._number = {}, 0
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
        for doomed in self.doomed - self.deleted:
            self._delete(doomed)
        return not self._unanswered and self.doomed == self.deleted

    def _run(self):
        while not self._stopping.wait(INTERVAL):
            if len(self._unanswered) < MOST:
                self._unanswered[uuid.uuid4().hex] = self._request()
            self.insist()
            if self.accepted and self._chance.random() < CANCELLED:
                self._cancel(self._chance.choice(list(self.accepted.values())))
            if self.doomed == self.deleted and (free := self._left()) and self._chance.random() < DELETED:
                self.doomed.add(self._chance.choice(free))

    def _request(self):
        if self._chance.random() > REGISTERED:
            return Request(f"/v1/pod_managers/{self._chance.choice(self._targets)}/sync", None, self.accepted)
        self._number += 1
        url = f"http://127.0.0.2:{PORT + self._number}/redfish/v1"
        document = {"name": f"registered-{self._number}", "url": url, "maintenance": True}
        return Request("/v1/pod_managers", document, self.registered)

    def _left(self):
        return sorted({*self.registered.values()} - self.doomed)

    def _ask(self, key):
        request = self._unanswered[key]
        document = self._send("POST", request.path, {"Idempotency-Key": key}, request.document)
        if document is None:
            return
        if request.answers.setdefault(key, document["uuid"]) != document["uuid"]:
            self.contradictions.append(key)
        if self._chance.random() > CANCELLED:  # else it is asked again: the answer has to be the same
            del self._unanswered[key]

    def _cancel(self, operation):
        # Noted first: the answer may get lost.
        self.cancelled.add(operation)
        self._send("POST", f"/v1/operations/{operation}/cancel")

    def _delete(self, doomed):
        """Ask for a deletion; 404 means that an attempt before was done whose answer got lost."""
        if self._send("DELETE", f"/v1/pod_managers/{doomed}", gone={}) is not None:
            self.deleted.add(doomed)

    def _send(self, method, path, headers=None, document=None, gone=None):
        """Return the document of a good answer, ``gone`` for 404 and None for a refusal."""
        try:
            response = self._client.request(method, path, headers=headers or {}, json=document)
        except requests.RequestException:
            return None
        if response.ok:
            return response.json() if response.content else {}
        if response.status_code == 404 and gone is not None:
            return gone
        self.refused += 1
        return None
