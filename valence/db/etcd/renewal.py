# SPDX-License-Identifier: Apache-2.0
"""New encryption of stored secrets, a few at a time, while conductors run."""

from valence.db import types
from valence.db.etcd import draft
from valence.db.etcd import index

BATCH = 100


def renew(read, commits, objects, models, cipher):
    """Encrypt anew what another than the newest key of ``cipher`` encrypted; return how many secrets that were."""
    return sum(
        _renew(read, commits, objects, model, names, cipher)
        for model in models
        if (names := [name for name, field in model.fields.items() if isinstance(field, types.Secret)])
    )


def _renew(read, commits, objects, model, names, cipher):
    renewed, low = 0, ""
    while keys := read(lambda snapshot, low=low: _keys_from(snapshot, model, low)):
        renewed += commits.run(lambda snapshot, keys=keys: _plan(snapshot, objects, model, keys, names, cipher))
        low = keys[-1] + index.END
    return renewed


def _keys_from(snapshot, model, low):
    """Return the next keys of a model's objects."""
    scan = snapshot.scan(index.tree_of(model, model.key), index.Range(low), False, BATCH)
    return [key for key, _ in zip(scan, range(BATCH), strict=False)]


def _plan(snapshot, objects, model, keys, names, cipher):
    drafted = draft.Draft(snapshot, objects)
    drafted.load((model, key) for key in keys)
    renewed = 0
    for name, row in drafted.before.items():
        tokens = {each: cipher.renew(row[each]) for each in names if row and row.get(each)}
        changed = {each: token for each, token in tokens.items() if token != row[each]}
        renewed += len(changed)
        if changed:
            drafted.after[name] = row | changed
    return drafted.finish(), renewed
