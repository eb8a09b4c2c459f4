# SPDX-License-Identifier: Apache-2.0
"""The projection of devices: what pod managers offer, as rows by which devices are selected.

Synchronizations write what the pod manager says. ``node_id`` and ``full`` belong to claims: of a row that is made they
are taken from the claims, and afterwards only commits of claims change them.
"""

import array
import collections
import hashlib
import itertools
import json
import operator
import typing

from valence.common import compact
from valence.conductor.inventory import comparison
from valence.db import models
from valence.db import store
from valence.db.models import device
from valence.podmanagers import offers

#: fields that say how much a device brings; they are kept while parts of it cannot be read
_MEASURES = ("device_type", "size", *offers.Measures._fields)
#: fields that a synchronization writes
_WRITTEN = (*_MEASURES, "state", "reason", "slots", "consumers", "zones", "zoning")
_VALUES = operator.attrgetter(*_WRITTEN)

#: most characters of a reason
_LENGTH = 255
_UNREAD = "Some of its parts could not be read."
_UNSEEN = "A system that may use it could not be read."
_UNPLACED = "Its zones, or the ways to compose it, could not be read."

#: a function that returns the uuids of the resources at some paths, by path
Find = typing.Callable[[typing.Sequence[str]], dict[str, str]]


#: rows that are read from the store at a time
PAGE = 1000


