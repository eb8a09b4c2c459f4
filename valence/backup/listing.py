# SPDX-License-Identifier: Apache-2.0
"""Lists and searches of documents: a page takes the same few statements, however many rows there are.

A search names fields anywhere in a document, and the values that they must, or must not, have. The database filters the
fields that are columns; the other ones are compared in the documents.
"""

import functools
import itertools
import re
import typing

from valence.backup import actions
from valence.backup import backups
from valence.backup import changes
from valence.backup import clients
from valence.backup import jobs
from valence.backup import sessions
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types


class Search(typing.NamedTuple):
    """The query of a list; ``match`` and ``match_not`` are lists of ``[name, value]``, values are JSON values.

    ``after`` and ``before`` limit the time stamps of backups. ``sort`` is ``[name, descending]`` or None; ``marker`` is
    the name of the last document of the page before. ``query`` are further pairs to match whose values are texts of a
    URL; ``fields`` are the only fields of a document to return.
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


def split(model, scope, wanted):
    """Return the filters of the database, and the other pairs as ``(name, value, whether to have it)``."""
    filters, rest = [], []
    typed = [[name, _typed(model, name, text)] for name, text in wanted.query]
    for pairs, is_wanted in (([*wanted.match, *typed], True), (wanted.match_not, False)):
        for name, value in pairs:
            field = FIELDS[model.__name__].get(name)
            if field is None:
                rest.append((name, value, is_wanted))
            else:
                filters += _filters(model, scope, field, value, is_wanted)
    has_times = (
        "time_stamp" in model.fields
    )  # backups have; elsewhere Freezer ignores them, whatever they are
    times = (("gte", wanted.after), ("lte", wanted.before)) if has_times else ()
    return filters + [store.Filter("time_stamp", op, at) for op, at in times if at is not None], rest


def chosen(document, names):
    """Return the wanted fields of a document, all of them for None."""
    return document if names is None else {name: document[name] for name in names if name in document}


def fits(document, rest):
    """Return whether a document meets the pairs of ``split``."""
    return all((_found(document, name) == (True, value)) is is_wanted for name, value, is_wanted in rest)


def _filters(model, scope, field, value, is_wanted):
    if not _can_have(model.fields[field], value):
        return [store.Filter(model.key, "in", [])] if is_wanted else []
    if field in KEYS and model.__name__ != "Client":
        value = scope.key(value) if value else None
    elif field == "id":
        value = scope.key(value)
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
    """Return whether a document has a field of that name anywhere, and its value; the last one counts."""
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


#: rows that are read at a time where documents have to be looked into
BATCH = 500
#: collection -> model of its rows
MODELS = {
    "clients": models.Client,
    "actions": models.Action,
    "jobs": models.AttachedJob,
    "sessions": models.Session,
    "backups": models.Backup,
}
#: fields that no list shows, or that the key tells; every column of a row costs time to read
HIDDEN = {"created_at", "updated_at", "revision", "project_id", "name", *sessions.MEMBER.values()}


@functools.cache
def columns(model):
    """Return the fields of a model that lists show."""
    return tuple(name for name in model.fields if name not in HIDDEN)


#: the actions of a job
ATTACHED = store.Attached(
    models.ActionAttachment,
    owner="job_id",
    target="action_id",
    order="priority",
    fields=("retries", "retry_interval", "mandatory"),
    target_fields=columns(models.Action),
)


def find(database, scope, collection, name):
    """Return one document; raise NotFound, Conflict. Version 1 shows how often it was changed.

    A caller who sees all projects finds a job of another project if the own one has none of the name.
    """
    if collection == "clients":
        return clients.document(clients.find(database, scope, name), scope)
    model = MODELS[collection]
    found = _read(database, collection, filters=[store.Filter(model.key, "eq", scope.key(name))], limit=1)
    if not found and scope.everywhere and collection == "jobs":
        found = _read(database, collection, filters=[store.Filter("name", "eq", name)], limit=2)
    if len(found) > 1:
        raise errors.Conflict(reason=f"Several projects have a job {name}: put the project into the URL.")
    if not found or not scope.owns(found[0][0]):
        raise changes.missing(model, name)
    shown = _document(scope, collection, *found[0])
    return shown | ({"_version": found[0][0].revision} if scope.is_v1 else {})


def page(database, scope, collection, wanted):
    """Return the documents that a Search finds, in the order of their names or as it says."""
    model = MODELS[collection]
    filters, rest = split(model, scope, wanted)
    filters += scope.filters() + ([store.Filter("user_id", "eq", scope.user_id)] if scope.is_v1 else [])
    sort = [_sort(collection, *wanted.sort)] if wanted.sort else []
    source = _Source(database, collection, filters, sort, wanted.marker and scope.key(wanted.marker))
    if not rest:
        found = source.page(wanted.offset, wanted.limit)
        return [chosen(_document(scope, collection, *each), wanted.fields) for each in found]
    shown = (_document(scope, collection, *each) for found in source.batches() for each in found)
    fitting = (chosen(each, wanted.fields) for each in shown if fits(each, rest))
    return list(itertools.islice(fitting, wanted.offset, wanted.offset + wanted.limit))


class _Source:
    """What a list shows, page by page: each row with what is inside of it."""

    def __init__(self, database, collection, filters, sort, marker):
        self._database, self._collection = database, collection
        self._asked = {"filters": filters, "sort": sort}
        self._marker = marker

    def page(self, offset, limit):
        """Return the rows of a page; who asks with an offset has it turned into a marker."""
        if offset:
            skipped = self._keys(offset)
            if len(skipped) < offset:
                return []
            self._marker = skipped[-1]
        return self._rows(limit)

    def batches(self):
        """Yield all rows, some at a time."""
        while found := self._rows(BATCH):
            yield found
            self._marker = _key(found[-1][0])

    def _keys(self, limit):
        model = MODELS[self._collection]
        rows = self._database.list(model, **self._asked, marker=self._marker, limit=limit, fields=[model.key])
        return [_key(row) for row in rows]

    def _rows(self, limit):
        fields = columns(MODELS[self._collection])
        return _read(
            self._database, self._collection, **self._asked, marker=self._marker, limit=limit, fields=fields
        )


def _key(row):
    return getattr(row, type(row).key)


def _sort(collection, name, is_descending):
    field = FIELDS[MODELS[collection].__name__].get(name)
    if field is None:
        raise errors.BadRequest(reason=f"{collection} cannot be sorted by {name}")
    return store.Sort(field, is_descending)


def _read(database, collection, **asked):
    """Return (row, what is inside of it) pairs: a job's actions, a session's jobs."""
    model = MODELS[collection]
    if collection == "jobs":
        return database.list_with(ATTACHED, model, **asked)
    rows = database.list(model, **asked)
    inside = {row.id: [] for row in rows}
    if collection == "sessions" and rows:
        for each in sessions.members(database, list(inside)):
            inside[each.session_id].append(each)
    return [(row, inside[_key(row)]) for row in rows]


def _document(scope, collection, row, inside):
    if collection == "jobs":
        return jobs.document(row, [actions.attached_document(*each, scope) for each in inside], scope)
    if collection == "sessions":
        return sessions.document(row, inside, scope)
    return {"clients": clients, "actions": actions, "backups": backups}[collection].document(row, scope)
