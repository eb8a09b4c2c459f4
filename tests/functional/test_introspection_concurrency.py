# SPDX-License-Identifier: Apache-2.0
"""Many requests for one machine at the same time, to two conductors: every end state is one that a sequence gives."""

import hashlib
import json
import random
import threading

from tests.contract import case as contract
from tests.unit.api import case as api_case
from tests.unit.api.introspection import case
from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing
from valence.common import secrets
from valence.conductor import client
from valence.conductor.cluster import leases
from valence.conductor.introspection import service
from valence.conductor.inventory import connections
from valence.db import models
from valence.db import store
from valence.introspection.storages import storage

ROUNDS, THREADS, CALLS = 12, 6, 4
#: what a request may be refused with: the machine is busy, has no such data, or waits for no ramdisk
REFUSALS = (
    errors.Conflict,
    introspection_errors.LookUpFailed,
    introspection_errors.NoIntrospectionData,
    introspection_errors.RamdiskFailed,
)


class ConcurrencyTest(case.IntrospectionCase):
    options = {"processing__keep": 2}
    time_limit = 300

    def setUp(self):
        super().setUp()
        self.context = context.RequestContext(overwrite=False)
        self.clients = [self.backend.conductor.introspection, self.other_conductor()]
        self.backend.introspecting.introspector.start()
        self.wrong, self.chance = [], random.Random(7)

    def other_conductor(self):
        """Return the client of a further conductor on the same database."""
        database = store.connect(self.conf, secrets.load(self.conf))
        self.addCleanup(database.close)
        keeper = leases.LeaseKeeper(database, "other", 15)
        live = connections.Connections(self.conf)
        owned = self.backend.introspecting.introspector._ownership
        other = service.Introspecting(self.conf, database, keeper, live, owned)
        self.addCleanup(other.stop)
        return client.Introspection(api_case.InProcessCaller(other.endpoints))

    def sent(self, number):
        """Return a document that is known by its number, packed for a conductor."""
        text = json.dumps(self.document(extra={"number": number}))
        return {"text": packing.pack(text.encode()), "transfer": None}

    def act(self, client, chance):
        number = chance.randrange(10**9)
        chance.choice(
            [
                lambda: client.start(self.context, self.uuid, manage_boot=False),
                lambda: client.abort(self.context, self.uuid),
                lambda: client.receive(self.context, self.sent(number)),
                lambda: client.receive(self.context, self.sent(number)),
                lambda: client.reapply(self.context, self.uuid),
                lambda: client.reapply(self.context, self.uuid, self.sent(number)),
                lambda: client.delete_data(self.context, self.uuid),
                lambda: self.read(client, "processed"),
                lambda: self.read(client, "unprocessed"),
                lambda: [self.read(client, "processed", row["number"]) for row in self.versions(client)],
            ]
        )()

    def versions(self, client):
        return client.versions(self.context, self.uuid)

    def read(self, client, kind, version=None):
        """Return the number of the document that is read, after a look at its digest."""
        answer = client.data(self.context, self.uuid, kind=kind, version=version)
        data = packing.unpack(answer["text"])
        if hashlib.sha256(data).hexdigest() != answer["digest"]:
            self.wrong.append(f"{kind} {version}: body and digest disagree")
        return json.loads(data)["extra"]["number"]

    def run_calls(self, client, seed):
        chance = random.Random(seed)
        for _ in range(CALLS):
            try:
                self.act(client, chance)
            except REFUSALS as error:
                if "introspection_address" in error.detail:
                    self.wrong.append(error.detail)
            except Exception as error:  # handed to the test
                self.wrong.append(repr(error))

    def numbers(self, version=None):
        """Return the numbers of both documents; None for what is missing."""
        found = []
        for kind in ("processed", "unprocessed"):
            try:
                found.append(self.read(self.clients[0], kind, version))
            except introspection_errors.NoIntrospectionData:
                found.append(None)
        return tuple(found)

    def check(self):
        """Check the state that is left when nobody asks any more."""
        self.wait_for(lambda: self.status()["state"] in ("finished", "error", "waiting"), 30)
        state, (processed, unprocessed) = self.status()["state"], self.numbers()
        self.assertEqual(processed, unprocessed, state)
        if state == "waiting":
            self.assertIsNone(processed)
        addresses = self.backend.store.count(models.IntrospectionAddress)
        self.assertEqual(int(state == "waiting"), addresses, state)
        kept = [row["number"] for row in self.versions(self.clients[1])]
        for number in kept:
            processed, unprocessed = self.numbers(number)
            self.assertEqual(processed, unprocessed, f"version {number}")
            self.assertIsNotNone(processed, f"version {number} is listed and cannot be read")
        self.assertLessEqual(len(kept), 2)

    def test_every_end_state_is_one_that_a_sequence_gives(self):
        files = storage.load(self.conf, None, "file")
        self.introspect(self.document(extra={"number": 0}))
        for turn in range(ROUNDS):
            if turn == ROUNDS // 2:
                self.use(files)
            seeds = [self.chance.randrange(2**32) for _ in range(THREADS)]
            contract.together(
                *(
                    lambda seed=seed, n=n: self.run_calls(self.clients[n % 2], seed)
                    for n, seed in enumerate(seeds)
                )
            )
            self.assertEqual([], self.wrong, seeds)
            self.check()

    def use(self, kept):
        """Let both conductors keep data in another storage from now on, with nothing stored."""
        self.wait_for(self.is_deleted, 30)
        for each in self.clients:
            each._caller._endpoints["introspection"]._history.backend = kept

    def is_deleted(self):
        """Delete what is stored, where the machine is not waiting for a ramdisk; return whether that is done."""
        self.clients[0].abort(self.context, self.uuid)
        self.clients[0].delete_data(self.context, self.uuid)
        self.assertEqual([], list(self.backend.introspecting.history.backend.names()))
        return True

    def test_starts_and_aborts_at_once(self):
        self.start()
        for _ in range(8):
            calls = [
                lambda n=n: self.clients[n % 2].start(self.context, self.uuid, manage_boot=False)
                for n in range(4)
            ]
            calls += [lambda n=n: self.clients[n].abort(self.context, self.uuid) for n in range(2)]
            failed = [error for error in contract.together(*calls) if isinstance(error, Exception)]
            self.assertEqual([], failed)

    def test_body_and_digest_agree(self):
        self.introspect(self.document(extra={"number": 0}))
        ended = threading.Event()

        def write():
            for number in range(12):
                self.clients[0].reapply(self.context, self.uuid, self.sent(number))
            ended.set()

        def read(client):
            while not ended.is_set():
                for kind in ("processed", "unprocessed"):
                    self.read(client, kind)

        results = contract.together(write, *(lambda client=client: read(client) for client in self.clients))
        self.assertEqual(([], [None] * 3), (self.wrong, results))
