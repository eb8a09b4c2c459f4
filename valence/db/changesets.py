# SPDX-License-Identifier: Apache-2.0
"""The changes of one commit, grouped so that a group is one statement.

What is removed goes first, referring rows before those that they refer to; then what is changed; then what is
created, referred-to rows first; then changes that refer to what is new. Rows with a sequence number come last,
so that its counter is locked shortly.
"""

import functools
import typing
import uuid

from valence.db import models
from valence.db import store
from valence.db import types
from valence.db import values

#: fields that the store itself fills
STAMPS = ("created_at", "updated_at")


AnyChange = typing.TypeVar("AnyChange", store.Require, store.Delete, store.Update, store.Create)
#: the stored object of each change that leaves one, by the change's id()
Results = dict[int, models.ModelBase]


class Group(typing.Generic[AnyChange]):
    """Changes of one class, of one model, that touch the same fields.

    They are in the order of their keys, so that two commits do not lock the same rows in another order and
    wait for each other; those that get a number keep their own order.
    """

    def __init__(self, model: store.Model, changes: list[AnyChange]) -> None:
        self.model = model
        self.kind: type[AnyChange] = type(changes[0])
        self.changes: list[AnyChange] = (
            changes if sequence_of(model) else sorted(changes, key=lambda change: key_of(change.obj))
        )

    @property
    def objects(self) -> list[models.ModelBase]:
        """Return the changed objects as they were given."""
        return [change.obj for change in self.changes]


class Changes:
    """The groups of one commit; ``results`` is set when it has taken place."""

    def __init__(self, changes: typing.Sequence[store.Change]) -> None:
        self._changes = changes
        self._refuse_doubles()
        created = _of_class(store.Create, changes)
        self.requires = sorted(_groups(_of_class(store.Require, changes), _model), key=_depth)
        self.deletes = sorted(_groups(_of_class(store.Delete, changes), _model), key=_depth, reverse=True)
        self._new = {(type(change.obj), key_of(change.obj)) for change in created}
        self.updates = sorted(_groups(_of_class(store.Update, changes), _columns), key=self._refers_to_new)
        self.creates = sorted(_groups(created, _model), key=_depth)
        self.results: Results = {}

    def __iter__(self) -> typing.Iterator[Group[typing.Any]]:
        """Yield the groups in the order in which they are written."""
        early = [group for group in self.updates if not self._refers_to_new(group)]
        numbered = [group for group in self.creates if sequence_of(group.model)]
        yield from self.requires
        yield from self.deletes
        yield from early
        yield from self.creates[: len(self.creates) - len(numbered)]
        yield from self.updates[len(early) :]
        yield from numbered

    def in_order(self) -> list[models.ModelBase | None]:
        """Return the stored objects in the order of the changes."""
        return [self.results.get(id(change)) for change in self._changes]

    @functools.cached_property
    def witness(self) -> store.Create | None:
        """Return a Create whose key Valence made: its row, if it is there, proves that the commit took place."""
        fresh = (change for group in self.creates for change in group.changes if _is_made(group.model))
        return next(fresh, None)

    @functools.cached_property
    def marker(self) -> str:
        """Return the UUID that marks this commit where there is no witness."""
        return str(uuid.uuid4())

    @functools.cached_property
    def is_repeatable(self) -> bool:
        """Whether doing it twice is the same as doing it once."""
        return all(
            type(change) is store.Update and "revision" not in change.obj.fields for change in self._changes
        )

    @functools.cached_property
    def vacated(self) -> list[tuple[models.ModelBase, str]]:
        """Return (object, field name) pairs of unique values that one update gives up and another one takes."""
        updates = [change for group in self.updates for change in group.changes]
        taken = {place for change in updates for place in _unique_values(change, change.values)}
        return [
            (change.obj, name)
            for change in (updates if taken else ())
            for model, name, value in _unique_values(change, change.obj.as_dict())
            if (model, name, value) in taken and change.values.get(name, value) != value
        ]

    def _refers_to_new(self, group: Group[store.Update]) -> bool:
        given = (
            (field.model, change.values.get(name))
            for name, field in references_of(group.model)
            for change in group.changes
        )
        return not self._new.isdisjoint(given)

    def _refuse_doubles(self) -> None:
        seen = set()
        for change in self._changes:
            name = (type(change.obj), key_of(change.obj))
            if name in seen:
                raise ValueError(f"{name} is in two changes of one commit")
            seen.add(name)


def key_of(obj: models.ModelBase) -> store.Key:
    """Return the key of an object."""
    key: store.Key = getattr(obj, type(obj).key)
    return key


def require_keys(
    changes: typing.Iterable[store.Change],
    operand: typing.Callable[[store.Model, str, typing.Any], typing.Any],
) -> None:
    """Raise BadRequest for a key that no database can store; ``operand`` is that of ``values.Values``."""
    for change in changes:
        model = type(change.obj)
        operand(model, model.key, key_of(change.obj))


def sequence_of(model: store.Model) -> str | None:
    """Return the name of the model's Sequence field, or None."""
    return next((name for name, field in model.fields.items() if isinstance(field, types.Sequence)), None)


def references_of(model: store.Model) -> list[tuple[str, types.Reference]]:
    """Return the (name, field) pairs of the model's references."""
    return [(name, field) for name, field in model.fields.items() if isinstance(field, types.Reference)]


def touched(change: store.Update, now: str) -> store.RowValues:
    """Return the values that an update changes by itself, where it is not told otherwise."""
    fields = change.obj.fields if change.touch else {}
    moment = {"updated_at": now} if "updated_at" in fields else {}
    return moment | {"revision": change.obj.revision + 1} if "revision" in fields else moment


def stamps(obj: models.ModelBase, now: str) -> store.RowValues:
    """Return the moments that the store sets of a new row; those that it has, as a copy of a row has, are kept."""
    return {name: getattr(obj, name) or now for name in STAMPS if name in obj.fields}


def _of_class(kind: type[AnyChange], changes: typing.Iterable[store.Change]) -> list[AnyChange]:
    return [each for each in changes if type(each) is kind]


def _groups(
    changes: list[AnyChange], criterion: typing.Callable[[AnyChange], object]
) -> list[Group[AnyChange]]:
    groups: dict[object, list[AnyChange]] = {}
    for change in changes:
        groups.setdefault(criterion(change), []).append(change)
    return [Group(type(members[0].obj), members) for members in groups.values()]


def _unique_values(
    change: store.Update, values: store.RowValues
) -> typing.Iterator[tuple[store.Model, str, typing.Any]]:
    """Yield (model, field name, value) of the unique fields among ``values`` that have a value."""
    model = type(change.obj)
    for name in model.fields.keys() & values.keys():
        if model.fields[name].unique and values[name] is not None:
            yield model, name, values[name]


def _model(change: AnyChange) -> store.Model:
    return type(change.obj)


def _columns(change: store.Update) -> tuple[store.Model, frozenset[str], bool]:
    return type(change.obj), frozenset(change.values), change.touch


def _depth(group: Group[typing.Any]) -> tuple[bool, int]:
    """Return the order of creation: after what is referred to, numbered rows last."""
    return sequence_of(group.model) is not None, _reference_depth(group.model)


@values.remembering
def _reference_depth(model: store.Model) -> int:
    return max(
        (1 + _reference_depth(field.model) for _, field in references_of(model) if field.model is not model),
        default=0,
    )


def _is_made(model: store.Model) -> bool:
    return type(model.fields[model.key]) is types.UUID
