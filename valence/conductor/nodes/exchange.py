# SPDX-License-Identifier: Apache-2.0
"""Exchange the claims of a node for those of the devices that its pod manager chose.

Services do that for constrained compositions, and for nodes of Intel RSD.

The claimed devices are what is requested, so that the right to as many of them comes first. The pod manager may take
other devices. What the client asked for decides whether these will do: they may be smaller than the claimed ones. The
claims follow in one commit: of two nodes that were given a device, or were promised it, one has it.
"""

import collections
import dataclasses
import typing

from valence.common import composition_errors
from valence.common import words
from valence.composition import combining
from valence.composition import named
from valence.composition import requirements
from valence.composition import weighing
from valence.composition.claims import granting
from valence.composition.claims import returning
from valence.conductor.nodes import rights
from valence.db import models
from valence.db import store

#: fields by which requirements want devices of a kind
_KINDS = ("model", "architecture", "media")
#: the part that memory devices are for; together with the base they have to have the memory
_MEMORY = "memory"


def is_chosen(database: store.Store, node: models.Node) -> bool:
    """Return whether the pod manager of a node chooses the devices of a machine among equal ones."""
    devices = _devices(database, [claim.device_id for claim in rights.claims(database, node)])
    zonings = sorted({device.zoning for device in devices})
    rows = database.list(models.Zoning, filters=[store.Filter("id", "in", zonings)]) if zonings else ()
    return any(row.method in (named.CHOOSING, named.ALLOCATING) for row in rows)


def required(node: models.Node, claims: typing.Iterable[models.Claim]) -> dict[str, tuple[str, ...]]:
    """Return what devices that replace those of claims must have in common with them, by the UUIDs of devices."""
    parts = _parts(node)
    return {claim.device_id: _kinds(parts[claim.part]) for claim in claims if claim.part in parts}


def exchanging(
    database: store.Store, node: models.Node, resource_urls: typing.Collection[str]
) -> list[store.Change] | None:
    """Return the changes that exchange a node's claims for those of the devices at some paths.

    Each claimed device needs exactly one that was given: of its type, and as the requirements of the node want it. None
    while that is not so, or not all are known. Raise DeviceTaken for a shared device without a free slot,
    CompositionFailed for more devices than were requested, and for devices outside of the zone that the node was
    requested in; the commit raises Duplicate for a device that another node has.
    """
    claims = rights.claims(database, node)
    place = [
        store.Filter("podm_id", "eq", node.podm_id),
        store.Filter("resource_url", "in", sorted(resource_urls)),
    ]
    uuids = [row.uuid for row in database.list(models.Resource, filters=place, fields=["uuid"])]
    given = _devices(database, uuids)
    claimed = {device.uuid: device for device in _devices(database, [claim.device_id for claim in claims])}
    if len(given) < len(resource_urls) or len(claimed) < len(claims):
        return None
    _refuse_more(node, given, claimed.values())
    matched = _matched(given, [_Need(claim, claimed[claim.device_id]) for claim in claims], _parts(node))
    if matched is None or not _is_enough(node, matched):
        return None
    zone = (node.handle.get("request") or {}).get("zone_id")
    if zone and not all(zone in device.zones for device in given):
        reason = f"it took devices outside of the zone {zone}"
        raise composition_errors.CompositionFailed(url=node.podm_id, reason=reason)
    old = [claim for claim in claims if claim.device_id not in set(uuids)]
    new = [(part, device) for part, device in matched if device.uuid not in claimed]
    parts = {device.uuid: part for part, device in matched}
    moved = [
        store.Update(claim, {"part": part})
        for claim in claims
        if (part := parts.get(claim.device_id, claim.part)) != claim.part
    ]
    return [*returning(database, old), *granting(database, new, node.uuid), *moved]


def _devices(database: store.Store, uuids: typing.Sequence[str]) -> list[models.Device]:
    wanted = [store.Filter("uuid", "in", list(uuids))]
    return list(database.list(models.Device, filters=wanted)) if uuids else []


