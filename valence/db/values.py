# SPDX-License-Identifier: Apache-2.0
"""Encode the values of models for a database, and check the query of a list: the same on every driver."""

import datetime
import functools
import re
import typing

from valence.common import errors
from valence.db import store
from valence.db import types

Function = typing.TypeVar("Function", bound=typing.Callable[..., typing.Any])
#: (field name, whether descending) of each sort key; the last is the model's key
SortKeys = tuple[tuple[str, bool], ...]
#: the value of each sort key of the last row of a page
Position = tuple[typing.Any, ...]
#: what not every database can keep in a text: the character NUL, and halves of surrogate pairs
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def remembering(function: Function) -> Function:
    """Return a function that calls ``function`` once for the same arguments, of the last 500.

    A type checker takes models for unhashable, so that ``functools.lru_cache`` would not take them.
    """
    return typing.cast(Function, functools.lru_cache(500)(function))


class Values:
    """Encodes values as JSON values; ``cipher`` encrypts secrets."""

    def __init__(self, cipher: store.Cipher) -> None:
        self._cipher = cipher

    def encode(self, model: store.Model, values: store.RowValues) -> store.RowValues:
        """Return what stores ``values``; raise BadRequest for what a field cannot hold."""
        return {name: self._stored(name, model.fields[name], value) for name, value in values.items()}

    def operand(self, model: store.Model, name: str, value: typing.Any) -> typing.Any:
        """Return what a field is compared with; raise BadRequest for what it cannot be compared with."""
        return None if value is None else self._encoded(name, model.fields[name], value)

    def encode_document(self, value: typing.Any) -> typing.Any:
        """Return what stores a JSON document."""
        return value

    def encode_time(self, value: str, _moment: datetime.datetime) -> typing.Any:
        """Return what stores a DateTime value, given as text and as datetime."""
        return value

    def _stored(self, name: str, field: typing.Any, value: typing.Any) -> typing.Any:
        if value is None:
            if field.nullable or isinstance(field, types.JSON):
                return None
            raise errors.BadRequest(reason=f"{name} must have a value.")
        if _is_limited(field) and isinstance(value, str) and len(value) > field.max:
            raise errors.BadRequest(reason=f"{name} is longer than {field.max} characters.")
        return self._encoded(name, field, value)

    def _encoded(self, name: str, field: typing.Any, value: typing.Any) -> typing.Any:
        if isinstance(field, types.JSON):
            return self.encode_document(value)
        if not isinstance(value, field.python_type) or isinstance(value, bool) != isinstance(
            field, types.Boolean
        ):
            raise errors.BadRequest(reason=f"{name} takes a {field.json_type}, not {value!r}.")
        if isinstance(field, types.Text):
            return self._encoded_text(name, field, value)
        if isinstance(field, types.Integer) and not -(2**63) <= value < 2**63:
            raise errors.BadRequest(reason=f"{name} takes 64 bits, not {value!r}.")
        return value

    def _encoded_text(self, name: str, field: typing.Any, value: typing.Any) -> typing.Any:
        if not _is_storable(value):
            held = "NUL or half of a surrogate pair, which no database can store"
            raise errors.BadRequest(reason=f"{name} holds {held}. Leave that character out.")
        if isinstance(field, types.DateTime):
            return self._encoded_time(name, value)
        if isinstance(field, types.Secret):
            return value and self._cipher.encrypt(value)
        return value

    def _encoded_time(self, name: str, value: typing.Any) -> typing.Any:
        try:
            moment = datetime.datetime.fromisoformat(value.removesuffix("Z"))
        except ValueError:
            moment = None
        if moment is None or decode_time(moment) != value:
            raise errors.BadRequest(reason=f"{name} takes a time like 2026-11-21T03:37:02Z, not {value!r}.")
        return self.encode_time(value, moment)


def _is_storable(text: str) -> bool:
    """Whether every database can keep a text; most are ASCII, and Python knows of each whether it is."""
    return "\0" not in text if text.isascii() else not UNSTORABLE.search(text)


