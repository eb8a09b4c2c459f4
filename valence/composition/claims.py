# SPDX-License-Identifier: Apache-2.0
"""Claims: the changes that give devices to a node and take them back.

A claim is a row whose key is a device and one of its slots. The database accepts such a row once, in the commit that
stores the node and its operation: of any number of writers one has the device, without a lock or a lease. The columns
``node_id`` and ``full`` of a device follow its claims in the same commit, so that selections pass it over.
"""

import contextlib
import typing
from collections import abc

from oslo_log import log

from valence.common import composition_errors
from valence.common import errors
from valence.composition import explanation
from valence.composition import quotas
from valence.composition import selection
from valence.db import models
from valence.db import store
from valence.db.models.node import LOST

LOG = log.getLogger(__name__)

#: selections, after each of which another writer was faster, before a request is refused
TRIES = 20
#: states of claims whose device the pod manager may count among the consumers
ATTACHED = ("attaching", "attached", "detaching", "failed")

Devices = abc.Sequence[tuple[str, models.Device]]


class Granted(typing.NamedTuple):
    """What a node has got: the choice, the stored objects of the caller's changes, and the claims.

    ``collisions`` is how often another writer was faster.
    """

    choice: selection.Choice
    stored: abc.Sequence[typing.Any]
    claims: tuple[models.Claim, ...]
    collisions: int


class Owner(typing.NamedTuple):
    """The node that gets devices, and its project; ``is_new`` says whether the same commit stores the node."""

    node_id: str
    project_id: str
    is_new: bool = False


def grant(
    database: store.Store,
    owner: Owner,
    choose: abc.Callable[[frozenset[str]], selection.Choice | selection.Nothing],
    others: abc.Callable[[selection.Choice], abc.Sequence[store.Change]],
    *,
    lease: store.Lease | None = None,
) -> Granted:
    """Choose devices and claim them for a node in one commit with the caller's changes.

    ``choose(avoid)`` selects without the devices that others took meanwhile; ``others(choice)`` returns the caller's
    changes: the node, its operation, its event. Raises NothingFits with an explanation, DeviceTaken after TRIES
    selections, QuotaExceeded, QuotaBusy, and what a commit raises.
    """
    avoid: set[str] = set()
    taken, end = "", quotas.patience(database)
    for collisions in range(TRIES):
        choice = choose(frozenset(avoid))
        if isinstance(choice, selection.Nothing):
            raise explanation.refusal(database, choice)
        own = list(others(choice))
        try:
            changes = [*own, *granting(database, choice.devices, owner.node_id)]
            stored = quotas.commit(
                database, owner.project_id, changes, is_new=owner.is_new, lease=lease, end=end
            )
        except (composition_errors.DeviceTaken, errors.Duplicate, errors.NotFound) as error:
            taken = _taken(error, choice.uuids)
            avoid |= {taken, *claimed(database, choice.uuids)}
            LOG.debug("node %s: device %s was taken, choosing again", owner.node_id, taken)
            continue
        claims = tuple(row for row in stored[len(own) :] if isinstance(row, models.Claim))
        return Granted(choice, stored[: len(own)], claims, collisions)
    raise composition_errors.DeviceTaken(device=taken, reason=f"others were faster {TRIES} times")


def _taken(error: errors.ValenceError, uuids: abc.Collection[str]) -> str:
    """Return the device that an error is about; raise the error if it is about something else."""
    if isinstance(error, composition_errors.DeviceTaken):
        return str(error.kwargs["device"])
    kind, key = error.kwargs.get("kind"), str(error.kwargs.get("value", error.kwargs.get("key", "")))
    device = key.partition("/")[0]
    if kind not in (models.Claim.kind, models.Device.kind) or device not in uuids:
        raise error
    return device


def granting(database: store.Store, devices: Devices, node_id: str) -> list[store.Change]:
    """Return the changes that give devices, each with the name of its part, to a node.

    Their commit raises Duplicate, of kind claim, for a device that was taken, and NotFound for one that is gone. Raises
    DeviceTaken for a shared device without a free slot. ``quotas.commit`` keeps limits.
    """
    measures = quotas.measures(database, {device.uuid for _, device in devices})
    shared = [device.uuid for _, device in devices if device.slots > 1]
    rows = _claims_of(database, shared)
    changes: list[store.Change] = []
    for part, device in devices:
        present = [row for row in rows if row.device_id == device.uuid]
        slot, is_full = _slot(device, present)
        claim = models.Claim(
            id=f"{device.uuid}/{slot}",
            node_id=node_id,
            device_id=device.uuid,
            podm_id=device.podm_id,
            part=part,
            counted=measures.get(device.uuid),
        )
        changes += [store.Create(claim), store.Update(device, {"node_id": node_id, "full": is_full})]
    return changes


