# SPDX-License-Identifier: Apache-2.0
"""URLs of the first release that no other module serves: synchronizations at once, pooled devices, and parts.

``POST /v1/devices/sync`` asks for the synchronization of all pod managers, or of one. ``/v1/pooled`` is ``/v1/devices``
by its first name. Assets of nodes and inventories of systems are made of the live documents of their parts.
"""

import hashlib
import json
import time
import typing

from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.api.model import crud
from valence.api.model import query
from valence.api.model import schemas
from valence.api.v1 import devices
from valence.api.v1 import nodes
from valence.api.v1 import operations
from valence.api.v1 import resources
from valence.bus import wire
from valence.common import composition_errors
from valence.common import errors
from valence.common import words
from valence.db import models
from valence.db import types
from valence.db.models import device
from valence.db.models.node import ERROR

#: most pod managers that one request synchronizes
MOST_SYNCS = 100
#: most parts of a machine that are shown, and most blocks of a system that are read
MOST_PARTS, MOST_BLOCKS = 500, 50
#: seconds after which no more documents of a machine's parts are requested
PARTS_TIMEOUT = 60.0


class _Sync(models.ModelBase):
    """What a request for synchronizations gives."""

    path = "devices"
    fields = {"podm_id": types.UUID("The pod manager to synchronize; by default all.", default=None)}


_SYNC = schemas.Validator(_Sync, "create")
#: results of the first release, by the state of an operation; one that has not ended was accepted
_RESULTS = {"succeeded": "SUCCESS", "failed": "FAILED", "cancelled": "FAILED"}
_ACCEPTED = "ACCEPTED"
_RESULT = {
    "type": "object",
    "properties": {
        "podm_id": {"type": "string", "description": "The pod manager."},
        "status": {
            "type": "string",
            "enum": [_ACCEPTED, "SUCCESS", "FAILED"],
            "description": "How it stands.",
        },
        "operation": {"type": ["string", "null"], "description": "Operation that does it."},
        "detail": {"type": ["string", "null"], "description": "Why it failed."},
    },
}


@descriptions.described(
    parameters=(descriptions.IDEMPOTENCY_KEY, descriptions.PREFER),
    body=_SYNC.schema,
    body_name="DevicesSync",
    body_example={"podm_id": schemas.EXAMPLES["uuid"]},
    media_types=(request_body.JSON,),
    needs_body=False,
    answers={200: {"type": "array", "items": _RESULT}},
    failures=(400, 409, 413, 415, 422),
)
def sync(call):
    """Ask for the synchronization of one pod manager or of all: 200 with how each stands."""
    query.options(call.raw_query, {})
    document = request_body.read(call.http, limits=call.settings.limits) if call.http.get_data() else {}
    wanted = _SYNC.values(document, call.settings.max_json_depth).get("podm_id")
    uuids = [_present(call, wanted)] if wanted else _all_pod_managers(call)
    asked = _ask_all(call, uuids, document)
    deadline = time.monotonic() + operations.preferred_wait(call.http)
    return handler.document(call, [_result(call, *each, deadline) for each in asked])


def _present(call, uuid: str) -> str:
    """Return the UUID of a pod manager that there is; raise ValidationFailed for what the body should not name."""
    try:
        call.conductor.records.get(call.context, models.PodManager.__name__, uuid)
    except errors.NotFound:
        problem = {"path": "$.podm_id", "detail": f"There is no pod manager {uuid}."}
        hint = "Name one of GET /v1/pod_managers, or none for all."
        raise errors.ValidationFailed(problems=[problem | {"hint": hint}]) from None
    return uuid


def _all_pod_managers(call) -> list[str]:
    """Return the UUIDs of the pod managers; raise Conflict for more than one request can synchronize."""
    present = [["status", "neq", "deleted"], ["maintenance", "eq", False]]
    found = call.conductor.records.list(
        call.context, models.PodManager.__name__, filters=present, limit=MOST_SYNCS, fields=["uuid"]
    )
    if found["next"]:
        reason = f"There are more than {MOST_SYNCS} pod managers; give the podm_id of one, or wait: each is"
        raise errors.Conflict(reason=f"{reason} synchronized by itself.")
    return [row["uuid"] for row in json.loads(found["rows"])]


