# SPDX-License-Identifier: Apache-2.0
"""Bulk writes: objects of another store as they are, and the re-encryption of stored secrets while conductors run."""

import functools
import hashlib
import typing

from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db import types
from valence.db.etcd import commits
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import objects
from valence.db.etcd import plan

if typing.TYPE_CHECKING:
    from valence.db.etcd import store as etcd_store


class Loading:
    """Loads objects into the keys of one store."""

    def __init__(self, commits: commits.Commits[typing.Any], objects: objects.Objects) -> None:
        self._commits, self._objects = commits, objects

    def load(
        self, model: store.Model, rows: typing.Iterable[models.ModelBase], last_number: int | None
    ) -> None:
        """Write the objects with their index entries, and the last number of the model's sequence if it is given."""
        batch = keyspace.Batch()
        for obj in rows:
            self._add(batch, model, changesets.key_of(obj), self._objects.encode(model, obj.as_dict()))
        if last_number is not None:
            batch.texts[self._objects.paths.sequence(model)] = str(last_number)
        self._commits.load(batch)

    def _add(self, batch: keyspace.Batch, model: store.Model, key: store.Key, row: store.RowValues) -> None:
        # The same object has the same parts when it is loaded again, so that none are left over.
        part = hashlib.sha256(key.encode()).hexdigest()[:16]
        text, parts = self._objects.place(row, f"load-{model.path}", part)
        batch.texts |= parts
        batch.texts[self._objects.paths.object(model, key)] = text
        batch.entries |= {(tree, index.entry(tree, row, key)): True for tree in index.trees_of(model)}


BATCH = 100


class Renewal:
    """Encrypts the secrets of one store anew."""

    def __init__(
        self, database: "etcd_store.EtcdStore[typing.Any, typing.Any]", cipher: store.Cipher
    ) -> None:
        self._database, self._cipher = database, cipher

    def renew(self) -> int:
        """Encrypt anew what another than the newest key encrypted; return how many secrets that were."""
        return sum(self._renew(model, names) for model in self._database.models if (names := _secrets(model)))

    def _renew(self, model: store.Model, names: store.Names) -> int:
        renewed, low = 0, ""
        while keys := self._database.read(functools.partial(_keys_from, model, low)):
            found = [(model, key) for key in keys]
            renewed += self._database.commits.run(functools.partial(self._plan, found, names))
            low = keys[-1] + index.END
        return renewed

    def _plan(
        self, found: list[objects.Name], names: store.Names, snapshot: keyspace.Snapshot
    ) -> tuple[keyspace.Batch, int]:
        """Return the batch that encrypts the secrets ``names`` of the objects ``found``, and how many change."""
        drafted, renewed = plan.Draft(snapshot, self._database.objects), 0
        drafted.load(found)
        for name, row in drafted.before.items():
            row = row or {}
            tokens = {each: self._cipher.renew(row[each]) for each in names if row.get(each)}
            changed = {each: token for each, token in tokens.items() if token != row[each]}
            renewed += len(changed)
            if changed:
                drafted.after[name] = row | changed
        return drafted.finish(), renewed


def _secrets(model: store.Model) -> list[str]:
    return [name for name, field in model.fields.items() if isinstance(field, types.Secret)]


def _keys_from(model: store.Model, low: str, snapshot: keyspace.Snapshot) -> list[store.Key]:
    """Return the next keys of a model's objects."""
    scan = snapshot.scan(index.tree_of(model, model.key), index.Range(low), False, BATCH)
    return [key for key, _ in zip(scan, range(BATCH), strict=False)]
