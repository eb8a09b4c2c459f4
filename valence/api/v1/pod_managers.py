# SPDX-License-Identifier: Apache-2.0
"""Pod managers and conductors, beyond the plain verbs.

Pod managers take credentials in the form of the first release too, and are synchronized on request. A conductor has its
host name as its key, and links to the pod managers that it serves and to its running operations.
"""

import re

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.api.model import schemas
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


def _credentials(authentication, values):
    if values.keys() & {"username", "password"}:
        detail = "It is given together with username or password."
        problem = {"path": "$.authentication", "detail": detail, "hint": "Give one of both."}
        raise errors.ValidationFailed(problems=[problem])
    return authentication[0]["auth_items"]


#: names of drivers in the first release, whose clients send them -> the driver here
DRIVERS = {"redfishv1": "redfish"}


def _driver(name, values):
    return {"driver": DRIVERS.get(name, name)}


#: verb -> validator of its bodies, in which credentials may come as ``authentication``
FORMS = {
    verb: schemas.Validator(
        models.PodManager,
        verb,
        {"authentication": AUTHENTICATION},
        {"authentication": _credentials, "driver": _driver},
    )
    for verb in ("create", "update")
}


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    answers={200: descriptions.reference("Operation"), 202: descriptions.reference("Operation")},
    failures=(400, 404, 409, 422),
)
def sync(call, uuid):
    """Ask for a synchronization: 202 with the operation that does it."""
    query.options(call.raw_query, {})
    request_body.refuse(call.http)
    key = crud.checked_key(models.PodManager.kind, uuid)
    with request_body.told(call):
        operation = call.conductor.pod_managers.sync(call.context, key, idempotency=request_body.of(call))
    return operations.accepted(call, operation)


_HOSTNAME = re.compile(r"[\w.:-]{1,255}", re.ASCII)


class Show(crud.Show):
    """Shows one conductor."""

    def __init__(self):
        super().__init__(models.Conductor)

    def __call__(self, call, hostname):
        return super().__call__(call, hostname)

    def checked_key(self, key):
        if not _HOSTNAME.fullmatch(key):
            raise errors.NotFound(kind=self.kind, key=key)
        return key

    def links(self, call, row):
        mine = f"conductor={row['hostname']}"
        return [
            *super().links(call, row),
            handler.link(call, "pod_managers", f"/v1/pod_managers?{mine}"),
            handler.link(call, "operations", f"/v1/operations?{mine}&state=running"),
        ]
