# SPDX-License-Identifier: Apache-2.0
"""What may be asked of the backup service of a conductor; see client.py."""

from valence.common import packing
from valence.conductor import timeouts


class Backup:
    """The backup service, in the documents of Freezer.

    ``tenant`` is ``{"version": "v1" or "v2", "project_id"}``, with ``everywhere`` to see all projects, and ``trusts``
    where there are any;
    ``collection`` is "clients", "actions", "jobs", "sessions" or "backups"; things go by the tenant's own names.
    """

    namespace = "backup"

    def __init__(self, caller):
        self._caller = caller

    def list(self, context, tenant, collection, wanted):
        """Return a list of documents as JSON in UTF-8; ``wanted`` is a ``valence.backup.search.Search``."""
        return packing.unpack(
            self._read(context, "list", tenant=tenant, collection=collection, wanted=wanted)
        )

    def show(self, context, tenant, collection, name):
        """Return the JSON text of one document."""
        return self._read(context, "show", tenant=tenant, collection=collection, name=name)

    def create(self, context, tenant, collection, document, *, name=None):
        """Store a new thing and return its name; raise Duplicate, Unprocessable, TrustNeeded."""
        return self._call(
            context, "create", tenant=tenant, collection=collection, document=document, name=name
        )

    def update(self, context, tenant, collection, name, document):
        """Change what ``document`` gives and return the new revision; raise NotFound, Unprocessable."""
        return self._call(
            context, "update", tenant=tenant, collection=collection, name=name, document=document
        )

    def replace(self, context, tenant, collection, name, document):
        """Put ``document`` in the place of what is there, or of nothing; return the new revision."""
        return self._call(
            context, "replace", tenant=tenant, collection=collection, name=name, document=document
        )

    def delete(self, context, tenant, collection, name):
        """Remove a thing and return the trust that nothing needs any more, or None; raise NotFound, InUse."""
        return self._call(context, "delete", tenant=tenant, collection=collection, name=name)

    def reports(self, context, tenant, collection, name, *, limit, marker=None, **wanted):
        """Return the JSON text of the reports of one of the "jobs" or "actions", the newest first; raise NotFound.

        ``wanted`` are those of ``result``, ``since`` and ``until`` that are asked for.
        """
        page = {"limit": limit, "marker": marker} | wanted
        return self._read(context, "reports", tenant=tenant, collection=collection, name=name, page=page)

    def report(self, context, tenant, job, document):
        """Store what an agent tells of a run and return the report's identifier; raise NotFound, Unprocessable."""
        return self._call(context, "report", tenant=tenant, job=job, document=document)

    def ask(self, context, tenant, job, event):
        """Ask the scheduler of a job to "start", "stop" or "abort" it; return "success" or why not."""
        return self._call(context, "ask", tenant=tenant, job=job, event=event)

    def start(self, context, tenant, session, parameters):
        """Start a run of a session for ``parameters["job_id"]``, or join it; ``current_tag`` is the last run it saw.

        Returns ``{"result": "success", "hold-off" or "out-of-sync", "session_tag": int}``.
        """
        return self._call(context, "start", tenant=tenant, session=session, parameters=parameters)

    def end(self, context, tenant, session, parameters):
        """Note with which ``parameters["result"]`` a job of a session ended; returns what ``start`` returns."""
        return self._call(context, "end", tenant=tenant, session=session, parameters=parameters)

    def add_job(self, context, tenant, session, job):
        """Put a job into a session; raise NotFound."""
        self._call(context, "add_job", tenant=tenant, session=session, job=job)

    def remove_job(self, context, tenant, session, job):
        """Take a job out of a session; raise NotFound."""
        self._call(context, "remove_job", tenant=tenant, session=session, job=job)

    def _read(self, context, method, **kwargs):
        return self._call(context, method, repeatable=True, **kwargs)

    def _call(self, context, method, **kwargs):
        return self._caller.call(context, self.namespace, method, timeouts.STORE_TIMEOUT, **kwargs)
