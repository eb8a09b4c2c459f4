# SPDX-License-Identifier: Apache-2.0
"""Endpoints of introspection: start and end introspections, move their documents, and keep the rules."""

import secrets
import threading
import time
import uuid

from valence.bus import messaging
from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing
from valence.conductor import client
from valence.conductor.introspection import states
from valence.db import models
from valence.db import store
from valence.db.models.introspection import ENDED
from valence.introspection import difference
from valence.introspection import documents
from valence.introspection import history
from valence.introspection.rules import rules
from valence.introspection.storages import storage

#: what a client can ask for -> suffix in the storage
SUFFIXES = history.FIELDS
VERSION_SHOWN = ("number", "source", "finished_at", "processed", "unprocessed")
#: seconds that a removal waits while something else is done with the machine
PATIENCE = 5
#: the error of an introspection whose data were removed after its conductor had failed
REMOVED = "The data were removed before they were processed."
SHOWN = ("uuid", "state", "error", "started_at", "finished_at")


class IntrospectionEndpoint:
    """The namespace ``introspection`` of ``valence.conductor.client``."""

    namespace = "introspection"

    def __init__(self, database, leases, records, kept, *, intake, host, wake):
        self._store, self._leases, self._records, self._history = database, leases, records, kept
        self._intake, self._transfers, self._wake = intake, Transfers(host), wake

    @messaging.expose
    def start(self, context, machine, manage_boot=True, source="ramdisk"):
        """Start the introspection of a machine; one that waits already restarts."""
        token = secrets.token_urlsafe(24) if self._records.needs_token(manage_boot, source) else None
        machine = self._records.machine(machine)
        row = self._records.begin(context, machine, manage_boot, source=source, token=token)
        self._wake()
        return row.public(SHOWN) | {"token": token}

    @messaging.expose
    def status(self, context, machine):
        """Return the state of an introspection."""
        return self._records.of(machine).public(SHOWN)

    @messaging.expose
    def list(self, context, states=(), marker=None, limit=None):
        """Return a page of introspections, the latest start first."""
        filters = [store.Filter("state", "in", states)] if states else []
        if marker is not None:
            self._records.get(marker)
        sort = [store.Sort("started_at", descending=True)]
        rows = self._store.list(
            models.Introspection, filters=filters, sort=sort, marker=marker, limit=limit, fields=SHOWN
        )
        return [row.public(SHOWN) for row in rows]

    @messaging.expose
    def abort(self, context, machine):
        """End an introspection; one that has ended stays as it is."""
        self._records.abort(context, self._records.of(machine).uuid)

    @messaging.expose
    def data(self, context, machine, kind="processed", known=None, version=None):
        """Return a content, packed, in parts where it is long; only its digest if that is ``known``."""
        uuid, suffix = self._records.machine(machine).uuid, SUFFIXES[kind]
        self._history.require(uuid, suffix if version is None else storage.of_version(suffix, version))
        content = self._history.read(uuid, kind, version, known)
        if content is None:
            return {"digest": known, "text": None, "more": None}
        packed = content.packed or packing.pack(content.data)
        return {"digest": content.digest} | self._transfers.offer(packed)

    @messaging.expose
    def versions(self, context, machine):
        """Return the kept versions of the documents of a machine, the newest first."""
        uuid = self._records.of(machine).uuid
        return [version.public(VERSION_SHOWN) for version in self._history.versions(uuid)]

    @messaging.expose
    def difference(self, context, machine, *, old=None, new=None, whole=False, known=None):
        """Return the difference between two versions, in the form of ``data``."""
        uuid = self._records.machine(machine).uuid
        self._history.require(uuid, storage.VERSION)
        pair = self._history.pair(self._introspection(uuid, "processed").uuid, old, new)
        contents = (self._history.read(uuid, "processed", version.number) for version in pair)
        before, after = (documents.parse(content.data) for content in contents)
        compare = difference.everything if whole else difference.hardware
        numbers = {"old": pair[0].number, "new": pair[1].number}
        answer = documents.dump(numbers | {"differences": compare(before, after)})
        digest = documents.digest(answer)
        text = (
            {"text": None, "more": None} if digest == known else self._transfers.offer(packing.pack(answer))
        )
        return {"digest": digest} | text

    @messaging.expose
    def part(self, context, transfer, number):
        """Return another part of a content."""
        return self._transfers.fetch(transfer, number)

    @messaging.expose
    def send(self, context, text, transfer=None):
        """Keep a part of a document that is too long for one message; the first part begins a transfer."""
        return self._transfers.accept(transfer, text)

    @messaging.expose
    def receive(self, context, document, token=None):
        """Process a document of a ramdisk and return the UUID of its machine."""
        return {"uuid": self._intake.receive(context, self._document(document), token)}

    @messaging.expose
    def reapply(self, context, machine, document=None):
        """Process the stored document of a machine, or another one, again."""
        self._intake.reapply(context, machine, document and self._document(document))

    @messaging.expose
    def delete_data(self, context, machine):
        """Remove every content of a machine, hidden first, so that no client reads a part of them."""
        uuid = self._introspection(self._records.machine(machine).uuid, "processed").uuid
        with self._leases.hold(states.lease_name(uuid), patience=PATIENCE) as lease:
            row = self._introspection(uuid, "processed")
            if row.state not in (*ENDED, "reapplying"):
                raise errors.Conflict(reason=f"The machine {uuid} is being introspected: it is {row.state}.")
            self._hide(context, row, lease)
            self._history.clear(uuid, lease)

    def _hide(self, context, row, lease):
        changes, values = self._history.hide(row.uuid), dict.fromkeys(SUFFIXES)
        try:
            if row.state in ENDED:
                self._records.restore(row, values, lease, *changes)
            else:  # the lease is free, so the conductor that processed the data failed
                values |= {"state": "error", "error": REMOVED}
                self._records.end(context, row, values, lease, *changes)
        except errors.RevisionMismatch:
            raise errors.Conflict(reason=f"The machine {row.uuid} was started at this moment.") from None

    def _introspection(self, uuid, kind):
        if not self._history.backend.keeps:
            raise introspection_errors.NothingKept(key=uuid)
        try:
            return self._records.get(uuid)
        except errors.NotFound:
            raise introspection_errors.NoIntrospectionData(
                key=uuid, what=storage.what(SUFFIXES[kind])
            ) from None

    def _document(self, sent):
        return packing.unpack(self._transfers.take(sent))


