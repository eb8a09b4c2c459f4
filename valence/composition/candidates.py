# SPDX-License-Identifier: Apache-2.0
"""What the store knows of devices: pages of free ones, where they can be combined, and which pod managers work."""

import dataclasses
import time
import typing
import weakref
from collections import abc

from valence.composition import requirements
from valence.composition import weighing
from valence.db import models
from valence.db import store

#: devices in the page of a part, and in that of a part in one place; chance needs more where there are few places
FEW, FEWEST, MANY = 32, 8, 128
#: devices of a part in all places that are tried, where these are few
TOGETHER = 320
#: most devices that one query reads of several zonings
MOST_ROWS = 1000
#: most pages of whole systems that are read until one can be had
MOST_PAGES = 16
#: most distinct models of a type that are looked at for one that contains a text
MOST_MODELS = 200
#: seconds for which places are known
KEPT_SECONDS = 5.0
#: fields of a device that a selection needs, and more of a machine
FIELDS = ("podm_id", "device_type", "slots", "consumers", "size", "model", "zoning")
MACHINE_FIELDS = (
    *FIELDS, "cores", "memory_mib", "storage_gib", "accelerators", "speed_mbps", "media",
)  # fmt: skip
MACHINES = ("Compute", "System")
FREE = (store.Filter("state", "eq", "free"), store.Filter("full", "eq", False))
#: method of pod managers that compose nothing: only whole systems are used there
NO_METHOD = "none"

#: the orders of the indexes of zonings and of models
BY_ZONING = [store.Sort(name) for name in ("zoning", "device_type", "state", "full", "size")]
BY_MODEL = [store.Sort(name) for name in ("model", "state", "full", "size")]

Devices = abc.Sequence[models.Device]


class Place(typing.NamedTuple):
    """Where devices can be combined: in one zone, or in one pod manager that has no zones."""

    podm_id: str
    zone: str | None
    zonings: tuple[str, ...]
    method: str
    limits: abc.Mapping[str, typing.Any]


def among(field: str, values: abc.Collection[typing.Any]) -> store.Filter:
    """Return the filter of the rows whose field has one of the values."""
    if len(values) == 1:
        return store.Filter(field, "eq", next(iter(values)))
    return store.Filter(field, "in", list(values))


def of_type(part: requirements.Part) -> store.Filter:
    """Return the filter of the devices that have the type of a part."""
    return store.Filter("device_type", "eq", part.device_type)


def page(
    database: store.Store,
    part: requirements.Part,
    where: abc.Sequence[store.Filter],
    limit: int,
    marker: str | None = None,
) -> Devices:
    """Return free devices for a part, smallest sufficient first; of memory the largest first.

    Only MACHINE_FIELDS are read of a machine, only FIELDS of others, unless the site has filters of its own.
    """
    filters = [of_type(part), *FREE, *weighing.conditions(part), *where]
    sort = [store.Sort("size", descending=part.device_type == "Memory")]
    return database.list(
        models.Device, filters=filters, sort=sort, marker=marker, limit=limit, fields=_fields(part)
    )


def pages(
    database: store.Store, part: requirements.Part, where: abc.Sequence[store.Filter]
) -> abc.Iterator[Devices]:
    """Yield the pages of free whole systems, at most MOST_PAGES of them."""
    marker = None
    for _ in range(MOST_PAGES):
        found = page(database, part, where, MANY, marker)
        yield found
        if len(found) < MANY:
            return
        marker = found[-1].uuid


