# SPDX-License-Identifier: Apache-2.0
"""Operations in answers: 202 with where to look, or, if the client prefers to wait (RFC 7240), how it ended."""

import re
import threading
import time

from valence.api import body
from valence.api import crud
from valence.api import description
from valence.api import idempotency
from valence.api import query
from valence.api import render
from valence.db import models
from valence.db.models import operation as model

SHOW = crud.Show(models.Operation)

#: longest wait, and seconds between two looks
LONGEST_WAIT, INTERVAL = 60, 0.25

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})\b', re.IGNORECASE)


class Waits:
    """The requests that wait for operations: a bounded number, so that some threads are always free for others."""

    def __init__(self, most):
        self._places = threading.BoundedSemaphore(most)
        self._stopping = threading.Event()

    def until_ended(self, call, operation, seconds):
        """Return the operation when it has ended, or as it is after ``seconds``; None if there was no place."""
        if not self._places.acquire(blocking=False):
            return None
        try:
            return self._wait(call, operation, time.monotonic() + seconds)
        finally:
            self._places.release()

    def stop(self):
        """Let every waiting request answer now."""
        self._stopping.set()

    def _wait(self, call, operation, deadline):
        while operation["state"] not in model.ENDED and time.monotonic() < deadline:
            if self._stopping.wait(min(INTERVAL, max(0.0, deadline - time.monotonic()))):
                return operation
            operation = call.conductor.records.get(call.context, "Operation", operation["uuid"])
        return operation


def accepted(call, operation):
    """Return the response for an operation that was asked for."""
    headers = {"Location": call.url(f"/v1/operations/{operation['uuid']}")}
    seconds = _preferred_wait(call.http)
    waited = call.services.waits.until_ended(call, operation, seconds) if seconds else None
    if waited is not None:
        operation, headers["Preference-Applied"] = waited, f"wait={seconds}"
    status = 200 if operation["state"] in model.ENDED else 202
    shown = crud.with_links(call, SHOW, operation)
    return render.document(call, shown, status=status, revision=operation["revision"], headers=headers)


@description.described(
    parameters=(description.PREFER,),
    answers={200: description.reference("Operation"), 202: description.reference("Operation")},
    failures=(400, 404, 409),
)
def cancel(call, uuid):
    """Cancel an operation: 200 with it if it has ended, 202 while somebody still works on it."""
    query.options(call.raw_query, {})
    body.refuse(call.http)
    return accepted(call, call.conductor.operations.cancel(call.context, SHOW.checked_key(uuid)))


@description.described(
    parameters=(description.IDEMPOTENCY_KEY, description.PREFER),
    answers={200: description.reference("Operation"), 202: description.reference("Operation")},
    failures=(400, 404, 409, 422),
)
def retry(call, uuid):
    """Ask once more for what an operation did not do: 202 with the new operation."""
    query.options(call.raw_query, {})
    body.refuse(call.http)
    key = SHOW.checked_key(uuid)
    with idempotency.told(call):
        again = call.conductor.operations.retry(call.context, key, idempotency=idempotency.of(call))
    return accepted(call, again)


def _preferred_wait(http):
    match = _WAIT.search(http.headers.get("Prefer", ""))
    return min(int(match[1]), LONGEST_WAIT) if match else 0
