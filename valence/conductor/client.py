# SPDX-License-Identifier: Apache-2.0
"""The contract: what may be asked of a conductor, one small class per RPC namespace.

Those of the backup service and of introspection have files of their own. ``caller`` is a
``valence.common.rpc_client.Caller``; every method is one RPC call and raises the errors of
``valence.common.errors``. Answers are JSON values and never hold secrets.
"""

from valence.common import messaging
from valence.conductor import backup_client
from valence.conductor import introspection_client
from valence.conductor import timeouts


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
        return self._read(context, "list", model=model, query=query)

    def get(self, context, model, key, *, fields=None):
        """Return one row as a dict of its public fields."""
        return self._read(context, "get", model=model, key=key, fields=fields)

    def count(self, context, model, *, filters=()):
        """Return how many rows there are."""
        return self._read(context, "count", model=model, filters=filters)

    def _read(self, context, method, **kwargs):
        return self._caller.call(
            context, self.namespace, method, timeouts.STORE_TIMEOUT, repeatable=True, **kwargs
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
            context,
            self.namespace,
            "delete",
            timeouts.LONG_TIMEOUT,
            topic=messaging.DELETION_TOPIC,
            uuid=uuid,
            revision=revision,
            force=force,
        )

    def sync(self, context, uuid, *, idempotency=None):
        """Ask for a synchronization; return the operation as a dict, the present one where one waits already."""
        return self._call(context, "sync", uuid=uuid, idempotency=idempotency)

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, timeouts.STORE_TIMEOUT, **kwargs)


class Resources:
    """Live documents of resources, read from their pod managers."""

    namespace = "resources"

    def __init__(self, caller):
        self._caller = caller

    def details(self, context, uuids, *, pod_manager=None):
        """Return ``{uuid: {"detail": document} or {"error": one problem}}`` of at most a page of resources.

        ``pod_manager`` is the uuid of theirs if they are all of one. Raise Busy where too many wait for details.
        """
        return self._call(context, "details", share_of=pod_manager, uuids=uuids)

    def read(self, context, host, uuids, *, pod_manager=None):
        """Return what ``details`` returns, read by the conductor ``host`` itself: conductors ask each other so."""
        return self._call(context, "read", server=host, share_of=pod_manager, uuids=uuids)

    def _call(self, context, method, **kwargs):
        return self._caller.call(
            context, self.namespace, method, timeouts.LONG_TIMEOUT, topic=messaging.DETAILS_TOPIC, **kwargs
        )


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
        return self._caller.call(context, self.namespace, "cancel", timeouts.STORE_TIMEOUT, uuid=uuid)

    def retry(self, context, uuid, *, idempotency=None):
        """Ask once more for what an operation did not do; return the new operation. Raise Conflict where it did."""
        return self._caller.call(
            context, self.namespace, "retry", timeouts.STORE_TIMEOUT, uuid=uuid, idempotency=idempotency
        )


class Status:
    """Whether a conductor is there, and how it is."""

    namespace = "conductor"

    def __init__(self, caller):
        self._caller = caller

    def ping(self, context, *, timeout=1.5):
        """Return what the conductor that answers says of itself.

        It is ``{"host", "version", "store": None or {"reason", "since"}, "topics": those that it serves,
        "clock": [earliest, latest] that its database's clock may show or None, "site", "foreign_site": None or
        another one on this message bus}``.
        """
        return self._caller.call(context, self.namespace, "ping", timeout, repeatable=True)

    def announce(self, context):
        """Let all conductors know of the caller's site; nothing else."""
        self._caller.cast(context, self.namespace, "announce", fanout=True)


class Conductor:
    """Everything that may be asked of a conductor; ``liveness`` tells whether one answers."""

    def __init__(self, caller):
        self.liveness = caller.liveness
        self.records = Records(caller)
        self.pod_managers = PodManagers(caller)
        self.resources = Resources(caller)
        self.operations = Operations(caller)
        self.backup = backup_client.Backup(caller)
        self.introspection = introspection_client.Introspection(caller)
        self.introspection_rules = introspection_client.IntrospectionRules(caller)
        self.status = Status(caller)
