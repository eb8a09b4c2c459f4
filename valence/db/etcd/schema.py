# SPDX-License-Identifier: Apache-2.0
"""The schema of a store on etcd: its version, and the indexes that it has."""

import json

from valence.common import errors
from valence.db import store
from valence.db.etcd import draft
from valence.db.etcd import index

#: versions of what is stored, one for each migration of data, which count up
VERSIONS = ("0001",)
#: objects that one commit adds to a new index
BATCH = 200


class Schema(store.Schema):
    """What one store says of itself. A new index of a model is filled by ``upgrade``."""

    def __init__(self, read, commits, paths, objects, models):
        self._read, self._commits, self._paths = read, commits, paths
        self._objects, self._models = objects, models

    def head(self):
        """Return the newest version that this Valence knows."""
        return VERSIONS[-1]

    def version(self):
        """Return the version that the store has, None for an empty one."""
        return self._state()["version"]

    def require(self):
        """Raise SchemaOutdated unless the store is as new as this Valence, or newer, with all indexes of the models.

        A list that follows a missing index would be empty.
        """
        state = self._state()
        version = state["version"]
        if version is None or (version in VERSIONS and version != self.head()):
            raise errors.SchemaOutdated(version=version or "empty", head=self.head())
        if missing := [_name(tree) for _, tree in self._trees() if _name(tree) not in state["indexes"]]:
            raise errors.SchemaOutdated(version=f"without the index {missing[0]}", head=self.head())

    def upgrade(self):
        """Bring the store to the newest version; several processes may do so at once."""
        state = self._state()
        if state["version"] not in (None, *VERSIONS):
            return
        if state["version"] is not None:
            for model, tree in self._incomplete(state["indexes"]):
                self._fill(model, tree)
        self._commits.run(self._note)

    def differences(self):
        """Return what differs between the store and the models, one line each."""
        known = self._state()["indexes"]
        return [
            f"the index {_name(tree)} {'lacks objects' if _name(tree) in known else 'is missing'}"
            for _, tree in self._incomplete(known)
        ]

    def _incomplete(self, known):
        """Return the indexes that are not ``known`` or lack objects: an older conductor does not enter what it writes.

        Fewer entries than objects are proof. A broken write may leave an entry too many, which readers pass over.
        """
        sizes = self._read(
            lambda snapshot: {tree: snapshot.count(tree, index.Range()) for _, tree in self._trees()}
        )
        return [
            (model, tree)
            for model, tree in self._trees()
            if _name(tree) not in known or sizes[tree] < sizes[index.tree_of(model, model.key)]
        ]

    def _trees(self):
        return [(model, tree) for model in self._models for tree in index.trees_of(model)]

    def _state(self):
        text = self._read(lambda snapshot: snapshot.read([self._paths.schema]))[self._paths.schema]
        return json.loads(text) if text else {"version": None, "indexes": []}

    def _note(self, snapshot):
        batch = draft.Batch()
        state = {"version": self.head(), "indexes": [_name(tree) for _, tree in self._trees()]}
        text = json.dumps(state)
        if snapshot.read([self._paths.schema])[self._paths.schema] != text:
            batch.texts[self._paths.schema] = text
        return batch, None

    def _fill(self, model, tree):
        """Enter all objects of a model into an index."""
        low = ""
        while low is not None:
            low = self._commits.run(lambda snapshot, low=low: self._fill_some(snapshot, model, tree, low))

    def _fill_some(self, snapshot, model, tree, low):
        """Enter the next objects; the result is from where on to go on, None at the end."""
        batch = draft.Batch()
        scan = snapshot.scan(index.tree_of(model, model.key), index.Range(low), False, BATCH)
        keys = [key for key, _ in zip(scan, range(BATCH), strict=False)]
        found = self._objects.read(snapshot, [(model, key) for key in keys])
        batch.entries = {
            (tree, index.entry(tree, row, key)): True for (_, key), row in found.items() if row is not None
        }
        return batch, keys[-1] + index.END if keys else None


def _name(tree):
    return f"{tree.path}/{tree.name}"