def is_lost(claim: models.Claim) -> bool:
    """Return whether the machine of the claim's node was seen without the device."""
    return claim.state == "failed" and str(claim.error).startswith(LOST)


def _slot(device: models.Device, present: abc.Sequence[models.Claim]) -> tuple[int, bool]:
    """Return a slot of a device that no claim has, and whether it is the last one."""
    # A machine that has lost its device is not among the consumers; its node keeps the slot.
    attached = sum(row.state in ATTACHED and not is_lost(row) for row in present)
    foreign = max(0, device.consumers - attached) if device.slots > 1 else 0
    used = {row.id for row in present}
    left = [slot for slot in range(1, device.slots + 1) if f"{device.uuid}/{slot}" not in used]
    if len(left) <= foreign:
        raise composition_errors.DeviceTaken(device=device.uuid, reason="all its slots are used")
    return left[0], len(left) == 1


def returning(
    database: store.Store,
    claims: abc.Sequence[models.Claim],
    values: abc.Mapping[str, dict[str, typing.Any]] | None = None,
) -> list[store.Change]:
    """Return the changes that take devices back from their nodes; devices that are gone have no row to change.

    ``values`` are what devices get besides, by their UUIDs. Their commit raises NotFound for a claim that was returned,
    and for a device that vanished meanwhile.
    """
    uuids = list({row.device_id for row in claims})
    mine = {row.id for row in claims}
    rest = [row for row in _claims_of(database, uuids) if row.id not in mine]
    left = {row.device_id: row.node_id for row in rest}
    filters = [store.Filter("uuid", "in", uuids)]
    devices = database.list(models.Device, filters=filters, fields=()) if uuids else ()
    more = values or {}
    free = [
        store.Update(row, {"node_id": left.get(row.uuid), "full": False} | more.get(row.uuid, {}))
        for row in devices
    ]
    return [*map(store.Delete, claims), *free]


def release(
    database: store.Store,
    claims: abc.Sequence[models.Claim],
    others: abc.Sequence[store.Change] = (),
    *,
    lease: store.Lease | None = None,
) -> abc.Sequence[typing.Any]:
    """Take devices back in one commit with the caller's changes; return the stored objects of these.

    Raises NotFound for a claim that is gone, and what a commit of ``others`` raises.
    """

    def attempt() -> abc.Sequence[typing.Any]:
        changes = returning(database, claims)
        try:
            return database.commit(*others, *changes, lease=lease)[: len(others)]
        except errors.NotFound as error:
            if error.kwargs.get("kind") == models.Device.kind:
                raise _Vanished from error
            raise

    return store.again(attempt, expected=(_Vanished,))


class _Vanished(Exception):
    """A device that a synchronization removed between the look at it and the commit."""


def claimed(database: store.Store, uuids: abc.Collection[str]) -> set[str]:
    """Return which of the devices are full by their claims, and correct the rows that do not say so.

    A synchronization that made a row anew may have read the claims before the commit of one.
    """
    rows = _claims_of(database, uuids)
    filters = [store.Filter("uuid", "in", list({row.device_id for row in rows}))]
    fields = ("slots", "full")
    devices = database.list(models.Device, filters=filters, fields=fields) if rows else ()
    full = set()
    for device in devices:
        own = [row for row in rows if row.device_id == device.uuid]
        if len(own) >= device.slots:
            full.add(device.uuid)
            if not device.full:
                _correct(database, device, own)
    return full


def _correct(database: store.Store, device: models.Device, own: abc.Sequence[models.Claim]) -> None:
    values = {"node_id": own[-1].node_id, "full": True}
    with contextlib.suppress(errors.NotFound):  # a claim was returned meanwhile: then the row is right
        database.commit(*map(store.Require, own), store.Update(device, values))


def _claims_of(database: store.Store, uuids: abc.Collection[str]) -> abc.Sequence[models.Claim]:
    if not uuids:
        return ()
    filters = [store.Filter("device_id", "in", list(uuids))]
    return database.list(models.Claim, filters=filters, sort=[store.Sort("id")])