def most(part: requirements.Part, number: int = 0) -> int:
    """Return how many candidates of a part are read at most: of all, or of one of ``number`` places."""
    is_first = number == 0 or part.device_type == "Memory"
    first = FEW if part.device_type in MACHINES else FEW // 2
    least = first if is_first else min(MANY, max(FEWEST, TOGETHER // number))
    return least + (0 if part.device_type == "Memory" else part.count - 1)


def _fields(part: requirements.Part) -> tuple[str, ...] | None:
    if weighing.own(weighing.FILTERS):
        return None
    return MACHINE_FIELDS if part.device_type in MACHINES else FIELDS


def resolved(database: store.Store, part: requirements.Part) -> requirements.Part:
    """Return a part with the models of devices that it accepts: its own text, or else those that contain it."""
    if part.model is None:
        return part
    kinds = MACHINES if part.device_type in MACHINES else (part.device_type,)
    if any(_has_model(database, kind, part.model) for kind in kinds):
        return dataclasses.replace(part, models=(part.model,))
    text = part.model.casefold()
    known = {model for kind in kinds for model in _models(database, kind) if text in model.casefold()}
    return dataclasses.replace(part, models=tuple(sorted(known)))


def _has_model(database: store.Store, kind: str, model: str) -> bool:
    filters = [store.Filter("device_type", "eq", kind), store.Filter("model", "eq", model)]
    return bool(database.list(models.Device, filters=filters, sort=BY_MODEL, limit=1, fields=()))


def _models(database: store.Store, kind: str) -> abc.Iterator[str]:
    """Yield the distinct models of a type, each by a step in an index."""
    last = ""
    for _ in range(MOST_MODELS):
        filters = [store.Filter("device_type", "eq", kind), store.Filter("model", "gt", last)]
        found = database.list(models.Device, filters=filters, sort=BY_MODEL, limit=1, fields=("model",))
        if not found:
            return
        last = found[0].model
        yield last


#: pod manager -> when it was read, and the places by zoning
Kept = dict[str, tuple[float, dict[str, list[Place]]]]


class Layouts:
    """The places of zonings, read from a store and kept for a few seconds: they change when a zone does.

    With ``fresh`` they are read again, or with ``since``, a value of ``time.monotonic``, if they are older than that.
    """

    _kept: weakref.WeakKeyDictionary[store.Store, Kept] = weakref.WeakKeyDictionary()
    _groups: weakref.WeakKeyDictionary[store.Store, tuple[float, frozenset[str]]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self, database: store.Store, *, fresh: bool = False, since: float = 0.0) -> None:
        self._store, self._oldest = database, time.monotonic() if fresh else since
        self._own: dict[str, dict[str, list[Place]]] = {}

    def places(self, zoning: str, podm_id: str) -> list[Place]:
        """Return the places in which devices of a zoning of a pod manager can be combined with others."""
        if podm_id in self._own:
            return self._own[podm_id].get(zoning, [])
        by_zoning = self._known(podm_id)
        if by_zoning is None or zoning not in by_zoning:
            self._read([podm_id])
            by_zoning = self._own[podm_id]
        return by_zoning.get(zoning, [])

    def read(self, podm_ids: abc.Iterable[str]) -> None:
        """Read the places of several pod managers by one query, as far as they are not known."""
        if unknown := [each for each in podm_ids if each not in self._own and self._known(each) is None]:
            self._read(unknown)

    def served(self) -> abc.Collection[str]:
        """Return the groups that conductors serve."""
        read_at, groups = self._groups.get(self._store, (0.0, frozenset()))
        if read_at < max(self._oldest, time.monotonic() - KEPT_SECONDS):
            groups = served(self._store)
            self._groups[self._store] = time.monotonic(), groups
        return groups

    def _known(self, podm_id: str) -> dict[str, list[Place]] | None:
        read_at, by_zoning = self._kept.get(self._store, {}).get(podm_id, (0.0, {}))
        is_old = read_at < max(self._oldest, time.monotonic() - KEPT_SECONDS)
        return None if is_old else by_zoning

    def _read(self, podm_ids: abc.Collection[str]) -> None:
        now, kept = time.monotonic(), self._kept.setdefault(self._store, {})
        for old in [podm_id for podm_id, (read_at, _) in list(kept.items()) if read_at < now - KEPT_SECONDS]:
            kept.pop(old, None)
        rows: dict[str, list[models.Zoning]] = {podm_id: [] for podm_id in podm_ids}
        for row in self._store.list(models.Zoning, filters=[among("podm_id", podm_ids)]):
            rows[row.podm_id].append(row)
        for podm_id, own in rows.items():
            by_zoning = self._own[podm_id] = _places(own)
            kept[podm_id] = now, by_zoning


def _places(rows: abc.Sequence[models.Zoning]) -> dict[str, list[Place]]:
    """Return the places of each zoning of one pod manager."""
    sharing: dict[str, tuple[str, ...]] = {}
    for row in rows:
        for zone in row.zones:
            sharing[zone] = (*sharing.get(zone, ()), row.id)
    of_zone: dict[str, Place] = {}
    found = {}
    # The limits of a zoning are those of all its zones, so that of the fewest says best what a zone allows.
    for row in sorted(rows, key=lambda row: (len(row.zones), row.id)):
        for zone in row.zones:
            of_zone.setdefault(zone, Place(row.podm_id, zone, sharing[zone], row.method, row.limits))
    for row in rows:
        alone = Place(row.podm_id, None, (row.id,), row.method, row.limits)
        found[row.id] = [of_zone[zone] for zone in row.zones] or [alone]
    return found


def own_places(database: store.Store, devices: Devices) -> dict[str, Place]:
    """Return the places of devices that are used alone, by their keys."""
    zonings = {device.zoning for device in devices}
    methods = {row.id: row.method for row in database.list(models.Zoning, filters=[among("id", zonings)])}
    return {
        device.uuid: Place(device.podm_id, None, (device.zoning,), methods.get(device.zoning, NO_METHOD), {})
        for device in devices
    }


def inside(
    database: store.Store,
    part: requirements.Part,
    place: Place,
    where: abc.Sequence[store.Filter],
    limit: int,
) -> list[models.Device]:
    """Return a page of candidates for a part in a place."""
    found: list[models.Device] = []
    for zoning in place.zonings:
        found += _inside(database, part, [*where, store.Filter("zoning", "eq", zoning)], limit)
    return found


def _inside(
    database: store.Store, part: requirements.Part, where: abc.Sequence[store.Filter], limit: int
) -> Devices:
    if part.models is not None:
        # A database may follow the index of models, through all places. Few devices of a type are in one.
        every = page(database, dataclasses.replace(part, models=None), where, limit + FEW)
        having = [device for device in every if device.model in part.models]
        if len(every) < limit + FEW or len(having) >= limit:
            return having[:limit]
    return page(database, part, where, limit)


def by_zoning(
    database: store.Store,
    part: requirements.Part,
    zonings: abc.Collection[str],
    where: abc.Sequence[store.Filter],
) -> dict[str, list[models.Device]]:
    """Return all candidates for a part in each of several zonings, the smallest first, by one query.

    Only their sizes are read, and MOST_ROWS at most: a zoning without an entry may have more.
    """
    filters = [of_type(part), *FREE, *weighing.conditions(part), *where, among("zoning", zonings)]
    fields = ("zoning", "size")
    rows = database.list(models.Device, filters=filters, sort=BY_ZONING, limit=MOST_ROWS, fields=fields)
    found: dict[str, list[models.Device]] = {zoning: [] for zoning in zonings}
    for row in rows:
        found[row.zoning].append(row)
    if len(rows) < MOST_ROWS:
        return found
    # Zonings are read in the order of their keys: the last one is cut off, and those after it were not reached.
    return {zoning: devices for zoning, devices in found.items() if devices and zoning != rows[-1].zoning}


def served(database: store.Store) -> frozenset[str]:
    """Return the groups of pod managers that conductors serve."""
    alive = [store.Filter("alive", "eq", True)]
    rows = database.list(models.Conductor, filters=alive, fields=("conductor_groups",))
    return frozenset(group for row in rows for group in row.conductor_groups)


def unusable(
    database: store.Store, podm_ids: abc.Collection[str], groups: abc.Collection[str] | None = None
) -> dict[str, str]:
    """Return which of the pod managers cannot be asked for anything now: offline, maintenance, unserved or deleted.

    ``groups`` are those that conductors serve, if they are known.
    """
    if not podm_ids:
        return {}
    rows = database.list(
        models.PodManager,
        filters=[among("uuid", podm_ids)],
        fields=("status", "maintenance", "conductor_group"),
    )
    groups = served(database) if groups is None else groups
    reasons = {row.uuid: _reason(row, groups) for row in rows}
    return {uuid: reason for uuid in podm_ids if (reason := reasons.get(uuid, "deleted"))}


def _reason(row: models.PodManager, groups: abc.Collection[str]) -> str | None:
    if row.status in ("offline", "deleted"):
        return str(row.status)
    if row.maintenance:
        return "maintenance"
    return None if row.conductor_group in groups else "unserved"
