# SPDX-License-Identifier: Apache-2.0
"""Operations: stored requests for work on a pod manager, and the record of each step of that work."""

import time

from valence.common import context
from valence.common import errors
from valence.conductor.cluster import ownership
from valence.conductor.events import outbox
from valence.conductor.inventory import connections
from valence.conductor.work import contact
from valence.db import models
from valence.db import store

#: how often work is begun whose conductors die of it, perhaps
MOST_ATTEMPTS = 5
#: kind of the operation that deletes a pod manager with many resources
DELETION = "delete"
#: states of an operation that has not ended
OPEN = ("pending", "running")
#: seconds between two stores of the progress
PROGRESS_INTERVAL = 1.0


def new(request_context, operation_kind, target_kind, target_id, *, now=None, project_id=None):
    """Return an operation that waits for a conductor, requested by the user of ``request_context``.

    ``now`` is the time of the store, for an operation that is shown before it is stored. ``project_id`` is the project
    that has the target, None where everybody has it.
    """
    return models.Operation(
        project_id=project_id,
        created_at=now,
        updated_at=now,
        operation_kind=operation_kind,
        target_kind=target_kind,
        target_id=target_id,
        actor=request_context.actor,
        request_id=request_context.request_id,
    )


def deletion(request_context, pod_manager, host, now):
    """Return the operation that deletes a pod manager in several commits; its progress keeps the status from before."""
    waiting = new(request_context, DELETION, "pod_manager", pod_manager.uuid, now=now)
    progress = {"removed": 0, "status": pod_manager.status}
    return waiting.replace(state="running", progress=progress, conductor=host, attempts=1, started_at=now)


def context_of(operation):
    """Return the context of the user who requested an operation."""
    return context.RequestContext(request_id=operation.request_id, user_id=operation.actor, overwrite=False)


def is_open() -> store.Filter:
    """Return the filter of the operations that have not ended."""
    return store.Filter("state", "in", list(OPEN))


def open_for(database, target_id):
    """Return the operations on a target that have not ended, oldest first."""
    waiting = [store.Filter("target_id", "eq", target_id), is_open()]
    return database.list(models.Operation, filters=waiting, sort=[store.Sort("created_at")])


