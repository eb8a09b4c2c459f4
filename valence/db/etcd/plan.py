# SPDX-License-Identifier: Apache-2.0
"""Turn the changes of a commit into writes, with every rule checked on one snapshot.

The head of the store changes with every commit. So a checked rule still holds when the write succeeds.
"""

import itertools
import typing

from valence.common import errors
from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import objects
from valence.db.etcd import paths

#: the key of the row that a unique value belongs to, by model, field and value
Owners = dict[tuple[store.Model, str, typing.Any], store.Key]


class Use(typing.NamedTuple):
    """The rows with ``keys``, whose field ``name`` refers to the row ``used`` by ``reference``."""

    used: objects.Name
    model: store.Model
    name: str
    reference: types.Reference
    keys: list[store.Key]


class Draft:
    """Rows by (model, key): ``before`` as they are stored, ``after`` as they will be, None where there is none."""

    before: objects.Rows
    after: objects.Rows
    sequences: dict[store.Model, int]

    def __init__(self, snapshot: keyspace.Snapshot, objects: objects.Objects) -> None:
        self.snapshot, self._objects = snapshot, objects
        self.before, self.after, self.sequences = {}, {}, {}
        self.batch = keyspace.Batch()

    def load(self, names: typing.Iterable[objects.Name]) -> None:
        """Read the rows of (model, key) pairs that were not read before."""
        missing = [name for name in dict.fromkeys(names) if name not in self.before]
        self.before |= self._objects.read(self.snapshot, missing)

    def row(self, name: objects.Name) -> store.RowValues | None:
        """Return a row that was loaded, as it will be."""
        return self.after[name] if name in self.after else self.before[name]

    def is_removed(self, name: objects.Name) -> bool:
        """Tell whether the commit removes a row."""
        return name in self.after and self.after[name] is None

    def keys_with(
        self, model: store.Model, field: str, values: typing.Iterable[typing.Any]
    ) -> dict[typing.Any, list[store.Key]]:
        """Return the stored keys of rows by the value that they have in an indexed field."""
        if field == model.key:
            names = [(model, value) for value in values]
            self.load(names)
            return {value: [value] if self.before[model, value] else [] for _, value in names}
        tree = index.tree_of(model, field)
        parts = {index.beginning(index.prefix(value)): value for value in values}
        found = self.snapshot.find(tree, parts)
        return {value: [*map(index.key_of, found[part])] for part, value in parts.items()}

    def finish(self) -> keyspace.Batch:
        """Return the batch that turns what is before into what is after."""
        number = self.snapshot.head.number + 1
        self._remove_parts()
        for count, (name, row) in enumerate(self.after.items()):
            self._write(name, row, f"{number}", count)
        for model, last in self.sequences.items():
            self.batch.texts[self._objects.paths.sequence(model)] = str(last)
        return self.batch

    def _write(self, name: objects.Name, row: store.RowValues | None, number: str, count: int) -> None:
        model, key = name
        before, place = self.before[name], self._objects.paths.object(*name)
        if row is None and before is None:
            return
        if row is None:
            self.batch.texts[place] = None
        elif row != before:
            self.batch.texts[place], parts = self._objects.place(row, number, count)
            self.batch.texts |= parts
        self._index(model, key, before, row)

    def _index(
        self,
        model: store.Model,
        key: store.Key,
        before: store.RowValues | None,
        after: store.RowValues | None,
    ) -> None:
        for tree in index.trees_of(model):
            old = None if before is None else index.entry(tree, before, key)
            new = None if after is None else index.entry(tree, after, key)
            if old != new:
                self.batch.entries |= {(tree, text): text == new for text in (old, new) if text is not None}

    def _remove_parts(self) -> None:
        changed = [name for name, row in self.after.items() if self.before[name] and row != self.before[name]]
        self.batch.texts |= dict.fromkeys(self._objects.parts_of(self.snapshot, changed))


def each(
    groups: typing.Iterable[changesets.Group[changesets.AnyChange]],
) -> typing.Iterator[changesets.AnyChange]:
    """Yield the changes of groups."""
    return itertools.chain.from_iterable(group.changes for group in groups)


