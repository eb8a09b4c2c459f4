# SPDX-License-Identifier: Apache-2.0
"""The changes of one commit, grouped so that a group is one statement.

What is removed goes first, referring rows before those that they refer to; then what is changed; then what is
created, referred-to rows first; then changes that refer to what is new. Rows with a sequence number come last,
so that its counter is locked shortly.
"""

import functools
import uuid

from valence.db import store
from valence.db import types

#: fields that the store itself fills
STAMPS = ("created_at", "updated_at")


class Group:
    """Changes of one class, of one model, that touch the same fields.

    They are in the order of their keys, so that two commits do not lock the same rows in another order and
    wait for each other; those that get a number keep their own order.
    """

    def __init__(self, model, changes):
        self.model, self.kind = model, type(changes[0])
        self.changes = (
            changes if sequence_of(model) else sorted(changes, key=lambda change: key_of(change.obj))
        )

    @property
    def objects(self):
        """Return the changed objects as they were given."""
        return [change.obj for change in self.changes]


class Changes:
    """The groups of one commit; ``results`` has the stored object of each change, by the change's id()."""

    def __init__(self, changes):
        self._changes = changes
        self._refuse_doubles()
        by_class = {kind: [each for each in changes if type(each) is kind] for kind in KINDS}
        self.requires = sorted(_groups(by_class[store.Require], _model), key=_depth)
        self.deletes = sorted(_groups(by_class[store.Delete], _model), key=_depth, reverse=True)
        self._new = {(type(change.obj), key_of(change.obj)) for change in by_class[store.Create]}
        self.updates = sorted(_groups(by_class[store.Update], _columns), key=self._refers_to_new)
        self.creates = sorted(_groups(by_class[store.Create], _model), key=_depth)
        self.results = {}

    def __iter__(self):
        """Yield the groups in the order in which they are written."""
        early = [group for group in self.updates if not self._refers_to_new(group)]
        numbered = [group for group in self.creates if sequence_of(group.model)]
        yield from self.requires
        yield from self.deletes
        yield from early
        yield from self.creates[: len(self.creates) - len(numbered)]
        yield from self.updates[len(early) :]
        yield from numbered

    def in_order(self):
        """Return the stored objects in the order of the changes."""
        return [self.results.get(id(change)) for change in self._changes]

    @functools.cached_property
    def witness(self):
        """Return a Create whose key Valence made: its row, if it is there, proves that the commit took place."""
        fresh = (change for group in self.creates for change in group.changes if _is_made(group.model))
        return next(fresh, None)

    @functools.cached_property
    def marker(self):
        """Return the UUID that marks this commit where there is no witness."""
        return str(uuid.uuid4())

    @functools.cached_property
    def is_repeatable(self):
        """Whether doing it twice is the same as doing it once."""
        return all(
            type(change) is store.Update and "revision" not in change.obj.fields for change in self._changes
        )

    @functools.cached_property
    def vacated(self):
        """Return (object, field name) pairs of unique values that one update gives up and another one takes."""
        updates = [change for group in self.updates for change in group.changes]
        taken = {place for change in updates for place in _unique_values(change, change.values)}
        return [
            (change.obj, name)
            for change in (updates if taken else ())
            for model, name, value in _unique_values(change, change.obj.as_dict())
            if (model, name, value) in taken and change.values.get(name, value) != value
        ]

    def _refers_to_new(self, group):
        given = (
            (field.model, change.values.get(name))
            for name, field in references_of(group.model)
            for change in group.changes
        )
        return not self._new.isdisjoint(given)

    def _refuse_doubles(self):
        seen = set()
        for change in self._changes:
            name = (type(change.obj), key_of(change.obj))
            if name in seen:
                raise ValueError(f"{name} is in two changes of one commit")
            seen.add(name)


def key_of(obj):
    """Return the key of an object."""
    return getattr(obj, type(obj).key)


def sequence_of(model):
    """Return the name of the model's Sequence field, or None."""
    return next((name for name, field in model.fields.items() if isinstance(field, types.Sequence)), None)


def references_of(model):
    """Return the (name, field) pairs of the model's references."""
    return [(name, field) for name, field in model.fields.items() if isinstance(field, types.Reference)]


def touched(change, now):
    """Return the values that an update changes by itself, where it is not told otherwise."""
    fields = change.obj.fields if change.touch else {}
    moment = {"updated_at": now} if "updated_at" in fields else {}
    return moment | {"revision": change.obj.revision + 1} if "revision" in fields else moment


def stamps(obj, now):
    """Return the moments that the store sets of a new row; those that it has, as a copy of a row has, are kept."""
    return {name: getattr(obj, name) or now for name in STAMPS if name in obj.fields}


KINDS = (store.Require, store.Delete, store.Update, store.Create)


def _groups(changes, criterion):
    groups = {}
    for change in changes:
        groups.setdefault(criterion(change), []).append(change)
    return [Group(type(members[0].obj), members) for members in groups.values()]


def _unique_values(change, values):
    """Yield (model, field name, value) of the unique fields among ``values`` that have a value."""
    model = type(change.obj)
    for name in model.fields.keys() & values.keys():
        if model.fields[name].unique and values[name] is not None:
            yield model, name, values[name]


def _model(change):
    return type(change.obj)


def _columns(change):
    return type(change.obj), frozenset(change.values), change.touch


def _depth(group):
    """Return the order of creation: after what is referred to, numbered rows last."""
    return sequence_of(group.model) is not None, _reference_depth(group.model)


@functools.cache
def _reference_depth(model):
    return max(
        (1 + _reference_depth(field.model) for _, field in references_of(model) if field.model is not model),
        default=0,
    )


def _is_made(model):
    return type(model.fields[model.key]) is types.UUID
