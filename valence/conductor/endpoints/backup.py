# SPDX-License-Identifier: Apache-2.0
"""The endpoint of the backup service: one request is one call, with documents of Freezer as JSON."""

import json
import uuid

from valence.backup import actions
from valence.backup import backups
from valence.backup import changes
from valence.backup import clients
from valence.backup import jobs
from valence.backup import listing
from valence.backup import reports
from valence.backup import sessions
from valence.bus import messaging
from valence.common import packing

#: collection -> its rules
RULES = {"actions": actions, "backups": backups, "jobs": jobs, "sessions": sessions, "clients": clients}

#: documents come out of the store, so none holds itself
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


class BackupEndpoint:
    """The namespace ``backup`` of ``valence.conductor.client``."""

    namespace = "backup"

    def __init__(self, database, clock=None):
        self._store, self._clock = database, clock or database.now

    @messaging.expose
    def list(self, context, tenant, collection, wanted):
        """Return a page of documents as packed JSON: documents are much alike, and the bus copies a message often."""
        found = listing.page(self._store, _scope(context, tenant), collection, listing.Search(**wanted))
        return packing.pack(_encoded(found).encode())

    @messaging.expose
    def show(self, context, tenant, collection, name):
        """Return one document as JSON."""
        return _encoded(listing.find(self._store, _scope(context, tenant), collection, name))

    @messaging.expose
    def create(self, context, tenant, collection, document, name=None):
        """Store a new document and return its name."""
        scope = _scope(context, tenant)
        if collection == "clients":
            clients.create(self._store, scope, document)
            return document["client_id"]
        name = name or uuid.uuid4().hex
        RULES[collection].create(self._store, scope, name, document)
        return name

    @messaging.expose
    def update(self, context, tenant, collection, name, document):
        """Change a document and return its revision."""
        return RULES[collection].update(self._store, _scope(context, tenant), name, document).revision

    @messaging.expose
    def replace(self, context, tenant, collection, name, document):
        """Store a document in place of another, or as a new one, and return its revision."""
        return RULES[collection].replace(self._store, _scope(context, tenant), name, document).revision

    @messaging.expose
    def delete(self, context, tenant, collection, name):
        """Remove a document, and return a trust that no job needs any longer, or None."""
        return RULES[collection].delete(self._store, _scope(context, tenant), name)

    @messaging.expose
    def reports(self, context, tenant, collection, name, page):
        """Return the reports of a job or an action as JSON."""
        return _encoded(reports.page(self._store, _scope(context, tenant), collection, name, **page))

    @messaging.expose
    def report(self, context, tenant, job, document):
        """Store a report and return its identifier."""
        return reports.create(self._store, _scope(context, tenant), job, document).id

    @messaging.expose
    def ask(self, context, tenant, job, event):
        """Ask a job's scheduler for an event."""
        return jobs.ask(self._store, _scope(context, tenant), job, event)

    @messaging.expose
    def start(self, context, tenant, session, parameters):
        """Start a run of a session."""
        return sessions.start(self._store, _scope(context, tenant), session, parameters, int(self._clock()))

    @messaging.expose
    def end(self, context, tenant, session, parameters):
        """Note that a job of a session has ended."""
        return sessions.end(self._store, _scope(context, tenant), session, parameters, int(self._clock()))

    @messaging.expose
    def add_job(self, context, tenant, session, job):
        """Put a job into a session."""
        sessions.add_job(self._store, _scope(context, tenant), session, job)

    @messaging.expose
    def remove_job(self, context, tenant, session, job):
        """Take a job out of a session."""
        sessions.remove_job(self._store, _scope(context, tenant), session, job)


def _scope(context, tenant):
    """Return the Scope of the caller."""
    who = {"user_id": context.user_id or "", "user_name": context.user_name, "request_id": context.request_id}
    return changes.Scope(**tenant, **who)


def _encoded(value):
    return _ENCODER.encode(value)
