# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: what a repeated POST is answered with."""

from valence.db import types
from valence.db.models import base


class IdempotencyKey(base.ModelBase):
    """A POST that was done, by the key its client gave it; kept for a day."""

    path = "idempotency_keys"
    fields = {
        "key": types.Text("Digest of the actor, the URL and the client's key.", max=64, key=True),
        "request": types.Text("Digest of the request's body.", max=64, write="never"),
        "answer": types.JSON("What the request was answered with.", default={}, write="never"),
        "created_at": types.DateTime("When it was done.", default=None, write="never", index=True),
    }
