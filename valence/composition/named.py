# SPDX-License-Identifier: Apache-2.0
"""Named devices: a node that is asked for by exactly the devices that it shall have."""

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
#: device type -> the part of requirements that it satisfies
PARTS = {"Storage": "storage", "Network": "network", "Accelerator": "accelerator", "Memory": "memory"}


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
    problems = [*_base_problems(devices, base, path), *_elsewhere(devices, among.podm_id, path)]
    place = _place(database, devices, among)
    if place is None:
        detail = "The devices cannot be combined: they have no zone in common."
        problems.append({"path": path, "detail": detail, "hint": "Name devices of one zone."})
    elif broken := _broken(place, devices, among, base):
        detail = f"Their zone allows no such node: its limit is {broken}."
        problems.append({"path": path, "detail": detail, "hint": "Name fewer or more devices of that type."})
    if problems or place is None:
        raise errors.ValidationFailed(problems=problems)
    if place.method == CHOOSING:
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
    if len(bases) != int(base):
        detail = f"It names {len(bases)} machines, of type Compute or System; it must name {int(base)}."
        yield {"path": path, "detail": detail, "hint": "The type of a device is in its device_type."}


def _elsewhere(
    devices: abc.Sequence[models.Device], podm_id: str | None, path: str
) -> abc.Iterator[errors.Problem]:
    for number, device in enumerate(devices):
        if podm_id not in (None, device.podm_id):
            detail = f"It belongs to the pod manager {device.podm_id}, not to {podm_id}."
            hint = "Name devices of that pod manager, or leave podm_id out."
            yield {"path": f"{path}[{number}]", "detail": detail, "hint": hint}


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
