# SPDX-License-Identifier: Apache-2.0
"""The contract between API and conductors: one class per RPC namespace, one method per call.

Every method raises the errors of ``valence.common.errors``. Arguments and answers are JSON values and never hold
secrets. Conductors of other versions may be on the bus: a call may get more keywords, but only where a caller that does
not need them does not send them.
"""
# mypy: disable-error-code="no-any-return"

import typing

from valence.bus import messaging
from valence.bus import rpc_client
from valence.bus import wire
from valence.bus.rpc_client import Namespace
from valence.common import packing
from valence.common.context import RequestContext
from valence.conductor import composition_client

#: time-out in seconds of a call that works on a pod manager, or on very many rows
LONG_TIMEOUT = 60


class Records(Namespace):
    """Reads rows of any model, named by its class."""

    namespace = "records"

    def list(self, context: RequestContext, model: str, **query: typing.Unpack[wire.Query]) -> wire.Page:
        """Return a page of the rows that ``query`` selects, by default of all."""
        return wire.unpacked(self._read(context, "list", model=model, query=wire.ALL | query))

    def get(
        self, context: RequestContext, model: str, key: str, *, fields: wire.Names | None = None
    ) -> wire.Row:
        """Return one row; raise NotFound."""
        return self._read(context, "get", model=model, key=key, fields=fields)

    def count(self, context: RequestContext, model: str, *, filters: wire.Filters = ()) -> int:
        """Return how many rows there are."""
        return self._read(context, "count", model=model, filters=filters)


class PodManagers(Namespace):
    """Changes pod managers, and requests work on them."""

    namespace = "pod_managers"

    def create(
        self, context: RequestContext, values: wire.Row, *, idempotency: wire.Idempotency | None = None
    ) -> wire.Registration:
        """Register a pod manager and request its first synchronization; raise Duplicate."""
        return self._call(context, "create", values=values, idempotency=idempotency)

    def update(
        self, context: RequestContext, uuid: str, values: wire.Row, *, revision: int | None = None
    ) -> wire.Row:
        """Change fields of a pod manager and return it; raise RevisionMismatch unless it has ``revision``."""
        return self._call(context, "update", uuid=uuid, values=values, revision=revision)

    def delete(
        self, context: RequestContext, uuid: str, *, revision: int | None = None, force: bool = False
    ) -> None:
        """Remove a pod manager and its resources; raise InUse while work runs on it, unless ``force``."""
        where = {"topic": messaging.DELETION_TOPIC}
        self._call(context, "delete", LONG_TIMEOUT, uuid=uuid, revision=revision, force=force, **where)

    def sync(
        self, context: RequestContext, uuid: str, *, idempotency: wire.Idempotency | None = None
    ) -> wire.Operation:
        """Request a synchronization; return its operation, the waiting one if there is one already."""
        return self._call(context, "sync", uuid=uuid, idempotency=idempotency)


class Resources(Namespace):
    """Reads Redfish resources from their pod managers."""

    namespace = "resources"

    def details(
        self, context: RequestContext, uuids: wire.Names, *, pod_manager: str | None = None
    ) -> dict[str, wire.Document]:
        """Return ``{uuid: {"detail": document} or {"error": one problem}}`` of at most a page of resources.

        ``pod_manager`` is their pod manager's uuid if they all have the same. Raise Busy while too many calls wait.
        """
        return self._live(context, "details", share_of=pod_manager, uuids=uuids)

    def read(
        self, context: RequestContext, host: str, uuids: wire.Names, *, pod_manager: str | None = None
    ) -> dict[str, wire.Document]:
        """Return what ``details`` returns, read by the conductor ``host``; conductors call each other with it."""
        return self._live(context, "read", server=host, share_of=pod_manager, uuids=uuids)

    def rack(self, context: RequestContext, uuid: str) -> dict[str, typing.Any]:
        """Return what a rack contains and where, see ``valence.conductor.inventory.racks``; raise NotFound, Busy."""
        return self._live(context, "rack", uuid=uuid)

    def _live(self, context: RequestContext, method: str, **kwargs: typing.Any) -> typing.Any:
        return self._call(context, method, LONG_TIMEOUT, topic=messaging.DETAILS_TOPIC, **kwargs)


