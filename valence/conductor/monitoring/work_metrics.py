# SPDX-License-Identifier: Apache-2.0
"""Metrics of a conductor for Prometheus, and a store that measures its accesses and counts what its commits mean.

Metrics belong to the process: a module counts where something happens, and no object is passed around; ``observer``
updates those of the stored state. `MeteredStore` also enforces the deadline of a call, because every commit passes
through it: nothing is written for a caller that no longer waits.
"""

import functools
import itertools
import time

import prometheus_client

from valence.common import context
from valence.common import errors
from valence.common.web import metrics
from valence.db import models
from valence.db import store
from valence.db.models import event
from valence.db.models import operation
from valence.db.models.operation import ENDED

SYNC_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 900)
INTROSPECTION_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def _make(kind, name, text, *labels, **more):
    return kind(f"valence_conductor_{name}", text, labels, registry=metrics.PROCESS, **more)


POD_MANAGERS = _make(
    prometheus_client.Gauge, "pod_managers", "Pod managers that this conductor owns.", "status"
)
NODES = _make(prometheus_client.Gauge, "nodes", "Nodes in the store.", "state")
NODES_TO_RELEASE = _make(
    prometheus_client.Gauge,
    "nodes_to_release",
    "Nodes that nobody wants any more and whose hardware was not seen to be free yet.",
)
CLAIM_COLLISIONS = _make(
    prometheus_client.Counter, "claim_collisions", "Selections after which another writer had a device first."
)
OUTCOMES_UNKNOWN = _make(
    prometheus_client.Counter,
    "hardware_outcomes_unknown",
    "Changes of hardware whose answers were lost, by the step of work that made them.",
    "step",
)
ERASURES = _make(
    prometheus_client.Counter,
    "erasures",
    "Devices whose drives were to be erased, by what became of that: erased or not_erased.",
    "result",
)
DEVICES = _make(
    prometheus_client.Gauge,
    "devices",
    "Devices in the store that nodes can be made of.",
    "device_type",
    "state",
)
SYNC_AGE = _make(
    prometheus_client.Gauge,
    "sync_age_seconds",
    "Time since the last whole synchronization of the owned pod manager that has waited longest.",
)
SYNC_SECONDS = _make(
    prometheus_client.Histogram,
    "sync_seconds",
    "Duration of synchronizations.",
    "result",
    buckets=SYNC_BUCKETS,
)
WORK_FAILURES = _make(
    prometheus_client.Counter,
    "work_failures",
    "Work on pod managers that failed before its end could be recorded, by whether the error was expected.",
    "kind",
)
OPERATIONS = _make(prometheus_client.Counter, "operations", "Operations that ended.", "kind", "result")
OPEN_OPERATIONS = _make(
    prometheus_client.Gauge, "open_operations", "Operations in the store that have not ended.", "state"
)
OUTBOX_EVENTS = _make(prometheus_client.Gauge, "outbox_events", "Events that were not published yet.")
LEASE_LOSSES = _make(
    prometheus_client.Counter, "lease_losses", "Leases that were lost while they were used.", "noticed_by"
)
STORE_SECONDS = _make(
    prometheus_client.Histogram,
    "store_seconds",
    "Duration of store accesses.",
    "access",
    buckets=metrics.CALL_BUCKETS,
)
STORE_UP = _make(prometheus_client.Gauge, "store_up", "Whether the store answers: 1 or 0.")


SUBSCRIPTIONS = _make(
    prometheus_client.Gauge, "subscriptions", "Pod managers by the way in which they tell of changes.", "way"
)
HARDWARE_EVENTS = _make(
    prometheus_client.Counter, "hardware_events", "Hints of pod managers, by what came of them.", "result"
)
REREAD_SECONDS = _make(
    prometheus_client.Histogram,
    "reread_seconds",
    "Time from an event of a pod manager until what it is about is read again and stored.",
    buckets=metrics.CALL_BUCKETS,
)
INTROSPECTIONS = _make(
    prometheus_client.Counter,
    "introspections",
    "Introspections, and reapplications of stored documents, that ended.",
    "kind",
    "result",
)
INTROSPECTION_KINDS = ("ramdisk", "redfish", "reapply")
INTROSPECTION_RESULTS = ("finished", "failed", "timeout", "aborted")
INTROSPECTION_SECONDS = _make(
    prometheus_client.Histogram,
    "introspection_seconds",
    "Time from the start of an introspection until its documents were stored.",
    "kind",
    buckets=INTROSPECTION_BUCKETS,
)
OPEN_INTROSPECTIONS = _make(
    prometheus_client.Gauge,
    "open_introspections",
    "Introspections in the store that have not ended.",
    "state",
)


