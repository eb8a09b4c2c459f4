# SPDX-License-Identifier: Apache-2.0
"""From the changes of a commit to what is to be written, with every rule checked on one snapshot.

The head of the store changes with every commit, so what was checked holds until the write, or the write fails.
"""

from valence.common import errors
from valence.db import changes as changesets
from valence.db.etcd import draft
from valence.db.etcd import index
from valence.db.etcd import loading


class Plan:
    """The rules of one commit at the time ``now`` on one snapshot; ``changes.results`` gets the stored objects."""

    def __init__(self, snapshot, changes, models, objects, now):
        self._changes, self._models, self._objects = changes, models, objects
        self._draft = draft.Draft(snapshot, objects)
        self._now = now

    def make(self):
        """Return the batch to write; raise what Store.commit raises."""
        self._draft.load(_name(change) for group in self._changes for change in group.changes)
        self._require()
        self._delete()
        self._update()
        self._create()
        self._refuse_dangling()
        self._refuse_duplicates()
        return self._draft.finish()

    def _require(self):
        for change in draft.each(self._changes.requires):
            model, key = _name(change)
            if self._draft.row((model, key)) is None:
                raise errors.NotFound(kind=model.kind, key=key)

    def _delete(self):
        names = [_name(change) for change in draft.each(self._changes.deletes)]
        for change in draft.each(self._changes.deletes):
            self._require_state(change)
        self._draft.after |= dict.fromkeys(names)
        self._remove_referring(names)

    def _remove_referring(self, names):
        """Remove what refers by cascade to the removed ``names``; raise InUse for what else refers to them."""
        restricted = []
        while names:
            further = []
            for name, other, field, users in self._uses(names):
                if field.on_delete == "cascade":
                    further += [(other, user) for user in users if not self._draft.is_removed((other, user))]
                else:
                    restricted += [(name, (other, user)) for user in users]
            names = list(dict.fromkeys(further))
            self._draft.load(names)
            self._draft.after |= dict.fromkeys(names)
        for (model, key), (other, user) in restricted:
            if not self._draft.is_removed((other, user)):
                raise errors.InUse(kind=model.kind, key=key, reason=f"the {other.kind} {user} refers to it")

    def _uses(self, names):
        """Yield each of ``names`` that is referred to, with the model, the field and the keys that refer to it."""
        for model in dict.fromkeys(model for model, _ in names):
            keys = [key for other, key in names if other is model]
            for other, name, field in index.references_to(model, self._models):
                for key, users in self._draft.keys_with(other, name, keys).items():
                    if users:
                        yield (model, key), other, field, users

    def _require_state(self, change):
        """Raise unless a row is there as it was read before."""
        model, key = _name(change)
        row = self._draft.row((model, key))
        if row is None:
            raise errors.NotFound(kind=model.kind, key=key)
        if "revision" in model.fields and row["revision"] != change.obj.revision:
            raise errors.RevisionMismatch(kind=model.kind, key=key)

    def _update(self):
        for change in draft.each(self._changes.updates):
            self._require_state(change)
            model, key = _name(change)
            values = change.values | changesets.touched(change, self._now)
            row = self._draft.row((model, key)) | self._objects.encode(model, values)
            self._draft.after[model, key] = row
            self._changes.results[id(change)] = change.obj.replace(**values)

    def _create(self):
        for group in self._changes.creates:
            objects = [
                change.obj.replace(**changesets.stamps(change.obj, self._now)) for change in group.changes
            ]
            self._number(group.model, objects)
            for change, obj in zip(group.changes, objects, strict=True):
                self._insert(_name(change), obj)
                self._changes.results[id(change)] = obj

    def _insert(self, name, obj):
        model, key = name
        if self._draft.row(name) is not None:
            raise errors.Duplicate(kind=model.kind, field=model.key, value=key)
        self._draft.after[name] = self._objects.encode(model, obj.as_dict())

    def _number(self, model, objects):
        sequence = changesets.sequence_of(model)
        if sequence is None:
            return
        last = loading.last_number(self._draft.snapshot, self._objects.paths, model)
        for number, obj in enumerate(objects, last + 1):
            setattr(obj, sequence, number)
        self._draft.sequences[model] = last + len(objects)

    def _refuse_dangling(self):
        """Raise NotFound for a reference to what is not there."""
        wanted = [
            (field.model, given[name])
            for model, _, given in self._given()
            for name, field in changesets.references_of(model)
            if given.get(name) is not None
        ]
        self._draft.load(wanted)
        for model, key in wanted:
            if self._draft.row((model, key)) is None:
                raise errors.NotFound(kind=model.kind, key=key)

    def _refuse_duplicates(self):
        """Raise Duplicate for a unique value that another row has."""
        owners = {}
        for model, key, given in self._given():
            for name, field in model.fields.items():
                if field.unique and given.get(name) is not None:
                    self._own(owners, model, key, name, given[name])
        for model, name in dict.fromkeys((model, name) for model, name, _ in owners):
            values = [value for *owned, value in owners if owned == [model, name]]
            found = self._draft.keys_with(model, name, values)
            self._load_rows(model, found)
            for value, keys in found.items():
                for key in keys:
                    row = self._draft.row((model, key))
                    if key != owners[model, name, value] and row and row[name] == value:
                        raise errors.Duplicate(kind=model.kind, field=name, value=value)

    def _load_rows(self, model, found):
        self._draft.load((model, key) for keys in found.values() for key in keys)

    @staticmethod
    def _own(owners, model, key, name, value):
        if owners.setdefault((model, name, value), key) != key:
            raise errors.Duplicate(kind=model.kind, field=name, value=value)

    def _given(self):
        """Yield model, key and the stored form of what each change gives."""
        for change in draft.each(self._changes.updates):
            row = self._draft.after[_name(change)]
            yield *_name(change), {name: row[name] for name in change.values}
        for change in draft.each(self._changes.creates):
            yield *_name(change), self._draft.after[_name(change)]


def _name(change):
    return type(change.obj), changesets.key_of(change.obj)
