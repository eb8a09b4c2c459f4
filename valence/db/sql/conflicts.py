# SPDX-License-Identifier: Apache-2.0
"""Why a commit was refused: found by looking at what is stored, since databases tell it each in its own way.

What was in the way may be gone when it is looked for; then nothing is raised and the commit is tried again.
"""

import itertools

import sqlalchemy

from valence.common import errors
from valence.db import changes as changesets
from valence.db import store

BATCH = 500


class Conflicts:
    """Explains refused commits on the tables of one database."""

    def __init__(self, tables, rows):
        self._tables, self._rows = tables, rows

    def explain(self, connection, changes):
        """Raise the precise error of the first thing that is in the way of ``changes``, if there is any."""
        Explanation(self._tables, self._rows, connection, changes).explain()


class Explanation:
    """One search for what is in the way of a commit; ``leaving`` has the keys, by model, of what it removes."""

    def __init__(self, tables, rows, connection, changes):
        self._tables, self._rows, self._connection, self._changes = tables, rows, connection, changes
        self._leaving = {model: set() for model in tables.models()}

    def explain(self):
        """Raise the error, if there is any."""
        for group in self._changes.requires:
            self._explain_absence(group)
        for group in self._changes.deletes:
            self._explain_missed(group)
            self._leave(group.model, {changesets.key_of(obj) for obj in group.objects})
        for group in self._changes.deletes:
            self._explain_use(group)
        for group in self._changes.updates:
            self._explain_missed(group)
        for group in itertools.chain(self._changes.updates, self._changes.creates):
            self._explain_references(group)
            self._explain_duplicates(group)

    def _leave(self, model, keys):
        """Take the rows, and those that go with them, as removed."""
        self._leaving[model] |= keys
        for other, name in self._referring(model, "cascade"):
            found = {key for (key,) in self._select(other, (other.key,), name, keys)}
            if new := found - self._leaving[other]:
                self._leave(other, new)

    def _explain_absence(self, group):
        model, keys = group.model, [changesets.key_of(obj) for obj in group.objects]
        there = {key for (key,) in self._select(model, (model.key,), model.key, keys)}
        for key in keys:
            if key not in there:
                raise errors.NotFound(kind=model.kind, key=key)

    def _explain_missed(self, group):
        model = group.model
        names = (model.key, "revision") if "revision" in model.fields else (model.key, model.key)
        keys = [changesets.key_of(obj) for obj in group.objects]
        revisions = dict(self._select(model, names, model.key, keys))
        for obj, key in zip(group.objects, keys, strict=True):
            if key not in revisions or key in self._gone_before(group):
                raise errors.NotFound(kind=model.kind, key=key)
            if "revision" in model.fields and revisions[key] != obj.revision:
                raise errors.RevisionMismatch(kind=model.kind, key=key)

    def _gone_before(self, group):
        return () if group.kind is store.Delete else self._leaving[group.model]

    def _explain_references(self, group):
        for name, field in changesets.references_of(group.model):
            key = field.model.key
            wanted = [value for _, value in _given(group, name)]
            known = {found for (found,) in self._select(field.model, (key,), key, wanted)}
            known -= self._leaving[field.model]
            known |= {changesets.key_of(change.obj) for change in self._created(field.model)}
            for value in wanted:
                if value not in known:
                    raise errors.NotFound(kind=field.model.kind, key=value)

    def _explain_duplicates(self, group):
        model = group.model
        for name in [model.key, *(name for name, field in model.fields.items() if field.unique)]:
            owners = {}
            for key, value in _given(group, name):
                if owners.setdefault(value, key) is not key:
                    raise errors.Duplicate(kind=model.kind, field=name, value=value)
            for value, key in self._select(model, (name, model.key), name, list(owners)):
                if key not in self._leaving[model] and not self._is_own(group, key, owners[value]):
                    raise errors.Duplicate(kind=model.kind, field=name, value=value)

    def _is_own(self, group, key, owner):
        return key == owner and group.kind is store.Update

    def _explain_use(self, group):
        keys = [changesets.key_of(obj) for obj in group.objects]
        for model, name in self._referring(group.model, "restrict"):
            for key, used in self._select(model, (model.key, name), name, keys):
                if key not in self._leaving[model]:
                    reason = f"the {model.kind} {key} refers to it"
                    raise errors.InUse(kind=group.model.kind, key=used, reason=reason)

    def _referring(self, model, on_delete):
        """Yield the models and fields that refer to a model."""
        for other in self._tables.models():
            for name, field in changesets.references_of(other):
                if field.model is model and field.on_delete == on_delete:
                    yield other, name

    def _created(self, model):
        return itertools.chain.from_iterable(
            group.changes for group in self._changes.creates if group.model is model
        )

    def _select(self, model, names, by, values):
        """Yield the columns ``names`` of all rows whose column ``by`` is among ``values``."""
        table = self._tables[model]
        operands = [self._rows.operand(model, by, value) for value in values]
        for start in range(0, len(operands), BATCH):
            wanted = sqlalchemy.select(*(table.c[name] for name in names))
            yield from self._connection.execute(
                wanted.where(table.c[by].in_(operands[start : start + BATCH]))
            )


def _given(group, name):
    """Yield key and new value of each change that gives the field one."""
    for change in group.changes:
        values = change.values if type(change) is store.Update else change.obj.__dict__
        if values.get(name) is not None:
            yield changesets.key_of(change.obj), values[name]
