# SPDX-License-Identifier: Apache-2.0
"""Survey: which place came nearest to having all parts of a request that nothing fits."""

import collections
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
    layouts = candidates.Layouts(database, fresh=True)
    where = selection.where(database, nothing.among, layouts)
    pages = {part: candidates.page(database, part, where, candidates.FEW) for part in nothing.parts}
    best, most = None, (-1, -1)
    for place in _places(layouts, pages, unusable):
        found = {
            part: candidates.inside(database, part, place, where, candidates.FEWEST) for part in nothing.parts
        }
        lacking = [part for part, devices in found.items() if combining.amount(part, devices) < part.count]
        satisfied = len(found) - len(lacking)
        if (satisfied, sum(map(len, found.values()))) > most:
            most = satisfied, sum(map(len, found.values()))
            best = combining.Shortage(place, (lacking or list(nothing.parts))[0], satisfied)
    return best


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
    for zoning, _ in having.most_common(MOST_PLACES):
        for place in layouts.places(zoning, zoning.partition("/")[0]):
            if place.method != candidates.NO_METHOD:
                found[place.zonings] = place
    return list(found.values())
