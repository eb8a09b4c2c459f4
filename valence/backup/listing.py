# SPDX-License-Identifier: Apache-2.0
"""Lists of documents: a page takes the same few statements, however many things there are."""

import functools
import itertools

from valence.backup import actions
from valence.backup import backups
from valence.backup import changes
from valence.backup import clients
from valence.backup import job_actions
from valence.backup import jobs
from valence.backup import search
from valence.backup import sessions
from valence.common import errors
from valence.db import models
from valence.db import store

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
HIDDEN = {"created_at", "updated_at", "revision", "project_id", *sessions.MEMBER.values()}


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


def find(database, asking, collection, name):
    """Return one document; raise NotFound. Version 1 shows how often it was changed."""
    if collection == "clients":
        return clients.document(clients.find(database, asking, name), asking)
    model = MODELS[collection]
    found = _read(database, collection, filters=[store.Filter(model.key, "eq", asking.key(name))], limit=1)
    if not found or not asking.owns(found[0][0]):
        raise changes.missing(model, name)
    shown = _document(asking, collection, *found[0])
    return shown | ({"_version": found[0][0].revision} if asking.is_v1 else {})


def page(database, asking, collection, wanted):
    """Return the documents that a Search finds, in the order of their names or as it says."""
    model = MODELS[collection]
    filters, rest = search.split(model, asking, wanted)
    filters += asking.filters() + ([store.Filter("user_id", "eq", asking.user_id)] if asking.is_v1 else [])
    sort = [_sort(collection, *wanted.sort)] if wanted.sort else []
    source = _Source(database, collection, filters, sort, wanted.marker and asking.key(wanted.marker))
    if not rest:
        found = source.page(wanted.offset, wanted.limit)
        return [search.chosen(_document(asking, collection, *each), wanted.fields) for each in found]
    shown = (_document(asking, collection, *each) for found in source.batches() for each in found)
    fitting = (search.chosen(each, wanted.fields) for each in shown if search.fits(each, rest))
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
    field = search.FIELDS[MODELS[collection].__name__].get(name)
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


def _document(asking, collection, row, inside):
    if collection == "jobs":
        return jobs.document(row, [job_actions.document(*each, asking) for each in inside], asking)
    if collection == "sessions":
        return sessions.document(row, inside, asking)
    return {"clients": clients, "actions": actions, "backups": backups}[collection].document(row, asking)