class Operations(Namespace):
    """Cancels and retries operations, and wakes conductors up for new ones."""

    namespace = "operations"

    def ring(self, context: RequestContext, *, everybody: bool = False) -> None:
        """Wake a conductor, or all, for a new operation; they also poll, so the message may get lost."""
        self._caller.cast(context, self.namespace, "ring", fanout=everybody)

    def cancel(self, context: RequestContext, uuid: str) -> wire.Operation:
        """Cancel an operation and return it; a running one ends soon. Raise Conflict if it has already ended."""
        return self._call(context, "cancel", uuid=uuid)

    def retry(
        self, context: RequestContext, uuid: str, *, idempotency: wire.Idempotency | None = None
    ) -> wire.Operation:
        """Request the work of a failed operation again; return the new operation. Raise Conflict if it succeeded."""
        return self._call(context, "retry", uuid=uuid, idempotency=idempotency)


class Status(Namespace):
    """Status of conductors."""

    namespace = "conductor"

    def ping(self, context: RequestContext, *, timeout: float = 1.5) -> wire.Answer:
        """Return the Answer of any conductor, or raise ConductorUnavailable after ``timeout`` seconds."""
        return self._call(context, "ping", timeout, repeatable=True)

    def announce(self, context: RequestContext) -> None:
        """Announce the caller's site to all conductors."""
        self._caller.cast(context, self.namespace, "announce", fanout=True)


class Backup(Namespace):
    """The backup service, in the documents of Freezer.

    ``collection`` is "clients", "actions", "jobs", "sessions" or "backups"; names are the tenant's own.
    """

    namespace = "backup"

    def list(
        self, context: RequestContext, tenant: wire.Tenant, collection: str, wanted: wire.Document
    ) -> bytes:
        """Return a list of documents as JSON in UTF-8; ``wanted`` is a ``valence.backup.listing.Search``."""
        return packing.unpack(
            self._read(context, "list", tenant=tenant, collection=collection, wanted=wanted)
        )

    def show(self, context: RequestContext, tenant: wire.Tenant, collection: str, name: str) -> str:
        """Return the JSON text of one document."""
        return self._read(context, "show", tenant=tenant, collection=collection, name=name)

    def create(
        self,
        context: RequestContext,
        tenant: wire.Tenant,
        collection: str,
        document: wire.Document,
        *,
        name: str | None = None,
    ) -> str:
        """Store a new document and return its name; raise Duplicate, Unprocessable, TrustNeeded."""
        return self._call(
            context, "create", tenant=tenant, collection=collection, document=document, name=name
        )

    def update(
        self,
        context: RequestContext,
        tenant: wire.Tenant,
        collection: str,
        name: str,
        document: wire.Document,
    ) -> int:
        """Change what ``document`` gives and return the new revision; raise NotFound, Unprocessable."""
        return self._write(context, "update", tenant, collection, name=name, document=document)

    def replace(
        self,
        context: RequestContext,
        tenant: wire.Tenant,
        collection: str,
        name: str,
        document: wire.Document,
    ) -> int:
        """Store ``document`` under a name, whether or not there is one already; return the new revision."""
        return self._write(context, "replace", tenant, collection, name=name, document=document)

    def delete(self, context: RequestContext, tenant: wire.Tenant, collection: str, name: str) -> str | None:
        """Remove a document and return the trust that is no longer needed, or None; raise NotFound, InUse."""
        return self._write(context, "delete", tenant, collection, name=name)

    def reports(
        self,
        context: RequestContext,
        tenant: wire.Tenant,
        collection: str,
        name: str,
        *,
        limit: int,
        marker: str | None = None,
        **wanted: typing.Any,
    ) -> str:
        """Return the JSON text of the reports of one of the "jobs" or "actions", the newest first; raise NotFound.

        ``wanted`` are the filters ``result``, ``since`` and ``until``, where given.
        """
        page = {"limit": limit, "marker": marker} | wanted
        return self._read(context, "reports", tenant=tenant, collection=collection, name=name, page=page)

    def report(self, context: RequestContext, tenant: wire.Tenant, job: str, document: wire.Document) -> str:
        """Store an agent's report of a run and return its identifier; raise NotFound, Unprocessable."""
        return self._call(context, "report", tenant=tenant, job=job, document=document)

    def ask(self, context: RequestContext, tenant: wire.Tenant, job: str, event: str) -> str:
        """Ask the scheduler of a job to "start", "stop" or "abort" it; return "success" or the reason against it."""
        return self._call(context, "ask", tenant=tenant, job=job, event=event)

    def start(
        self, context: RequestContext, tenant: wire.Tenant, session: str, parameters: wire.Document
    ) -> wire.Turn:
        """Start a run of a session for ``parameters["job_id"]``, or join it; ``current_tag`` is the last run it saw."""
        return self._in_turn(context, "start", tenant=tenant, session=session, parameters=parameters)

    def end(
        self, context: RequestContext, tenant: wire.Tenant, session: str, parameters: wire.Document
    ) -> wire.Turn:
        """Store with which ``parameters["result"]`` a job of a session ended."""
        return self._in_turn(context, "end", tenant=tenant, session=session, parameters=parameters)

    def add_job(self, context: RequestContext, tenant: wire.Tenant, session: str, job: str) -> None:
        """Put a job into a session; raise NotFound."""
        self._in_turn(context, "add_job", tenant=tenant, session=session, job=job)

    def remove_job(self, context: RequestContext, tenant: wire.Tenant, session: str, job: str) -> None:
        """Take a job out of a session; raise NotFound."""
        self._in_turn(context, "remove_job", tenant=tenant, session=session, job=job)

    def _write(
        self, context: RequestContext, method: str, tenant: wire.Tenant, collection: str, **kwargs: typing.Any
    ) -> typing.Any:
        """Return the answer of a change of a document; one of a session may wait for others."""
        send = self._in_turn if collection == "sessions" else self._call
        return send(context, method, tenant=tenant, collection=collection, **kwargs)

    def _in_turn(self, context: RequestContext, method: str, **kwargs: typing.Any) -> typing.Any:
        """Return the answer of a call that may wait for others: all jobs of a session call at the same time.

        Raise Busy while too many calls of this process wait.
        """
        return self._call(context, method, LONG_TIMEOUT, topic=messaging.SESSION_TOPIC, **kwargs)


