# SPDX-License-Identifier: Apache-2.0
"""What a database holds after chaos: events without gaps, no cursor ahead, rows that fit one another.

On etcd, where Valence itself checks every rule, indexes have to fit the objects too.
"""

import collections

from valence.db import changesets
from valence.db import models
from valence.db import store
from valence.db.etcd import index
from valence.db.etcd import store as etcd_store


def differences(database: store.Store) -> list[str]:
    """Return what does not fit, one line each."""
    found = [
        *_events(database),
        *_cursors(database),
        *rules(database, models.STORED),
        *database.schema.differences(),
    ]
    if isinstance(database, etcd_store.EtcdStore):
        found += database.read(lambda snapshot: [*indexes(database, snapshot)])
    return found


def _events(database):
    sort = [store.Sort("sequence")]
    numbers = [event.sequence for event in database.list(models.Event, sort=sort, fields=["sequence"])]
    if numbers != list(range(1, database.last_number(models.Event) + 1)):
        yield f"{len(numbers)} events, the last number is {database.last_number(models.Event)}: {numbers[-5:]}"


def _cursors(database):
    last = database.last_number(models.Event)
    for cursor in database.list(models.Cursor):
        if cursor.sequence > last:
            yield f"the cursor {cursor.name} is at {cursor.sequence}, the last event is {last}"


def rules(database, stored):
    """Yield the values of unique fields that several rows have, and the references to rows that are not there."""
    for model in stored:
        references = dict(changesets.references_of(model))
        unique = [name for name, field in model.fields.items() if field.unique]
        rows = database.list(model, fields=[*unique, *references]) if unique or references else []
        for name in unique:
            numbers = collections.Counter(getattr(row, name) for row in rows)
            several = sorted(value for value, number in numbers.items() if value is not None and number > 1)
            yield from (f"{model.path}: several have the {name} {value!r}" for value in several)
        for name, field in references.items():
            there = {
                getattr(row, field.model.key) for row in database.list(field.model, fields=[field.model.key])
            }
            missing = sorted({getattr(row, name) for row in rows} - there - {None})
            yield from (f"{model.path}: {name} refers to {key}, which is not there" for key in missing)


def indexes(database, snapshot):
    """Yield the entries that are missing and those that no object has."""
    for model in database.models:
        trees = index.trees_of(model)
        keys = _entries(snapshot, trees[0])
        rows = database.objects.read(snapshot, [(model, key) for key in keys])
        yield from (f"{model.path}: {key} has no object" for (_, key), row in rows.items() if row is None)
        for tree in trees[1:]:
            there = set(_entries(snapshot, tree))
            due = {index.entry(tree, row, key) for (_, key), row in rows.items() if row is not None}
            yield from (f"{tree.path}/{tree.name} lacks {entry!r}" for entry in sorted(due - there))
            yield from (f"{tree.path}/{tree.name} has {entry!r} too many" for entry in sorted(there - due))


def _entries(snapshot, tree):
    return [*snapshot.scan(tree, index.Range(), False, None)]
