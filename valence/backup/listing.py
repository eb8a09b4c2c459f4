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


def find(database, asking, collection, name):
    """Return one document; raise NotFound. Version 1 shows how often it was changed."""
    if collection == "clients":
        return clients.document(clients.find(database, asking, name), asking)
    row = changes.find_by(database, asking, MODELS[collection], name)
    (document,) = documents(database, asking, collection, [row])
    return document | ({"_version": row.revision} if asking.is_v1 else {})


def page(database, asking, collection, wanted):
    """Return the documents that a Search finds, in the order of their names or as it says."""
    model = MODELS[collection]
    filters, rest = search.split(model, asking, wanted)
    filters += asking.filters() + ([store.Filter("user_id", "eq", asking.user_id)] if asking.is_v1 else [])
    sort = [_sort(collection, *wanted.sort)] if wanted.sort else []
    source = _Source(database, model, filters, sort, wanted.marker and asking.key(wanted.marker))
    if not rest:
        shown = documents(database, asking, collection, source.page(wanted.offset, wanted.limit))
        return [search.chosen(document, wanted.fields) for document in shown]
    found = (
        search.chosen(document, wanted.fields)
        for rows in source.batches()
        for document in documents(database, asking, collection, rows)
        if search.fits(document, rest)
    )
    return list(itertools.islice(found, wanted.offset, wanted.offset + wanted.limit))


@functools.cache
def columns(model):
    """Return the fields of a model that lists show."""
    return tuple(name for name in model.fields if name not in HIDDEN)


def documents(database, asking, collection, rows):
    """Return the documents of rows."""
    if collection == "jobs":
        return _jobs(database, asking, rows)
    if collection == "sessions":
        return _sessions(database, asking, rows)
    module = {"clients": clients, "actions": actions, "backups": backups}[collection]
    return [module.document(row, asking) for row in rows]


class _Source:
    """The rows that a list shows, page by page."""

    def __init__(self, database, model, filters, sort, marker):
        self._database, self._model = database, model
        self._filters, self._sort, self._marker = filters, sort, marker

    def page(self, offset, limit):
        """Return the rows of a page; who asks with an offset has it turned into a marker."""
        if offset:
            skipped = self._read(offset, [self._model.key])
            if len(skipped) < offset:
                return []
            self._marker = getattr(skipped[-1], self._model.key)
        return self._read(limit, columns(self._model))

    def batches(self):
        """Yield all rows, some at a time."""
        while rows := self._read(BATCH, columns(self._model)):
            yield rows
            self._marker = getattr(rows[-1], self._model.key)

    def _read(self, limit, fields):
        return self._database.list(
            self._model,
            filters=self._filters,
            sort=self._sort,
            marker=self._marker,
            limit=limit,
            fields=fields,
        )


def _sort(collection, name, is_descending):
    field = search.FIELDS[MODELS[collection].__name__].get(name)
    if field is None:
        raise errors.BadRequest(reason=f"{collection} cannot be sorted by {name}")
    return store.Sort(field, is_descending)


def _jobs(database, asking, rows):
    attached = jobs.attachments(database, [row.job_id for row in rows], job_actions.SHOWN) if rows else []
    known = {row.id: row for row in _actions(database, {each.action_id for each in attached})}
    by_job = {row.job_id: [] for row in rows}
    for each in attached:
        by_job[each.job_id].append(each)
    return [
        jobs.document(row, job_actions.documents(by_job[row.job_id], known, asking), asking) for row in rows
    ]


def _actions(database, keys):
    filters = [store.Filter("id", "in", list(keys))]
    return database.list(models.Action, filters=filters, fields=columns(models.Action)) if keys else []


def _sessions(database, asking, rows):
    inside = sessions.members(database, [row.id for row in rows]) if rows else []
    by_session = {row.id: [] for row in rows}
    for each in inside:
        by_session[each.session_id].append(each)
    return [sessions.document(row, by_session[row.id], asking) for row in rows]
