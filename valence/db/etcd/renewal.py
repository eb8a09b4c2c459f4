# SPDX-License-Identifier: Apache-2.0
"""New encryption of stored secrets, a few at a time, while conductors run."""

from valence.db import types
from valence.db.etcd import draft
from valence.db.etcd import index

BATCH = 100


class Renewal:
    """Encrypts the secrets of one store anew."""

    def __init__(self, database, cipher):
        self._database, self._cipher = database, cipher

    def renew(self):
        """Encrypt anew what another than the newest key encrypted; return how many secrets that were."""
        return sum(self._renew(model, names) for model in self._database.models if (names := _secrets(model)))

    def _renew(self, model, names):
        renewed, low = 0, ""
        while keys := self._database.read(lambda snapshot, low=low: _keys_from(snapshot, model, low)):
            found = [(model, key) for key in keys]
            renewed += self._database.commits.run(
                lambda snapshot, found=found: self._plan(snapshot, found, names)
            )
            low = keys[-1] + index.END
        return renewed

    def _plan(self, snapshot, found, names):
        """Return the batch that encrypts the secrets ``names`` of the objects ``found``, and how many change."""
        drafted, renewed = draft.Draft(snapshot, self._database.objects), 0
        drafted.load(found)
        for name, row in drafted.before.items():
            tokens = {each: self._cipher.renew(row[each]) for each in names if row and row.get(each)}
            changed = {each: token for each, token in tokens.items() if token != row[each]}
            renewed += len(changed)
            if changed:
                drafted.after[name] = row | changed
        return drafted.finish(), renewed


def _secrets(model):
    return [name for name, field in model.fields.items() if isinstance(field, types.Secret)]


def _keys_from(snapshot, model, low):
    """Return the next keys of a model's objects."""
    scan = snapshot.scan(index.tree_of(model, model.key), index.Range(low), False, BATCH)
    return [key for key, _ in zip(scan, range(BATCH), strict=False)]
