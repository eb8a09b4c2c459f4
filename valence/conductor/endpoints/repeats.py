# SPDX-License-Identifier: Apache-2.0
"""Repeated requests: a request with a client's idempotency key runs once, and gets the same answer each time."""

from valence.common import errors
from valence.db import models
from valence.db import store


def once(database, idempotency, do):
    """Run a request once and return its answer.

    ``idempotency`` is None or ``{"key", "request"}``, both digests. ``do`` gets a function that makes the changes which
    store an answer: it commits them together with its own, and returns the answer. Raises IdempotencyMismatch when the
    key came with another request before.
    """
    if idempotency is None:
        return do(lambda answer: [])
    answered = _answered(database, idempotency)
    if answered is not None:
        return answered
    try:
        return do(lambda answer: [store.Create(models.IdempotencyKey(**idempotency, answer=answer))])
    except errors.ValenceError:
        # The same request may have been faster: then what it did, such as an open operation, refuses this one.
        answered = _answered(database, idempotency)
        if answered is None:
            raise
        return answered


def _answered(database, idempotency):
    try:
        known = database.get(models.IdempotencyKey, idempotency["key"])
    except errors.NotFound:
        return None
    if known.request != idempotency["request"]:
        raise errors.IdempotencyMismatch(key=idempotency["key"])
    return known.answer