def ask_for_sync(database, request_context, uuid, remember):
    """Store an operation that synchronizes a pod manager, unless one waits already; return it as a dict.

    ``remember`` makes the changes that remember an answer (``repeats.once``). Raises NotFound, InMaintenance.
    """
    pod_manager = database.get_without_secrets(models.PodManager, uuid)
    connections.require_undeleted(pod_manager)
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

    There is no event of the end where there was none of the start, nor where the pod manager is gone, whose deletion
    has its own event.
    """
    changes = [store.Update(operation, _ended(operation, error, now))]
    if operation.started_at and pod_manager is not None:
        more = {"error": error.detail[: contact.ERROR_LENGTH]}
        changes.append(outbox.event("pod_manager", request_context, "sync.error", new=pod_manager, more=more))
    return changes


def _ended(operation, error, now):
    problem = error.problems[0]
    state = "cancelled" if isinstance(error, errors.Cancelled) else "failed"
    return {
        "state": state,
        "steps": _steps(operation, state, now),
        "cause": problem["detail"][: contact.ERROR_LENGTH],
        "hint": problem["hint"][: contact.ERROR_LENGTH],
        "ended_at": now,
    }


def _steps(operation, state, now):
    """Return the steps of an operation with the last one ended in ``state``."""
    steps = [dict(step) for step in operation.steps]
    if steps and steps[-1]["state"] == "running":
        steps[-1].update(state=state, ended_at=now)
    return steps


class Recorder:
    """Stores the progress of one operation, under the lease of its target."""

    def __init__(self, database, operation, lease, host):
        self._store, self._lease, self._host = database, lease, host
        self._operation = operation
        self._attempts = self._counted(operation)
        self._stored_at, self._read_at = 0.0, time.monotonic()
        #: whether a step was begun that is not stored yet
        self._is_behind = False

    @property
    def context(self):
        """The context of the user who requested the operation."""
        return context_of(self._operation)

    @property
    def steps(self):
        """The steps that were begun: ``{"name", "state", "conductor", "started_at", "ended_at"}`` each."""
        return self._operation.steps

    @property
    def conductor(self):
        """The conductor that is stored with the operation."""
        return self._operation.conductor

    @property
    def problem(self):
        """Why the work must not begin, as an error, or None."""
        if self._operation.cancel_requested_at:
            return errors.Cancelled()
        if self._attempts >= MOST_ATTEMPTS:
            return errors.Abandoned(attempts=self._attempts)
        return None

    def is_cancelled(self, within=0.0):
        """Whether a client has cancelled the operation, as it was stored in the last ``within`` seconds."""
        if time.monotonic() - self._read_at >= within:
            self._read_at = time.monotonic()
            stored = self._store.get(models.Operation, self._operation.uuid)
            self._operation = self._operation.replace(cancel_requested_at=stored.cancel_requested_at)
        return self._operation.cancel_requested_at is not None

    def begin(self, *changes, step=None):
        """Store that the work begins, with its first ``step`` and ``changes``.

        A step of a failed conductor is marked interrupted.
        """
        steps = self._steps("interrupted")
        values = {
            "state": "running",
            "steps": [*steps, self._new_step(step)] if step else steps,
            "progress": {},
            "conductor": self._host,
            "attempts": self._attempts + 1,
            "started_at": self._operation.started_at or self._store.at(),
        }
        self._update(values, *changes)

    def step(self, name, *changes):
        """Store that the step before succeeded and the step ``name`` begins, together with ``changes``."""
        self._update({"steps": [*self._steps("succeeded"), self._new_step(name)]}, *changes)

    def note_step(self, name):
        """Begin the step ``name`` after the one before; that is stored with the next change of the operation.

        ``unstored`` returns that change, for a commit of other changes, ``note_stored`` takes what came of it.
        """
        steps = [*self._steps("succeeded"), self._new_step(name)]
        self._operation, self._is_behind = self._operation.replace(steps=steps), True

    def unstored(self):
        """Return the change that stores the steps which were begun since the last one, none if there are none."""
        steps = {"steps": self._operation.steps}
        return [store.Update(self._operation, steps)] if self._is_behind else []

    def note_stored(self, operation):
        """Go on with the operation as a commit has stored it."""
        self._operation, self._is_behind = operation, False
        self._stored_at = time.monotonic()

    def progress(self, counters):
        """Store the counters, at most once in PROGRESS_INTERVAL."""
        if time.monotonic() - self._stored_at > PROGRESS_INTERVAL:
            self._update({"progress": dict(counters)})

    def succeed(self, counters, *changes, result=None):
        """Store that the work is done, together with ``changes``.

        By default the ``result`` is partial if parts could not be read, else complete.
        """
        values = {
            "state": "succeeded",
            "result": result or ("partial" if counters.get("unread") else "complete"),
            "progress": dict(counters),
            "steps": self._steps("succeeded"),
        }
        self._update(values | {"ended_at": self._store.at()}, *changes)

    def fail(self, error, pod_manager=None, *changes):
        """Store that the work failed, why, and what to do about it, together with its event and ``changes``.

        ``pod_manager`` is the subject of the event, None where it is gone.
        """
        now = self._store.at()
        ended = ending(self.context, self._operation, error, now=now, pod_manager=pod_manager)
        self.note_stored(self._store.commit(*ended, *changes, lease=self._lease)[0])

    def hand_back(self):
        """Store that the work waits for another conductor; that does not count as an attempt."""
        attempts = max(0, self._operation.attempts - 1)  # it may not have begun
        steps = self._steps("interrupted")
        self._update({"state": "pending", "conductor": None, "attempts": attempts, "steps": steps})

    def _counted(self, operation):
        """Return the number of attempts, without the last one if the conductor that made it has survived it.

        That one lost its lease or the store, as all do on a busy machine: the work did not end it.
        """
        is_left = operation.state == "running" and operation.conductor is not None
        if is_left and ownership.has_lived_since(self._store, operation.conductor, operation.updated_at):
            return max(0, operation.attempts - 1)
        return operation.attempts

    def _steps(self, state):
        return _steps(self._operation, state, self._store.at())

    def _update(self, values, *changes):
        update = store.Update(self._operation, {"steps": self._operation.steps} | values)
        self.note_stored(self._store.commit(update, *changes, lease=self._lease)[0])

    def _new_step(self, name):
        moments = {"started_at": self._store.at(), "ended_at": None}
        return {"name": name, "state": "running", "conductor": self._host} | moments
