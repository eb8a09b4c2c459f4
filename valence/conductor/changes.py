# SPDX-License-Identifier: Apache-2.0
"""What has to be stored for a change of the inventory, together with the events that tell of it."""

from valence.conductor import events
from valence.conductor import inventory
from valence.db import models
from valence.db import store


class StoredForm:
    """Turns Added, Removed and Changed into changes of the store; counts them in ``counters``.

    ``context`` is of whoever caused that they are looked for. What is removed is remembered as removed at
    ``removed_at``, a DateTime value, unless that is None.
    """

    def __init__(self, context, counters, removed_at=None):
        self._context, self._counters = context, counters
        self._removed_at = removed_at

    def of(self, change):
        """Return what has to be committed for one change of the inventory."""
        if isinstance(change, inventory.Added):
            return self._add(change.new, change.returned)
        if isinstance(change, inventory.Removed):
            return self._remove(change.old)
        return self._change(change)

    def _add(self, new, returned):
        self._counters["added"] += 1
        resource, state = _part(models.Resource, new), _part(models.ResourceState, new)
        forgotten = [store.Delete(returned)] if returned is not None else []
        event = events.resource(self._context, "added", new=new)
        return [*forgotten, store.Create(resource), store.Create(state), event]

    def _remove(self, old):
        self._counters["removed"] += 1
        event = events.resource(self._context, "removed", old=old)
        return [store.Delete(_part(models.Resource, old)), *self._remembered(old), event]

    def _remembered(self, old):
        if self._removed_at is None:
            return []
        names = models.RemovedResource.fields.keys() - {"removed_at"}
        known = {name: getattr(old, name) for name in names}
        return [store.Create(models.RemovedResource(**known, removed_at=self._removed_at))]

    def _change(self, change):
        old, new = change.old, change.new
        changes = _state(old, new)
        if change.moved:
            changes.append(store.Update(_part(models.Resource, old), {"resource_url": new.resource_url}))
            changes.append(events.resource(self._context, "moved", old=old, new=new))
        if change.told:
            changes.append(events.resource(self._context, "state_changed", old=old, new=new))
        self._counters["changed"] += change.moved or change.told
        return changes


def _state(old, new):
    if not inventory.known(old):
        return [store.Create(_part(models.ResourceState, new))]
    state = {
        name: getattr(new, name) for name in inventory.SEEN_FIELDS if getattr(old, name) != getattr(new, name)
    }
    return [store.Update(_part(models.ResourceState, old), state)] if state else []


def _part(model, row):
    """Return the object of one of the models that a ResourceWithState joins."""
    return model(**{name: getattr(row, name) for name in model.fields})