class Introspection(Namespace):
    """Introspection of machines; a machine is named by its uuid or, where that is unique, its name.

    Documents travel packed by ``valence.common.packing``, as ``{"text": …, "transfer": None}``. A document longer than
    PART goes in parts: ``send`` all but the last, to the ``server`` that took the first, then the call itself with the
    last part and the ``transfer``.
    """

    namespace = "introspection"
    #: most characters of a document in one message
    PART = 256 * 1024

    def start(
        self, context: RequestContext, machine: str, *, manage_boot: bool = True, source: str = "ramdisk"
    ) -> wire.Document:
        """Start an introspection; return its status and a ``token`` or None; raise NotFound, Conflict.

        ``source`` is ramdisk, or redfish: then the pod manager is read, and nothing is booted.
        """
        # Conductors of earlier versions know ramdisks only: the keyword is sent only where they would be of no use.
        which = {} if source == "ramdisk" else {"source": source}
        return self._call(context, "start", machine=machine, manage_boot=manage_boot, **which)

    def status(self, context: RequestContext, machine: str) -> wire.Document:
        """Return ``{"uuid", "state", "error", "started_at", "finished_at"}``; raise NotFound."""
        return self._call(context, "status", machine=machine)

    def list(
        self,
        context: RequestContext,
        *,
        states: wire.Names = (),
        marker: str | None = None,
        limit: int | None = None,
    ) -> wire.Rows:
        """Return a page of statuses, the latest start first; raise NotFound for an unknown ``marker``, a uuid."""
        return self._call(context, "list", states=states, marker=marker, limit=limit)

    def abort(self, context: RequestContext, machine: str) -> None:
        """End an introspection; raise NotFound, Conflict while its data are processed."""
        self._call(context, "abort", machine=machine)

    def data(
        self,
        context: RequestContext,
        machine: str,
        *,
        kind: str = "processed",
        known: str | None = None,
        version: int | None = None,
    ) -> wire.Content:
        """Return a Content; its text is None if its digest is ``known``; raise NotFound, StorageUnavailable.

        ``kind`` is processed, unprocessed or logs, of which there are no versions.
        """
        # Conductors of earlier versions know no versions: the keyword is sent only where they would be of no use.
        which = {} if version is None else {"version": version}
        return self._bulk(context, "data", machine=machine, kind=kind, known=known, **which)

    def versions(self, context: RequestContext, machine: str) -> wire.Rows:
        """Return the versions of a machine's documents, the newest first; raise NotFound.

        A version is ``{"number", "source", "finished_at", "processed": SHA-256, "unprocessed": SHA-256}``.
        """
        return self._call(context, "versions", machine=machine)

    def difference(
        self,
        context: RequestContext,
        machine: str,
        *,
        old: int | None = None,
        new: int | None = None,
        whole: bool = False,
        known: str | None = None,
    ) -> wire.Content:
        """Return the Content ``{"old", "new", "differences": [{"path", "change", "old", "new"}]}``.

        By default ``new`` is the newest version and ``old`` the one before it; unless ``whole``, only differences of
        hardware are included. Raise NotFound, StorageUnavailable.
        """
        arguments = {"machine": machine, "old": old, "new": new, "whole": whole, "known": known}
        return self._bulk(context, "difference", **arguments)

    def part(self, context: RequestContext, transfer: str, number: int, *, server: str) -> str:
        """Return part ``number``, from 0 on, of a Content's ``more``."""
        return self._bulk(context, "part", None, server=server, transfer=transfer, number=number)

    def send(
        self, context: RequestContext, text: str, *, transfer: str | None = None, server: str | None = None
    ) -> wire.Transfer:
        """Send a part of a document, the first one to any server; return the Transfer for the others."""
        return self._bulk(context, "send", None, server=server, text=text, transfer=transfer)

    def receive(
        self,
        context: RequestContext,
        document: wire.Document,
        *,
        token: str | None = None,
        server: str | None = None,
    ) -> dict[str, str]:
        """Pass on a ramdisk's document, return ``{"uuid"}``; raise BadRequest, WrongToken, Conflict, Unavailable.

        ``server`` is the one that has the other parts of a long document.
        """
        return self._bulk(context, "receive", server=server, document=document, token=token)

    def reapply(
        self,
        context: RequestContext,
        machine: str,
        document: wire.Document | None = None,
        *,
        server: str | None = None,
    ) -> None:
        """Process the stored document, or another, again; raise NotFound, BadRequest, Conflict, StorageUnavailable."""
        self._bulk(context, "reapply", server=server, machine=machine, document=document)

    def delete_data(self, context: RequestContext, machine: str) -> None:
        """Remove all contents of a machine; raise NotFound, Conflict, StorageUnavailable."""
        self._bulk(context, "delete_data", machine=machine)

    def _bulk(
        self,
        context: RequestContext,
        method: str,
        timeout: float | None = LONG_TIMEOUT,
        /,
        **kwargs: typing.Any,
    ) -> typing.Any:
        return self._call(context, method, timeout, topic=messaging.BULK_TOPIC, **kwargs)


