# SPDX-License-Identifier: Apache-2.0
"""What clients ask to compose: read from the body of a request, and checked against the pod."""

import dataclasses
import re

from valence.simulator import redfish
from valence.simulator.composition import blocks

#: what an Id can be; those of capabilities are taken
ID = re.compile(r"(?!(ConstrainedComposition)?Capabilities$)[A-Za-z0-9._-]+")
TEXTS = {"Name": "name", "Description": "description", "HostName": "host_name"}
PREFIX = f"{redfish.ROOT}/CompositionService/ResourceBlocks/"
NOT_FOUND = "Composition.1.1.ResourceBlockNotFound"
INVALID = "Composition.1.1.ResourceBlockInvalid"
IN_USE = "Composition.1.1.ResourceBlockInUse"
OTHER_ZONES = "Composition.1.1.IncompatibleZone"


@dataclasses.dataclass(frozen=True)
class Request:
    """A system that somebody wants: ``values`` are fields of ``pod.System``, ``id`` is None if the service chooses."""

    block_ids: tuple
    values: dict
    id: str | None = None


def composition(pod, body):
    """Return the Request in the body of a POST to the collection of systems; raise the 400 or 409."""
    for name in body:
        if name not in (*TEXTS, "Links", *(["Id"] if needs_id(pod) else [])):
            raise redfish.bad_request("PropertyUnknown", f"The property {name} cannot be set here.")
    check_id(pod, body.get("Id"))
    if not body.get("Name"):
        raise redfish.bad_request("CreateFailedMissingReqProperties", "The property Name is required.")
    block_ids = listed(pod, links_in(body))
    check(pod, block_ids)
    check_limits(pod, block_ids)
    return Request(block_ids, texts(body), body.get("Id"))


def check_id(pod, system_id):
    """Raise the 400 or 409 where the service wants an Id, and has none or one that cannot be overwritten."""
    if not needs_id(pod):
        return
    if not (isinstance(system_id, str) and ID.fullmatch(system_id)):
        raise redfish.bad_request("CreateFailedMissingReqProperties", "Missing attribute: Id")
    known = pod.systems.get(system_id)
    if known is not None and not known.is_composed:
        raise redfish.RedfishError(409, "ResourceAlreadyExists", f"There is a system {system_id}.")


def needs_id(pod):
    return "requires_id" in pod.compositions.quirks


def texts(body):
    """Return the texts of a request by field of ``pod.System``."""
    for name in TEXTS:
        if not isinstance(body.get(name, ""), str):
            raise redfish.bad_request("PropertyValueTypeError", f"{name} is a text.")
    return {field: body[name] for name, field in TEXTS.items() if name in body}


def links_in(body):
    """Return ``Links.ResourceBlocks`` of a body."""
    links = body.get("Links")
    found = links.get("ResourceBlocks") if isinstance(links, dict) else None
    if not isinstance(found, list) or not found:
        raise redfish.bad_request(
            "CreateFailedMissingReqProperties", "The property Links/ResourceBlocks is required."
        )
    return found


def listed(pod, links):
    """Return the ids of the blocks that ``links`` refer to, each once."""
    block_ids = tuple(one(pod, link) for link in links)
    if len(set(block_ids)) < len(block_ids):
        raise redfish.bad_request("PropertyValueConflict", "A resource block is listed twice.")
    return block_ids


def one(pod, link):
    """Return the id of the block that a link refers to."""
    path = link.get("@odata.id") if isinstance(link, dict) else None
    if not isinstance(path, str):
        raise redfish.bad_request("PropertyValueTypeError", "A resource block is a link with @odata.id.")
    block_id = path.removeprefix(PREFIX)
    if not path.startswith(PREFIX) or blocks.find(pod, block_id) is None:
        raise redfish.bad_request(NOT_FOUND, f"Resource block {path!r} is not found.")
    return block_id


def replaced(pod, system_blocks, links):
    """Return the ids that a system's list of blocks becomes by a PATCH: ``{}`` keeps an item, null removes it."""
    result = []
    for index, link in enumerate(links):
        if link in ({}, None) and "no_placeholders" in pod.compositions.quirks:
            raise redfish.bad_request("PropertyValueTypeError", "A resource block is a link with @odata.id.")
        if link is None:
            continue
        if link == {} and index < len(system_blocks):
            result.append(system_blocks[index])
        else:
            result.append(one(pod, link))
    if len(set(result)) < len(result):
        raise redfish.bad_request("PropertyValueConflict", "A resource block is listed twice.")
    return tuple(result)


def check(pod, block_ids, with_blocks=()):
    """Raise the 400 or 409 unless these blocks can be put together, and to ``with_blocks``."""
    for block_id in block_ids:
        if blocks.find(pod, block_id).kind == "System":
            raise redfish.bad_request(INVALID, f"Resource block '{block_id}' is a whole system.")
        if pod.compositions.is_broken(block_id):
            raise redfish.RedfishError(409, INVALID, f"Resource block '{block_id}' is not valid.")
        if not pod.compositions.is_free(block_id) and "accepts_taken_blocks" not in pod.compositions.quirks:
            raise redfish.RedfishError(409, IN_USE, f"Resource block '{block_id}' is in use.")
    shared = [set(blocks.zones(pod, block_id)) for block_id in (*block_ids, *with_blocks)]
    if shared and not set.intersection(*shared):
        raise redfish.bad_request(OTHER_ZONES, "The resource blocks are in no zone together.")


def check_limits(pod, block_ids, limits=("Min", "Max")):
    """Raise the 400 where there are more or fewer blocks of a type than the capabilities say."""
    types = [name for block_id in block_ids for name in blocks.find(pod, block_id).types]
    for limit, number in pod.compositions.limits.items():
        if not limit.startswith(limits):
            continue
        found = types.count(limit[3:])
        if found < number if limit.startswith("Min") else found > number:
            raise redfish.bad_request(
                "PropertyValueOutOfRange", f"{limit} is {number}, and there are {found}."
            )
