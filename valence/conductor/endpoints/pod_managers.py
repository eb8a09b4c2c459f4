# SPDX-License-Identifier: Apache-2.0
"""Changes of pod managers, each stored together with its event and the work that follows from it."""

import contextlib
import functools

from oslo_log import log
from stevedore import extension

from valence.common import errors
from valence.conductor import access
from valence.conductor import duplicates
from valence.conductor import events
from valence.conductor import idempotency as repeated
from valence.conductor import leftovers
from valence.conductor import operations
from valence.conductor import removals
from valence.conductor import worker
from valence.conductor.rpc import rpc
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

PAGE = 1000
#: how often a change is tried again that others were faster than
TRIES = 20
DEFAULT_DRIVER = models.PodManager.fields["driver"].default


class PodManagersEndpoint:
    """The namespace ``pod_managers`` of ``valence.conductor.client``."""

    namespace = "pod_managers"

    def __init__(self, database, leases, live_connections, ring, *, subscribes=False):
        self._subscribes = subscribes
        self._store, self._leases = database, leases
        self._connections, self._ring = live_connections, ring
        self._drivers = extension.ExtensionManager("valence.podmanager.driver")

    @rpc
    def create(self, context, values, idempotency=None):
        """Register a pod manager and ask for its first synchronization."""

        def do(remember):
            self._check_driver(values)
            now = self._store.at()
            stored_values = self._with_stored_url(values, values.get("driver", DEFAULT_DRIVER))
            pod_manager = models.PodManager(**stored_values, next_sync_at=now, created_at=now, updated_at=now)
            sync = None if pod_manager.maintenance else _sync_operation(context, pod_manager.uuid, now)
            stored = self._commit_create(context, pod_manager, sync, remember)
            return {"pod_manager": stored.public(), "operation": sync and sync.public()}

        answer = repeated.once(self._store, idempotency, do)
        if answer["operation"]:
            self._ring()
        return answer

    @rpc
    def update(self, context, uuid, values, revision=None):
        """Change fields; a new way of access is tried at once."""
        return _again(revision, lambda: self._update(context, self._expect(uuid, revision), values))

    @rpc
    def delete(self, context, uuid, revision=None, force=False):
        """Remove a pod manager, its resources and the operations that wait for it."""
        self._expect(uuid, revision)
        with self._alone(uuid, force) as lease:
            _again(revision, lambda: self._delete(context, self._expect(uuid, revision), lease))
        # Those that were asked for after the commit had looked for them; none can be stored after it.
        leftovers.end_orphans(self._store, context, operations.open_for(self._store, uuid))
        self._connections.drop(uuid)

    @rpc
    def sync(self, context, uuid, idempotency=None):
        """Ask for a synchronization, unless one waits already."""
        ask = functools.partial(operations.ask_for_sync, self._store, context, uuid)
        answer = repeated.once(self._store, idempotency, ask)
        self._ring()
        return answer

    def _update(self, context, old, values):
        values = self._with_stored_url(values, old.driver, old)
        changes = {name: value for name, value in values.items() if getattr(old, name) != value}
        if not changes:
            return old.public()
        contact = not changes.keys().isdisjoint(access.CONTACT)
        if contact:
            changes |= {"next_sync_at": self._store.at(), "failures": 0}
        told = events.pod_manager(context, "update", old=old, new=old.replace(**changes))
        stored = self._store.commit(store.Update(old, changes), told)[0]
        if contact:
            self._ring()
        return stored.public()

    def _delete(self, context, pod_manager, lease):
        uuid = pod_manager.uuid
        changes = [*self._cancel(context, pod_manager), *self._remove_resources(context, uuid)]
        changes.append(store.Delete(pod_manager))
        changes += removals.after_deletion(pod_manager, self._store) if self._subscribes else []
        changes.append(events.pod_manager(context, "delete", old=pod_manager))
        self._store.commit(*changes, lease=lease)

    def _check_driver(self, values):
        name = values.get("driver", DEFAULT_DRIVER)
        if name not in self._drivers:
            hint = f"Use one of: {', '.join(sorted(self._drivers.names()))}."
            problem = {"path": "$.driver", "detail": f"There is no driver {name!r}.", "hint": hint}
            raise errors.ValidationFailed(problems=[problem])

    def _with_stored_url(self, values, driver, old=None):
        """Return ``values`` with the URL in the form in which it is stored; raise Duplicate."""
        if "url" not in values or driver not in self._drivers:
            return values
        try:
            urls = self._drivers[driver].plugin.spellings(values["url"])
        except errors.PodManagerError as error:
            problem = {
                "path": "$.url",
                "detail": f"url: {error.kwargs['reason']}.",
                "hint": "Correct the URL.",
            }
            raise errors.ValidationFailed(problems=[problem]) from None
        if old is not None and old.url in urls:
            return values | {"url": old.url}
        duplicates.require_new_url(self._store, urls, old and old.uuid)
        return values | {"url": urls[0]}

    def _commit_create(self, context, pod_manager, sync, remember):
        told = events.pod_manager(context, "create", new=pod_manager)
        work = [store.Create(sync)] if sync else []
        answer = {"pod_manager": pod_manager.public(), "operation": sync and sync.public()}
        return self._store.commit(store.Create(pod_manager), told, *work, *remember(answer))[0]

    def _expect(self, uuid, revision):
        pod_manager = access.read(self._store, uuid)
        if revision is not None and pod_manager.revision != revision:
            raise errors.RevisionMismatch(kind="pod_manager", key=uuid)
        return pod_manager

    @contextlib.contextmanager
    def _alone(self, uuid, force):
        """Hold the lease of the pod manager: a timer's synchronization gives way, an operation only to ``force``."""
        running = [each for each in operations.open_for(self._store, uuid) if each.state == "running"]
        if running and not force:
            reason = f"operation {running[0].uuid} ({running[0].operation_kind}) runs on it; force=true overrides that"
            raise errors.InUse(kind="pod_manager", key=uuid, reason=reason)
        with self._leases.hold(worker.lease_name(uuid), steal=True) as lease:
            yield lease

    def _cancel(self, context, pod_manager):
        for each in operations.open_for(self._store, pod_manager.uuid):
            now = self._store.at()
            yield from operations.ending(context, each, leftovers.deleted(), now=now, pod_manager=pod_manager)

    def _remove_resources(self, context, uuid):
        mine, marker = [store.Filter("podm_id", "eq", uuid)], None
        while rows := self._store.list(models.ResourceWithState, filters=mine, marker=marker, limit=PAGE):
            yield from (events.resource(context, "removed", old=row) for row in rows)
            marker = rows[-1].uuid


def _sync_operation(context, uuid, now):
    return operations.new(context, "sync", "pod_manager", uuid, now=now)


def _again(revision, change):
    """Return the result of ``change``, done again where somebody else was faster: who names no revision means any."""
    for _ in range(0 if revision is not None else TRIES):
        try:
            return change()
        except errors.RevisionMismatch:
            LOG.debug("somebody else changed the pod manager at the same time, trying again")
    return change()
