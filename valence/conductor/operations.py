# SPDX-License-Identifier: Apache-2.0
"""Operations as they are worked on: every step is stored, so that nothing is for ever "running"."""

import time

from valence.common import context
from valence.conductor import monitor
from valence.db import models
from valence.db import store
from valence.db import types

#: seconds between two stores of the progress
PROGRESS_INTERVAL = 1.0


def new(request_context, operation_kind, target_kind, target_id):
    """Return an operation that waits to be worked on, asked for by whoever ``request_context`` is of."""
    now = types.now()
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

    def begin(self, *changes):
        """Store that the work begins, together with ``changes``; steps of an earlier try are forgotten."""
        values = {
            "state": "running",
            "steps": [],
            "progress": {},
            "conductor": self._host,
            "started_at": types.now(),
        }
        self._update(values, *changes)

    def step(self, name):
        """Store that the step before ended well and the step ``name`` begins."""
        step = {"name": name, "state": "running", "started_at": types.now(), "ended_at": None}
        self._update({"steps": [*self._steps("succeeded"), step]})

    def progress(self, counters):
        """Store the counters, unless that was done a moment ago."""
        if time.monotonic() - self._stored_at > PROGRESS_INTERVAL:
            self._update({"progress": dict(counters)})

    def succeed(self, counters, *changes):
        """Store that the work is done, together with ``changes``."""
        values = {"state": "succeeded", "progress": dict(counters), "steps": self._steps("succeeded")}
        self._update(values | {"ended_at": types.now()}, *changes)

    def fail(self, error, *changes):
        """Store that the work failed, why, and what to do about it, together with ``changes``."""
        problem = error.problems[0]
        values = {
            "state": "failed",
            "steps": self._steps("failed"),
            "cause": problem["detail"][: monitor.ERROR_LENGTH],
            "hint": problem["hint"][: monitor.ERROR_LENGTH],
            "ended_at": types.now(),
        }
        self._update(values, *changes)

    def hand_back(self):
        """Store that the work waits for another conductor."""
        self._update({"state": "pending", "conductor": None})

    def _steps(self, state):
        """Return the steps with the last one ended in ``state``."""
        steps = [dict(step) for step in self._operation.steps]
        if steps and steps[-1]["state"] == "running":
            steps[-1].update(state=state, ended_at=types.now())
        return steps

    def _update(self, values, *changes):
        update = store.Update(self._operation, values)
        self._operation = self._store.commit(update, *changes, lease=self._lease)[0]
        self._stored_at = time.monotonic()
