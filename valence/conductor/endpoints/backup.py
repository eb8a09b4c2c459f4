# SPDX-License-Identifier: Apache-2.0
"""The backup service: its documents in, its documents out. One request is one call."""

import json
import uuid

from valence.backup import actions
from valence.backup import backups
from valence.backup import clients
from valence.backup import jobs
from valence.backup import listing
from valence.backup import reports
from valence.backup import scope
from valence.backup import search
from valence.backup import sessions
from valence.common import packing
from valence.conductor.rpc import rpc

#: collection -> its rules
RULES = {"actions": actions, "backups": backups, "jobs": jobs, "sessions": sessions, "clients": clients}


class BackupEndpoint:
    """The namespace ``backup`` of ``valence.conductor.client``."""

    namespace = "backup"

    def __init__(self, database, clock=None):
        self._store, self._clock = database, clock or database.now

    @rpc
    def list(self, context, tenant, collection, wanted):
        """Return a page of documents, encoded and packed: documents are much alike, and the bus copies them often."""
        found = listing.page(self._store, _asking(context, tenant), collection, search.Search(**wanted))
        return packing.pack(_encoded(found).encode())

    @rpc
    def show(self, context, tenant, collection, name):
        """Return one document, encoded."""
        return _encoded(listing.find(self._store, _asking(context, tenant), collection, name))

    @rpc
    def create(self, context, tenant, collection, document, name=None):
        """Store a new thing and return its name."""
        asking = _asking(context, tenant)
        if collection == "clients":
            clients.create(self._store, asking, document)
            return document["client_id"]
        name = name or uuid.uuid4().hex
        RULES[collection].create(self._store, asking, name, document)
        return name

    @rpc
    def update(self, context, tenant, collection, name, document):
        """Change a thing and return its revision."""
        return RULES[collection].update(self._store, _asking(context, tenant), name, document).revision

    @rpc
    def replace(self, context, tenant, collection, name, document):
        """Put a thing in the place of another, or of nothing, and return its revision."""
        return RULES[collection].replace(self._store, _asking(context, tenant), name, document).revision

    @rpc
    def delete(self, context, tenant, collection, name):
        """Remove a thing, and return the trust that nothing needs any more."""
        return RULES[collection].delete(self._store, _asking(context, tenant), name)

    @rpc
    def reports(self, context, tenant, collection, name, page):
        """Return the reports of a job or an action, encoded."""
        return _encoded(reports.page(self._store, _asking(context, tenant), collection, name, **page))

    @rpc
    def report(self, context, tenant, job, document):
        """Store a report and return its identifier."""
        return reports.create(self._store, _asking(context, tenant), job, document).id

    @rpc
    def ask(self, context, tenant, job, event):
        """Ask a job's scheduler for an event."""
        return jobs.ask(self._store, _asking(context, tenant), job, event)

    @rpc
    def start(self, context, tenant, session, parameters):
        """Start a run of a session."""
        return sessions.start(self._store, _asking(context, tenant), session, parameters, int(self._clock()))

    @rpc
    def end(self, context, tenant, session, parameters):
        """Note that a job of a session has ended."""
        return sessions.end(self._store, _asking(context, tenant), session, parameters, int(self._clock()))

    @rpc
    def add_job(self, context, tenant, session, job):
        """Put a job into a session."""
        sessions.add_job(self._store, _asking(context, tenant), session, job)

    @rpc
    def remove_job(self, context, tenant, session, job):
        """Take a job out of a session."""
        sessions.remove_job(self._store, _asking(context, tenant), session, job)


def _asking(context, tenant):
    """Return the Scope of whoever asks."""
    who = {"user_id": context.user_id or "", "user_name": context.user_name, "request_id": context.request_id}
    return scope.Scope(**tenant, **who)


def _encoded(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