EVENTS = _make(
    prometheus_client.Counter,
    "events",
    "Events that this conductor stored, those of introspection and backups too.",
    "event_type",
)
BACKUP_RUNS = _make(
    prometheus_client.Counter, "backup_runs", "Runs of backup actions that agents reported.", "result"
)

#: kinds of operations, but for the deletion of a pod manager
OPERATION_KINDS = ("sync", "adopt", "attach", "boot", "compose", "decompose", "detach", "erase", "power")

#: steps of operations on nodes that change hardware
CHANGING_STEPS = ("act", "attach", "compose", "detach", "erase", "power_off", "remove")
#: a counter that appears with its first count shows no increase of it: what is rare and alerted on starts at 0
STARTED: tuple[tuple[prometheus_client.Counter | prometheus_client.Histogram, tuple], ...] = (
    *((OPERATIONS, labels) for labels in itertools.product(OPERATION_KINDS, operation.ENDED)),
    *((OUTCOMES_UNKNOWN, (step,)) for step in CHANGING_STEPS),
    *((ERASURES, (result,)) for result in ("erased", "not_erased")),
    *((WORK_FAILURES, (kind,)) for kind in ("expected", "unexpected")),
    *((LEASE_LOSSES, (noticed_by,)) for noticed_by in ("commit", "renewal")),
    *((HARDWARE_EVENTS, (result,)) for result in ("failed", "read", "refused", "unknown", "whole")),
    *((SYNC_SECONDS, (result,)) for result in ("error", "failed", "interrupted", "partial", "succeeded")),
    *((EVENTS, (event_type,)) for event_type in event.EVENT_TYPES),
    *((INTROSPECTIONS, labels) for labels in itertools.product(INTROSPECTION_KINDS, INTROSPECTION_RESULTS)),
    *((BACKUP_RUNS, (result,)) for result in ("fail", "success")),
)
for _metric, _labels in STARTED:
    _metric.labels(*_labels)


def synchronization(function):
    """Measure a function that synchronizes and returns counters.

    The result ``interrupted`` is repeated later: the conductor stops, a lease or the database is gone, a client has
    corrected the access data. ``error`` is a failure of Valence itself, such as a secret that cannot be decrypted.
    """

    @functools.wraps(function)
    def timed(*args, **kwargs):
        started, result = time.perf_counter(), "interrupted"
        try:
            counters = function(*args, **kwargs)
            result = "partial" if counters["unread"] else "succeeded"
            return counters
        except errors.PodManagerError:
            result = "failed"
            raise
        except errors.ValenceError as error:
            result = "error" if error.status == 500 else result
            raise
        finally:
            SYNC_SECONDS.labels(result).observe(time.perf_counter() - started)

    return timed


TIMED = ("get", "list", "list_with", "page", "count", "lease", "renew")


class MeteredStore:
    """Passes every method to ``database`` (store.Store).

    ``told`` is called after each commit with an event.
    """

    told = staticmethod(lambda: None)

    def __init__(self, database):
        self._store = database
        for access in TIMED:
            # The library's decorator needs functions, not bound methods.
            timed = STORE_SECONDS.labels(access).time()(getattr(type(database), access))
            setattr(self, access, functools.partial(timed, database))

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, *changes, lease=None):
        """Commit as the store does, but nothing after the deadline of the present call.

        Count operations that end, events, reports of backups, and a lost lease.
        """
        try:
            with STORE_SECONDS.labels("commit").time():
                stored = self._store.commit(*changes, lease=lease, before=context.write_deadline())
        except errors.LeaseLost:
            LEASE_LOSSES.labels("commit").inc()
            raise
        if lease:
            # Work that began in time ends: under its lease nobody else does what would have to come before.
            context.lift_deadline()
        for change in changes:
            _count(change)
        if any(_makes(change, models.Event) for change in changes):
            self.told()
        return stored


def _makes(change, model):
    return isinstance(change, store.Create) and isinstance(change.obj, model)


def _count(change):
    if _makes(change, models.Event):
        EVENTS.labels(change.obj.event_type).inc()
    elif _makes(change, models.ActionReport):
        BACKUP_RUNS.labels("success" if change.obj.result == "success" else "fail").inc()
    if isinstance(change, store.Update) and isinstance(change.obj, models.Operation):
        state = change.values.get("state")
        if state in ENDED:
            OPERATIONS.labels(change.obj.operation_kind, state).inc()
