# SPDX-License-Identifier: Apache-2.0
"""Figures of the conductor for Prometheus. Work that is done adds to them; ``observer`` keeps those of the state.

They belong to the process: a module counts where something happens, and nobody has to hand an object through.
"""

import contextlib
import functools
import time

import prometheus_client

from valence.common import errors
from valence.common import metrics

SYNC_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 900)
CALL_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


def _make(kind, name, text, *labels, **more):
    return kind(f"valence_conductor_{name}", text, labels, registry=metrics.PROCESS, **more)


POD_MANAGERS = _make(
    prometheus_client.Gauge, "pod_managers", "Pod managers that this conductor owns.", "status"
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
RPC_SECONDS = _make(
    prometheus_client.Histogram, "rpc_seconds", "Duration of calls.", "method", buckets=CALL_BUCKETS
)
RPC_FAILURES = _make(prometheus_client.Counter, "rpc_failures", "Calls that failed.", "method", "code")
STORE_SECONDS = _make(
    prometheus_client.Histogram,
    "store_seconds",
    "Duration of store accesses.",
    "access",
    buckets=CALL_BUCKETS,
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
    buckets=CALL_BUCKETS,
)


@contextlib.contextmanager
def rpc(method):
    """Time a call of ``namespace.method``, and count its failure by the code of the error."""
    started = time.perf_counter()
    try:
        yield
    except Exception as error:
        RPC_FAILURES.labels(method, getattr(error, "code", errors.Internal.code)).inc()
        raise
    finally:
        RPC_SECONDS.labels(method).observe(time.perf_counter() - started)


def synchronization(function):
    """Time a function that synchronizes and returns counters.

    ``interrupted`` is what is done again: a conductor stops, a lease or the database is gone, a client has corrected
    the access. ``error`` is a failure of Valence itself, such as a secret that cannot be decrypted.
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
