# SPDX-License-Identifier: Apache-2.0
"""Rows of lists as dicts: filtered, sorted, and joined where a model is made of several."""

import operator

from valence.db.etcd import index

OPERATORS = {
    "eq": operator.eq,
    "neq": operator.ne,
    "in": lambda value, values: value in values,
    "gt": lambda value, other: None not in (value, other) and value > other,
    "gte": lambda value, other: None not in (value, other) and value >= other,
    "lt": lambda value, other: None not in (value, other) and value < other,
    "lte": lambda value, other: None not in (value, other) and value <= other,
}


def members_of(model):
    """Return the models whose rows make a row of ``model``, the one that always has a row first."""
    return model.joins or (model,)


def read(objects, snapshot, model, keys):
    """Yield (key, row, part of each member) for the keys whose row is there."""
    members = members_of(model)
    found = objects.read(snapshot, [(member, key) for member in members for key in keys])
    for key in keys:
        parts = [found[member, key] for member in members]
        if parts[0] is not None:
            yield key, _joined(members, parts), dict(zip(members, parts, strict=True))


def _joined(members, parts):
    row = {}
    for member, part in reversed(list(zip(members, parts, strict=True))):
        row |= dict.fromkeys(member.fields) if part is None else part
    return row


def is_entry_true(tree, member, parts, text, key):
    """Tell whether an index entry is that of the row: one that was left behind by a broken write is not."""
    part = parts[member]
    return part is not None and index.entry(tree, part, key) == text


def holds(row, filters):
    """Tell whether a row holds all filters."""
    return all(OPERATORS[op](row[name], value) for name, op, value in filters)


def sort(rows, sorts):
    """Sort rows in place; None is smallest."""
    for name, descending in reversed(sorts):
        rows.sort(key=lambda row, name=name: rank(row[name]), reverse=descending)


def is_after(row, position, sorts):
    """Tell whether a row comes after the values ``position`` in the order of ``sorts``."""
    for (name, descending), value in zip(sorts, position, strict=True):
        mine, other = rank(row[name]), rank(value)
        if mine != other:
            return (mine > other) != descending
    return False


def rank(value):
    """Return what a value is sorted by."""
    return (value is not None, value)
