# SPDX-License-Identifier: Apache-2.0
"""Searches: names that a document has anywhere in it, and the value that they must, or must not, have.

What the schema has a column for is asked of the database; other names are looked for in the documents.
"""

import functools
import re
import typing

from valence.backup import actions
from valence.db import store
from valence.db import types


class Search(typing.NamedTuple):
    """What a list is asked for; ``match`` and ``match_not`` are lists of ``[name, value]``, values are JSON values.

    ``after`` and ``before`` limit the time stamps of backups. ``sort`` is ``[name, descending]`` or None;
    ``marker`` the name of the last thing of the page before. ``query`` are further pairs to match whose values are
    texts of a URL; ``fields`` are the only names of a document that are wanted.
    """

    match: list = []
    match_not: list = []
    limit: int = 10
    offset: int = 0
    after: int | None = None
    before: int | None = None
    sort: list | None = None
    marker: str | None = None
    query: list = []
    fields: list | None = None


def _same(names):
    return {name: name for name in names.split()}


_OWNED = _same("project_id user_id")
#: model's name -> name in its documents -> field
FIELDS = {
    "Client": _OWNED | {"client_id": "id"} | _same("hostname description uuid is_central config_id"),
    "Action": _OWNED
    | {"action_id": "id"}
    | {name: column for name, column in actions.COLUMNS.items() if name not in ("container",)}
    | _same("max_retries max_retries_interval mandatory"),
    "AttachedJob": _OWNED
    | {"client_id": "client_name"}
    | _same("job_id session_id session_tag event status result current_pid time_started time_ended")
    | _same("time_created"),
    "Session": _OWNED
    | {"session_id": "id"}
    | _same("description session_tag hold_off policy time_start time_end"),
    "Backup": _OWNED | {"backup_id": "id"} | _same("hostname backup_name"),
}
#: fields whose documents show a name where the column has a key
KEYS = ("id", "job_id", "session_id")


def split(model, asking, wanted):
    """Return the filters of what the database can tell, and of the rest ``(name, value, whether to have it)``."""
    filters, rest = [], []
    typed = [[name, _typed(model, name, text)] for name, text in wanted.query]
    for pairs, is_wanted in (([*wanted.match, *typed], True), (wanted.match_not, False)):
        for name, value in pairs:
            field = FIELDS[model.__name__].get(name)
            if field is None:
                rest.append((name, value, is_wanted))
            else:
                filters += _filters(model, asking, field, value, is_wanted)
    times = (("gte", wanted.after), ("lte", wanted.before))
    return filters + [store.Filter("time_stamp", op, at) for op, at in times if at is not None], rest


def chosen(document, names):
    """Return the part of a document that is wanted, all of it for None."""
    return document if names is None else {name: document[name] for name in names if name in document}


def fits(document, rest):
    """Return whether a document has, or has not, what the pairs of ``split`` say."""
    return all((_found(document, name) == (True, value)) is is_wanted for name, value, is_wanted in rest)


def _filters(model, asking, field, value, is_wanted):
    if not _can_have(model.fields[field], value):
        return [store.Filter(model.key, "in", [])] if is_wanted else []
    if field in KEYS and model.__name__ != "Client":
        value = asking.key(value) if value else None
    elif field == "id":
        value = asking.key(value)
    return [store.Filter(field, "eq" if is_wanted else "neq", value)]


def _typed(model, name, text):
    """Return the text of a URL as a value of the field that it is compared with."""
    field = model.fields.get(FIELDS[model.__name__].get(name))
    if isinstance(field, types.Boolean) and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if isinstance(field, types.Integer) and re.fullmatch("-?[0-9]{1,18}", text):
        return int(text)
    return text


def _can_have(field, value):
    if value is None:
        return field.nullable
    if isinstance(field, types.Text):
        return isinstance(value, str) and len(value) <= field.max
    return isinstance(value, bool) is isinstance(field, types.Boolean) and isinstance(
        value, field.python_type
    )


@functools.singledispatch
def _found(document, name):
    """Return whether there is something of that name in a document, and what; the last one counts."""
    del document, name
    return False, None


@_found.register
def _(document: dict, name):
    found = (name in document, document.get(name))
    return _last(document.values(), name, found)


@_found.register
def _(document: list, name):
    return _last(document, name, (False, None))


def _last(children, name, found):
    for child in children:
        inner = _found(child, name)
        found = inner if inner[0] else found
    return found
