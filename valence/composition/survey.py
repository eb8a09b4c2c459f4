# SPDX-License-Identifier: Apache-2.0
"""Survey: which place came nearest to having all parts of a request that nothing fits."""

import collections
import time
from collections import abc

from valence.composition import candidates
from valence.composition import combining
from valence.composition import requirements
from valence.composition import selection
from valence.db import store

#: places that are looked at
MOST_PLACES = 6


def nearest(
    database: store.Store, nothing: selection.Nothing, unusable: abc.Container[str]
) -> combining.Shortage | None:
    """Return the place that has most of the parts, and most devices for them, with the first part that it lacks.

    None if no place has candidates and a pod manager that composes, is not ``unusable``, and works.
    """
    layouts = candidates.Layouts(database, since=min(nothing.since, time.monotonic()))
    where = selection.where(database, nothing.among, layouts)
    pages = {part: candidates.page(database, part, where, candidates.FEW) for part in nothing.parts}
    best, most = None, (-1, -1)
    places = _places(layouts, pages, unusable)
    zonings = {zoning for place in places for zoning in place.zonings}
    by_part = {
        part: candidates.by_zoning(database, part, zonings, where) if zonings else {}
        for part in nothing.parts
    }
    for place in places:
        found = {part: _inside(database, part, place, where, by_part[part]) for part in nothing.parts}
        lacking = [part for part, devices in found.items() if combining.amount(part, devices) < part.count]
        satisfied = len(found) - len(lacking)
        if (satisfied, sum(map(len, found.values()))) > most:
            most = satisfied, sum(map(len, found.values()))
            best = combining.Shortage(place, (lacking or list(nothing.parts))[0], satisfied)
    return best


def _inside(
    database: store.Store,
    part: requirements.Part,
    place: candidates.Place,
    where: abc.Sequence[store.Filter],
    known: abc.Mapping[str, candidates.Devices],
) -> candidates.Devices:
    """Return the best candidates for a part in a place; ``known`` are all of some zonings, the smallest first."""
    is_memory = part.device_type == "Memory"
    limit = candidates.FEWEST if is_memory else max(candidates.FEWEST, part.count)
    if not all(zoning in known for zoning in place.zonings):
        return candidates.inside(database, part, place, where, limit)
    few = (known[zoning][-limit:] if is_memory else known[zoning][:limit] for zoning in place.zonings)
    return [device for devices in few for device in devices]


def _places(
    layouts: candidates.Layouts,
    pages: abc.Mapping[requirements.Part, candidates.Devices],
    unusable: abc.Container[str],
) -> list[candidates.Place]:
    """Return the places with candidates for the most parts."""
    having: collections.Counter[str] = collections.Counter()
    for devices in pages.values():
        having.update({device.zoning for device in devices if device.podm_id not in unusable})
    found = {}
    nearest = having.most_common(MOST_PLACES)
    layouts.read({zoning.partition("/")[0] for zoning, _ in nearest})
    for zoning, _ in nearest:
        for place in layouts.places(zoning, zoning.partition("/")[0]):
            if place.method != candidates.NO_METHOD:
                found[place.zonings] = place
    return list(found.values())
