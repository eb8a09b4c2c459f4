# SPDX-License-Identifier: Apache-2.0
"""The contract: what may be asked of a conductor, one small class per RPC namespace.

``caller`` is a ``valence.common.rpc_client.Caller``; every method is one RPC call and raises the errors of
``valence.common.errors``. Answers are JSON values and never hold secrets.
"""

from valence.common import packing

#: seconds that a call may take which needs the store alone; short, so that a dead conductor is noticed
STORE_TIMEOUT = 2.5
#: seconds that a call may take which works on a pod manager, or on very many rows
LONG_TIMEOUT = 60


class Records:
    """Reads of the store: any model, by its class name."""

    namespace = "records"

    def __init__(self, caller):
        self._caller = caller

    def list(self, context, model, *, filters=(), sort=(), marker=None, limit=None, fields=None):
        """Return ``{"rows": JSON text of a list, "count": int, "next": key of the last row if there are more}``.

        ``filters`` are ``[field, operator, value]``, ``sort`` ``[field, descending]`` lists.
        """
        query = {"filters": filters, "sort": sort, "marker": marker, "limit": limit, "fields": fields}
        return self._caller.call(context, self.namespace, "list", STORE_TIMEOUT, model=model, query=query)

    def get(self, context, model, key, *, fields=None):
        """Return one row as a dict of its public fields."""
        return self._caller.call(
            context, self.namespace, "get", STORE_TIMEOUT, model=model, key=key, fields=fields
        )

    def count(self, context, model, *, filters=()):
        """Return how many rows there are."""
        return self._caller.call(
            context, self.namespace, "count", STORE_TIMEOUT, model=model, filters=filters
        )


class PodManagers:
    """Changes of pod managers, and work on them."""

    namespace = "pod_managers"

    def __init__(self, caller):
        self._caller = caller

    def create(self, context, values, *, idempotency=None):
        """Register a pod manager and ask for its first synchronization.

        Returns ``{"pod_manager": dict, "operation": dict or None}``; it is None in maintenance.
        ``idempotency`` is ``{"key": digest, "request": digest}``: a repetition returns the first answer.
        """
        return self._call(context, "create", values=values, idempotency=idempotency)

    def update(self, context, uuid, values, *, revision=None):
        """Change fields of a pod manager and return it; raise RevisionMismatch unless it has ``revision``."""
        return self._call(context, "update", uuid=uuid, values=values, revision=revision)

    def delete(self, context, uuid, *, revision=None, force=False):
        """Remove a pod manager and its resources; raise InUse while work runs on it, unless ``force``."""
        self._caller.call(
            context, self.namespace, "delete", LONG_TIMEOUT, uuid=uuid, revision=revision, force=force
        )

    def sync(self, context, uuid, *, idempotency=None):
        """Ask for a synchronization; return the operation as a dict, the present one where one waits already."""
        return self._call(context, "sync", uuid=uuid, idempotency=idempotency)

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, STORE_TIMEOUT, **kwargs)


class Resources:
    """Live documents of resources, read from their pod managers."""

    namespace = "resources"

    def __init__(self, caller):
        self._caller = caller

    def details(self, context, uuids):
        """Return ``{uuid: {"detail": document} or {"error": one problem}}`` of at most a page of resources."""
        return self._caller.call(context, self.namespace, "details", LONG_TIMEOUT, uuids=uuids)

    def read(self, context, host, uuids):
        """Return what ``details`` returns, read by the conductor ``host`` itself: conductors ask each other so."""
        return self._caller.call(context, self.namespace, "read", LONG_TIMEOUT, server=host, uuids=uuids)


class Operations:
    """Stored operations: their doorbell, and what can be done to one."""

    namespace = "operations"

    def __init__(self, caller):
        self._caller = caller

    def ring(self, context, *, everybody=False):
        """Tell a conductor, or all, that an operation waits; nothing is lost when nobody hears it."""
        self._caller.cast(context, self.namespace, "ring", fanout=everybody)

    def cancel(self, context, uuid):
        """Cancel an operation and return it; one that runs ends soon. Raise Conflict if it has ended otherwise."""
        return self._caller.call(context, self.namespace, "cancel", STORE_TIMEOUT, uuid=uuid)

    def retry(self, context, uuid, *, idempotency=None):
        """Ask once more for what an operation did not do; return the new operation. Raise Conflict where it did."""
        return self._caller.call(
            context, self.namespace, "retry", STORE_TIMEOUT, uuid=uuid, idempotency=idempotency
        )


