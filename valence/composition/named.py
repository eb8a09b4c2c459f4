# SPDX-License-Identifier: Apache-2.0
"""Named devices: a node that is asked for by exactly the devices that it shall have."""

import typing
from collections import abc

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.composition import candidates
from valence.composition import combining
from valence.composition import selection
from valence.db import models
from valence.db import store

#: method of pod managers that choose the devices of a machine themselves
CHOOSING = "constrained"
#: method of pod managers that allocate whole systems, and may choose another one than was requested
ALLOCATING = "allocate"
#: device type -> the part of requirements that it satisfies
PARTS = {"Storage": "storage", "Network": "network", "Accelerator": "accelerator", "Memory": "memory"}


class _Texts(typing.NamedTuple):
    """What a client is told of devices that cannot be combined, and what to do about it."""

    elsewhere: str
    nearer: str
    apart: str
    together: str
    limited: str
    fewer: str


#: of the devices of a new node, and of a device that a node gets
COMPOSING = _Texts(
    "It belongs to the pod manager {}, not to {}.",
    "Name devices of that pod manager, or leave podm_id out.",
    "The devices cannot be combined: they have no zone in common.",
    "Name devices of one zone.",
    "Their zone allows no such node: its limit is {}.",
    "Name fewer or more devices of that type.",
)
ATTACHING = _Texts(
    "It belongs to the pod manager {}, the node to {}.",
    "Name a device of the pod manager of the node.",
    "It has no zone in common with the devices of the node.",
    "Name a device that is in a zone with all of them: GET /v1/devices shows the zones of each.",
    "The node would have more of these than its zone allows: its limit is {}.",
    "Detach a device of that type first.",
)


def choose(
    database: store.Store,
    uuids: abc.Sequence[str],
    *,
    base: bool = True,
    among: selection.Among = selection.ANYWHERE,
    path: str = "$.resources",
) -> selection.Choice:
    """Return exactly these devices; ``base=False`` adds them to a machine in ``among.zonings``.

    Raises ValidationFailed for devices that are unknown or cannot be combined, with ``path`` of the list, and
    DeviceTaken for one that is not free, NotOffered where the pod manager chooses the devices itself.
    """
    filters = [store.Filter("uuid", "in", list(uuids))]
    found = {row.uuid: row for row in database.list(models.Device, filters=filters)} if uuids else {}
    _check_known(uuids, found, path)
    devices = [found[uuid] for uuid in uuids]
    unusable = candidates.unusable(database, list({device.podm_id for device in devices}))
    for device in devices:
        _require_free(device, unusable)
    texts = COMPOSING if base else ATTACHING
    problems = [*_base_problems(devices, base, path), *_elsewhere(devices, among.podm_id, path, texts)]
    place = _place(database, devices, among)
    if place is None:
        problems.append({"path": path, "detail": texts.apart, "hint": texts.together})
    elif broken := _broken(place, devices, among, base):
        problems.append({"path": path, "detail": texts.limited.format(broken), "hint": texts.fewer})
    if problems or place is None:
        raise errors.ValidationFailed(problems=problems)
    if base and place.method == ALLOCATING and len(devices) > 1:
        raise introspection_errors.NotOffered(
            what="allocation of a system with drives; attach them afterwards"
        )
    if base and place.method == CHOOSING:
        raise introspection_errors.NotOffered(
            what="composition of named devices; it chooses equal ones itself"
        )
    return selection.Choice(tuple(_named(devices)), place)


def _check_known(uuids: abc.Sequence[str], found: abc.Container[str], path: str) -> None:
    hint = "List the devices to see what there is."
    problems = [
        {"path": f"{path}[{number}]", "detail": "There is no such device.", "hint": hint}
        for number, uuid in enumerate(uuids)
        if uuid not in found
    ]
    problems += [
        {"path": f"{path}[{number}]", "detail": "It is named twice.", "hint": "Name it once."}
        for number, uuid in enumerate(uuids)
        if uuid in uuids[:number]
    ]
    if not uuids:
        problems.append({"path": path, "detail": "It must name a device.", "hint": hint})
    if problems:
        raise errors.ValidationFailed(problems=problems)


def _require_free(device: models.Device, unusable: abc.Mapping[str, str]) -> None:
    reason = None
    if device.full:
        reason = "a node has it"
    elif device.state != "free":
        reason = device.reason or f"it is {device.state}"
    elif why := unusable.get(device.podm_id):
        reason = f"its pod manager is {why}"
    if reason:
        raise composition_errors.DeviceTaken(device=device.uuid, reason=reason)


def _base_problems(
    devices: abc.Sequence[models.Device], base: bool, path: str
) -> abc.Iterator[errors.Problem]:
    bases = [device for device in devices if device.device_type in candidates.MACHINES]
    if base and len(bases) != 1:
        detail = f"It names {len(bases)} machines, of type Compute or System; it must name 1."
        yield {"path": path, "detail": detail, "hint": "The type of a device is in its device_type."}
    for device in () if base else bases:
        detail = f"The node has its machine already; this is one too, of the type {device.device_type}."
        yield {"path": path, "detail": detail, "hint": "The type of a device is in its device_type."}


def _elsewhere(
    devices: abc.Sequence[models.Device], podm_id: str | None, path: str, texts: _Texts
) -> abc.Iterator[errors.Problem]:
    for number, device in enumerate(devices):
        if podm_id not in (None, device.podm_id):
            detail = texts.elsewhere.format(device.podm_id, podm_id)
            yield {"path": f"{path}[{number}]", "detail": detail, "hint": texts.nearer}


def _broken(
    place: candidates.Place, devices: abc.Sequence[models.Device], among: selection.Among, base: bool
) -> str | None:
    """Return the limit of a place that the devices break, None if they keep all."""
    kinds = [device.device_type for device in devices]
    broken = combining.broken_limit(place, kinds, among.present, is_whole=base)
    return broken and broken[1]


def _place(
    database: store.Store, devices: abc.Sequence[models.Device], among: selection.Among
) -> candidates.Place | None:
    """Return a place that has all the devices, None if there is none."""
    if len(devices) == 1 and devices[0].device_type == "System":
        return candidates.own_places(database, devices)[devices[0].uuid]
    layouts = candidates.Layouts(database, fresh=True)
    needed = {device.zoning for device in devices} | set(among.zonings)
    places = layouts.places(devices[0].zoning, devices[0].podm_id)
    composing = (place for place in places if place.method != candidates.NO_METHOD)
    return next((place for place in composing if needed <= set(place.zonings)), None)


def _named(devices: abc.Sequence[models.Device]) -> abc.Iterator[tuple[str, models.Device]]:
    """Yield the devices with the names of their parts, the machine first."""
    counts: dict[str, int] = {}
    for device in sorted(devices, key=lambda device: device.device_type not in candidates.MACHINES):
        kind = PARTS.get(device.device_type, "processor")
        number = counts.setdefault(kind, 0)
        counts[kind] += 1
        yield kind if kind in ("processor", "memory") else f"{kind}/{number}", device