def of_pod_manager(
    database: store.Store, model: type[models.ModelBase], uuid: str
) -> typing.Iterator[typing.Any]:
    """Yield the rows of a model that belong to a pod manager, page by page, in the order of their keys."""
    mine, marker = [store.Filter("podm_id", "eq", uuid)], None
    while True:
        rows = database.list(model, filters=mine, marker=marker, limit=PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        marker = getattr(rows[-1], model.key)


class Projection:
    """The devices and zonings of one pod manager.

    Every commit is made under ``lease``, with at most about ``batch`` devices. ``check`` is called before each, and
    raises what ends the work.
    """

    def __init__(self, database, pod_manager, *, lease, batch, check):
        self._store, self._podm_id = database, pod_manager
        self._lease, self._batch, self._check = lease, batch, check
        self._zonings, self._used = {}, set()

    def update(self, found: typing.Iterable[offers.Offer], find: Find, *, whole: bool):
        """Store the differences to what was found; remove what was not only if the ``whole`` pod manager was read.

        Raise what the store raises.
        """
        rows = _Rows(self._list(models.Device), self._read)
        self._zonings = {row.id: row for row in self._list(models.Zoning)}
        zones: dict[str, str] = {}
        found = iter(found)
        while part := list(itertools.islice(found, self._batch)):
            missing = {zone for offer in part for zone in offer.zones} - zones.keys()
            uuids = find([*(offer.resource_url for offer in part), *missing])
            zones |= {zone: uuids[zone] for zone in missing & uuids.keys()}
            known = [offer for offer in part if offer.resource_url in uuids]
            self._store_part(rows, {uuids[offer.resource_url]: offer for offer in known}, zones)
        if whole:
            self._remove(rows)

    def _store_part(self, rows, found, zones):
        """Store the devices of some offers, by uuid, and their zonings."""
        changes, differing, new = [], {}, {}
        for uuid, offer in found.items():
            number = rows.take(uuid)
            keeps_place = offer.unplaced and number is not None
            values = self._measured(offer) | ({} if keeps_place else self._placed(offer, zones, changes))
            if number is None:
                new[uuid] = values | _unsure(offer)
            elif (
                offer.unread
                or offer.dead
                or keeps_place
                or offer.state is None
                or not rows.is_same(number, values)
            ):
                differing[number] = values, offer
        rows.fetch(differing)
        for number, (values, offer) in differing.items():
            row = rows.row(number)
            if changed := self._changed(row, values, offer):
                changes.append(store.Update(row, changed))
        owners = self._owners(new)
        for row in self._having(models.RemovedResource, "uuid", new):
            # It was not erased before it was gone from the inventory.
            if row.unerased is not None:
                new[row.uuid] |= {"state": device.DIRTY, "reason": row.unerased}
                changes.append(store.Delete(row))
        changes += [store.Create(self._new(uuid, values, owners)) for uuid, values in new.items()]
        self._commit(changes)
        self._settle(new)

    @staticmethod
    def _measured(offer):
        """Return the values of the fields that an offer decides, but for where it can be combined."""
        return offer.measures._asdict() | {
            "device_type": offer.device_type,
            "size": offer.size,
            "state": offer.state,
            "reason": offer.reason,
            "slots": offer.slots,
            "consumers": offer.consumers,
        }

    def _placed(self, offer, zones, changes):
        """Return where an offer can be combined; add the change of its zoning to ``changes``."""
        of_device = sorted(zones[zone] for zone in offer.zones if zone in zones)
        return {"zones": of_device, "zoning": self._zoning(of_device, offer, changes)}

    def _changed(self, row, values, offer):
        """Return the values that a row has to get.

        A device that could not be erased stays dirty until somebody frees it, or says so until it is used. One whose
        place cannot be read keeps it, and its state too where that is due to the place.
        """
        values = values | _unerased(row, values)
        kept = {"state", "reason"} if row.state == device.DIRTY else set()
        kept |= {"state", "reason", "consumers"} if offer.state is None else set()
        kept |= {*_MEASURES} if offer.unread or offer.dead else set()
        if offer.unread and str(row.reason).startswith(_UNREAD):
            kept |= {"state", "reason"}  # its numbers are still too small
        if offer.unplaced:
            self._used.add(row.zoning)
            zoning = self._zonings.get(row.zoning)
            is_due_to_it = (
                str(row.reason).startswith(_UNPLACED) or zoning is None or zoning.method == device.NONE
            )
            if row.state == device.UNAVAILABLE and is_due_to_it:
                kept |= {"state", "reason"}
        return {
            name: value for name, value in values.items() if name not in kept and getattr(row, name) != value
        }

    def _zoning(self, zones, offer, changes):
        """Return the key of the zoning of an offer; store a new one, and new limits, with ``changes``."""
        text = json.dumps([offer.method, zones])
        key = f"{self._podm_id}/{hashlib.sha256(text.encode()).hexdigest()[:32]}"
        if key in self._used:
            return key
        self._used.add(key)
        limits, row = dict(offer.limits or ()), self._zonings.get(key)
        if row is None:
            values = {"podm_id": self._podm_id, "zones": zones, "method": offer.method, "limits": limits}
            changes.append(store.Create(models.Zoning(id=key, **values)))
        elif offer.limits is not None and row.limits != limits:
            changes.append(store.Update(row, {"limits": limits}))
        return key

    def _new(self, uuid, values, owners):
        owned = _owned(owners.get(uuid, ()), values["slots"])
        return models.Device(uuid=uuid, podm_id=self._podm_id, **values, **owned)

    def _owners(self, uuids):
        """Return the claims of some devices: uuid -> claims in the order of their slots."""
        found = collections.defaultdict(list)
        for claim in self._having(models.Claim, "device_id", uuids):
            found[claim.device_id].append(claim)
        return {uuid: sorted(claims, key=_slot) for uuid, claims in found.items()}

    def _settle(self, uuids):
        """Bring new rows in line with the claims: those may have changed just before a row was there to be written."""
        while True:
            owners, changes = self._owners(uuids), []
            for row in self._having(models.Device, "uuid", uuids):
                owned = _owned(owners.get(row.uuid, ()), row.slots)
                if (row.node_id, row.full) != (owned["node_id"], owned["full"]):
                    changes.append(store.Update(row, owned))
            if not changes:
                return
            self._commit(changes)

    def _remove(self, rows):
        missing = iter(rows.missing())
        while numbers := list(itertools.islice(missing, self._batch)):
            rows.fetch(numbers)
            missed = [rows.row(number) for number in numbers]
            # A row that was made again later would not be dirty; the removal of the resource takes this one along.
            self._commit([store.Delete(row) for row in missed if row.state != device.DIRTY])
        self._commit([store.Delete(row) for key, row in self._zonings.items() if key not in self._used])

    def _commit(self, changes):
        self._check()
        if changes:
            self._store.commit(*changes, lease=self._lease)

    def _list(self, model):
        return of_pod_manager(self._store, model, self._podm_id)

    def _having(self, model, name, values):
        return self._store.list(model, filters=[store.Filter(name, "in", list(values))]) if values else []

    def _read(self, model, uuids):
        return self._having(model, "uuid", uuids)


class _Rows(comparison.Rows):
    """The stored devices, in about 60 bytes each."""

    def __init__(self, rows, read):
        super().__init__(models.Device, read)
        self._numbers, self._hashes, self._taken = compact.Numbers(), array.array("q"), bytearray()
        for row in rows:
            self._keep(row)
            self._numbers.add(hash(row.uuid))
            self._hashes.append(_hash(_VALUES(row)))
            self._taken.append(False)

    def take(self, uuid: str) -> int | None:
        """Return the number of a device and note that it is offered, None if it is not stored."""
        number = self._numbers.find(hash(uuid))
        if number is not None:
            self._taken[number] = True
        return number

    def is_same(self, number: int, values: dict[str, typing.Any]) -> bool:
        """Return whether the row with a number has these values."""
        return self._hashes[number] == _hash(operator.itemgetter(*_WRITTEN)(values))

    def missing(self) -> list[int]:
        """Return the numbers of the devices that are not offered."""
        return [number for number, taken in enumerate(self._taken) if not taken]


def _hash(values):
    return hash(tuple(tuple(value) if isinstance(value, list) else value for value in values))


def _unsure(offer):
    """Return the state of a new device of which too little could be read to select it."""
    if offer.unread or offer.unplaced:
        return {"state": device.UNAVAILABLE, "reason": _UNREAD if offer.unread else _UNPLACED}
    return {"state": device.UNAVAILABLE, "reason": _UNSEEN} if offer.state is None else {}


def _unerased(row, values):
    """Return the reason that a device gets which was not erased: that outlasts other states until a node uses it.

    Without a node, or in use before, it may be a device that was returned since the pod manager was read.
    """
    _, mark, rest = str(row.reason).partition(device.UNERASED)
    if not mark:
        return {}
    note = f"{mark}{rest}"
    if values["state"] == device.FREE:
        return {"reason": note}
    if values["state"] == device.IN_USE and row.node_id:
        return {"reason": row.reason} if row.state == device.IN_USE else {}
    return {"reason": " ".join(filter(None, (values["reason"], note)))[:_LENGTH]}


def _owned(claims, slots):
    """Return the fields of a device that its claims decide."""
    return {"node_id": claims[0].node_id if claims else None, "full": len(claims) >= slots}


def _slot(claim):
    return int(claim.id.rpartition("/")[2])


def followed(database: store.Store, podm_id: str, moves: typing.Mapping[str, str]) -> list[store.Change]:
    """Return the changes that let nodes follow their machines; ``moves`` maps old URLs to new ones."""
    if not moves:
        return []
    wanted = [store.Filter("podm_id", "eq", podm_id), store.Filter("resource_url", "in", sorted(moves))]
    rows = database.list(models.Node, filters=wanted)
    return [store.Update(node, {"resource_url": moves[node.resource_url]}, touch=False) for node in rows]
