# SPDX-License-Identifier: Apache-2.0
"""Operations that clients store, cancel, or request again."""

import functools

from valence.bus import messaging
from valence.common import errors
from valence.conductor.endpoints import repeats
from valence.conductor.nodes import retries
from valence.conductor.work import leftovers
from valence.conductor.work import operations
from valence.db import models
from valence.db import store


def _synchronize(database, context, operation, remember):
    return operations.ask_for_sync(database, context, operation.target_id, remember)


#: kinds that can be requested again -> what does that
REPEATABLE = {"sync": _synchronize} | retries.KINDS


class OperationsEndpoint:
    """The namespace ``operations`` of ``valence.conductor.client``."""

    namespace = "operations"

    def __init__(self, database, leases, wake, wake_all):
        self._store, self._leases = database, leases
        self._wake, self._wake_all = wake, wake_all

    @messaging.expose
    def ring(self, context):
        """Poll now for work and for the other conductors."""
        self._wake()

    @messaging.expose
    def cancel(self, context, uuid):
        """End an operation that waits; one that runs is ended by the conductor that works on it."""
        operation = store.again(lambda: self._cancel(context, self._store.get(models.Operation, uuid)))
        self._wake_all()
        return operation.public()

    @messaging.expose
    def retry(self, context, uuid, idempotency=None):
        """Request a new operation of the same kind on the same target."""
        again = functools.partial(self._repeat, context, uuid)
        answer = repeats.once(self._store, idempotency, again)
        self._wake_all()
        return answer

    def _repeat(self, context, uuid, remember):
        operation = self._store.get(models.Operation, uuid)
        if operation.state not in ("failed", "cancelled"):
            raise errors.Conflict(reason=f"The operation {uuid} is {operation.state}, it needs no other try.")
        if operation.operation_kind not in REPEATABLE:
            reason = f"An operation of the kind {operation.operation_kind} cannot be repeated."
            more = " Send the action to the node again." if operation.target_kind == "node" else ""
            raise errors.Conflict(reason=reason + more)
        return REPEATABLE[operation.operation_kind](self._store, context, operation, remember)

    def _cancel(self, context, operation):
        if operation.state == "cancelled":
            return operation
        if operation.ended_at:
            reason = f"The operation {operation.uuid} has {operation.state} already."
            raise errors.Conflict(reason=reason)
        if operation.operation_kind == operations.DELETION:
            raise errors.Conflict(reason="The deletion of a pod manager cannot be cancelled.")
        if operation.state == "running" or operation.target_kind == "node":
            # What ends on a node changes the node too: the conductor that works on nodes does that.
            # No new revision: whoever works on it goes on until it looks.
            requested = {"cancel_requested_at": operation.cancel_requested_at or self._store.at()}
            self._store.commit(store.Update(operation, requested, touch=False))
            leftovers.end_cancelled(self._store, self._leases, context, operation.uuid)
            return self._store.get(models.Operation, operation.uuid)
        pod_manager = leftovers.pod_manager(self._store, operation.target_id)
        now = self._store.at()
        changes = operations.ending(context, operation, errors.Cancelled(), now=now, pod_manager=pod_manager)
        return self._store.commit(*changes)[0]
