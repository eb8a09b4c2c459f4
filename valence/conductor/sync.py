# SPDX-License-Identifier: Apache-2.0
"""Synchronization: read a pod manager, compare, store the difference with its events.

The same function serves the timer, a client's request and the first synchronization after creation.
"""

import itertools

from oslo_log import log

from valence.common import errors
from valence.conductor import changes
from valence.conductor import inventory
from valence.db import models
from valence.db import store
from valence.db.models.event import COUNTERS
from valence.podmanagers import base

LOG = log.getLogger(__name__)

PAGE = 1000


class NothingRead(errors.PodManagerError):
    """Nothing of a pod manager but its service root could be read."""


class HandedBack(Exception):
    """A synchronization that ended early because its conductor stops or lost it; it is done anew."""


class Synchronizer:
    """Brings the stored resources of one pod manager up to date, once.

    Every commit is made under ``lease``. ``report`` is called with the counters after each commit. Once
    ``must_end()`` is true, HandedBack is raised. Removed resources are remembered for ``remember`` seconds.
    """

    def __init__(
        self, database, connection, pod_manager, *, context, lease, batch, report, must_end, remember=0
    ):
        self._store, self._connection, self._pod_manager = database, connection, pod_manager
        self._lease, self._batch = lease, batch
        self._report, self._must_end = report, must_end
        self.counters, self._unread = dict.fromkeys(COUNTERS, 0), None
        self._remember = remember
        self._stored_form = changes.StoredForm(context, self.counters, database.at() if remember else None)

    def run(self):
        """Return the counters; raise the driver's errors, LeaseLost, or what the store raises."""
        removed = self._remembered()
        diff = inventory.Diff(self._pod_manager.uuid, self._stored(models.ResourceWithState), removed)
        found = itertools.chain(self._crawl(diff), diff.finish())
        found = (change for change in found if change is not None)
        while batch := list(itertools.islice(found, self._batch)):
            self._commit(batch)
            self.counters["seen"] = diff.seen
            self._report(self.counters)
        self.counters["seen"] = diff.seen
        self.counters["unread"] += diff.dead_ends
        if self.problem:
            LOG.warning(
                "pod manager %s: %s; nothing of that is removed", self._pod_manager.uuid, self.problem
            )
        return self.counters

    @property
    def problem(self) -> str | None:
        """What could not be read, however many parts that were; None if everything was."""
        if not self.counters["unread"]:
            return None
        place = self._unread.parent or "the service root"
        return f"{self.counters['unread']} parts could not be read; the first, below {place}: {self._unread.reason}"

    def _remembered(self):
        """Return the resources that were removed lately; forget those that were removed before."""
        since, rows = self._store.at(-self._remember), list(self._stored(models.RemovedResource))
        old = [store.Delete(row) for row in rows if row.removed_at <= since]
        for start in range(0, len(old), self._batch):
            self._store.commit(*old[start : start + self._batch], lease=self._lease)
        return [row for row in rows if row.removed_at > since]

    def _stored(self, model):
        """Yield the rows of the pod manager, page by page."""
        mine, marker = [store.Filter("podm_id", "eq", self._pod_manager.uuid)], None
        while True:
            rows = self._store.list(model, filters=mine, marker=marker, limit=PAGE)
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
                self.counters["unread"] += not found.dead
                if self._unread is None or (self._unread.dead and not found.dead):
                    self._unread = found
                diff.unread(found)
        self._check()
        if self._unread is not None and not diff.seen:
            reason = f"nothing of it could be read; the first problem: {self._unread.reason}"
            raise NothingRead(url=self._pod_manager.url, reason=reason)

    def _check(self):
        if self._must_end():
            raise HandedBack

    def _commit(self, batch):
        stored = itertools.chain.from_iterable(self._stored_form.of(change) for change in batch)
        self._store.commit(*stored, lease=self._lease)