def _ask_all(call, uuids: list[str], document) -> list[tuple[str, wire.Operation | None, str | None]]:
    """Return each UUID with its operation, or with the reason why there is none; raise IdempotencyMismatch.

    An error says nothing of what was asked before it, so it becomes a result. After Unavailable no more is asked: each
    call would wait as long.
    """
    asked: list[tuple[str, wire.Operation | None, str | None]] = []
    away = None
    for uuid in uuids:
        try:
            operation = None if away else _ask(call, uuid, request_body.of(call, document))
            asked.append((uuid, operation, away))
        except errors.IdempotencyMismatch:
            mismatch = errors.IdempotencyMismatch(key=call.http.headers[request_body.HEADER])
            if all(operation is None for _, operation, _ in asked):
                raise mismatch from None
            asked.append((uuid, None, mismatch.detail))
        except errors.ValenceError as error:
            away = error.detail if isinstance(error, errors.Unavailable) else None
            asked.append((uuid, None, error.detail))
    return asked


def _ask(call, uuid: str, idempotency: wire.Idempotency | None) -> wire.Operation:
    """Return the operation that synchronizes a pod manager."""
    if idempotency:  # a key of its own for each pod manager
        key = hashlib.sha256(f"{idempotency['key']} {uuid}".encode()).hexdigest()
        idempotency = {**idempotency, "key": key}
    checked = crud.checked_key(models.PodManager.kind, uuid)
    return call.conductor.pod_managers.sync(call.context, checked, idempotency=idempotency)


def _result(call, uuid, operation, problem, deadline):
    if operation is None:
        return {"podm_id": uuid, "status": "FAILED", "operation": None, "detail": problem}
    left = deadline - time.monotonic()
    if left > 0:
        operation = call.services.waits.until_ended(call, operation, left) or operation
    status = _RESULTS.get(operation["state"], _ACCEPTED)
    return {"podm_id": uuid, "status": status, "operation": operation["uuid"], "detail": operation["cause"]}


def _type(text: str) -> str:
    """Return a type of devices, in whatever case it is given."""
    known = {each.lower(): each for each in device.DEVICE_TYPES}
    if text.lower() not in known:
        raise ValueError(f"It must be one of: {', '.join(known)}.")
    return known[text.lower()]


class Pooled(devices.List):
    """Shows a page of devices, by their ``type`` in any case."""

    extra = {**devices.List.extra, "type": _type}

    def __init__(self):
        super().__init__("devices")

    def rows(self, call, asked):
        of_type = [["device_type", "eq", asked.extra["type"]]] if "type" in asked.extra else []
        return super().rows(call, asked._replace(filters=[*asked.filters, *of_type]))

    @property
    def description(self):
        form = {"type": "string", "enum": [each.lower() for each in device.DEVICE_TYPES]}
        parameter = descriptions.parameter("type", form, "Kind of devices; case does not matter.")
        parameters = (*descriptions.list_parameters(self.model), descriptions.DETAIL, parameter)
        return descriptions.Description(
            parameters=parameters,
            answers={200: descriptions.list_schema(self.name, self.model), 304: None},
            failures=(400,),
        )


@descriptions.described(
    answers={
        200: {
            "type": "object",
            "properties": {"storages": {"type": "array", "items": descriptions.reference("NodeDevice")}},
            "required": ["storages"],
        }
    },
    failures=(400, 404),
)
def storages(call, node):
    """Show the devices of a node that are storage."""
    query.options(call.raw_query, {})
    rows = call.conductor.nodes.devices(call.context, nodes.scope(call), nodes.checked(node))
    return handler.document(call, {"storages": [row for row in rows if row["device_type"] == "Storage"]})


Document = dict[str, typing.Any]


