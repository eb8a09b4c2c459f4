# SPDX-License-Identifier: Apache-2.0
"""Flavors for clients: each change is one commit with its event."""

from valence.bus import messaging
from valence.common import errors
from valence.conductor.endpoints import repeats
from valence.conductor.events import new_events
from valence.db import models
from valence.db import store


class FlavorsEndpoint:
    """The namespace ``flavors`` of ``valence.conductor.client``."""

    namespace = "flavors"

    def __init__(self, database):
        self._store = database

    @messaging.expose
    def create(self, context, values, idempotency=None):
        """Store a flavor."""

        def do(remember):
            now = self._store.at()
            flavor = models.Flavor(**values, created_at=now, updated_at=now)
            answer = {"flavor": flavor.public()}
            event = new_events.flavor(context, "create", new=flavor)
            self._store.commit(store.Create(flavor), event, *remember(answer))
            return answer

        return repeats.once(self._store, idempotency, do)

    @messaging.expose
    def update(self, context, uuid, values, revision=None):
        """Change fields."""
        return self._again(revision, lambda: self._update(context, self._expect(uuid, revision), values))

    @messaging.expose
    def delete(self, context, uuid, revision=None, force=False):
        """Remove a flavor; nodes that were requested with it stay."""
        self._again(revision, lambda: self._delete(context, self._expect(uuid, revision)))

    def _update(self, context, old, values):
        changes = {name: value for name, value in values.items() if getattr(old, name) != value}
        if not changes:
            return old.public()
        event = new_events.flavor(context, "update", old=old, new=old.replace(**changes))
        return self._store.commit(store.Update(old, changes), event)[0].public()

    def _delete(self, context, old):
        self._store.commit(store.Delete(old), new_events.flavor(context, "delete", old=old))

    def _again(self, revision, attempt):
        """Return the result of a change; without an expected revision it may follow another one."""
        return store.again(attempt, tries=store.TRIES if revision is None else 1)

    def _expect(self, uuid, revision):
        flavor = self._store.get(models.Flavor, uuid)
        if revision is not None and flavor.revision != revision:
            raise errors.RevisionMismatch(kind="flavor", key=uuid)
        return flavor
