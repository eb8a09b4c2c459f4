# SPDX-License-Identifier: Apache-2.0
"""Leases of a conductor, renewed in the background while work is done under them.

Work does not notice at once that its lease is lost: the commit under that lease fails with LeaseLost.
"""

import contextlib
import threading
import time

from oslo_log import log

from valence.common import errors
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import threads

LOG = log.getLogger(__name__)

#: seconds between two attempts to get a lease that somebody else has
ATTEMPT_INTERVAL = 0.1


class LeaseKeeper(threads.Periodic):
    """Acquires leases for this conductor and renews them in the background until they are released.

    A lease that is lost is not renewed; the work under it notices at its next commit.
    """

    def __init__(self, database, holder, ttl):
        self._store, self._holder, self._ttl = database, holder, ttl
        self._held, self._lock = set(), threading.Lock()
        self._loop = threads.Loop("lease-keeper", self._renew, ttl / 3)

    def inherit(self):
        """Acquire and release the leases of a failed predecessor of the same name; raise StoreUnavailable."""
        left = [each.name for each in self._store.leases("") if each.holder == self._holder]
        for name in left:
            self._store.lease(name, self._holder, self._ttl, steal=True).release()
        if left:
            LOG.info("%s leases of the predecessor of %s are free", len(left), self._holder)

    def release_all(self):
        """Release all leases, also those of running work: that work can store nothing more."""
        with self._lock:
            leases, self._held = self._held, set()
        for lease in leases:
            self._release(lease)

    @contextlib.contextmanager
    def hold(self, name, *, steal=False, patience=0):
        """Hold a lease inside a ``with`` block; raise LeaseHeld if another holder keeps it for ``patience`` seconds."""
        lease = self._take(name, steal, time.monotonic() + patience)
        with self._lock:
            self._held.add(lease)
        try:
            yield lease
        finally:
            with self._lock:
                self._held.discard(lease)
            self._release(lease)

    def _take(self, name, steal, deadline):
        while True:
            try:
                return self._store.lease(name, self._holder, self._ttl, steal=steal)
            except errors.LeaseHeld:
                if time.monotonic() + ATTEMPT_INTERVAL > deadline:
                    raise
            time.sleep(ATTEMPT_INTERVAL)

    def holds(self, lease):
        """Whether a lease is held, as far as this conductor knows."""
        with self._lock:
            return lease in self._held

    def _release(self, lease):
        try:
            lease.release()
        except errors.StoreUnavailable as error:
            LOG.warning("lease %s could not be released and runs out by itself: %s", lease.name, error.detail)

    def _renew(self):
        with self._lock:
            leases = list(self._held)
        if not leases:
            return
        for lease in self._store.renew(leases):
            self._note_loss(lease)

    def _note_loss(self, lease):
        with self._lock:
            if lease not in self._held:
                return  # it was given back meanwhile
            self._held.discard(lease)
        work_metrics.LEASE_LOSSES.labels("renewal").inc()
        LOG.warning("lease %s was lost; what was done under it is not written", lease.name)
