# SPDX-License-Identifier: Apache-2.0
"""Synchronization: read a pod manager, compare, store the difference with its events.

The same function serves the timer, a client's request and the first synchronization after creation.
"""

import itertools

from oslo_log import log

from valence.conductor import changes
from valence.conductor import inventory
from valence.db import models
from valence.db import store
from valence.db.models.event import COUNTERS
from valence.podmanagers import base

LOG = log.getLogger(__name__)

PAGE = 1000


class HandedBack(Exception):
    """A synchronization that ended early because its conductor stops or lost it; it is done anew."""


class Synchronizer:
    """Brings the stored resources of one pod manager up to date, once.

    Every commit is made under ``lease``. ``report`` is called with the counters after each commit. Once
    ``must_end()`` is true, HandedBack is raised.
    """

    def __init__(self, database, connection, pod_manager, *, context, lease, batch, report, must_end):
        self._store, self._connection, self._pod_manager = database, connection, pod_manager
        self._lease, self._batch = lease, batch
        self._report, self._must_end = report, must_end
        self.counters, self._unread = dict.fromkeys(COUNTERS, 0), None
        self._stored_form = changes.StoredForm(context, self.counters)

    def run(self):
        """Return the counters; raise the driver's errors, LeaseLost, or what the store raises."""
        diff = inventory.Diff(self._pod_manager.uuid, self._stored())
        found = itertools.chain(self._crawl(diff), diff.finish())
        found = (change for change in found if change is not None)
        while batch := list(itertools.islice(found, self._batch)):
            self._commit(batch)
            self.counters["seen"] = diff.seen
            self._report(self.counters)
        self.counters["seen"] = diff.seen
        self._log_unread()
        return self.counters

    def _stored(self):
        """Yield the known resources of the pod manager, page by page."""
        mine, marker = [store.Filter("podm_id", "eq", self._pod_manager.uuid)], None
        while True:
            rows = self._store.list(models.ResourceWithState, filters=mine, marker=marker, limit=PAGE)
            yield from rows
            if len(rows) < PAGE:
                return
            marker = rows[-1].uuid

    def _crawl(self, diff):
        """Yield the changes that are certain while the pod manager is being read."""
        for found in self._connection.crawl(diff.etags()):
            self._check()
            if isinstance(found, base.Seen):
                yield diff.see(found)
            elif isinstance(found, base.Unchanged):
                diff.unchanged(found.resource_url)
            else:
                self.counters["unread"] += 1
                self._unread = self._unread or found
                diff.unread(found)
        self._check()

    def _check(self):
        if self._must_end():
            raise HandedBack

    def _log_unread(self):
        """Log once what could not be read, however many parts that were."""
        if self.counters["unread"]:
            LOG.warning(
                "pod manager %s: %s parts could not be read, nothing of them is removed; the first, below %s: %s",
                self._pod_manager.uuid,
                self.counters["unread"],
                self._unread.parent or "its root",
                self._unread.reason,
            )

    def _commit(self, batch):
        stored = itertools.chain.from_iterable(self._stored_form.of(change) for change in batch)
        self._store.commit(*stored, lease=self._lease)
