# SPDX-License-Identifier: Apache-2.0
"""Objects of another store, written in bulk as they are."""

import itertools

from valence.common import errors
from valence.db import changes
from valence.db.etcd import draft

#: objects of one commit
BATCH = 500


class Loading:
    """Loads objects into one store."""

    def __init__(self, database):
        self._commits, self._objects, self._paths = database.commits, database.objects, database.paths

    def load(self, model, objects, last_number):
        """Store those of the objects that are not there yet; raise Conflict for a value that is taken."""
        given = iter(objects)
        while batch := list(itertools.islice(given, BATCH)):
            self._commits.run(lambda snapshot, batch=batch: (self._plan(snapshot, model, batch), None))
        if last_number is not None:
            self._commits.run(lambda snapshot: (self._numbered(model, last_number), None))

    def _plan(self, snapshot, model, objects):
        drafted = draft.Draft(snapshot, self._objects)
        rows = {(model, changes.key_of(obj)): self._objects.encode(model, obj.as_dict()) for obj in objects}
        drafted.load(rows)
        drafted.after = {name: row for name, row in rows.items() if drafted.before[name] is None}
        _refuse_taken(drafted, model)
        return drafted.finish()

    def _numbered(self, model, last):
        batch = draft.Batch()
        batch.texts[self._paths.sequence(model)] = str(last)
        return batch


def _refuse_taken(drafted, model):
    for name in [name for name, field in model.fields.items() if field.unique]:
        values = [row[name] for row in drafted.after.values() if row[name] is not None]
        taken = [value for value, keys in drafted.keys_with(model, name, values).items() if keys]
        if taken or len(set(values)) < len(values):
            raise errors.Conflict(reason=f"Rows of {model.path} do not fit: a {name} is there twice")


def last_number(snapshot, paths, model):
    """Return the last number that the model's sequence gave."""
    place = paths.sequence(model)
    return int(snapshot.read([place])[place] or 0)