class Backup:
    """The backup service, in the documents of Freezer.

    ``tenant`` is ``{"version": "v1" or "v2", "project_id"}``, with ``everywhere`` to see all projects, and ``trusts``
    where there are any;
    ``collection`` is "clients", "actions", "jobs", "sessions" or "backups"; things go by the tenant's own names.
    """

    namespace = "backup"

    def __init__(self, caller):
        self._caller = caller

    def list(self, context, tenant, collection, wanted):
        """Return a list of documents as JSON in UTF-8; ``wanted`` is a ``valence.backup.search.Search``."""
        return packing.unpack(
            self._call(context, "list", tenant=tenant, collection=collection, wanted=wanted)
        )

    def show(self, context, tenant, collection, name):
        """Return the JSON text of one document."""
        return self._call(context, "show", tenant=tenant, collection=collection, name=name)

    def create(self, context, tenant, collection, document, *, name=None):
        """Store a new thing and return its name; raise Duplicate, Unprocessable, TrustNeeded."""
        return self._call(
            context, "create", tenant=tenant, collection=collection, document=document, name=name
        )

    def update(self, context, tenant, collection, name, document):
        """Change what ``document`` gives and return the new revision; raise NotFound, Unprocessable."""
        return self._call(
            context, "update", tenant=tenant, collection=collection, name=name, document=document
        )

    def replace(self, context, tenant, collection, name, document):
        """Put ``document`` in the place of what is there, or of nothing; return the new revision."""
        return self._call(
            context, "replace", tenant=tenant, collection=collection, name=name, document=document
        )

    def delete(self, context, tenant, collection, name):
        """Remove a thing and return the trust that nothing needs any more, or None; raise NotFound, InUse."""
        return self._call(context, "delete", tenant=tenant, collection=collection, name=name)

    def reports(self, context, tenant, collection, name, *, limit, marker=None, **wanted):
        """Return the JSON text of the reports of one of the "jobs" or "actions", the newest first; raise NotFound.

        ``wanted`` are those of ``result``, ``since`` and ``until`` that are asked for.
        """
        page = {"limit": limit, "marker": marker} | wanted
        return self._call(context, "reports", tenant=tenant, collection=collection, name=name, page=page)

    def report(self, context, tenant, job, document):
        """Store what an agent tells of a run and return the report's identifier; raise NotFound, Unprocessable."""
        return self._call(context, "report", tenant=tenant, job=job, document=document)

    def ask(self, context, tenant, job, event):
        """Ask the scheduler of a job to "start", "stop" or "abort" it; return "success" or why not."""
        return self._call(context, "ask", tenant=tenant, job=job, event=event)

    def start(self, context, tenant, session, parameters):
        """Start a run of a session for ``parameters["job_id"]``, or join it; ``current_tag`` is the last run it saw.

        Returns ``{"result": "success", "hold-off" or "out-of-sync", "session_tag": int}``.
        """
        return self._call(context, "start", tenant=tenant, session=session, parameters=parameters)

    def end(self, context, tenant, session, parameters):
        """Note with which ``parameters["result"]`` a job of a session ended; returns what ``start`` returns."""
        return self._call(context, "end", tenant=tenant, session=session, parameters=parameters)

    def add_job(self, context, tenant, session, job):
        """Put a job into a session; raise NotFound."""
        self._call(context, "add_job", tenant=tenant, session=session, job=job)

    def remove_job(self, context, tenant, session, job):
        """Take a job out of a session; raise NotFound."""
        self._call(context, "remove_job", tenant=tenant, session=session, job=job)

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, STORE_TIMEOUT, **kwargs)


class Introspection:
    """What is seen inside the machines; a machine is named by its uuid or, where that is unique, its name.

    Documents travel packed by ``valence.common.packing``, as ``{"text": …, "transfer": None}``. What is longer than
    PART goes in parts: ``send`` all but the last, then the call itself with the last and what ``send`` returned.
    """

    namespace = "introspection"
    #: most characters of a document in one message
    PART = 128 * 1024

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
        return self._call(context, "part", server=server, transfer=transfer, number=number)

    def send(self, context, text, *, transfer=None, server=None):
        """Send a part of a document; return ``{"transfer", "server"}`` for the next one."""
        return self._call(context, "send", server=server, text=text, transfer=transfer)

    def receive(self, context, document, *, token=None, server=None):
        """Hand over what a ramdisk sent, return ``{"uuid"}``; raise BadRequest, WrongToken, Conflict, Unavailable."""
        return self._long(context, "receive", server=server, document=document, token=token)

    def reapply(self, context, machine, document=None, *, server=None):
        """Process the stored document, or another, anew; raise NotFound, BadRequest, Conflict, StorageUnavailable."""
        self._long(context, "reapply", server=server, machine=machine, document=document)

    def delete_data(self, context, machine):
        """Remove every content of a machine; raise NotFound, Conflict, StorageUnavailable."""
        self._long(context, "delete_data", machine=machine)

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, STORE_TIMEOUT, **kwargs)

    def _long(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, LONG_TIMEOUT, **kwargs)


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
        return self._caller.call(context, self.namespace, method, STORE_TIMEOUT, **kwargs)


class Status:
    """Whether a conductor is there, and how it is."""

    namespace = "conductor"

    def __init__(self, caller):
        self._caller = caller

    def ping(self, context, *, timeout=1.5):
        """Return ``{"host", "version", "store": None or {"reason", "since"}}`` of the conductor that answers."""
        return self._caller.call(context, self.namespace, "ping", timeout)


class Conductor:
    """Everything that may be asked of a conductor; ``liveness`` tells whether one answers."""

    def __init__(self, caller):
        self.liveness = caller.liveness
        self.records = Records(caller)
        self.pod_managers = PodManagers(caller)
        self.resources = Resources(caller)
        self.operations = Operations(caller)
        self.backup = Backup(caller)
        self.introspection = Introspection(caller)
        self.introspection_rules = IntrospectionRules(caller)
        self.status = Status(caller)