def _processor(document: Document) -> Document:
    return {
        "device_type": document.get("ProcessorType"),
        "instruction_set": document.get("InstructionSet"),
        "model": document.get("Model"),
        "speed_mhz": document.get("MaxSpeedMHz"),
        "total_core": document.get("TotalCores"),
    }


def _memory(document: Document) -> Document:
    return {
        "device_type": document.get("MemoryDeviceType"),
        "data_width_bit": document.get("DataWidthBits"),
        "speed_mhz": document.get("OperatingSpeedMhz"),
        "total_memory_gb": _divided(document.get("CapacityMiB"), 1024),
    }


def _interface(document: Document) -> Document:
    return {"device_type": "Ethernet", "speed_mbps": document.get("SpeedMbps")}


def _drive(document: Document) -> Document:
    protocol = document.get("Protocol") or document.get("Interface")
    return {"protocol": protocol, "volume_size_gb": _divided(document.get("CapacityBytes"), 10**9)}


def _accelerator(document: Document) -> Document:
    return {"device_type": document.get("ProcessorType"), "model": document.get("Model")}


def _divided(number: typing.Any, by: int) -> float | int | None:
    """Return a number of Redfish in a larger unit, to three digits; None for what is no number."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    found = round(number / by, 3)
    return int(found) if found.is_integer() else found


#: type of a resource -> the list that shows it, and what makes its entry of the live document
_KINDS: dict[str, tuple[str, typing.Callable[[Document], Document]]] = {
    "Processor": ("processor", _processor),
    "Memory": ("memory", _memory),
    "Ethernet Interface": ("network", _interface),
    "Drive": ("storage", _drive),
    "NVMe": ("storage", _drive),
}
#: types of processors that are accelerators to a machine
_CPU = (None, "CPU")
_ENTRY = {"type": "array", "items": {"type": "object", "properties": {"resource_id": {"type": "string"}}}}
_LISTS = ("processor", "memory", "storage", "network", "accelerator")
_CUT = {
    "type": "boolean",
    "description": "Present, and true, where the machine has more parts than are shown.",
}
_PARTS = {
    "type": "object",
    "properties": dict.fromkeys(_LISTS, _ENTRY) | {"truncated": _CUT},
    "required": list(_LISTS),
}


@descriptions.described(answers={200: _PARTS}, failures=(400, 404, 409))
def assets(call, node):
    """Show the parts of a node's machine, as the pod manager describes them now."""
    query.options(call.raw_query, {})
    key = nodes.checked(node)
    row = call.conductor.nodes.get(call.context, nodes.scope(call), key)
    if row["state"] == ERROR and not row.get("resource_id"):
        raise composition_errors.NodeInError(reason=f"The node {row['uuid']} has no machine: {row['error']}")
    claims = call.conductor.nodes.devices(call.context, nodes.scope(call), row["uuid"])
    whole = [claim["device_id"] for claim in claims if not claim["parts"]]
    inside = [part["resource_id"] for claim in claims for part in claim["parts"]]
    rows = _rows(call, [["uuid", "in", [*whole, *inside]]], pooled=True) if claims else []
    for system in [row for row in rows if row["resource_type"] == "System"]:
        rows += _below(call, system, pooled=False)
    return handler.document(call, _described(call, rows))


@descriptions.described(answers={200: _PARTS}, failures=(400, 404))
def inventory(call, uuid):
    """Show the parts of a system, as the pod manager describes them now."""
    query.options(call.raw_query, {})
    system = _SYSTEMS.row(call, uuid)
    rows, is_cut = _below(call, system, pooled=False), False
    if not rows:
        rows, is_cut = _of_blocks(call, system)
    return handler.document(call, _described(call, rows, is_cut=is_cut))


_SYSTEMS = resources.Show("systems", [("resource_type", "System")])


def _rows(call, filters: list[typing.Any], *, pooled: bool) -> list[wire.Row]:
    """Return resources of the types that have entries, and systems; ``pooled`` are no part of a machine by itself."""
    wanted = [*filters, ["resource_type", "in", ["System", *_KINDS]]]
    found = call.conductor.records.list(
        call.context,
        models.ResourceWithState.__name__,
        filters=wanted,
        sort=[["resource_url", False]],
        limit=MOST_PARTS + 1,
        fields=["uuid", "podm_id", "resource_url", "resource_type"],
    )
    return [row | {"pooled": pooled} for row in json.loads(found["rows"])]


