# SPDX-License-Identifier: Apache-2.0
"""Exchange the claims of a node for those of the devices that its pod manager chose (constrained composition).

The claimed devices say what is requested, so that the right to as much hardware comes first. The pod manager may take
other devices. The claims follow in one commit: of two nodes that were given a device, or were promised it, one has it.
"""

import collections
import typing

from valence.common import composition_errors
from valence.composition import named
from valence.composition.claims import granting
from valence.composition.claims import returning
from valence.conductor.nodes import rights
from valence.db import models
from valence.db import store

#: measures of which the devices that were given must have as much together as those that were claimed
_MEASURES = ("cores", "memory_mib", "storage_gib", "accelerators")


def is_chosen(database: store.Store, node: models.Node) -> bool:
    """Return whether the pod manager of a node chooses the devices of a machine among equal ones."""
    devices = _devices(database, [claim.device_id for claim in rights.claims(database, node)])
    zonings = sorted({device.zoning for device in devices})
    rows = database.list(models.Zoning, filters=[store.Filter("id", "in", zonings)]) if zonings else ()
    return any(row.method == named.CHOOSING for row in rows)


def exchanging(
    database: store.Store, node: models.Node, resource_urls: typing.Collection[str]
) -> list[store.Change] | None:
    """Return the changes that exchange a node's claims for those of the devices at some paths.

    None while these have less than the claimed ones together, or are not all known. Raise DeviceTaken for a shared
    device without a free slot, CompositionFailed for devices outside of the zone that the node was requested in; the
    commit raises Duplicate for a device that another node has.
    """
    claims = rights.claims(database, node)
    place = [
        store.Filter("podm_id", "eq", node.podm_id),
        store.Filter("resource_url", "in", sorted(resource_urls)),
    ]
    uuids = [row.uuid for row in database.list(models.Resource, filters=place, fields=["uuid"])]
    given = _devices(database, uuids)
    claimed = _devices(database, [claim.device_id for claim in claims])
    if len(given) < len(resource_urls) or not _is_enough(given, claimed):
        return None
    zone = (node.handle.get("request") or {}).get("zone_id")
    if zone and not all(zone in device.zones for device in given):
        reason = f"it took devices outside of the zone {zone}"
        raise composition_errors.CompositionFailed(url=node.podm_id, reason=reason)
    own = {claim.device_id for claim in claims}
    new = [device for device in given if device.uuid not in own]
    old = [claim for claim in claims if claim.device_id not in set(uuids)]
    return [*returning(database, old), *granting(database, _with_parts(new, old, claimed), node.uuid)]


def _devices(database: store.Store, uuids: typing.Sequence[str]) -> list[models.Device]:
    wanted = [store.Filter("uuid", "in", list(uuids))]
    return list(database.list(models.Device, filters=wanted)) if uuids else []


def _is_enough(given: list[models.Device], claimed: list[models.Device]) -> bool:
    return all(
        sum(getattr(device, name) for device in given) >= sum(getattr(device, name) for device in claimed)
        for name in _MEASURES
    )


def _with_parts(
    devices: list[models.Device], old: list[models.Claim], claimed: list[models.Device]
) -> list[tuple[str, models.Device]]:
    """Return devices with the names of the parts that devices of their types were claimed for."""
    types = {device.uuid: device.device_type for device in claimed}
    parts = collections.defaultdict(list)
    for claim in old:
        parts[types.get(claim.device_id)].append(claim.part)
    found = []
    for device in devices:
        names = parts[device.device_type] or [named.PARTS.get(device.device_type, "processor")]
        found.append((names.pop(0) if len(names) > 1 else names[0], device))
    return found
