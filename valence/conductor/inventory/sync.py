# SPDX-License-Identifier: Apache-2.0
"""Synchronization: crawl a pod manager, compare, and store the difference together with its events.

The timer, a client's request and the first synchronization of a new pod manager all run the same code. Hardware events
name single resources: `Rereading` reads those again, and only those, as a synchronization would. What only a crawl can
find out, such as a resource that is new, gone, or another one at the same URL, makes the pod manager due for one.
"""

import itertools
import time

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.common import words
from valence.conductor.events import outbox
from valence.conductor.inventory import comparison
from valence.conductor.inventory import connections
from valence.conductor.inventory import devices
from valence.conductor.inventory import drift
from valence.conductor.inventory import losses
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import pacing
from valence.db import models
from valence.db import store
from valence.db.models import device
from valence.db.models.event import COUNTERS
from valence.podmanagers import base

LOG = log.getLogger(__name__)
#: resources that are read before what was found is committed
BATCH = 20
#: seconds after an event about hardware of nodes: it may come before the change, and others come with it
DRIFT_SECONDS = 4


class StoredForm:
    """Turns Added, Removed and Changed into changes of the store; counts them in ``counters``.

    ``context`` is the context of the request that caused the comparison. A removed resource is remembered as removed at
    ``removed_at``, a DateTime value, if ``remembers`` or if its device was not erased.
    """

    def __init__(self, context, counters, removed_at=None, *, remembers=False):
        self._context, self._counters = context, counters
        self._removed_at, self._remembers = removed_at, remembers
        #: of the resources that the next changes remove: why devices are dirty, and rows that remember them already
        self.unerased, self.kept = {}, {}

    def of(self, change):
        """Return the changes to commit for one change of the inventory."""
        if isinstance(change, comparison.Added):
            return self._add(change.new, change.returned)
        if isinstance(change, comparison.Removed):
            return self._remove(change.old)
        return self._change(change)

    def _add(self, new, returned):
        self._counters["added"] += 1
        resource, state = _part(models.Resource, new), _part(models.ResourceState, new)
        # The projection of devices forgets one that was not erased.
        is_forgotten = returned is not None and returned.unerased is None
        forgotten = [store.Delete(returned)] if is_forgotten else []
        event = outbox.event("resource", self._context, "added", new=new)
        return [*forgotten, store.Create(resource), store.Create(state), event]

    def _remove(self, old):
        self._counters["removed"] += 1
        event = outbox.event("resource", self._context, "removed", old=old)
        return [store.Delete(_part(models.Resource, old)), *self._remembered(old), event]

    def _remembered(self, old):
        if kept := self.kept.get(old.uuid):
            return [store.Update(kept, {"resource_url": old.resource_url, "removed_at": self._removed_at})]
        unerased = self.unerased.get(old.uuid)
        if not (self._remembers or unerased):
            return []
        names = models.RemovedResource.fields.keys() - {"removed_at", "unerased"}
        known = {name: getattr(old, name) for name in names}
        row = models.RemovedResource(**known, removed_at=self._removed_at, unerased=unerased)
        return [store.Create(row)]

    def _change(self, change):
        old, new = change.old, change.new
        changes = _state(old, new)
        if change.moved:
            changes.append(store.Update(_part(models.Resource, old), {"resource_url": new.resource_url}))
            changes.append(outbox.event("resource", self._context, "moved", old=old, new=new))
        if change.told:
            changes.append(outbox.event("resource", self._context, "state_changed", old=old, new=new))
        self._counters["changed"] += change.moved or change.told
        return changes


def _state(old, new):
    if not comparison.known(old):
        return [store.Create(_part(models.ResourceState, new))]
    state = {
        name: getattr(new, name)
        for name in comparison.SEEN_FIELDS
        if getattr(old, name) != getattr(new, name)
    }
    return [store.Update(_part(models.ResourceState, old), state)] if state else []


