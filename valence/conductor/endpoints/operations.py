# SPDX-License-Identifier: Apache-2.0
"""Operations that somebody stored, cancels, or asks for once more."""

from valence.common import errors
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

    def __init__(self, database, ring, ring_all):
        self._store, self._ring, self._ring_all = database, ring, ring_all

    @rpc
    def ring(self, context):
        """Look now for work, and for who shares it."""
        self._ring()

    @rpc
    def cancel(self, context, uuid):
        """End an operation that waits; let whoever works on it end it."""
        for _ in range(TRIES):
            try:
                operation = self._cancel(self._store.get(models.Operation, uuid))
            except errors.RevisionMismatch:
                continue  # it went on meanwhile
            self._ring_all()
            return operation.public()
        raise errors.RevisionMismatch(kind="operation", key=uuid)

    @rpc
    def retry(self, context, uuid, idempotency=None):
        """Ask for a new operation of the same kind on the same target."""
        operation = self._store.get(models.Operation, uuid)
        if operation.state not in ("failed", "cancelled"):
            raise errors.Conflict(reason=f"The operation {uuid} is {operation.state}, it needs no other try.")
        if operation.operation_kind not in REPEATABLE:
            raise errors.Conflict(
                reason=f"An operation of the kind {operation.operation_kind} cannot be repeated."
            )
        ask = REPEATABLE[operation.operation_kind]
        answer = ask(self._store, context, operation.target_id, idempotency)
        self._ring_all()
        return answer

    def _cancel(self, operation):
        if operation.state == "cancelled" or operation.cancel_requested_at:
            return operation
        if operation.ended_at:
            reason = f"The operation {operation.uuid} has {operation.state} already."
            raise errors.Conflict(reason=reason)
        if operation.state == "running":
            # No new revision: whoever works on it goes on until it looks.
            asked = {"cancel_requested_at": self._store.at()}
            return self._store.commit(store.Update(operation, asked, touch=False))[0]
        problem = errors.Cancelled().problems[0]
        ended = {
            "state": "cancelled",
            "cause": problem["detail"],
            "hint": problem["hint"],
            "ended_at": self._store.at(),
        }
        return self._store.commit(store.Update(operation, ended))[0]
