# SPDX-License-Identifier: Apache-2.0
"""The schema of a store on etcd: its version, its indexes, and the audit of index entries against objects."""

import contextlib
import functools
import hashlib
import itertools
import json
import typing

from valence.common import errors
from valence.db import schemas
from valence.db import store
from valence.db.etcd import commits
from valence.db.etcd import endpoints
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import objects
from valence.db.etcd import paths

#: entries and objects that are read at a time
AUDIT_BATCH = 500


class Digest:
    """The number of texts, and the sum of their hashes, so that their order does not matter."""

    def __init__(self) -> None:
        self.value = (0, 0)

    def add(self, text: str) -> None:
        """Take one more text."""
        count, total = self.value
        hashed = int.from_bytes(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )
        self.value = (count + 1, (total + hashed) % 2**64)


def differing(
    snapshot: keyspace.Snapshot,
    objects: objects.Objects,
    model: store.Model,
    trees: typing.Iterable[index.Tree],
) -> list[index.Tree]:
    """Return those of the indexes ``trees`` of a model that lack entries of its objects, or have others."""
    expected = {tree: Digest() for tree in trees}
    for keys in batches(snapshot, index.tree_of(model, model.key)):
        for (_, key), row in objects.read(snapshot, [(model, key) for key in keys]).items():
            for tree, digest in expected.items():
                digest.add(index.entry(tree, row or {}, key))
    return [tree for tree, digest in expected.items() if digest.value != _stored(snapshot, tree)]


def _stored(snapshot: keyspace.Snapshot, tree: index.Tree) -> tuple[int, int]:
    digest = Digest()
    for entry in snapshot.scan(tree, index.Range(), False, AUDIT_BATCH):
        digest.add(entry)
    return digest.value


def batches(snapshot: keyspace.Snapshot, tree: index.Tree) -> typing.Iterator[list[str]]:
    """Yield lists of the entries of an index."""
    entries = snapshot.scan(tree, index.Range(), False, AUDIT_BATCH)
    while batch := list(itertools.islice(entries, AUDIT_BATCH)):
        yield batch


#: versions of what is stored, one for each migration of data, which count up
VERSIONS = ("0001",)
#: objects or entries that one commit of a repair looks at
BATCH = 200
#: how often the comparison of a model's indexes is begun; the v2 API has no history, so writers may interrupt each
ATTEMPTS = 5
#: what is said of an index that has to be repaired, or cannot be compared because others write all the time
DIFFERS = "differs from the objects, or changes all the time"


ModelTree = tuple[store.Model, index.Tree]
#: what a step of a repair writes, and from which entry on the next one has to look, None at the end
Step = tuple[keyspace.Batch, str | None]


class State(typing.TypedDict):
    """What a store says of itself: its version, None for an empty one, and the names of its indexes."""

    version: str | None
    indexes: list[str]