class Plan:
    """The rules of one commit at the time ``now`` on one snapshot; ``changes.results`` gets the stored objects."""

    def __init__(
        self,
        snapshot: keyspace.Snapshot,
        changes: changesets.Changes,
        models: typing.Sequence[store.Model],
        objects: objects.Objects,
        now: str,
    ) -> None:
        self._changes, self._models, self._objects = changes, models, objects
        self._draft = Draft(snapshot, objects)
        self._now = now

    def make(self) -> keyspace.Batch:
        """Return the batch to write; raise what Store.commit raises."""
        self._draft.load(_name(change) for group in self._changes for change in group.changes)
        self._require()
        self._delete()
        self._update()
        self._create()
        self._refuse_dangling()
        self._refuse_duplicates()
        return self._draft.finish()

    def _require(self) -> None:
        for change in each(self._changes.requires):
            model, key = _name(change)
            if self._draft.row((model, key)) is None:
                raise errors.NotFound(kind=model.kind, key=key)

    def _delete(self) -> None:
        names = [_name(change) for change in each(self._changes.deletes)]
        for change in each(self._changes.deletes):
            self._require_state(change)
        self._draft.after |= dict.fromkeys(names)
        self._remove_referring(names)

    def _remove_referring(self, names: list[objects.Name]) -> None:
        """Remove or clear what refers to the removed ``names``; raise InUse for references that restrict."""
        restricted: list[tuple[objects.Name, objects.Name]] = []
        cleared: list[tuple[str, objects.Name]] = []
        while names:
            further: list[objects.Name] = []
            for use in self._uses(names):
                rows = [(use.model, key) for key in use.keys if not self._draft.is_removed((use.model, key))]
                if use.reference.on_delete == "cascade":
                    further += rows
                elif use.reference.on_delete == "clear":
                    cleared += [(use.name, row) for row in rows]
                else:
                    restricted += [(use.used, row) for row in rows]
            names = list(dict.fromkeys(further))
            self._draft.load(names)
            self._draft.after |= dict.fromkeys(names)
        for (model, key), (other, user) in restricted:
            if not self._draft.is_removed((other, user)):
                raise errors.InUse(kind=model.kind, key=key, reason=f"the {other.kind} {user} refers to it")
        self._clear(cleared)

    def _clear(self, fields: list[tuple[str, objects.Name]]) -> None:
        """Set each field, given with the name of its row, to None unless the row is removed."""
        self._draft.load(dict.fromkeys(name for _, name in fields))
        for field, name in fields:
            if row := self._draft.row(name):
                self._draft.after[name] = row | {field: None}

    def _uses(self, names: list[objects.Name]) -> typing.Iterator[Use]:
        """Yield what refers to each of ``names``."""
        for model in dict.fromkeys(model for model, _ in names):
            keys = [key for other, key in names if other is model]
            for other, name, field in index.references_to(model, self._models):
                for key, users in self._draft.keys_with(other, name, keys).items():
                    if users:
                        yield Use((model, key), other, name, field, users)

    def _require_state(self, change: store.Update | store.Delete) -> store.RowValues:
        """Return the row of a change, which has to be there as it was read before."""
        model, key = _name(change)
        row = self._draft.row((model, key))
        if row is None:
            raise errors.NotFound(kind=model.kind, key=key)
        if "revision" in model.fields and row["revision"] != change.obj.revision:
            raise errors.RevisionMismatch(kind=model.kind, key=key)
        return row

    def _update(self) -> None:
        for change in each(self._changes.updates):
            row, (model, key) = self._require_state(change), _name(change)
            values = change.values | changesets.touched(change, self._now)
            self._draft.after[model, key] = row | self._objects.encode(model, values)
            self._changes.results[id(change)] = change.obj.replace(**values)

    def _create(self) -> None:
        for group in self._changes.creates:
            objects = [
                change.obj.replace(**changesets.stamps(change.obj, self._now)) for change in group.changes
            ]
            self._number(group.model, objects)
            for change, obj in zip(group.changes, objects, strict=True):
                self._insert(_name(change), obj)
                self._changes.results[id(change)] = obj

    def _insert(self, name: objects.Name, obj: models.ModelBase) -> None:
        model, key = name
        if self._draft.row(name) is not None:
            raise errors.Duplicate(kind=model.kind, field=model.key, value=key)
        self._draft.after[name] = self._objects.encode(model, obj.as_dict())

    def _number(self, model: store.Model, objects: typing.Sequence[models.ModelBase]) -> None:
        sequence = changesets.sequence_of(model)
        if sequence is None:
            return
        last = last_number(self._draft.snapshot, self._objects.paths, model)
        for number, obj in enumerate(objects, last + 1):
            setattr(obj, sequence, number)
        self._draft.sequences[model] = last + len(objects)

    def _refuse_dangling(self) -> None:
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

    def _refuse_duplicates(self) -> None:
        """Raise Duplicate for a unique value that another row has."""
        owners: Owners = {}
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

    def _load_rows(self, model: store.Model, found: dict[typing.Any, list[store.Key]]) -> None:
        self._draft.load((model, key) for keys in found.values() for key in keys)

    @staticmethod
    def _own(owners: Owners, model: store.Model, key: store.Key, name: str, value: typing.Any) -> None:
        if owners.setdefault((model, name, value), key) != key:
            raise errors.Duplicate(kind=model.kind, field=name, value=value)

    def _given(self) -> typing.Iterator[tuple[store.Model, store.Key, store.RowValues]]:
        """Yield model, key and the stored form of what each change gives."""
        for change in each(self._changes.updates):
            row = self._draft.after[_name(change)] or {}
            yield *_name(change), {name: row[name] for name in change.values}
        for created in each(self._changes.creates):
            yield *_name(created), self._draft.after[_name(created)] or {}


def _name(change: store.Change) -> objects.Name:
    return type(change.obj), changesets.key_of(change.obj)


def last_number(snapshot: keyspace.Snapshot, paths: paths.Paths, model: store.Model) -> int:
    """Return the last number that the model's sequence gave."""
    place = paths.sequence(model)
    return int(snapshot.read([place])[place] or 0)