def _is_limited(field: typing.Any) -> bool:
    """Whether the length counts; a secret may come as a token, which is longer."""
    return isinstance(field, types.Text) and not isinstance(field, types.Secret)


def decode_time(value: datetime.datetime | None) -> str | None:
    """Return the DateTime value of a datetime, None of None."""
    return value.isoformat() + "Z" if value else None


def require_known(query: store.Query) -> None:
    """Raise TypeError for keywords that no list has: a misspelled filter must not select everything."""
    if unknown := query.keys() - store.Query.__annotations__.keys():
        raise TypeError(f"A list has no keyword {', '.join(sorted(unknown))}.")


UNCOMPARABLE = (types.JSON, types.Secret)
#: the greatest character
LAST = "\U0010ffff"
#: most characters of the texts that lists are sorted by: MariaDB compares a limited number of bytes
LONGEST_SORTED = 4096


def sorts(model: store.Model, sort: typing.Sequence[store.Sort]) -> SortKeys:
    """Return the (field, descending) pairs to sort by, ended by the model's key in the direction of the last one."""
    keys: list[tuple[str, bool]] = []
    for name, descending in (*sort, (model.key, bool(sort) and sort[-1].descending)):
        _require_sortable(model, name)
        if name not in (known for known, _ in keys):
            keys.append((name, descending))
    return tuple(keys[: [name for name, _ in keys].index(model.key) + 1])


def filters(
    model: store.Model,
    given: typing.Iterable[store.Filter],
    operand: typing.Callable[..., typing.Any],
) -> typing.Iterator[tuple[str, str, typing.Any]]:
    """Yield (field, op, value) of each filter, its values as ``operand(model, field, value)`` stores them."""
    for name, op, value in given:
        require_comparable(model, name)
        if op not in store.OPERATORS:
            raise errors.BadRequest(reason=f"There is no operator {op}.")
        if op == "in":
            yield name, op, [operand(model, name, each) for each in value]
        elif op == "begins":
            yield name, op, _beginnings(model, name, value)
        else:
            yield name, op, operand(model, name, value)


def _beginnings(model: store.Model, name: str, given: typing.Iterable[str]) -> list[str]:
    """Return the shortest of the texts that a text may begin with, sorted: no text begins with two of them.

    Raises BadRequest for what no stored text begins with, and for a field that holds no plain text.
    """
    if type(model.fields[name]) is not types.Text:
        raise errors.BadRequest(reason=f"A {model.kind} cannot be filtered by what its {name} begins with.")
    shortest: list[str] = []
    for text in sorted(given):
        if not text.strip(LAST) or not _is_storable(text):
            raise errors.BadRequest(reason=f"No {name} begins with {text!r}.")
        if not shortest or not text.startswith(shortest[-1]):
            shortest.append(text)
    return shortest


def after_beginning(text: str) -> str:
    """Return the first text, by code points, after all those that begin with ``text``.

    No text has halves of surrogate pairs, so their code points are left out.
    """
    stem = text.rstrip(LAST)
    code = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if 0xD800 <= code < 0xE000 else code)


def require_comparable(model: store.Model, name: str) -> None:
    """Raise BadRequest for a field that nothing can be filtered or sorted by."""
    if name not in model.fields or isinstance(model.fields[name], UNCOMPARABLE):
        raise errors.BadRequest(reason=f"A {model.kind} cannot be filtered or sorted by {name}.")


def _require_sortable(model: store.Model, name: str) -> None:
    """Raise BadRequest for a field that no list is sorted by."""
    require_comparable(model, name)
    field = model.fields[name]
    if isinstance(field, types.Text) and field.max > LONGEST_SORTED:
        reason = (
            f"A {model.kind} cannot be sorted by {name}: it may be longer than {LONGEST_SORTED} characters."
        )
        raise errors.BadRequest(reason=reason)


def names(model: store.Model, fields: store.Names | None) -> tuple[str, ...]:
    """Return the names of the fields that a list reads, the key's first unless it reads all."""
    return tuple(model.fields) if fields is None else tuple(dict.fromkeys((model.key, *fields)))
