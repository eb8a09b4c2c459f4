# SPDX-License-Identifier: Apache-2.0
"""Introspection of machines: start, end, and the documents that came of it."""

import secrets

from valence.common import errors
from valence.common import introspection_errors
from valence.common import packing
from valence.conductor import introspections
from valence.conductor.rpc import rpc
from valence.db import models
from valence.db import store
from valence.db.models.introspection import ENDED
from valence.introspection import difference
from valence.introspection import document as documents
from valence.introspection import storage

#: what a client can ask for -> suffix in the storage
SUFFIXES = {"processed": None, "unprocessed": storage.UNPROCESSED, "logs": storage.LOGS}
VERSION_SHOWN = ("number", "source", "finished_at", "processed", "unprocessed")
SHOWN = ("uuid", "state", "error", "started_at", "finished_at")


class IntrospectionEndpoint:
    """The namespace ``introspection`` of ``valence.conductor.client``."""

    namespace = "introspection"

    def __init__(self, database, records, history, *, intake, transfers, ring):
        self._store, self._records, self._history = database, records, history
        self._intake, self._transfers, self._ring = intake, transfers, ring

    @rpc
    def start(self, context, machine, manage_boot=True, source="ramdisk"):
        """Ask for the introspection of a machine; one that waits already begins anew."""
        needs_token = self._records.require_token and source == "ramdisk"
        token = secrets.token_urlsafe(24) if needs_token else None
        machine = self._records.machine(machine)
        row = self._records.begin(context, machine, manage_boot, source=source, token=token)
        self._ring()
        return row.public(SHOWN) | {"token": token}

    @rpc
    def status(self, context, machine):
        """Return how an introspection goes."""
        return self._records.of(machine).public(SHOWN)

    @rpc
    def list(self, context, states=(), marker=None, limit=None):
        """Return a page of introspections, the one that was started last first."""
        filters = [store.Filter("state", "in", states)] if states else []
        if marker is not None:
            self._records.get(marker)
        sort = [store.Sort("started_at", descending=True)]
        rows = self._store.list(
            models.Introspection, filters=filters, sort=sort, marker=marker, limit=limit, fields=SHOWN
        )
        return [row.public(SHOWN) for row in rows]

    @rpc
    def abort(self, context, machine):
        """End an introspection that goes on; one that has ended stays as it is."""
        row = self._records.of(machine)
        if row.state in ("processing", "reapplying"):
            raise errors.Conflict(reason=f"The data of the machine {row.uuid} are being processed.")
        if row.state in introspections.EXPECTING:
            self._abort(context, row)

    @rpc
    def data(self, context, machine, kind="processed", known=None, version=None):
        """Return a content, packed, in parts where it is long; only its digest if that is ``known``."""
        uuid, suffix = self._records.machine(machine).uuid, SUFFIXES[kind]
        row = self._introspection(uuid, kind)
        if version is not None:
            row, suffix = self._history.get(uuid, version), storage.of_version(suffix, version)
        digest = getattr(row, kind)
        if digest is None:
            raise introspection_errors.NoIntrospectionData(key=uuid, what=storage.what(suffix))
        if digest == known:
            return {"digest": digest, "text": None, "more": None}
        return {"digest": digest} | self._transfers.offer(self._history.backend.packed(uuid, suffix))

    @rpc
    def versions(self, context, machine):
        """Return which versions of the documents of a machine are kept, the newest first."""
        uuid = self._records.of(machine).uuid
        return [version.public(VERSION_SHOWN) for version in self._history.versions(uuid)]

    @rpc
    def difference(self, context, machine, *, old=None, new=None, whole=False, known=None):
        """Return what differs between two versions, in the form of ``data``."""
        uuid = self._records.machine(machine).uuid
        pair = self._history.pair(self._introspection(uuid, "processed").uuid, old, new)
        before, after = (documents.parse(self._history.content(version)) for version in pair)
        compare = difference.everything if whole else difference.hardware
        numbers = {"old": pair[0].number, "new": pair[1].number}
        answer = documents.dump(numbers | {"differences": compare(before, after)})
        digest = documents.digest(answer)
        text = (
            {"text": None, "more": None} if digest == known else self._transfers.offer(packing.pack(answer))
        )
        return {"digest": digest} | text

    @rpc
    def part(self, context, transfer, number):
        """Return a further part of a content."""
        return self._transfers.fetch(transfer, number)

    @rpc
    def send(self, context, text, transfer=None):
        """Take a part of a document that is too long for one message; the first one begins a transfer."""
        return self._transfers.accept(transfer, text)

    @rpc
    def receive(self, context, document, token=None):
        """Take what a ramdisk sent and return whose it is."""
        return {"uuid": self._intake.receive(context, self._document(document), token)}

    @rpc
    def reapply(self, context, machine, document=None):
        """Process the stored document of a machine, or another one, anew."""
        self._intake.reapply(context, machine, document and self._document(document))

    @rpc
    def delete_data(self, context, machine):
        """Remove every content of a machine."""
        row = self._introspection(self._records.machine(machine).uuid, "processed")
        if row.state not in ENDED:
            raise errors.Conflict(reason=f"The machine {row.uuid} is being introspected: it is {row.state}.")
        # In this order, whoever is told that the storage is away can simply ask again.
        versions = self._history.clear(row.uuid)
        self._records.restore(row, dict.fromkeys(SUFFIXES), None, *versions)

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

    def _abort(self, context, row):
        try:
            self._records.fail(context, row, "Canceled by operator")
        except errors.RevisionMismatch:
            raise errors.Conflict(reason=f"The introspection of {row.uuid} changed at this moment.") from None
