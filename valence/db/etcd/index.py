# SPDX-License-Identifier: Apache-2.0
"""Index entries: texts that sort as what they stand for.

An entry is the values of the index's fields, each ended by NUL, and the object's key. None is shorter than
every value, so it comes first; NUL comes before every character, so a text comes before its longer ones.
"""

import typing

from valence.db import changesets
from valence.db import store
from valence.db import types
from valence.db import values

END = "\0"
AFTER_END = "\1"
#: what every present value begins with
PRESENT = "="
#: no limit of a range: greater than every entry, but for keys that begin with this character
HIGHEST = "\U0010ffff"


#: a value that is indexed
Component = str | int | bool | None


class Tree(typing.NamedTuple):
    """An index of the model with ``path`` by the fields ``names``; without names it is the list of the keys."""

    path: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return how the index is called in etcd."""
        return "+".join(self.names) or "-"


class Range(typing.NamedTuple):
    """The entries from ``low`` on that come before ``high``."""

    low: str = ""
    high: str = HIGHEST


@values.remembering
def trees_of(model: store.Model) -> tuple[Tree, ...]:
    """Return the indexes of a model, the one of its keys first."""
    singles = [(name,) for name, field in model.fields.items() if field.index or field.unique]
    groups = [_without_key(model, names) for names in model.indexes]
    wanted = [(), *singles, *groups]
    return tuple(Tree(model.path, names) for names in dict.fromkeys(wanted) if model.key not in names)


def tree_of(model: store.Model, *names: str) -> Tree:
    """Return the index by fields; the key alone is the index without names."""
    return Tree(model.path, () if names == (model.key,) else names)


def entry(tree: Tree, row: store.RowValues, key: store.Key) -> str:
    """Return the entry of an object, given as the dict that is stored."""
    return "".join(component(row.get(name)) + END for name in tree.names) + key


def key_of(text: str) -> store.Key:
    """Return the key that an entry ends with."""
    return text.rpartition(END)[2]


def component(value: Component) -> str:
    """Return what stands for a value in an entry."""
    if value is None:
        return ""
    if isinstance(value, str):
        return PRESENT + value
    if isinstance(value, bool):
        return PRESENT + str(int(value))
    return f"{PRESENT}{value + 2**63:016x}"


def after(text: str) -> str:
    """Return the first text after all those that begin with ``text`` and NUL, ended like an entry's value."""
    return text[:-1] + AFTER_END


def prefix(*values: Component) -> str:
    """Return what the entries with these values in the first fields begin with."""
    return "".join(component(value) + END for value in values)


def beginning(text: str) -> Range:
    """Return the range of the entries that begin with ``text``, which is empty or ends with NUL."""
    return Range(text, after(text)) if text else Range()


def references_to(
    model: store.Model, models: typing.Iterable[store.Model]
) -> typing.Iterator[tuple[store.Model, str, types.Reference]]:
    """Yield (referring model, field name, field) of every reference to a model."""
    for other in models:
        for name, field in changesets.references_of(other):
            if field.model is model:
                yield other, name, field


def _without_key(model: store.Model, names: tuple[str, ...]) -> tuple[str, ...]:
    return names[: names.index(model.key)] if model.key in names else names
