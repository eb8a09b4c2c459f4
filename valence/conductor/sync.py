# SPDX-License-Identifier: Apache-2.0
"""Synchronization: read a pod manager, compare, store the difference with its events.

The same function serves the timer, a client's request and the first synchronization after creation.
"""

import itertools

from oslo_log import log

from valence.conductor import events
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
        self._context, self._lease, self._batch = context, lease, batch
        self._report, self._must_end = report, must_end
        self.counters, self._unread = dict.fromkeys(COUNTERS, 0), None

    def run(self):
        """Return the counters; raise the driver's errors, LeaseLost, or what the store raises."""
        diff = inventory.Diff(self._pod_manager.uuid, self._stored())
        changes = itertools.chain(self._crawl(diff), diff.finish())
        changes = (change for change in changes if change is not None)
        while batch := list(itertools.islice(changes, self._batch)):
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
        changes = itertools.chain.from_iterable(self._changes(change) for change in batch)
        self._store.commit(*changes, lease=self._lease)

    def _changes(self, change):
        """Return what has to be stored for one change of the inventory."""
        if isinstance(change, inventory.Added):
            return self._add(change.new)
        if isinstance(change, inventory.Removed):
            return self._remove(change.old)
        return self._change(change)

    def _add(self, new):
        self.counters["added"] += 1
        resource, state = _part(models.Resource, new), _part(models.ResourceState, new)
        return [store.Create(resource), store.Create(state), events.resource(self._context, "added", new=new)]

    def _remove(self, old):
        self.counters["removed"] += 1
        return [store.Delete(_part(models.Resource, old)), events.resource(self._context, "removed", old=old)]

    def _change(self, change):
        old, new = change.old, change.new
        changes = self._state(old, new)
        if change.moved:
            changes.append(store.Update(_part(models.Resource, old), {"resource_url": new.resource_url}))
            changes.append(events.resource(self._context, "moved", old=old, new=new))
        if change.told:
            changes.append(events.resource(self._context, "state_changed", old=old, new=new))
        self.counters["changed"] += change.moved or change.told
        return changes

    def _state(self, old, new):
        if not inventory.known(old):
            return [store.Create(_part(models.ResourceState, new))]
        state = {
            name: getattr(new, name)
            for name in inventory.SEEN_FIELDS
            if getattr(old, name) != getattr(new, name)
        }
        return [store.Update(_part(models.ResourceState, old), state)] if state else []


def _part(model, row):
    """Return the object of one of the models that a ResourceWithState joins."""
    return model(**{name: getattr(row, name) for name in model.fields})
