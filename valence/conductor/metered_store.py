# SPDX-License-Identifier: Apache-2.0
"""A store whose accesses are timed, and what its commits mean counted: one place sees whatever is written.

It is also where the deadline of a call holds: whoever gave up waiting for the call gets nothing written any more.
"""

import functools
import time

from valence.common import deadline
from valence.common import errors
from valence.conductor import metrics
from valence.db import models
from valence.db import store
from valence.db.models.operation import ENDED

TIMED = ("get", "list", "list_with", "count", "lease", "renew")


class MeteredStore:
    """Passes everything to ``database`` (store.Store), whichever methods that has.

    ``told`` is called after each commit with an event.
    """

    told = staticmethod(lambda: None)

    def __init__(self, database):
        self._store = database
        for access in TIMED:
            setattr(self, access, _timed(access, getattr(database, access)))
        self._commit = _timed("commit", database.commit)

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, *changes, lease=None):
        """Commit as the store does, for the caller of the present call only as long as that waits.

        Count the operations that end with it, and a lease that was lost.
        """
        try:
            stored = self._commit(*changes, lease=lease, before=deadline.current())
        except errors.LeaseLost:
            metrics.LEASE_LOSSES.labels("commit").inc()
            raise
        if lease:
            # Work that began in time ends: under its lease nobody else does what would have to come before.
            deadline.lift()
        for change in changes:
            _count(change)
        if any(
            isinstance(change, store.Create) and isinstance(change.obj, models.Event) for change in changes
        ):
            self.told()
        return stored


def _timed(access, function):
    observe = metrics.STORE_SECONDS.labels(access).observe

    @functools.wraps(function)
    def timed(*args, **kwargs):
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            observe(time.perf_counter() - started)

    return timed


def _count(change):
    if isinstance(change, store.Update) and isinstance(change.obj, models.Operation):
        state = change.values.get("state")
        if state in ENDED:
            metrics.OPERATIONS.labels(change.obj.operation_kind, state).inc()
