# SPDX-License-Identifier: Apache-2.0
"""Objects as stored, and rows of lists made of them.

An object is one JSON object; a long one is a JSON array of the keys of its parts.
"""

import functools
import json
import operator
import typing

from valence.db import store
from valence.db import types
from valence.db import values
from valence.db.etcd import endpoints
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import paths

#: what an object is known by: its model and its key
Name = tuple[store.Model, store.Key]
#: the stored dicts of objects, None for what is not there
Rows = dict[Name, store.RowValues | None]
#: the stored dict of each model whose rows make a row of a joined one
Parts = dict[store.Model, store.RowValues | None]

#: characters of a value, from which on it is stored in parts
LONG = 100_000


class Objects:
    """Encodes and decodes the objects of one store."""

    def __init__(self, paths: paths.Paths, cipher: store.Cipher) -> None:
        self.paths, self._cipher = paths, cipher
        self._values = values.Values(cipher)
        self.encode, self.operand = self._values.encode, self._values.operand
        self.decoder = values.remembering(self._build_decoder)

    def read(self, snapshot: keyspace.Snapshot, names: typing.Iterable[Name]) -> Rows:
        """Return the stored dicts of the (model, key) pairs ``names``, by pair; None for what is not there."""
        found = self.read_texts(snapshot, names)
        return {
            name: None if text is None else _whole(name[0], json.loads(text)) for name, text in found.items()
        }

    def read_texts(self, snapshot: keyspace.Snapshot, names: typing.Iterable[Name]) -> dict[Name, str | None]:
        """Return the JSON texts of objects by pair, long ones put together."""
        places = {name: self.paths.object(*name) for name in names}
        texts = snapshot.read(places.values())
        parts = {place: json.loads(text) for place, text in texts.items() if is_in_parts(text)}
        chunks = snapshot.read(key for keys in parts.values() for key in keys)
        for place, keys in parts.items():
            found = [text for key in keys if (text := chunks[key]) is not None]
            if len(found) < len(keys):
                raise endpoints.Stale("parts of an object were removed while it was read")
            texts[place] = "".join(found)
        return {name: texts[place] for name, place in places.items()}

    def parts_of(self, snapshot: keyspace.Snapshot, names: typing.Iterable[Name]) -> typing.Iterator[str]:
        """Yield where the parts of objects are that are stored in parts."""
        for text in snapshot.read(self.paths.object(*name) for name in names).values():
            if is_in_parts(text):
                yield from json.loads(text)

    def place(self, row: store.RowValues, number: str, part: int | str) -> tuple[str, dict[str, str]]:
        """Return ``(text, {where: part})``: what stores a row, and the parts that it is in where it is long."""
        text = dump(row)
        if len(text) <= LONG:
            return text, {}
        starts = range(0, len(text), LONG)
        chunks = {
            self.paths.chunk(number, f"{part}-{start // LONG}"): text[start : start + LONG]
            for start in starts
        }
        return dump(list(chunks)), chunks

    def _build_decoder(
        self, model: type[store.AnyModel], names: tuple[str, ...]
    ) -> typing.Callable[[store.RowValues], store.AnyModel]:
        """Return the function that makes an object of a stored dict with the fields ``names``; others are initial."""
        wanted = [(name, field, name in names) for name, field in model.fields.items()]

        def decode(row: store.RowValues) -> store.AnyModel:
            return model.load(
                {
                    name: self._decoded(field, row[name]) if given and name in row else field.initial()
                    for name, field, given in wanted
                }
            )

        return decode

    def _decoded(self, field: types.Field, value: typing.Any) -> typing.Any:
        if isinstance(field, types.Secret):
            return value and self._cipher.decrypt(value)
        return field.initial() if value is None and isinstance(field, types.JSON) else value


def _whole(model: store.Model, row: store.RowValues) -> store.RowValues:
    """Return a stored row with the defaults of the fields that were added to the model after it was stored."""
    if len(row) < len(model.fields):
        row |= {name: field.initial() for name, field in model.fields.items() if name not in row}
    return row


def dump(value: typing.Any) -> str:
    """Return the JSON text of a value; halves of surrogate pairs are written as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def is_in_parts(text: str | None) -> typing.TypeGuard[str]:
    """Tell whether a stored text only names the parts of a value."""
    return text is not None and text.startswith("[")


OPERATORS: dict[str, typing.Callable[[typing.Any, typing.Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "in": lambda value, values: value in values,
    "begins": lambda value, texts: value is not None and value.startswith(tuple(texts)),
    "gt": lambda value, other: None not in (value, other) and value > other,
    "gte": lambda value, other: None not in (value, other) and value >= other,
    "lt": lambda value, other: None not in (value, other) and value < other,
    "lte": lambda value, other: None not in (value, other) and value <= other,
}


def members_of(model: store.Model) -> tuple[store.Model, ...]:
    """Return the models whose rows make a row of ``model``, the one that always has a row first."""
    return model.joins or (model,)


def read(
    objects: Objects, snapshot: keyspace.Snapshot, model: store.Model, keys: typing.Iterable[store.Key]
) -> typing.Iterator[tuple[store.Key, store.RowValues, Parts]]:
    """Yield (key, row, part of each member) for the keys whose row is there."""
    members = members_of(model)
    found = objects.read(snapshot, [(member, key) for member in members for key in keys])
    for key in keys:
        parts = [found[member, key] for member in members]
        if parts[0] is not None:
            yield key, _joined(members, parts), dict(zip(members, parts, strict=True))


def _joined(members: tuple[store.Model, ...], parts: list[store.RowValues | None]) -> store.RowValues:
    row: store.RowValues = {}
    for member, part in reversed(list(zip(members, parts, strict=True))):
        row |= dict.fromkeys(member.fields) if part is None else part
    return row


def is_entry_true(tree: index.Tree, member: store.Model, parts: Parts, text: str, key: store.Key) -> bool:
    """Tell whether an index entry is that of the row: one that was left behind by a broken write is not."""
    part = parts[member]
    return part is not None and index.entry(tree, part, key) == text


def holds(row: store.RowValues, filters: typing.Iterable[store.Filter]) -> bool:
    """Tell whether a row holds all filters."""
    return all(OPERATORS[op](row[name], value) for name, op, value in filters)


def sort(rows: list[store.RowValues], sorts: values.SortKeys) -> None:
    """Sort rows in place; None is smallest."""
    for name, descending in reversed(sorts):
        rows.sort(key=functools.partial(_rank_of, name), reverse=descending)


def _rank_of(name: str, row: store.RowValues) -> tuple[bool, typing.Any]:
    return rank(row[name])


def is_after(row: store.RowValues, position: values.Position, sorts: values.SortKeys) -> bool:
    """Tell whether a row comes after the values ``position`` in the order of ``sorts``."""
    for (name, descending), value in zip(sorts, position, strict=True):
        mine, other = rank(row[name]), rank(value)
        if mine != other:
            return (mine > other) != descending
    return False


def rank(value: typing.Any) -> tuple[bool, typing.Any]:
    """Return what a value is sorted by."""
    return (value is not None, value)
