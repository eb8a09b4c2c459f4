# SPDX-License-Identifier: Apache-2.0
"""Objects of another store, written in bulk as they are: nothing is checked, nothing is decided at once."""

import hashlib

from valence.db import changes as changesets
from valence.db.etcd import draft
from valence.db.etcd import index


class Loading:
    """Loads objects into the keys of one store."""

    def __init__(self, commits, objects):
        self._commits, self._objects = commits, objects

    def load(self, model, rows, last_number):
        """Write the objects with their index entries, and the last number of the model's sequence if it is given."""
        batch = draft.Batch()
        for obj in rows:
            self._add(batch, model, changesets.key_of(obj), self._objects.encode(model, obj.as_dict()))
        if last_number is not None:
            batch.texts[self._objects.paths.sequence(model)] = str(last_number)
        self._commits.load(batch)

    def _add(self, batch, model, key, row):
        # The same object has the same parts when it is loaded again, so that none are left over.
        part = hashlib.sha256(key.encode()).hexdigest()[:16]
        text, parts = self._objects.place(row, f"load-{model.path}", part)
        batch.texts |= parts
        batch.texts[self._objects.paths.object(model, key)] = text
        batch.entries |= {(tree, index.entry(tree, row, key)): True for tree in index.trees_of(model)}


def last_number(snapshot, paths, model):
    """Return the last number that the model's sequence gave."""
    place = paths.sequence(model)
    return int(snapshot.read([place])[place] or 0)
