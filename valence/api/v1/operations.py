# SPDX-License-Identifier: Apache-2.0
"""Operations in responses: 202 with the operation's Location, or its end if the client prefers to wait (RFC 7240)."""

import re
import threading
import time

from oslo_log import log

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.common import errors
from valence.common.web import http_limits
from valence.db import models
from valence.db.models import operation as model

LOG = log.getLogger(__name__)

#: policy rule that allows to see and change the operations of all projects
OF_PROJECTS = "valence:operations:of_projects"


class List(crud.List):
    """Shows a page of operations: those of everybody's things, and those of the client's project."""

    def __init__(self):
        super().__init__(models.Operation, sort=[["created_at", True]])

    def rows(self, call, asked):
        seen = visible(call, OF_PROJECTS)
        self.require_marker(call, asked, seen)
        return super().rows(call, asked._replace(filters=[*asked.filters, *seen]))


class Show(crud.Show):
    """Shows one operation, unless it is another project's."""

    def row(self, call, uuid):
        row = super().row(call, uuid)
        require_visible(call, row)
        return row


def visible(call, rule):
    """Return the filters of the rows that the client may see: everybody's and its project's, all if ``rule`` allows."""
    if call.policy.allows(rule, call.context):
        return []
    return [["project_id", "in", [None, call.context.project_id or ""]]]


def require_visible(call, row):
    """Raise NotFound for an operation of another project."""
    # Conductors of earlier versions know no projects: their operations are everybody's.
    mine = (None, call.context.project_id or "")
    if row.get("project_id") not in mine and not call.policy.allows(OF_PROJECTS, call.context):
        raise errors.NotFound(kind="operation", key=row["uuid"])


SHOW = Show(models.Operation)

#: longest wait, and the time between two polls, in seconds
LONGEST_WAIT, INTERVAL = 60, 0.25

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})\b', re.IGNORECASE)


class Waits:
    """Requests that wait for operations: at most ``most``, so that other requests always find free threads."""

    def __init__(self, most):
        self._places = threading.BoundedSemaphore(most)
        self._stopping = threading.Event()

    def until_ended(self, call, operation, seconds):
        """Return the operation once it has ended, or as last read after ``seconds``; None if too many requests wait.

        Errors do not end the wait: the operation was accepted, and a client that gets an error requests it again.
        """
        if not self._places.acquire(blocking=False):
            return None
        try:
            return self._wait(call, operation, time.monotonic() + seconds)
        finally:
            self._places.release()

    def stop(self):
        """Make every waiting request answer now."""
        self._stopping.set()

    def _wait(self, call, operation, deadline):
        http_limits.end_turn()
        while operation["state"] not in model.ENDED and time.monotonic() < deadline:
            if self._stopping.wait(min(INTERVAL, max(0.0, deadline - time.monotonic()))):
                return operation
            try:
                operation = call.conductor.records.get(call.context, "Operation", operation["uuid"])
            except errors.NotFound:
                return operation  # it has ended, and was purged
            except errors.ValenceError:
                LOG.debug("operation %s cannot be read, its end is still awaited", operation["uuid"])
        return operation


def accepted(call, operation):
    """Return the response to a request that started or changed an operation."""
    operation, headers = waited(call, operation)
    headers["Location"] = call.url(f"/v1/operations/{operation['uuid']}")
    status = 200 if operation["state"] in model.ENDED else 202
    shown = crud.with_links(call, SHOW, operation)
    return handler.document(call, shown, status=status, revision=operation["revision"], headers=headers)


def waited(call, operation):
    """Return the operation as it is after the wait that the client prefers, and the header that says so, if any."""
    seconds = preferred_wait(call.http)
    ended = call.services.waits.until_ended(call, operation, seconds) if seconds else None
    return (operation, {}) if ended is None else (ended, {"Preference-Applied": f"wait={seconds}"})


@descriptions.described(
    parameters=(descriptions.PREFER,),
    answers={200: descriptions.reference("Operation"), 202: descriptions.reference("Operation")},
    failures=(400, 404, 409),
)
def cancel(call, uuid):
    """Cancel an operation: 200 with it if it has ended, 202 while somebody still works on it."""
    query.options(call.raw_query, {})
    request_body.refuse(call.http)
    key = SHOW.row(call, uuid)["uuid"]
    return accepted(call, call.conductor.operations.cancel(call.context, key))


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    answers={200: descriptions.reference("Operation"), 202: descriptions.reference("Operation")},
    failures=(400, 404, 409, 422),
)
def retry(call, uuid):
    """Retry a failed or cancelled operation: 202 with the new operation."""
    query.options(call.raw_query, {})
    request_body.refuse(call.http)
    key = SHOW.row(call, uuid)["uuid"]
    with request_body.told(call):
        again = call.conductor.operations.retry(call.context, key, idempotency=request_body.of(call))
    return accepted(call, again)


def preferred_wait(http):
    match = _WAIT.search(http.headers.get("Prefer", ""))
    return min(int(match[1]), LONGEST_WAIT) if match else 0
