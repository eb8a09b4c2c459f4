# SPDX-License-Identifier: Apache-2.0
"""Pod managers, as far as they are more than plain rows: the released form of credentials, and synchronization."""

from valence.api import body
from valence.api import crud
from valence.api import description
from valence.api import idempotency
from valence.api import query
from valence.api.v1 import operations
from valence.common import errors
from valence.db import models

_ITEMS = {
    "type": "object",
    "description": "username and password.",
    "properties": {name: models.PodManager.fields[name].schema() for name in ("username", "password")},
    "required": ["username", "password"],
    "additionalProperties": False,
}
_BASIC = {
    "type": "object",
    "description": "One way to sign in: type and auth_items.",
    "properties": {
        "type": {"type": "string", "enum": ["basic"], "description": "Kind of credentials."},
        "auth_items": _ITEMS,
    },
    "required": ["type", "auth_items"],
    "additionalProperties": False,
}
AUTHENTICATION = {
    "type": "array",
    "description": "The same as username and password, in the form of the first release.",
    "items": _BASIC,
    "minItems": 1,
    "maxItems": 1,
    "writeOnly": True,
}


class Form(crud.Form):
    """Bodies in which credentials may come as ``authentication``."""

    def __init__(self, verb):
        super().__init__(models.PodManager, verb, {"authentication": AUTHENTICATION})

    def values(self, document, max_depth):
        values = super().values(document, max_depth)
        authentication = values.pop("authentication", None)
        if authentication is None:
            return values
        if values.keys() & {"username", "password"}:
            detail = "It is given together with username or password."
            problem = {"path": "$.authentication", "detail": detail, "hint": "Give one of both."}
            raise errors.ValidationFailed(problems=[problem])
        return values | authentication[0]["auth_items"]


@description.described(
    parameters=(description.IDEMPOTENCY_KEY, description.PREFER),
    answers={200: description.reference("Operation"), 202: description.reference("Operation")},
    failures=(400, 404, 409, 422),
)
def sync(call, uuid):
    """Ask for a synchronization: 202 with the operation that does it."""
    query.options(call.raw_query, {})
    body.refuse(call.http)
    key = crud.checked_key(models.PodManager.kind, uuid)
    with idempotency.told(call):
        operation = call.conductor.pod_managers.sync(call.context, key, idempotency=idempotency.of(call))
    return operations.accepted(call, operation)