def _part(model, row):
    """Return the object of one of the models that a ResourceWithState joins."""
    return model(**{name: getattr(row, name) for name in model.fields})


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
        #: UUIDs of the nodes whose machines were found at other URLs
        self._followed = set()
        self._remember = remember
        self._context, self._began_at = context, database.at()
        self._stored_form = StoredForm(context, self.counters, self._began_at, remembers=bool(remember))

    def run(self):
        """Return the counters; raise the driver's errors, LeaseLost, or what the store raises."""
        rows, removed = self._stored(models.ResourceWithState), self._remembered()
        diff = comparison.Diff(self._pod_manager.uuid, rows, removed, read=self._rows)
        found = itertools.chain(self._crawl(diff), diff.finish())
        found = (change for change in found if change is not None)
        while batch := list(itertools.islice(found, self._batch)):
            self._commit(batch)
            self.counters["seen"] = diff.seen
            self._report(self.counters)
        self.counters["seen"] = diff.seen
        self.counters["unread"] += diff.dead_ends
        self._project(diff)
        if self.problem:
            LOG.warning(
                "pod manager %s: %s; nothing of that is removed", self._pod_manager.uuid, self.problem
            )
        return self.counters

    def _project(self, diff):
        """Bring the devices up to date; of a crawl with unread parts none is removed. Note drift of nodes' devices."""
        projection = devices.Projection(
            self._store, self._pod_manager.uuid, lease=self._lease, batch=self._batch, check=self._check
        )
        is_settled = not any(self.counters[name] for name in ("added", "changed", "removed"))
        find = diff.uuids if is_settled else self._uuids
        is_whole = not self.counters["unread"]
        watch = drift.Watch(self._store, self._pod_manager.uuid, began_at=self._began_at)
        projection.update(watch.seen(self._connection.offers()), find, whole=is_whole)
        watch.note(self._context, self._lease, is_whole=is_whole)
        if is_whole:
            where = (self._store, self._pod_manager.uuid, self._connection)
            losses.note(self._context, *where, lease=self._lease, began_at=self._began_at)

    def _uuids(self, urls):
        """Return the uuids of the resources at some paths, by path."""
        mine = [
            store.Filter("podm_id", "eq", self._pod_manager.uuid),
            store.Filter("resource_url", "in", urls),
        ]
        rows = self._store.list(models.Resource, filters=mine, fields=["uuid", "resource_url"])
        return {row.resource_url: row.uuid for row in rows}

    @property
    def problem(self) -> str | None:
        """What could not be read, however many parts that were; None if everything was."""
        if not self.counters["unread"]:
            return None
        place = self._unread.parent or "the service root"
        parts = words.counted(self.counters["unread"], "part")
        return f"{parts} could not be read; the first, below {place}: {self._unread.reason}"

    def _remembered(self):
        """Yield the resources that were removed lately; forget those that were removed before.

        Those whose devices were not erased are yielded until they are back.
        """
        since, old, unerased = self._store.at(-self._remember), [], {}
        for row in self._stored(models.RemovedResource):
            if row.unerased is not None:
                unerased[row.uuid] = row
            elif row.removed_at > since:
                yield row
            else:
                old.append(store.Delete(row))
            if len(old) == self._batch:
                self._store.commit(*old, lease=self._lease)
                old = []
        if old:
            self._store.commit(*old, lease=self._lease)
        back = {row.uuid for row in self._rows(models.Resource, sorted(unerased))} if unerased else ()
        yield from (row for uuid, row in unerased.items() if uuid not in back)

    def _stored(self, model):
        return devices.of_pod_manager(self._store, model, self._pod_manager.uuid)

    def _rows(self, model, uuids):
        """Return the rows of the pod manager that have these identifiers."""
        return self._store.list(model, filters=[store.Filter("uuid", "in", uuids)], limit=len(uuids))

    def _crawl(self, diff):
        """Yield the changes that are certain while the pod manager is being read."""
        crawl = filter(self._check, self._connection.crawl(diff.etags))
        while part := list(itertools.islice(crawl, self._batch)):
            for found in part:
                if not isinstance(found, base.Seen):
                    self._note(diff, found)
            yield from diff.see_all([found for found in part if isinstance(found, base.Seen)])
        self._check()
        if self._unread is not None and not diff.seen:
            reason = f"nothing of it could be read; the first problem: {self._unread.reason}"
            raise NothingRead(url=self._pod_manager.url, reason=reason)

    def _note(self, diff, found):
        """Take note of an Unchanged or an Unread."""
        if isinstance(found, base.Unchanged):
            diff.unchanged(found.resource_url)
            return
        self.counters["unread"] += not found.dead
        if self._unread is None or (self._unread.dead and not found.dead):
            self._unread = found
        diff.unread(found)

    def _check(self, _=None):
        if self._must_end():
            raise HandedBack
        return True

    def _commit(self, batch):
        batch = list(batch)
        self._note_unerased([each.old.uuid for each in batch if isinstance(each, comparison.Removed)])
        changes = itertools.chain.from_iterable(self._stored_form.of(change) for change in batch)
        self._store.commit(*changes, *self._nodes(batch), lease=self._lease)

    def _note_unerased(self, removed):
        """Read which of the resources that are removed have devices that were not erased."""
        dirty = [store.Filter("uuid", "in", removed), store.Filter("state", "eq", device.DIRTY)]
        rows = self._store.list(models.Device, filters=dirty) if removed else ()
        self._stored_form.unerased = {row.uuid: row.reason or device.UNERASED for row in rows}
        kept = self._rows(models.RemovedResource, removed) if removed else ()
        self._stored_form.kept = {row.uuid: row for row in kept}

    def _nodes(self, batch):
        """Return the changes that let nodes follow machines that moved, each node once in a synchronization."""
        moves = {
            each.old.resource_url: each.new.resource_url for each in batch if getattr(each, "moved", False)
        }
        found = devices.followed(self._store, self._pod_manager.uuid, moves)
        new = [change for change in found if change.obj.uuid not in self._followed]
        self._followed |= {change.obj.uuid for change in new}
        return new


