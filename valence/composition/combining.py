# SPDX-License-Identifier: Apache-2.0
"""Combining: make a whole of the candidates in one place, or say which part is missing there.

A whole has one base. What the base has itself is not looked for again; the rest comes from other devices, smallest
sufficient first. The best combination of everything is not searched for: that would take exponential time.
"""

import random
import typing
from collections import abc

from valence.composition import candidates
from valence.composition import requirements
from valence.db import models
from valence.db import store

#: different bases that are tried in one place
MOST_BASES = 8
#: device type -> its name in the limits of Redfish: MaxStorage, MinCompute
LIMITED = {
    "Compute": "Compute",
    "Memory": "Memory",
    "Storage": "Storage",
    "Network": "Network",
    "Accelerator": "Processor",
    "System": "ComputerSystem",
}

ByPart = abc.Mapping[requirements.Part, candidates.Devices]
Taken = tuple[tuple[requirements.Part, models.Device], ...]
#: part of requirements -> the field of a base that says how much of it the base has
OWN = {"Storage": "storage_gib", "Network": "speed_mbps", "Accelerator": "accelerators"}


class Shortage(typing.NamedTuple):
    """What is missing in a place: the first part that it cannot satisfy, and how many parts it could.

    ``limit`` is the limit of a zone that a whole would break, such as MaxStorage 2.
    """

    place: candidates.Place
    part: requirements.Part
    satisfied: int
    limit: str | None = None


def memory_part(memory_mib: int) -> requirements.Part | None:
    """Return the part that memory devices satisfy, None if no memory is missing."""
    return requirements.Part("memory", "Memory", 0, memory_mib) if memory_mib > 0 else None


def may_be_covered(part: requirements.Part) -> bool:
    """Return whether a base may have the part itself: its drives and accelerators have no models there."""
    if part.device_type == "Network":
        return part.count == 1
    return part.device_type in OWN and part.models is None and part.architectures is None


def covering(parts: abc.Iterable[requirements.Part]) -> list[store.Filter]:
    """Return filters of the bases that may have all parts themselves."""
    needs: dict[str, int] = {}
    for part in parts:
        field = OWN[part.device_type]
        if part.device_type == "Network":
            needs[field] = max(needs.get(field, 0), part.size, 1)
        else:
            needs[field] = needs.get(field, 0) + _need(part)
    return [store.Filter(field, "gte", need) for field, need in needs.items()]


def covers_all(base: models.Device, parts: abc.Iterable[requirements.Part]) -> bool:
    """Return whether a base has all parts itself."""
    own = _Own(base)
    return all(own.covers(part) for part in parts)


class _Own:
    """What a base has itself and is not used for a part yet."""

    def __init__(self, base: models.Device | None) -> None:
        self._left = {field: getattr(base, field) if base else 0 for field in OWN.values()}
        self._media = base.media if base else None

    def covers(self, part: requirements.Part) -> bool:
        """Return whether it has a part, and use it for that."""
        if not may_be_covered(part) or (part.media is not None and self._media not in part.media):
            return False
        field, need = OWN[part.device_type], _need(part)
        if self._left[field] < need:
            return False
        self._left[field] -= self._left[field] if part.device_type == "Network" else need
        return True


def _need(part: requirements.Part) -> int:
    return part.count if part.is_summed else max(part.size, 1) * part.count


def combine(
    place: candidates.Place,
    base: requirements.Part | None,
    parts: abc.Sequence[requirements.Part],
    by_part: ByPart,
    present: abc.Mapping[str, int],
) -> Taken | Shortage:
    """Return a device, or several, for each part, of the candidates in a place; ``present`` counts others by type."""
    ordered_by_part = {part: in_order(part, devices) for part, devices in by_part.items()}
    ordered = sorted(parts, key=_difficulty, reverse=True)
    shortage = _without_base(place, base, ordered, ordered_by_part)
    for machine in _bases(ordered_by_part[base]) if base else (None,):
        taken = _around(machine, base, ordered, ordered_by_part)
        if isinstance(taken, int):
            satisfied = taken + (base is not None)
            shortage = max(
                shortage, Shortage(place, ordered[taken], satisfied), key=lambda each: each.satisfied
            )
        elif broken := _broken_limit(place, taken, present, is_whole=base is not None):
            shortage = Shortage(place, broken[0], len(ordered) + 1, broken[1])
        else:
            return taken
    return shortage


