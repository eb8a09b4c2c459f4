# SPDX-License-Identifier: Apache-2.0
"""What a rack contains, and where: from the links and locations of its chassis, which are read live.

The store knows which resources there are, but not where they are: details are never copied. If a chassis cannot be
read, what the store knows to be below it is shown without a place, with the problem.
"""

import re
import typing
from collections import abc

from valence.common import errors
from valence.db import models
from valence.db import store

#: links of a chassis to what it contains
CONTENTS = ("ComputerSystems", "ResourceBlocks", "Switches", "Drives", "PCIeDevices", "Storage")
#: types of resources that hang directly below a chassis
BELOW = ("Drive", "PCIe Device", "Network Adapter", "Power Supply")
#: chassis in chassis that are followed, chassis of one level, and resources of a picture
LEVELS, MOST_CHASSIS, MOST_RESOURCES = 3, 64, 400
#: height of a unit, EIA-310
UNIT_MM = 44.45
MOST_UNITS = 60
SHOWN = ("uuid", "resource_type", "name", "health", "state", "power_state")
SHOWN_OF_DEVICES = ("device_type", "state", "node_id", "model")

#: ``read(uuids)`` returns ``{uuid: {"detail": document} or {"error": problem}}``
Read = abc.Callable[[list[str]], dict[str, dict[str, typing.Any]]]


def content(database: store.Store, read: Read, uuid: str) -> dict[str, typing.Any]:
    """Return ``rack``, its ``units`` or None, its ``trays`` with their members, other ``members``, and ``problem``.

    A tray is a chassis directly in the rack: ``offset``, its lowest unit from the bottom, or None, and ``units``. Raise
    NotFound.
    """
    found = database.list(
        models.ResourceWithState,
        filters=[store.Filter("uuid", "eq", uuid), store.Filter("resource_type", "eq", "Rack")],
        limit=1,
    )
    if not found:
        raise errors.NotFound(kind="rack", key=uuid)
    walk = _Walk(database, read, found[0])
    members = walk.members()
    trays = [
        _shown(row) | _place(walk.documents.get(row.uuid, {})) | {"members": members.get(row.uuid, [])}
        for row in walk.trays
    ]
    return {
        "rack": _shown(walk.rack),
        "units": _units(walk.documents.get(walk.rack.uuid, {})),
        "trays": trays,
        "members": members.get(walk.rack.uuid, []),
        "problem": walk.problem,
    }


class _Walk:
    """Follows the links of a rack down to its contents."""

    def __init__(self, database, read, rack):
        self._store, self._read, self.rack = database, read, rack
        self.trays, self.documents, self.problem = [], {}, None
        #: URL of a resource -> the tray that has it, or the rack
        self._owners = {}
        self._chassis = {rack.resource_url: rack.uuid}
        level = {rack.uuid: rack.uuid}
        for depth in range(LEVELS):
            level = self._follow(level, is_rack=depth == 0)

    def members(self):
        """Return what each tray, and the rack, has: ``{uuid: [row, …]}``."""
        rows = {row.uuid: row for row in self._linked() + self._below()}
        devices = self._list(models.Device, "uuid", list(rows)) if rows else []
        claimed = {each.uuid: {name: getattr(each, name) for name in SHOWN_OF_DEVICES} for each in devices}
        found: dict[str, list] = {}
        for row in sorted(rows.values(), key=lambda row: (row.resource_type, _natural(row.resource_url))):
            owner = self._owners.get(row.resource_url) or self._chassis.get(row.parent)
            found.setdefault(owner, []).append(_shown(row) | {"device": claimed.get(row.uuid)})
        return found

    def _follow(self, level, *, is_rack):
        """Read the chassis of a level, ``{uuid: its tray}``; return those that they contain."""
        contained = {}
        for uuid, answer in (self._read(list(level)) if level else {}).items():
            if "error" in answer:
                self.problem = self.problem or answer["error"]["detail"]
                continue
            self.documents[uuid] = document = answer["detail"] if isinstance(answer["detail"], dict) else {}
            links = document["Links"] if isinstance(document.get("Links"), dict) else {}
            self._owners |= {url: level[uuid] for name in CONTENTS for url in _urls(links.get(name))}
            contained |= dict.fromkeys(_urls(links.get("Contains")), None if is_rack else level[uuid])
        urls = [url for url in contained if url not in self._chassis][:MOST_CHASSIS]
        rows = self._list(models.ResourceWithState, "resource_url", urls) if urls else []
        self._chassis |= {row.resource_url: contained[row.resource_url] or row.uuid for row in rows}
        self.trays += rows if is_rack else []
        return {row.uuid: contained[row.resource_url] or row.uuid for row in rows}

    def _linked(self):
        urls = [url for url in self._owners if url not in self._chassis][:MOST_RESOURCES]
        return self._list(models.ResourceWithState, "resource_url", urls) if urls else []

    def _below(self):
        more = [store.Filter("resource_type", "in", list(BELOW))]
        return self._list(models.ResourceWithState, "parent", list(self._chassis), more)

    def _list(self, model, field, values, more=()):
        mine = store.Filter("podm_id", "eq", self.rack.podm_id)
        filters = [mine, store.Filter(field, "in", values), *more]
        return self._store.list(model, filters=filters, limit=MOST_RESOURCES)


def _shown(row):
    return {name: getattr(row, name) for name in SHOWN}


def _natural(text):
    """Return a key that sorts numbers in text by their value: ``System2`` is before ``System10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def _urls(links):
    """Return the URLs of a list of links; a pod manager may send anything."""
    entries = links if isinstance(links, list) else []
    urls = [each.get("@odata.id") for each in entries if isinstance(each, dict)]
    return [url for url in urls if isinstance(url, str)]


def _place(document):
    """Return ``offset`` and ``units`` of a chassis, by its Location and height."""
    location = document.get("Location")
    placement = location.get("Placement") if isinstance(location, dict) else None
    offset = placement.get("RackOffset") if isinstance(placement, dict) else None
    is_known = isinstance(offset, int) and not isinstance(offset, bool) and 1 <= offset <= MOST_UNITS
    return {"offset": offset if is_known else None, "units": _units(document) or 1}


def _units(document):
    """Return the height of a chassis in units, or None."""
    height = document.get("HeightMm")
    if (
        not isinstance(height, int | float)
        or isinstance(height, bool)
        or not 0 < height < MOST_UNITS * UNIT_MM
    ):
        return None
    return max(1, round(height / UNIT_MM))
