# SPDX-License-Identifier: Apache-2.0
"""Leases that are kept alive while somebody works under them."""

import contextlib
import threading

from oslo_log import log

from valence.common import errors
from valence.conductor import metrics
from valence.conductor import periodic

LOG = log.getLogger(__name__)


class LeaseKeeper:
    """Takes leases for this conductor and renews them in the background until they are released.

    A lease that is lost is not renewed any more; whoever works under it notices at the next commit.
    """

    def __init__(self, database, holder, ttl):
        self._store, self._holder, self._ttl = database, holder, ttl
        self._held, self._lock = set(), threading.Lock()
        self._loop = periodic.Loop("lease-keeper", self._renew, ttl / 3)

    def start(self):
        """Begin to renew."""
        self._loop.start()

    def stop(self):
        """Stop renewing; leases that are still held run out by themselves."""
        self._loop.stop()

    def inherit(self):
        """Take and give back what a predecessor of the same name held when it died; raise StoreUnavailable."""
        left = [each.name for each in self._store.leases("") if each.holder == self._holder]
        for name in left:
            self._store.lease(name, self._holder, self._ttl, steal=True).release()
        if left:
            LOG.info("%s leases of the predecessor of %s are free", len(left), self._holder)

    def release_all(self):
        """Give every lease back, also those that somebody still works under: that work cannot be stored any more."""
        with self._lock:
            leases, self._held = self._held, set()
        for lease in leases:
            self._release(lease)

    @contextlib.contextmanager
    def hold(self, name, *, steal=False):
        """Hold a lease inside a ``with`` block; raise LeaseHeld while another holder has it."""
        lease = self._store.lease(name, self._holder, self._ttl, steal=steal)
        with self._lock:
            self._held.add(lease)
        try:
            yield lease
        finally:
            with self._lock:
                self._held.discard(lease)
            self._release(lease)

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
        for lease in leases:
            self._renew_one(lease)

    def _renew_one(self, lease):
        try:
            lease.renew()
        except errors.LeaseLost:
            self._note_loss(lease)
        except errors.StoreUnavailable as error:
            LOG.warning("lease %s could not be renewed, trying again: %s", lease.name, error.detail)

    def _note_loss(self, lease):
        with self._lock:
            if lease not in self._held:  # it was released since, which is why it could not be renewed
                return
            self._held.discard(lease)
        metrics.LEASE_LOSSES.labels("renewal").inc()
        LOG.warning("lease %s was lost; what was done under it is not written", lease.name)