class IntrospectionRules(Namespace):
    """Rules of introspection: ``{"uuid", "description", "scope", "conditions": list, "actions": list}``."""

    namespace = "introspection_rules"

    def create(self, context: RequestContext, document: wire.Document) -> wire.Document:
        """Store a rule, with its uuid or a new one, and return it; raise BadRequest, Duplicate."""
        return self._call(context, "create", document=document)

    def list(self, context: RequestContext) -> wire.Rows:
        """Return all rules, in the order in which they are applied."""
        return self._call(context, "list")

    def get(self, context: RequestContext, uuid: str) -> wire.Document:
        """Return a rule; raise NotFound."""
        return self._call(context, "get", uuid=uuid)

    def delete(self, context: RequestContext, uuid: str) -> None:
        """Remove a rule; raise NotFound."""
        self._call(context, "delete", uuid=uuid)

    def clear(self, context: RequestContext) -> None:
        """Remove all rules."""
        self._call(context, "clear")


class Conductor:
    """All namespaces of conductors; ``liveness`` says whether a conductor answers."""

    def __init__(self, caller: rpc_client.Caller) -> None:
        self.liveness = caller.liveness
        self.records = Records(caller)
        self.pod_managers = PodManagers(caller)
        self.resources = Resources(caller)
        self.nodes = composition_client.Nodes(caller)
        self.devices = composition_client.Devices(caller)
        self.flavors = composition_client.Flavors(caller)
        self.quotas = composition_client.Quotas(caller)
        self.operations = Operations(caller)
        self.backup = Backup(caller)
        self.introspection = Introspection(caller)
        self.introspection_rules = IntrospectionRules(caller)
        self.status = Status(caller)
        #: the namespaces that write a model, by the model's path
        self.writers = {each.namespace: each for each in (self.pod_managers, self.flavors)}