class Rereading:
    """Processes the hints on one pod manager, under its ``lease``; a hint on part of a resource is on all of it."""

    def __init__(self, database, live_connections, lease):
        self._store, self._connections, self._lease = database, live_connections, lease
        self._pod_manager = self._connection = None
        self._context = context.service_context()
        self._written = StoredForm(self._context, dict.fromkeys(COUNTERS, 0))

    def run(self, uuid, waiting) -> dict[str, int]:
        """Process ``waiting`` (hints.Waiting); raise what the store raises.

        Return the URLs of resources to read again after a pause, with the number of reads so far: an event may be
        posted before the state settles, and no event may report the state that follows.
        """
        self._context.update_store()
        try:
            self._pod_manager = connections.read(self._store, uuid)
            connections.require_undeleted(self._pod_manager)
            self._connection = self._connections.get(self._pod_manager, connections.SYNC)
        except (errors.NotFound, errors.Conflict, errors.SecretUnreadable):
            return {}  # the timer's synchronization tells why, and none follows a deletion
        self._waiting, self._unsettled, self._vague = waiting, {}, "" in waiting.vague
        self._is_drift = False
        whole = waiting.whole
        urls = list(waiting.urls)
        for start in range(0, len(urls), BATCH):
            whole = self._look_into(urls[start : start + BATCH]) or whole
            work_metrics.REREAD_SECONDS.observe(time.monotonic() - waiting.since)
        if whole:
            pacing.make_due(self._store, self._pod_manager, self._lease)
            return self._unsettled
        if self._vague:
            pacing.make_due(self._store, self._pod_manager, self._lease, after=waiting.pause)
        if self._is_drift:
            late = {"after": DRIFT_SECONDS, "pause": pacing.DRIFT_PAUSE}
            pacing.make_due(self._store, self._pod_manager, self._lease, **late)
        return self._unsettled

    def _look_into(self, urls):
        """Read the resources at or above these URLs and store what changed; return whether all has to be read."""
        rows, times = self._rows(urls)
        work_metrics.HARDWARE_EVENTS.labels("unknown").inc(max(0, len(urls) - len(rows)))
        diff = comparison.Diff(self._pod_manager.uuid, rows)
        uncertain, found, touched = False, [], []
        for row in rows:
            result, change = self._look(diff, row, times[row.uuid])
            work_metrics.HARDWARE_EVENTS.labels(result).inc()
            uncertain = uncertain or result == "whole"
            found += [change] if change is not None else []
            if result == "read" and self._may_be_drift(change, times[row.uuid]):
                touched.append(row)
        stored = list(itertools.chain.from_iterable(map(self._written.of, found)))
        if stored:
            self._store.commit(*stored, lease=self._lease)
        self._is_drift = self._is_drift or drift.concerns(self._store, self._pod_manager.uuid, touched)
        return uncertain or diff.uncertain

    @staticmethod
    def _may_be_drift(change, times):
        """Return whether an event may be about who uses a resource: not where its power changed, and its state by that.

        A resource that shows no change was still changed in what only a crawl reads, such as its links; that is looked
        at once for an event.
        """
        if change is None:
            return not times
        old, new = change.old, change.new
        return old.power_state == new.power_state or (old.health, old.name) != (new.health, new.name)

    def _look(self, diff, row, times):
        """Read one resource; return the result, a label of the metric, and the change or None."""
        if not comparison.known(row):
            return "whole", None
        try:
            seen = self._connection.look(row.resource_url, row.resource_type, row.parent)
        except errors.ResourceGone:
            return "whole", None
        except errors.PodManagerError as error:
            LOG.warning("pod manager %s: %s; the timer looks again", self._pod_manager.uuid, error.detail)
            return "failed", None
        change = diff.see(seen)
        if seen.power_state in base.TRANSITIONAL or (change is None and not times):
            self._unsettled[row.resource_url] = times + 1
        return "read", change

    def _rows(self, urls):
        """Return the known resources that are at or next above the URLs, and how often each was read by its UUID."""
        places = {place for url in urls for place in _upwards(url)}
        known = [
            store.Filter("podm_id", "eq", self._pod_manager.uuid),
            store.Filter("resource_url", "in", sorted(places)),
        ]
        rows = {row.resource_url: row for row in self._store.list(models.ResourceWithState, filters=known)}
        found, times = {}, {}
        for url in urls:
            row = next((rows[place] for place in _upwards(url) if place in rows), None)
            if url in self._waiting.vague and (row is None or row.resource_url != url):
                self._vague = True
            if row is not None:
                found[row.uuid] = row
                times[row.uuid] = min(times.get(row.uuid, self._waiting.urls[url]), self._waiting.urls[url])
        return list(found.values()), times


def _upwards(url):
    """Yield a path and those above it."""
    while url.count("/") > 1:
        yield url
        url = url.rpartition("/")[0]
