# SPDX-License-Identifier: Apache-2.0
"""Operations that somebody stored, cancels, or asks for once more."""

import functools

from valence.common import errors
from valence.conductor import idempotency as repeated
from valence.conductor import leftovers
from valence.conductor import operations
from valence.conductor.rpc import rpc
from valence.db import models
from valence.db import store

#: how often a change is tried again that others were faster than
TRIES = 20
#: kinds that can be done any number of times -> what asks for one
REPEATABLE = {"sync": operations.ask_for_sync}


class OperationsEndpoint:
    """The namespace ``operations`` of ``valence.conductor.client``."""

    namespace = "operations"

    def __init__(self, database, leases, ring, ring_all):
        self._store, self._leases = database, leases
        self._ring, self._ring_all = ring, ring_all

    @rpc
    def ring(self, context):
        """Look now for work, and for who shares it."""
        self._ring()

    @rpc
    def cancel(self, context, uuid):
        """End an operation that waits; let whoever works on it end it."""
        for _ in range(TRIES):
            try:
                operation = self._cancel(context, self._store.get(models.Operation, uuid))
            except errors.RevisionMismatch:
                continue  # it went on meanwhile
            self._ring_all()
            return operation.public()
        raise errors.RevisionMismatch(kind="operation", key=uuid)

    @rpc
    def retry(self, context, uuid, idempotency=None):
        """Ask for a new operation of the same kind on the same target."""
        again = functools.partial(self._repeat, context, uuid)
        answer = repeated.once(self._store, idempotency, again)
        self._ring_all()
        return answer

    def _repeat(self, context, uuid, remember):
        operation = self._store.get(models.Operation, uuid)
        if operation.state not in ("failed", "cancelled"):
            raise errors.Conflict(reason=f"The operation {uuid} is {operation.state}, it needs no other try.")
        if operation.operation_kind not in REPEATABLE:
            raise errors.Conflict(
                reason=f"An operation of the kind {operation.operation_kind} cannot be repeated."
            )
        ask = REPEATABLE[operation.operation_kind]
        return ask(self._store, context, operation.target_id, remember)

    def _cancel(self, context, operation):
        if operation.state == "cancelled":
            return operation
        if operation.ended_at:
            reason = f"The operation {operation.uuid} has {operation.state} already."
            raise errors.Conflict(reason=reason)
        if operation.state == "running":
            # No new revision: whoever works on it goes on until it looks.
            requested = {"cancel_requested_at": operation.cancel_requested_at or self._store.at()}
            self._store.commit(store.Update(operation, requested, touch=False))
            leftovers.end_cancelled(self._store, self._leases, context, operation.uuid)
            return self._store.get(models.Operation, operation.uuid)
        pod_manager = leftovers.pod_manager(self._store, operation.target_id)
        now = self._store.at()
        changes = operations.ending(context, operation, errors.Cancelled(), now=now, pod_manager=pod_manager)
        return self._store.commit(*changes)[0]