class Schema(schemas.Schema, typing.Generic[keyspace.AnySnapshot]):
    """What one store says of itself. A new index of a model is filled, and a wrong one repaired, by ``upgrade``."""

    def __init__(
        self,
        read: typing.Callable[[typing.Callable[[keyspace.AnySnapshot], keyspace.Texts]], keyspace.Texts],
        commits: commits.Commits[keyspace.AnySnapshot],
        paths: paths.Paths,
        objects: objects.Objects,
        models: typing.Sequence[store.Model],
    ) -> None:
        self._read, self._commits, self._paths = read, commits, paths
        self._objects, self._models = objects, models

    def head(self) -> str:
        """Return the newest version that this Valence knows."""
        return VERSIONS[-1]

    def version(self) -> str | None:
        """Return the version that the store has, None for an empty one."""
        return self._state()["version"]

    def require(self) -> None:
        """Raise SchemaOutdated unless the store is as new as this Valence, or newer, with all indexes of the models.

        A list that follows a missing index would be empty.
        """
        state = self._state()
        version = state["version"]
        if version is None or (version in VERSIONS and version != self.head()):
            raise errors.SchemaOutdated(version=version or "empty", head=self.head())
        if missing := [_name(tree) for _, tree in self._trees() if _name(tree) not in state["indexes"]]:
            raise errors.SchemaOutdated(version=f"without the index {missing[0]}", head=self.head())

    def upgrade(self) -> None:
        """Bring the store to the newest version; several processes may do so at once."""
        state = self._state()
        if state["version"] not in (None, *VERSIONS):
            return
        if state["version"] is not None:
            for model, tree in self._faulty(state["indexes"]):
                self._repair(model, tree)
        self._commits.run(self._note)

    def differences(self) -> list[str]:
        """Return what differs between the store and the models, one line each."""
        known = self._state()["indexes"]
        return [
            f"the index {_name(tree)} {DIFFERS if _name(tree) in known else 'is missing'}"
            for _, tree in self._faulty(known)
        ]

    def _faulty(self, known: typing.Collection[str]) -> list[ModelTree]:
        """Return the indexes that are not ``known`` or differ from the objects.

        A conductor of an older version does not enter what it writes into an index that it does not know.
        """
        return [(model, tree) for model in self._models for tree in self._faulty_of(model, known)]

    def _faulty_of(self, model: store.Model, known: typing.Collection[str]) -> typing.Sequence[index.Tree]:
        trees = index.trees_of(model)[1:]
        missing = [tree for tree in trees if _name(tree) not in known]
        there = [tree for tree in trees if tree not in missing]
        for _ in range(ATTEMPTS):
            with contextlib.suppress(endpoints.Stale):
                return missing + differing(self._commits.newest(), self._objects, model, there)
        return trees

    def _trees(self) -> list[ModelTree]:
        return [(model, tree) for model in self._models for tree in index.trees_of(model)]

    def _state(self) -> State:
        text = self._read(lambda snapshot: snapshot.read([self._paths.schema]))[self._paths.schema]
        return json.loads(text) if text else {"version": None, "indexes": []}

    def _note(self, snapshot: keyspace.Snapshot) -> tuple[keyspace.Batch, None]:
        batch = keyspace.Batch()
        state = {"version": self.head(), "indexes": [_name(tree) for _, tree in self._trees()]}
        text = json.dumps(state)
        if snapshot.read([self._paths.schema])[self._paths.schema] != text:
            batch.texts[self._paths.schema] = text
        return batch, None

    def _repair(self, model: store.Model, tree: index.Tree) -> None:
        """Remove the entries of an index that no object has, and enter all objects."""
        for step in (self._clean, self._fill):
            low: str | None = ""
            while low is not None:
                low = self._commits.run(functools.partial(step, model, tree, low), is_large=True)

    def _clean(self, model: store.Model, tree: index.Tree, low: str, snapshot: keyspace.Snapshot) -> Step:
        """Remove some wrong entries; the result is from where on to go on, None at the end."""
        batch, entries = keyspace.Batch(), _some(snapshot, tree, low)
        keys = {entry: index.key_of(entry) for entry in entries}
        found = self._objects.read(snapshot, [(model, key) for key in dict.fromkeys(keys.values())])
        for entry, key in keys.items():
            row = found[model, key]
            if row is None or index.entry(tree, row, key) != entry:
                batch.entries[tree, entry] = False
        return batch, entries[-1] + index.END if entries else None

    def _fill(self, model: store.Model, tree: index.Tree, low: str, snapshot: keyspace.Snapshot) -> Step:
        """Enter some objects; the result is as that of ``_clean``."""
        batch, keys = keyspace.Batch(), _some(snapshot, index.tree_of(model, model.key), low)
        found = self._objects.read(snapshot, [(model, key) for key in keys])
        batch.entries = {
            (tree, index.entry(tree, row, key)): True for (_, key), row in found.items() if row is not None
        }
        return batch, keys[-1] + index.END if keys else None


def _some(snapshot: keyspace.Snapshot, tree: index.Tree, low: str) -> list[str]:
    """Return the next BATCH entries of an index from ``low`` on."""
    return list(itertools.islice(snapshot.scan(tree, index.Range(low), False, BATCH), BATCH))


def _name(tree: index.Tree) -> str:
    return f"{tree.path}/{tree.name}"
