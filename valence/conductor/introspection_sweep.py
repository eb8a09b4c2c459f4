# SPDX-License-Identifier: Apache-2.0
"""What belongs to nobody: removed from the storage, and tried again as long as that is away.

Data of machines that are gone are looked for often, what a writer that died left half written seldom.

The row of the introspection is the queue: it stays until its data are removed. Clients do not see it meanwhile.
"""

import time

from oslo_log import log

from valence.common import errors
from valence.conductor import introspections
from valence.conductor import periodic
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

INTERVAL, PURGE_INTERVAL = 30.0, 3600.0
PAGE = 500
LEASE, PURGE_LEASE = "introspection-sweep", "introspection-purge"


class Sweep:
    """Removes what belongs to no machine any more; one conductor at a time does."""

    def __init__(self, database, leases, history):
        self._store, self._leases, self._history = database, leases, history
        self._loop = periodic.Loop("introspection-sweep", self._run, INTERVAL)
        self._purge_at = 0.0

    def start(self):
        """Begin to sweep."""
        self._loop.start()

    def stop(self):
        """End the present removal."""
        self._loop.stop(timeout=10)

    def _run(self):
        self.sweep()
        if time.monotonic() >= self._purge_at:
            self.purge()
            self._purge_at = time.monotonic() + PURGE_INTERVAL

    def sweep(self):
        """Remove the data of every machine that is gone now; raise StorageUnavailable."""
        try:
            with self._leases.hold(LEASE):
                for row in list(self._orphans()):
                    self._remove(row)
        except (errors.LeaseHeld, errors.LeaseLost):
            pass

    def purge(self):
        """Remove what is half written, and old; raise StorageUnavailable."""
        try:
            with self._leases.hold(PURGE_LEASE):
                self._history.backend.purge()
        except (errors.LeaseHeld, errors.LeaseLost):
            pass

    def _orphans(self):
        """Yield the introspections whose machines are gone."""
        marker = None
        while rows := self._store.list(models.Introspection, marker=marker, limit=PAGE):
            wanted = store.Filter("uuid", "in", [row.uuid for row in rows])
            there = {
                each.uuid for each in self._store.list(models.Resource, filters=[wanted], fields=["uuid"])
            }
            yield from (row for row in rows if row.uuid not in there)
            marker = rows[-1].uuid

    def _remove(self, row):
        try:
            with self._leases.hold(introspections.lease_name(row.uuid)) as lease:
                self._history.clear(row.uuid)
                # Its versions go with it.
                self._store.commit(store.Delete(row), lease=lease)
        except (errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound):
            return  # somebody works on it: next time
        LOG.info("introspection %s: the machine is gone, its data are removed", row.uuid)
