# SPDX-License-Identifier: Apache-2.0
"""What a store is, without a database: dictionaries. The contract suite compares every driver with it."""

import copy
import functools

from valence.common import errors
from valence.db import store
from valence.db import types

STAMPS = ("created_at", "updated_at")
OPERATORS = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "in": lambda a, b: a in b,
    "begins": lambda a, b: a is not None and any(a.startswith(each) for each in b),
    "gt": lambda a, b: None not in (a, b) and a > b,
    "gte": lambda a, b: None not in (a, b) and a >= b,
    "lt": lambda a, b: None not in (a, b) and a < b,
    "lte": lambda a, b: None not in (a, b) and a <= b,
}


def operators(model, name):
    """Return the operators that a field may be filtered by."""
    is_text = type(model.fields[name]) is types.Text
    return [op for op in store.OPERATORS if op != "begins" or is_text]


class Refused(Exception):
    """A commit that breaks rules; ``errors`` are all that a store may raise for it."""

    def __init__(self, errors_of_it):
        super().__init__(errors_of_it)
        self.errors = errors_of_it


class Memory:
    """Rows of models as dictionaries by key."""

    def __init__(self, models):
        self.models = models
        self.rows = {model: {} for model in models}
        self.sequences = dict.fromkeys(models, 0)

    def list(self, model, *, filters=(), sort=(), marker=None, limit=None):
        """Return the dictionaries of a page."""
        rows = self._joined(model)
        rows = [row for row in rows if all(OPERATORS[op](row[name], value) for name, op, value in filters)]
        last = sort[-1].descending if sort else False
        rows.sort(key=functools.cmp_to_key(lambda a, b: _compare(a, b, [*sort, store.Sort(model.key, last)])))
        if marker is not None:
            keys = [row[model.key] for row in rows]
            rows = rows[keys.index(marker) + 1 :] if marker in keys else rows
        return rows[:limit]

    def commit(self, *changes):
        """Apply changes; raise Refused."""
        before, problems = (copy.deepcopy(self.rows), dict(self.sequences)), []
        for kind, apply in (
            (store.Require, self._require),
            (store.Delete, self._delete),
            (store.Update, self._update),
            (store.Create, self._create),
        ):
            mine = [change for change in changes if type(change) is kind]
            apply(mine, problems)
        problems += self._broken_rules()
        if problems:
            self.rows, self.sequences = before
            raise Refused(problems)

    def _joined(self, model):
        first, *others = model.joins or (model,)
        initial = {name: field.initial() for name, field in model.fields.items()}
        for key, row in self.rows[first].items():
            parts = [self.rows[other].get(key, dict.fromkeys(other.fields)) for other in others]
            yield initial | {name: value for part in (*parts, row) for name, value in part.items()}

    def _require(self, changes, problems):
        for change in changes:
            if _key(change.obj) not in self.rows[type(change.obj)]:
                problems.append(errors.NotFound(kind=change.obj.kind, key=_key(change.obj)))

    def _delete(self, changes, problems):
        gone = {(type(change.obj), _key(change.obj)) for change in changes}
        for change in changes:
            self._check_state(change.obj, problems)
        for model, key in gone:
            problems += self._uses(model, key, gone)
        for model, key in gone:
            self._remove(model, key)

    def _uses(self, model, key, gone):
        for other, name, row in self._referring(model, key):
            if other.fields[name].on_delete == "restrict" and (other, row[other.key]) not in gone:
                yield errors.InUse(kind=model.kind, key=key, reason="")

    def _referring(self, model, key):
        for other in self.models:
            for name, field in other.fields.items():
                if isinstance(field, types.Reference) and field.model is model:
                    yield from (
                        (other, name, row) for row in list(self.rows[other].values()) if row[name] == key
                    )

    def _remove(self, model, key):
        self.rows[model].pop(key, None)
        for other, name, row in self._referring(model, key):
            if other.fields[name].on_delete == "cascade":
                self._remove(other, row[other.key])
            elif other.fields[name].on_delete == "clear":
                row[name] = None

    def _update(self, changes, problems):
        for change in changes:
            row = self._check_state(change.obj, problems)
            if row is None:
                continue
            row |= change.values
            if change.touch and "revision" in row:
                row["revision"] += 1
            problems += self._taken(type(change.obj), row)

    def _create(self, changes, problems):
        for change in changes:
            model, key = type(change.obj), _key(change.obj)
            if key in self.rows[model]:
                problems.append(errors.Duplicate(kind=model.kind, field=model.key, value=key))
                problems += self._broken_references(model, change.obj.as_dict())
                continue
            self.rows[model][key] = row = copy.deepcopy(change.obj.as_dict())
            for name, field in model.fields.items():
                if isinstance(field, types.Sequence):
                    self.sequences[model] += 1
                    row[name] = self.sequences[model]
            problems += self._taken(model, row)

    def _check_state(self, obj, problems):
        row = self.rows[type(obj)].get(_key(obj))
        if row is None:
            problems.append(errors.NotFound(kind=obj.kind, key=_key(obj)))
        elif "revision" in row and row["revision"] != obj.revision:
            problems.append(errors.RevisionMismatch(kind=obj.kind, key=_key(obj)))
        return row

    def _taken(self, model, row):
        for name in [name for name, field in model.fields.items() if field.unique]:
            same = [other for other in self.rows[model].values() if other[name] == row[name] is not None]
            if len(same) > 1:
                yield errors.Duplicate(kind=model.kind, field=name, value=row[name])

    def _broken_rules(self):
        for model in self.models:
            for row in self.rows[model].values():
                yield from self._broken_references(model, row)

    def _broken_references(self, model, row):
        for name, field in model.fields.items():
            is_set = isinstance(field, types.Reference) and row[name] is not None
            if is_set and row[name] not in self.rows[field.model]:
                yield errors.NotFound(kind=field.model.kind, key=row[name])


def _key(obj):
    return getattr(obj, type(obj).key)


def _compare(first, second, sorts):
    for name, descending in sorts:
        a, b = ((row[name] is not None, row[name]) for row in (first, second))
        if a != b:
            return -1 if (a < b) != descending else 1
    return 0
