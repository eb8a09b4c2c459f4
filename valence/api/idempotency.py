# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: a POST that is repeated with the same key is done once."""

import contextlib
import hashlib
import hmac
import json
import re

from valence.common import errors

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def of(call, document=None):
    """Return the digests that the conductor knows a repetition by, or None without the header.

    The digest of the request is keyed with the client's key, which is not stored: a body may hold a password.
    """
    key = call.http.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise errors.BadRequest(reason=f"{HEADER} must have 1 to 255 printable characters without spaces.")
    text = json.dumps(document, sort_keys=True).encode()
    place = json.dumps([call.context.actor, call.http.path.rstrip("/"), key]).encode()
    request = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    return {"key": hashlib.sha256(place).hexdigest(), "request": request}


@contextlib.contextmanager
def told(call):
    """Tell a mismatch with the key as the client knows it."""
    try:
        yield
    except errors.IdempotencyMismatch:
        raise errors.IdempotencyMismatch(key=call.http.headers[HEADER]) from None
