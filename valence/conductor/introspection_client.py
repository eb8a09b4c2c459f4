# SPDX-License-Identifier: Apache-2.0
"""What may be asked of introspection in a conductor; see client.py."""

from valence.common import messaging
from valence.conductor import timeouts


class Introspection:
    """What is seen inside the machines; a machine is named by its uuid or, where that is unique, its name.

    Documents travel packed by ``valence.common.packing``, as ``{"text": …, "transfer": None}``. What is longer than
    PART goes in parts: ``send`` all but the last, to the ``server`` that took the first, then the
    call itself with the last and the ``transfer``.
    """

    namespace = "introspection"
    #: most characters of a document in one message
    PART = 256 * 1024

    def __init__(self, caller):
        self._caller = caller

    def start(self, context, machine, *, manage_boot=True, source="ramdisk"):
        """Ask for an introspection, return what ``status`` does and a ``token`` or None; raise NotFound, Conflict.

        ``source`` is ramdisk, or redfish: then the pod manager is asked, and nothing is booted.
        """
        # A conductor that knows ramdisks only is not told of sources unless another one is asked for.
        which = {} if source == "ramdisk" else {"source": source}
        return self._call(context, "start", machine=machine, manage_boot=manage_boot, **which)

    def status(self, context, machine):
        """Return ``{"uuid", "state", "error", "started_at", "finished_at"}``; raise NotFound."""
        return self._call(context, "status", machine=machine)

    def list(self, context, *, states=(), marker=None, limit=None):
        """Return a page of statuses, the latest start first; raise NotFound for an unknown ``marker``, a uuid."""
        return self._call(context, "list", states=states, marker=marker, limit=limit)

    def abort(self, context, machine):
        """End an introspection; raise NotFound, Conflict while its data are processed."""
        self._call(context, "abort", machine=machine)

    def data(self, context, machine, *, kind="processed", known=None, version=None):
        """Return ``{"digest", "text", "more"}``; raise NotFound, StorageUnavailable.

        ``kind`` is processed, unprocessed or logs, of which there are no versions; the text is None if the digest is
        ``known``. ``more`` is None or says where further parts are: ``{"transfer", "server", "parts": number}``.
        """
        # A conductor that knows no versions yet is not told of them unless one is asked for.
        which = {} if version is None else {"version": version}
        return self._long(context, "data", machine=machine, kind=kind, known=known, **which)

    def versions(self, context, machine):
        """Return the versions of a machine's documents, the newest first; raise NotFound.

        A version is ``{"number", "source", "finished_at", "processed": SHA-256, "unprocessed": SHA-256}``.
        """
        return self._call(context, "versions", machine=machine)

    def difference(self, context, machine, *, old=None, new=None, whole=False, known=None):
        """Return, in the form of ``data``, ``{"old", "new", "differences": [{"path", "change", "old", "new"}]}``.

        By default ``new`` is the newest version and ``old`` the one before it; unless ``whole``, only differences of
        hardware are told. Raise NotFound, StorageUnavailable.
        """
        arguments = {"machine": machine, "old": old, "new": new, "whole": whole, "known": known}
        return self._long(context, "difference", **arguments)

    def part(self, context, transfer, number, *, server):
        """Return a further part, from 0 on, of what ``data`` returned."""
        return self._bulk(
            context, "part", timeouts.STORE_TIMEOUT, server=server, transfer=transfer, number=number
        )

    def send(self, context, text, *, transfer=None, server=None):
        """Send a part of a document, the first one to any server; return ``{"transfer", "server"}`` for the others."""
        return self._bulk(
            context, "send", timeouts.STORE_TIMEOUT, server=server, text=text, transfer=transfer
        )

    def receive(self, context, document, *, token=None, server=None):
        """Hand over what a ramdisk sent, return ``{"uuid"}``; raise BadRequest, WrongToken, Conflict, Unavailable.

        ``server`` is the one that has the parts of a long document.
        """
        return self._long(context, "receive", server=server, document=document, token=token)

    def reapply(self, context, machine, document=None, *, server=None):
        """Process the stored document, or another, anew; raise NotFound, BadRequest, Conflict, StorageUnavailable."""
        self._long(context, "reapply", server=server, machine=machine, document=document)

    def delete_data(self, context, machine):
        """Remove every content of a machine; raise NotFound, Conflict, StorageUnavailable."""
        self._long(context, "delete_data", machine=machine)

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, timeouts.STORE_TIMEOUT, **kwargs)

    def _long(self, context, method, **kwargs):
        return self._bulk(context, method, timeouts.LONG_TIMEOUT, **kwargs)

    def _bulk(self, context, method, timeout, **kwargs):
        return self._caller.call(
            context, self.namespace, method, timeout, topic=messaging.BULK_TOPIC, **kwargs
        )


class IntrospectionRules:
    """Rules of introspection: ``{"uuid", "description", "scope", "conditions": list, "actions": list}``."""

    namespace = "introspection_rules"

    def __init__(self, caller):
        self._caller = caller

    def create(self, context, document):
        """Store a rule, of the uuid that it has or of a new one, and return it; raise BadRequest, Duplicate."""
        return self._call(context, "create", document=document)

    def list(self, context):
        """Return every rule, in the order in which they are applied."""
        return self._call(context, "list")

    def get(self, context, uuid):
        """Return a rule; raise NotFound."""
        return self._call(context, "get", uuid=uuid)

    def delete(self, context, uuid):
        """Remove a rule; raise NotFound."""
        self._call(context, "delete", uuid=uuid)

    def clear(self, context):
        """Remove every rule."""
        self._call(context, "clear")

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, timeouts.STORE_TIMEOUT, **kwargs)
