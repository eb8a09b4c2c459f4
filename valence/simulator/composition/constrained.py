# SPDX-License-Identifier: Apache-2.0
"""Constrained composition: a client says what it needs, and the service chooses the blocks (DSP2050)."""

import dataclasses

from valence.simulator import redfish
from valence.simulator.composition import blocks
from valence.simulator.composition import requests

NO_MATCH = "Composition.1.1.NoResourceMatch"
#: collection in a request -> property of a block with such parts
COLLECTIONS = ("Processors", "Memory", "Storage", "EthernetInterfaces")
#: kinds of blocks in the order in which they are chosen from: one compute block, then any of the rest
OTHERS = ("Memory", "Storage", "Pool", "Network", "Accelerator")


@dataclasses.dataclass
class Need:
    """``count`` parts that a block has at its property ``name``, each at least as large as ``least``.

    ``model`` is one that processors must have, ``kind`` an instruction set or a media type, None where any will do.
    """

    name: str
    count: int
    least: int
    is_gpu: bool = False
    model: str | None = None
    kind: str | None = None


def is_wanted(body):
    """Say whether a POST to the collection of systems names what it needs instead of blocks."""
    return any(name in body for name in COLLECTIONS)


def composition(pod, body):
    """Return the ``requests.Request`` for blocks that the service chose; raise the 400, or 409 if nothing fits."""
    for name in body:
        if name not in (*requests.TEXTS, *COLLECTIONS):
            raise redfish.bad_request("PropertyUnknown", f"The property {name} cannot be set here.")
    if not body.get("Name"):
        raise redfish.bad_request("CreateFailedMissingReqProperties", "The property Name is required.")
    needs = [need for name in COLLECTIONS if name in body for need in _needs(name, body[name])]
    return requests.Request(choose(pod, needs), requests.texts(body))


def choose(pod, needs):
    """Return the ids of free blocks of one zone that meet ``needs``: as few as a simple choice finds."""
    for zone_id in blocks.zone_ids(pod):
        free = [block_id for block_id in blocks.of_zone(pod, zone_id) if _can_be_chosen(pod, block_id)]
        kinds = {block_id: blocks.find(pod, block_id).kind for block_id in free}
        others = [block_id for kind in OTHERS for block_id in free if kinds[block_id] == kind]
        for compute in (block_id for block_id in free if kinds[block_id] == "Compute"):
            found = _complete(pod, needs, compute, others)
            if found is not None:
                return found
    raise redfish.RedfishError(409, NO_MATCH, "The requested resources are not available.")


def _can_be_chosen(pod, block_id):
    return pod.compositions.is_free(block_id) and not pod.compositions.is_reserved(block_id)


def _complete(pod, needs, compute, others):
    """Return a compute block and what of ``others`` adds what it lacks, None where that is not enough."""
    left = [need.count - _number(pod, compute, need) for need in needs]
    if any(number > 0 for number, need in zip(left, needs, strict=True) if _is_cpu(need)):
        return None
    chosen = [compute]
    for block_id in others:
        numbers = [_number(pod, block_id, need) for need in needs]
        if any(has > 0 and lacks > 0 for has, lacks in zip(numbers, left, strict=True)):
            chosen.append(block_id)
            left = [lacks - has for lacks, has in zip(left, numbers, strict=True)]
    return None if any(number > 0 for number in left) else tuple(chosen)


def _is_cpu(need):
    return need.name == "Processors" and not need.is_gpu


def _number(pod, block_id, need):
    """Return how many parts of a block meet a need."""
    block = blocks.find(pod, block_id)
    if need.name == "Processors" and need.is_gpu != (block.kind == "Accelerator"):
        return 0
    if need.is_gpu:
        fits = need.model in (None, blocks.gpu(pod, block_id))
    else:
        fits = SIZES[need.name](pod, block_id) >= need.least and need.kind in (
            None,
            _kind(pod, block_id, need),
        )
        fits = fits and (need.model is None or need.model == blocks.cpu(pod, block_id))
    return len(blocks.part_links(pod, block_id, need.name)) if fits else 0


def _kind(pod, block_id, need):
    """Return the instruction set or the media type of the parts of a block that a need is about."""
    if need.name != "Drives":
        return "x86-64"
    return "HDD" if blocks.find(pod, block_id).kind == "Pool" else "SSD"


SIZES = {
    "Processors": blocks.cores,
    "Memory": blocks.dimm_mib,
    "Drives": blocks.drive_bytes,
    "EthernetInterfaces": blocks.speed_mbps,
}
MEASURES = {
    "Processors": "TotalCores",
    "Memory": "CapacityMiB",
    "Drives": "CapacityBytes",
    "EthernetInterfaces": "SpeedMbps",
}


def _needs(name, collection):
    """Yield the needs in one collection of a request; drives are those of the members of Storage."""
    members = collection.get("Members") if isinstance(collection, dict) else None
    for member in _dicts(members):
        if name != "Storage":
            yield _need(name, member)
            continue
        for drive in _dicts(member.get("Drives")):
            yield _need("Drives", drive)


def _need(name, member):
    count = member.get("@Redfish.RequestedCount", 1)
    least = member.get(MEASURES[name], 0)
    if not all(type(number) is int and number >= 0 for number in (count, least)):
        raise redfish.bad_request("PropertyValueTypeError", f"What {name} must have are whole numbers.")
    is_processor = name == "Processors"
    is_gpu = is_processor and member.get("ProcessorType", "CPU") != "CPU"
    kind = member.get("InstructionSet" if is_processor else "MediaType")
    return Need(name, count, least, is_gpu, member.get("Model") if is_processor else None, kind)


def _dicts(members):
    if not isinstance(members, list) or not members or not all(isinstance(each, dict) for each in members):
        raise redfish.bad_request("PropertyValueTypeError", "A request for parts lists objects.")
    return members
