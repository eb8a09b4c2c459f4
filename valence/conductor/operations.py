# SPDX-License-Identifier: Apache-2.0
"""Operations as they are worked on: every step is stored, so that nothing is for ever "running"."""

import time

from valence.common import context
from valence.common import errors
from valence.conductor import events
from valence.conductor import monitor
from valence.db import models
from valence.db import store

#: how often work is begun whose conductors die of it, perhaps
MOST_ATTEMPTS = 5
#: seconds between two stores of the progress
PROGRESS_INTERVAL = 1.0


def new(request_context, operation_kind, target_kind, target_id, *, now=None):
    """Return an operation that waits to be worked on, asked for by whoever ``request_context`` is of.

    ``now`` is the time of the store, for an operation that is shown before it is stored.
    """
    return models.Operation(
        created_at=now,
        updated_at=now,
        operation_kind=operation_kind,
        target_kind=target_kind,
        target_id=target_id,
        actor=request_context.actor,
        request_id=request_context.request_id,
    )


def open_for(database, target_id):
    """Return the operations on a target that have not ended, oldest first."""
    waiting = [
        store.Filter("target_id", "eq", target_id),
        store.Filter("state", "in", ["pending", "running"]),
    ]
    return database.list(models.Operation, filters=waiting, sort=[store.Sort("created_at")])


def ask_for_sync(database, request_context, uuid, remember):
    """Store an operation that synchronizes a pod manager, unless one waits already; return it as a dict.

    ``remember`` makes the changes that remember an answer (``idempotency.once``). Raises NotFound, InMaintenance.
    """
    pod_manager = database.get_without_secrets(models.PodManager, uuid)
    if pod_manager.maintenance:
        raise errors.InMaintenance(key=uuid)
    pending = [each for each in open_for(database, uuid) if each.state == "pending"]
    if pending:
        waiting = pending[0].public()
        database.commit(*remember(waiting))  # it will have ended when the same request comes again
        return waiting
    operation = new(request_context, "sync", "pod_manager", uuid, now=database.at())
    answer = operation.public()
    # Whoever deletes the pod manager ends what is open on it: nothing may be stored after that.
    database.commit(store.Create(operation), store.Require(pod_manager), *remember(answer))
    return answer


def ending(request_context, operation, error, *, now, pod_manager=None):
    """Return the changes that end an operation with an error at ``now``, together with its event.

    One that never began, and thus has no event of its beginning, has none of its end; nor has one whose pod
    manager is gone, which is told by an event of its own.
    """
    changes = [store.Update(operation, _ended(operation, error, now))]
    if operation.started_at and pod_manager is not None:
        more = {"error": error.detail[: monitor.ERROR_LENGTH]}
        changes.append(events.pod_manager(request_context, "sync.error", new=pod_manager, more=more))
    return changes


def _ended(operation, error, now):
    problem = error.problems[0]
    state = "cancelled" if isinstance(error, errors.Cancelled) else "failed"
    return {
        "state": state,
        "steps": _steps(operation, state, now),
        "cause": problem["detail"][: monitor.ERROR_LENGTH],
        "hint": problem["hint"][: monitor.ERROR_LENGTH],
        "ended_at": now,
    }


def _steps(operation, state, now):
    """Return the steps of an operation with the last one ended in ``state``."""
    steps = [dict(step) for step in operation.steps]
    if steps and steps[-1]["state"] == "running":
        steps[-1].update(state=state, ended_at=now)
    return steps


class Recorder:
    """Stores how one operation goes, under the lease of its target."""

    def __init__(self, database, operation, lease, host):
        self._store, self._lease, self._host = database, lease, host
        self._operation = operation
        self._stored_at = 0.0

    @property
    def context(self):
        """The context of whoever asked for the operation."""
        return context.RequestContext(
            request_id=self._operation.request_id, user_id=self._operation.actor, overwrite=False
        )

    @property
    def problem(self):
        """Why the work must not begin any more, as an error, or None."""
        if self._operation.cancel_requested_at:
            return errors.Cancelled()
        if self._operation.attempts >= MOST_ATTEMPTS:
            return errors.Abandoned(attempts=self._operation.attempts)
        return None

    def is_cancelled(self):
        """Whether somebody has asked to cancel the operation; ask the store."""
        uuid = self._operation.uuid
        return self._store.get(models.Operation, uuid).cancel_requested_at is not None

    def begin(self, *changes):
        """Store that the work begins, together with ``changes``; a step that a dead conductor began was interrupted."""
        values = {
            "state": "running",
            "steps": self._steps("interrupted"),
            "progress": {},
            "conductor": self._host,
            "attempts": self._operation.attempts + 1,
            "started_at": self._operation.started_at or self._store.at(),
        }
        self._update(values, *changes)

    def step(self, name):
        """Store that the step before ended well and the step ``name`` begins."""
        moments = {"started_at": self._store.at(), "ended_at": None}
        step = {"name": name, "state": "running", "conductor": self._host} | moments
        self._update({"steps": [*self._steps("succeeded"), step]})

    def progress(self, counters):
        """Store the counters, unless that was done a moment ago."""
        if time.monotonic() - self._stored_at > PROGRESS_INTERVAL:
            self._update({"progress": dict(counters)})

    def succeed(self, counters, *changes):
        """Store that the work is done, together with ``changes``; in part, if parts could not be read."""
        values = {
            "state": "succeeded",
            "result": "partial" if counters["unread"] else "complete",
            "progress": dict(counters),
            "steps": self._steps("succeeded"),
        }
        self._update(values | {"ended_at": self._store.at()}, *changes)

    def fail(self, error, pod_manager=None):
        """Store that the work ended without success, why, and what to do about it, together with its event.

        ``pod_manager`` is what the event tells of, None where it is gone.
        """
        now = self._store.at()
        changes = ending(self.context, self._operation, error, now=now, pod_manager=pod_manager)
        self._operation = self._store.commit(*changes, lease=self._lease)[0]

    def hand_back(self):
        """Store that the work waits for another conductor; that is no attempt that went wrong."""
        attempts = self._operation.attempts - 1
        steps = self._steps("interrupted")
        self._update({"state": "pending", "conductor": None, "attempts": attempts, "steps": steps})

    def _steps(self, state):
        return _steps(self._operation, state, self._store.at())

    def _update(self, values, *changes):
        update = store.Update(self._operation, values)
        self._operation = self._store.commit(update, *changes, lease=self._lease)[0]
        self._stored_at = time.monotonic()