PART = client.Introspection.PART
#: seconds for which the parts of a document are kept that nobody asks for
KEPT_SECONDS = 60
#: most characters that are kept at a time
MOST_CHARACTERS = 256 * 1024 * 1024


class Transfers:
    """Documents that are too long for one message: packed texts by identifier.

    A conductor keeps their parts while a client sends or fetches them by calls to its ``host``.
    """

    def __init__(self, host):
        self._host = host
        self._texts, self._lock = {}, threading.Lock()

    def offer(self, text):
        """Return ``{"text": all of it}``, or its first part and where the other parts are."""
        first, *others = packing.split(text, PART)
        if not others:
            return {"text": first, "more": None}
        transfer = self._keep(str(uuid.uuid4()), others)
        return {"text": first, "more": {"transfer": transfer, "server": self._host, "parts": len(others)}}

    def fetch(self, transfer, number):
        """Return a part of an offered text, from 0 on; after the last part the text is forgotten."""
        with self._lock:
            parts, _ = self._get(transfer)
            if number == len(parts) - 1:
                del self._texts[transfer]
            return parts[number]

    def accept(self, transfer, text):
        """Keep a part of a document that a client sends, and return where to send the next parts."""
        with self._lock:
            parts = self._get(transfer)[0] if transfer else []
        transfer = self._keep(transfer or str(uuid.uuid4()), [*parts, text])
        return {"transfer": transfer, "server": self._host}

    def take(self, document):
        """Return the packed text of ``{"text", "transfer": None or what accept returned}``."""
        if not document.get("transfer"):
            return document["text"]
        with self._lock:
            parts, _ = self._get(document["transfer"])
            del self._texts[document["transfer"]]
        return "".join([*parts, document["text"]])

    def _get(self, transfer):
        if transfer not in self._texts:
            raise errors.Unavailable(reason="The parts of a large document were lost on their way.")
        return self._texts[transfer]

    def _keep(self, transfer, parts):
        now = time.monotonic()
        with self._lock:
            self._texts = {name: kept for name, kept in self._texts.items() if kept[1] > now}
            others = (kept[0] for name, kept in self._texts.items() if name != transfer)
            if sum(len(part) for kept in (*others, parts) for part in kept) > MOST_CHARACTERS:
                raise errors.Unavailable(reason="Too many large documents are on their way.")
            self._texts[transfer] = parts, now + KEPT_SECONDS
        return transfer


SHOWN_OF_RULES = ("uuid", "description", "scope", "conditions", "actions")
BATCH = 500


class IntrospectionRulesEndpoint:
    """The namespace ``introspection_rules`` of ``valence.conductor.client``."""

    namespace = "introspection_rules"

    def __init__(self, database):
        self._store, self._rules = database, rules.Rules(database)

    @messaging.expose
    def create(self, context, document):
        """Store a rule and return it."""
        values = rules.normal(document) | {"uuid": document.get("uuid") or str(uuid.uuid4())}
        return self._store.commit(store.Create(models.IntrospectionRule(**values)))[0].public(SHOWN_OF_RULES)

    @messaging.expose
    def list(self, context):
        """Return every rule, in the order in which they are applied."""
        return [rule.public(SHOWN_OF_RULES) for rule in self._rules.every()]

    @messaging.expose
    def get(self, context, uuid):
        """Return a rule."""
        return self._store.get(models.IntrospectionRule, uuid).public(SHOWN_OF_RULES)

    @messaging.expose
    def delete(self, context, uuid):
        """Remove a rule."""
        self._store.commit(store.Delete(self._store.get(models.IntrospectionRule, uuid)))

    @messaging.expose
    def clear(self, context):
        """Remove every rule."""
        while found := self._store.list(models.IntrospectionRule, limit=BATCH):
            try:
                self._store.commit(*map(store.Delete, found))
            except (errors.NotFound, errors.RevisionMismatch):
                continue  # somebody else removes them too
