# SPDX-License-Identifier: Apache-2.0
"""Changes of pod managers, each stored together with its event and the work that follows from it."""

import functools

from stevedore import extension

from valence.bus import messaging
from valence.common import errors
from valence.conductor.endpoints import repeats
from valence.conductor.events import outbox
from valence.conductor.inventory import connections
from valence.conductor.inventory import duplicates
from valence.conductor.work import deletions
from valence.conductor.work import operations
from valence.db import models
from valence.db import store

DEFAULT_DRIVER = models.PodManager.fields["driver"].default


class PodManagersEndpoint:
    """The namespace ``pod_managers`` of ``valence.conductor.client``."""

    namespace = "pod_managers"

    def __init__(self, database, deletion, live_connections, ownership, wake):
        self._store, self._deletions, self._ownership = database, deletion, ownership
        self._connections, self._wake = live_connections, wake
        self._drivers = extension.ExtensionManager("valence.podmanager.driver")

    @messaging.expose
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

        answer = repeats.once(self._store, idempotency, do)
        if answer["operation"]:
            self._wake()
        return answer

    @messaging.expose
    def update(self, context, uuid, values, revision=None):
        """Change fields; a new way of access is tried at once."""
        return store.again(
            lambda: self._update(context, self._expect(uuid, revision), values),
            tries=deletions.tries(revision),
        )

    @messaging.expose
    def delete(self, context, uuid, revision=None, force=False):
        """Remove a pod manager, its resources and the operations that wait for it."""
        self._deletions.delete(context, uuid, revision, force)
        self._connections.drop(uuid)

    @messaging.expose
    def sync(self, context, uuid, idempotency=None):
        """Ask for a synchronization, unless one waits already."""
        ask = functools.partial(operations.ask_for_sync, self._store, context, uuid)
        answer = repeats.once(self._store, idempotency, ask)
        self._wake()
        return answer

    def _update(self, context, old, values):
        connections.require_undeleted(old)
        values = self._with_stored_url(values, old.driver, old)
        changes = {name: value for name, value in values.items() if getattr(old, name) != value}
        if not changes:
            return old.public()
        contact = not changes.keys().isdisjoint(connections.CONTACT)
        if contact:
            changes |= {"next_sync_at": self._store.at(), "failures": 0}
        told = outbox.event("pod_manager", context, "update", old=old, new=old.replace(**changes))
        stored = self._commit(store.Update(old, changes), told, url=changes.get("url"))[0]
        if contact:
            self._wake()
        return stored.public()

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
        # The database refuses the form that is stored now. Older versions stored the others, so they are known here.
        if not self._ownership.urls.isdisjoint(urls[1:]):
            duplicates.require_new_url(self._store, urls, old and old.uuid)
        return values | {"url": urls[0]}

    def _commit(self, *changes, url):
        """Commit changes and return the stored objects; a Duplicate names the pod manager that has the URL."""
        try:
            return self._store.commit(*changes)
        except errors.Duplicate as error:
            if error.kwargs["field"] == "url":
                duplicates.require_new_url(self._store, [url])
            raise

    def _commit_create(self, context, pod_manager, sync, remember):
        told = outbox.event("pod_manager", context, "create", new=pod_manager)
        work = [store.Create(sync)] if sync else []
        answer = {"pod_manager": pod_manager.public(), "operation": sync and sync.public()}
        changes = store.Create(pod_manager), told, *work, *remember(answer)
        return self._commit(*changes, url=pod_manager.url)[0]

    def _expect(self, uuid, revision):
        pod_manager = connections.read(self._store, uuid)
        if revision is not None and pod_manager.revision != revision:
            raise errors.RevisionMismatch(kind="pod_manager", key=uuid)
        return pod_manager


def _sync_operation(context, uuid, now):
    return operations.new(context, "sync", "pod_manager", uuid, now=now)