class _Need(typing.NamedTuple):
    """A claim and its device: the node needs this device, or another one instead."""

    claim: models.Claim
    device: models.Device

    def accepts(self, device: models.Device, parts: typing.Mapping[str, requirements.Part]) -> bool:
        """Return whether a device can be what this one was claimed for."""
        if device.uuid == self.device.uuid:
            return True
        part = parts.get(self.claim.part)
        if device.device_type != self.device.device_type:
            return False
        if part is None:
            return self.claim.part == _MEMORY  # nothing else is claimed for a part that was not asked for
        return all(rule.holds(device, part) for rule in weighing.RULES) and self._is_of_model(
            device, part.model
        )

    def _is_of_model(self, device: models.Device, text: str | None) -> bool:
        """Return whether a device has a model that a part requires.

        The claimed device shows how the text was understood: as a whole model if it has exactly this one.
        """
        if text is None:
            return True
        model = device.model or ""
        return model == text if self.device.model == text else text.casefold() in model.casefold()


def _refuse_more(
    node: models.Node, given: typing.Iterable[models.Device], claimed: typing.Iterable[models.Device]
) -> None:
    """Raise CompositionFailed for more devices of a type than the node has claimed: it has no right to them."""
    counts = collections.Counter(device.device_type for device in claimed)
    got = collections.Counter(device.device_type for device in given)
    for kind, number in sorted(got.items()):
        if number > counts[kind]:
            reason = f"it took {words.counted(number, 'device')} of the type {kind}; {counts[kind]} requested"
            raise composition_errors.CompositionFailed(url=node.podm_id, reason=reason)


def _parts(node: models.Node) -> dict[str, requirements.Part]:
    """Return what the requirements of a node say of each device of its parts, by the names of these.

    The memory of the base is no condition on it alone: memory devices may complete it.
    """
    wanted = requirements.wanted(node.requirements)
    parts = (wanted.base and dataclasses.replace(wanted.base, memory_mib=0), *wanted.parts)
    return {part.name: part for part in parts if part is not None}


def _is_enough(node: models.Node, devices: typing.Sequence[tuple[str, models.Device]]) -> bool:
    """Return whether devices, with the names of their parts, are all that the requirements of a node want.

    Parts without a device are those that the base has to have itself.
    """
    wanted = requirements.wanted(node.requirements)
    of_part: dict[str, list[models.Device]] = collections.defaultdict(list)
    for name, device in devices:
        of_part[name].append(device)
    bases = of_part[wanted.base.name] if wanted.base else []
    own = [part for part in wanted.parts if part.name not in of_part]
    if wanted.base and sum(each.memory_mib for each in [*bases, *of_part[_MEMORY]]) < wanted.base.memory_mib:
        return False
    if any(
        combining.amount(part, of_part[part.name]) < part.count for part in wanted.parts if part not in own
    ):
        return False
    return not own or (bool(bases) and combining.covers_all(bases[0], own))


def _kinds(part: requirements.Part) -> tuple[str, ...]:
    """Return which of ``_KINDS`` a part requires."""
    values = zip(_KINDS, (part.model, part.architectures, part.media), strict=True)
    return tuple(name for name, value in values if value)


def _matched(
    given: list[models.Device],
    needs: list[_Need],
    parts: typing.Mapping[str, requirements.Part],
) -> list[tuple[str, models.Device]] | None:
    """Return each device that was given with the part that it is for; None unless each need has one of its own.

    A claimed device that was given too keeps its part, unless only it can be the part of another one. The largest of
    the others comes first, and gets the part of the largest that was claimed.
    """
    if len(given) < len(needs):
        return None
    given = sorted(given, key=lambda device: -device.size)
    needs = sorted(needs, key=lambda need: -need.device.size)
    places = {need.device.uuid: number for number, need in enumerate(needs)}
    of_need = {places[device.uuid]: index for index, device in enumerate(given) if device.uuid in places}

    def find(index: int, tried: set[int]) -> bool:
        """Give a device to a need, if necessary that of another need, which gets another one."""
        for number, need in enumerate(needs):
            if number in tried or not need.accepts(given[index], parts):
                continue
            tried.add(number)
            if number not in of_need or find(of_need[number], tried):
                of_need[number] = index
                return True
        return False

    if not all(find(index, set()) for index, device in enumerate(given) if device.uuid not in places):
        return None
    return [(needs[number].claim.part, given[index]) for number, index in of_need.items()]