def _below(call, row: wire.Row, *, pooled: bool) -> list[wire.Row]:
    """Return the parts whose URLs are below that of a resource."""
    url = row["resource_url"]
    # "0" follows "/"
    span = [["resource_url", "gt", f"{url}/"], ["resource_url", "lt", f"{url}0"]]
    return _rows(call, [["podm_id", "eq", row["podm_id"]], *span], pooled=pooled)


def _of_blocks(call, system: wire.Row) -> tuple[list[wire.Row], bool]:
    """Return the parts of the blocks that the live document of a composed system names, and whether there are more."""
    document = call.services.details.show(call.context, "systems", system)["detail"]
    links = document.get("Links") if isinstance(document, dict) else None
    named = links.get("ResourceBlocks") if isinstance(links, dict) else None
    listed = named if isinstance(named, list) else []
    links = [each.get("@odata.id") for each in listed if isinstance(each, dict)]
    urls = dict.fromkeys(url.rstrip("/") for url in links if isinstance(url, str))
    rows: list[wire.Row] = []
    for block in _blocks(call, system["podm_id"], [*urls][:MOST_BLOCKS]):
        if len(rows) > MOST_PARTS:
            break
        rows += _below(call, block, pooled=True)
    return rows, len(urls) > MOST_BLOCKS


def _blocks(call, podm_id: str, urls: list[str]) -> list[wire.Row]:
    """Return the resource blocks at some paths: a path that hardware names may be that of anything."""
    if not urls:
        return []
    known = [
        ["podm_id", "eq", podm_id],
        ["resource_type", "eq", "Resource Block"],
        ["resource_url", "in", urls],
    ]
    found = call.conductor.records.list(
        call.context,
        models.ResourceWithState.__name__,
        filters=known,
        limit=len(urls),
        fields=["podm_id", "resource_url"],
    )
    return json.loads(found["rows"])


def _described(call, rows: list[wire.Row], *, is_cut: bool = False) -> dict[str, typing.Any]:
    """Return the entries of parts by their list; raise Unreadable where a document cannot be read in time."""
    shown: dict[str, list[Document]] = {name: [] for name in _LISTS}
    known = {row["uuid"]: row for row in rows if row["resource_type"] in _KINDS}
    parts, end = [*known.values()][:MOST_PARTS], time.monotonic() + PARTS_TIMEOUT
    for start in range(0, len(parts), resources.MOST_DETAILS):
        page = parts[start : start + resources.MOST_DETAILS]
        if start and time.monotonic() > end:
            what = words.counted(len(parts), "part")
            reason = f"Reading {what} took more than {PARTS_TIMEOUT:.0f} s; {start} were read."
            raise errors.Unavailable(reason=reason)
        found = call.services.details.read(call.context, page)
        for row in page:
            _describe(shown, row, found[row["uuid"]])
    is_cut = is_cut or len(known) > MOST_PARTS or len(rows) > MOST_PARTS
    return shown | ({"truncated": True} if is_cut else {})


def _describe(shown: dict[str, list[Document]], row: wire.Row, answer: wire.Document) -> None:
    """Add the entry of one part; a part that was removed meanwhile has none."""
    if "error" in answer:
        if answer["error"]["code"] in (errors.NotFound.code, errors.ResourceGone.code):
            return
        raise resources.Unreadable(answer["error"])
    document = answer["detail"] if isinstance(answer["detail"], dict) else {}
    name, entry = _KINDS[row["resource_type"]]
    if name == "processor" and document.get("ProcessorType") not in _CPU:
        name, entry = "accelerator", _accelerator
    pooled = {"pooled_resource": row["pooled"]} if name == "storage" else {}
    shown[name].append({"resource_id": row["uuid"], **entry(document), **pooled})
