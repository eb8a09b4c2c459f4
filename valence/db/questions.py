# SPDX-License-Identifier: Apache-2.0
"""What may be asked of a list, alike on every driver."""

from valence.common import errors
from valence.db import store
from valence.db import types

UNCOMPARABLE = (types.JSON, types.Secret)


def sorts(model, sort):
    """Return the (field, descending) pairs to sort by, ended by the model's key in the direction of the last one."""
    keys = []
    for name, descending in (*sort, (model.key, bool(sort) and sort[-1].descending)):
        require_comparable(model, name)
        if name not in (known for known, _ in keys):
            keys.append((name, descending))
    return tuple(keys[: [name for name, _ in keys].index(model.key) + 1])


def filters(model, given, operand):
    """Yield (field, op, value) of each filter, its values as ``operand(model, field, value)`` stores them."""
    for name, op, value in given:
        require_comparable(model, name)
        if op not in store.OPERATORS:
            raise errors.BadRequest(reason=f"There is no operator {op}.")
        if op == "in":
            yield name, op, [operand(model, name, each) for each in value]
        else:
            yield name, op, operand(model, name, value)


def require_comparable(model, name):
    """Raise BadRequest for a field that nothing can be filtered or sorted by."""
    if name not in model.fields or isinstance(model.fields[name], UNCOMPARABLE):
        raise errors.BadRequest(reason=f"A {model.kind} cannot be filtered or sorted by {name}.")


def gone_marker(model, marker):
    """Return the error for a marker whose values are needed and that is gone."""
    return errors.BadRequest(reason=f"There is no {model.kind} {marker} any more to go on from.")