def _without_base(
    place: candidates.Place,
    base: requirements.Part | None,
    parts: list[requirements.Part],
    by_part: abc.Mapping[requirements.Part, list[models.Device]],
) -> Shortage:
    """Return the shortage of a place that has no base."""
    if base is None or by_part[base]:
        return Shortage(place, base or parts[0], -1)
    taken = _around(None, None, parts, by_part)
    return Shortage(place, base, taken if isinstance(taken, int) else len(parts))


def amount(part: requirements.Part, devices: candidates.Devices) -> int:
    """Return how much of what a part counts the devices have."""
    return sum(device.size for device in devices) if part.is_summed else len(devices)


def _difficulty(part: requirements.Part) -> tuple[int, int, int]:
    """Return how few devices a part accepts: conditions first, then the size."""
    conditions = sum(each is not None for each in (part.models, part.architectures, part.media))
    return conditions, part.size, part.count


def in_order(part: requirements.Part, devices: candidates.Devices) -> list[models.Device]:
    """Return devices as they are preferred: smallest first, memory largest first, equal ones in random order."""
    shuffled = random.sample(list(devices), len(devices))
    if part.device_type in candidates.MACHINES:
        return sorted(shuffled, key=lambda device: (device.cores, device.memory_mib))
    return sorted(shuffled, key=lambda device: device.size, reverse=part.device_type == "Memory")


def _bases(devices: list[models.Device]) -> list[models.Device]:
    """Return bases that differ in what they have themselves, at most MOST_BASES."""
    different: dict[tuple[typing.Any, ...], models.Device] = {}
    for device in devices:
        own = tuple(getattr(device, field) for field in OWN.values())
        different.setdefault((*own, device.memory_mib, device.media), device)
    return list(different.values())[:MOST_BASES]


def _around(
    machine: models.Device | None,
    base: requirements.Part | None,
    parts: list[requirements.Part],
    by_part: abc.Mapping[requirements.Part, list[models.Device]],
) -> Taken | int:
    """Return the devices of all parts with a base, or the number of the first part that is missing."""
    taken: list[tuple[requirements.Part, models.Device]] = []
    own, used = _Own(machine), set()
    if machine is not None and base is not None:
        taken.append((base, machine))
        used.add(machine.uuid)
    for number, part in enumerate(parts):
        if own.covers(part):
            continue
        count = part.count
        if part.device_type == "Memory" and machine is not None:
            count -= machine.memory_mib
        devices = _take(part, count, [each for each in by_part[part] if each.uuid not in used])
        if devices is None:
            return number
        used.update(device.uuid for device in devices)
        taken += [(part, device) for device in devices]
    return tuple(taken)


def _take(part: requirements.Part, count: int, devices: list[models.Device]) -> list[models.Device] | None:
    """Return the devices that make up ``count``, None if there are too few."""
    if not part.is_summed:
        return devices[:count] if len(devices) >= count else None
    taken, left = [], list(devices)
    while count > 0 and left:
        # One that brings what is missing and no more than needed, or else the largest.
        best = min((each for each in left if each.size >= count), key=lambda each: each.size, default=None)
        best = best or max(left, key=lambda each: each.size)
        left.remove(best)
        taken.append(best)
        count -= best.size
    return taken if count <= 0 else None


def _broken_limit(
    place: candidates.Place, taken: Taken, present: abc.Mapping[str, int], *, is_whole: bool
) -> tuple[requirements.Part, str] | None:
    """Return the part and the limit of the place that the devices break, if they do."""
    kinds = [device.device_type for _, device in taken]
    broken = broken_limit(place, kinds, present, is_whole=is_whole)
    if broken is None:
        return None
    kind, limit = broken
    of_kind = [part for part, device in taken if device.device_type == kind]
    return of_kind[-1] if of_kind else taken[0][0], limit


def broken_limit(
    place: candidates.Place, kinds: abc.Sequence[str], present: abc.Mapping[str, int], *, is_whole: bool
) -> tuple[str, str] | None:
    """Return the type and the limit of a place that devices of these types break, such as "MaxStorage 2"; else None.

    ``present`` counts by type the devices of a machine that gets them. Only a machine that ``is_whole`` with them can
    have too few of a type: adding devices does not take any away.
    """
    for kind, name in LIMITED.items():
        mine = kinds.count(kind)
        number = mine + present.get(kind, 0)
        most, least = (place.limits.get(f"{bound}{name}") for bound in ("Max", "Min"))
        if isinstance(most, int) and mine and number > most:
            return kind, f"Max{name} {most}"
        if is_whole and isinstance(least, int) and number < least:
            return kind, f"Min{name} {least}"
    return None
