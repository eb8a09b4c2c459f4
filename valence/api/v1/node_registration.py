# SPDX-License-Identifier: Apache-2.0
"""Nodes in Ironic: ``POST /v1/nodes/{node}/register`` and ``/unregister``.

The body of a registration may have passwords. It goes to a conductor, which keeps it encrypted until it is done.
"""

from valence.api.http import descriptions
from valence.api.http import request_body
from valence.api.model import query
from valence.api.model import schemas
from valence.api.v1 import nodes
from valence.api.v1 import operations
from valence.db import models
from valence.db import types

_ADDRESS = r"^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$(?!\n)"
#: kinds of interfaces that a hardware type of Ironic has
_INTERFACES = (
    "bios",
    "boot",
    "console",
    "deploy",
    "firmware",
    "inspect",
    "management",
    "network",
    "power",
    "raid",
    "rescue",
    "storage",
    "vendor",
)
#: further texts of a node of Ironic, as its API names them
_TEXTS = ("chassis_uuid", "conductor_group", "lessee", "owner", "parent_node", "shard")


def _object(doc):
    return {"type": "object", "description": doc}


class _Registration(models.ModelBase):
    """What Ironic is told of a node beyond what Valence knows, or instead of it."""

    path = "nodes"
    fields = {
        "driver": types.Text("Hardware type; redfish by default.", min=1, default=None, example="redfish"),
        "name": types.Text("Name in Ironic, where it is unique; none by default.", min=1, default=None),
        "description": types.Text("Description in Ironic.", max=4096, default=None),
        "resource_class": types.Text(
            "Resource class; by default [ironic] resource_class of the conductors.",
            min=1,
            max=80,
            default=None,
        ),
    }


_MORE = {
    "driver_info": _object(
        "How Ironic reaches the machine. Its members replace those that Valence gives: the address and the credentials "
        "of the pod manager, and the path of the system. Null removes one."
    ),
    "properties": _object("Properties, such as capabilities; they replace those that Valence gives."),
    "extra": _object("Anything else to remember there."),
    "network_data": _object("Network configuration of the ramdisk."),
    "automated_clean": {"type": ["boolean", "null"], "description": "Whether Ironic cleans the machine."},
    "disable_power_off": {"type": "boolean", "description": "Whether Ironic must never switch it off."},
    "mac": {
        "type": ["string", "array"],
        "pattern": _ADDRESS,
        "items": {"type": "string", "pattern": _ADDRESS, "description": "A MAC address."},
        "maxItems": 64,
        "description": "MAC address of the port, or a list of them, instead of those that the machine shows, such as "
        "52:54:00:12:34:56.",
    },
    **{
        f"{kind}_interface": {"type": "string", "description": f"Ironic's {kind} interface."}
        for kind in _INTERFACES
    },
    **{name: {"type": "string", "description": f"The field {name} of Ironic's node."} for name in _TEXTS},
}
_REGISTER = schemas.Validator(_Registration, "create", _MORE)
_ANSWERS = {200: descriptions.reference("Operation"), 202: descriptions.reference("Operation")}


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    body=_REGISTER.schema,
    body_name="NodeRegister",
    body_example={"resource_class": "gpu", "mac": ["52:54:00:12:34:56"]},
    media_types=(request_body.JSON,),
    answers=_ANSWERS,
    failures=(400, 404, 409, 413, 415, 422),
)
def register(call, node):
    """Register a node in Ironic, which manages it from then on: 202 with the operation; an empty object is enough."""
    query.options(call.raw_query, {})
    key = nodes.checked(node)
    document = request_body.read(call.http, limits=call.settings.limits)
    values = _REGISTER.values(document, call.settings.max_json_depth)
    with request_body.told(call):
        idempotency = request_body.of(call, document, project=call.context.project_id)
        operation = call.conductor.nodes.register(
            call.context, nodes.scope(call), key, values, idempotency=idempotency
        )
    return operations.accepted(call, operation)


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    answers=_ANSWERS,
    failures=(400, 404, 409, 413, 422),
)
def unregister(call, node):
    """Remove a node from Ironic: 202 with the operation; 409 while Ironic uses it."""
    query.options(call.raw_query, {})
    key = nodes.checked(node)
    request_body.refuse(call.http)
    with request_body.told(call):
        idempotency = request_body.of(call, project=call.context.project_id)
        operation = call.conductor.nodes.unregister(
            call.context, nodes.scope(call), key, idempotency=idempotency
        )
    return operations.accepted(call, operation)
