# SPDX-License-Identifier: Apache-2.0
"""Claims of nodes, and the changes that return them or request the removal of a machine."""

import contextlib
import typing

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.composition.claims import granting
from valence.composition.claims import returning
from valence.conductor.events import outbox
from valence.conductor.inventory import connections
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models.device import UNERASED
from valence.db.models.node import CHANGING
from valence.db.models.node import DECOMPOSING
from valence.db.models.node import ERROR

#: type of the resources that are nodes of Intel RSD
ALLOCATED_NODE = "Node"


def claims(database: store.Store, node: models.Node) -> list[models.Claim]:
    """Return the claims of a node, in the order of their devices."""
    mine = [store.Filter("node_id", "eq", node.uuid)]
    return list(database.list(models.Claim, filters=mine, sort=[store.Sort("id")]))


class Own:
    """The claims of the node of an operation: they are read once, because nobody else changes them while it runs."""

    def __init__(self, database: store.Store) -> None:
        self._store = database
        self._rows: list[models.Claim] | None = None

    def of(self, node: models.Node) -> list[models.Claim]:
        """Return the claims of the node, in the order of their devices."""
        if self._rows is None:
            self._rows = claims(self._store, node)
        return list(self._rows)

    def forget(self) -> None:
        """Read the claims again when they are needed."""
        self._rows = None

    def follow(self, changes: typing.Iterable[store.Change], stored: typing.Iterable[typing.Any]) -> None:
        """Go on with the claims as a commit of ``changes`` has stored them."""
        for change, row in zip(changes, stored, strict=True):
            if isinstance(change.obj, models.Claim):
                is_update = isinstance(change, store.Update) and self._rows is not None
                self._rows = (
                    [row if each.id == row.id else each for each in self._rows or ()] if is_update else None
                )


def has_hardware(database: store.Store, node: models.Node) -> bool:
    """Return whether something has to be taken apart before a node is forgotten.

    A machine that existed by itself stays, and so does one whose adoption failed: it was somebody else's all the time.
    """
    if node.kind == "system":
        return False
    is_present = node.state == ERROR and node.goal == "present"
    is_adopted_in_vain = is_present and not node.handle.keys() & {"request", "created", "requests"}
    return bool(claims(database, node)) or bool(node.resource_url and not is_adopted_in_vain)


def usable(database: store.Store, podm_id: str) -> models.PodManager:
    """Return a pod manager that may be contacted; raise NotFound, Conflict, InMaintenance."""
    pod_manager = database.get_without_secrets(models.PodManager, podm_id)
    connections.require_undeleted(pod_manager)
    if pod_manager.maintenance:
        raise errors.InMaintenance(key=podm_id)
    return pod_manager


def require_idle(database: store.Store, node: models.Node) -> None:
    """Raise NodeBusy while an operation on a node is open."""
    for operation in operations.open_for(database, node.uuid):
        raise composition_errors.NodeBusy(key=node.uuid, operation=operation.uuid)


def adoption(database: store.Store, node: models.Node, uuid: str) -> list[store.Change]:
    """Return the changes that give a node a system, by its UUID; their commit raises Duplicate if it is taken."""
    wanted = [store.Filter("uuid", "eq", uuid)]
    if devices := database.list(models.Device, filters=wanted):
        return granting(database, [("system/0", devices[0])], node.uuid)
    # The projection of devices is made by synchronizations, and may be away.
    claim = models.Claim(
        id=f"{uuid}/1", node_id=node.uuid, device_id=uuid, podm_id=node.podm_id, part="system/0"
    )
    return [store.Create(claim)]


def standing(
    database: store.Store, node: models.Node, resource_urls: typing.Sequence[str]
) -> list[store.Change]:
    """Return the changes that give a node what is at some paths instead of the machine that it was adopted by.

    The first path is that of its system, the others are of its drives. A system that the inventory does not have, and
    drives that are no devices, are left out: without a system, the machine itself stays claimed. The commit raises
    Duplicate for what another node has.
    """
    if not resource_urls:
        return []
    wanted = [
        store.Filter("podm_id", "eq", node.podm_id),
        store.Filter("resource_url", "in", sorted(resource_urls)),
    ]
    fields = ["uuid", "resource_url"]
    found = {
        row.resource_url: row.uuid for row in database.list(models.Resource, filters=wanted, fields=fields)
    }
    mine = claims(database, node)
    held = {claim.device_id for claim in mine}
    changes: list[store.Change] = []
    system = found.pop(resource_urls[0], None)
    if system and system not in held:
        changes = [*returning(database, mine), *adoption(database, node, system)]
    among = [store.Filter("uuid", "in", sorted(set(found.values()) - held))]
    drives = database.list(models.Device, filters=among) if found else ()
    stored = [device for device in drives if device.device_type == "Storage"]
    parts = [(f"storage/{number}", device) for number, device in enumerate(stored)]
    return [*changes, *granting(database, parts, node.uuid)]


def freed(database: store.Store, node: models.Node) -> list[store.Change]:
    """Return the changes that give the devices of a node back, and its claims with them."""
    return returning(database, claims(database, node))


def released(
    database: store.Store, node: models.Node, values: typing.Mapping[str, dict[str, typing.Any]] | None = None
) -> list[store.Change]:
    """Return the changes that give the devices of a node back whose row is deleted: its claims go with it.

    ``values`` are what devices get besides, by their UUIDs.
    """
    changes = returning(database, claims(database, node), values)
    return [change for change in changes if not isinstance(change, store.Delete)]


def note_taken(database: store.Store, node: models.Node, taken: typing.Mapping[str, str | None]) -> None:
    """Store that somebody else uses devices of a node's pod manager, so that they are not chosen until that changes."""
    for url, device in _devices_at(database, node, taken):
        reason = (taken[url] or "It is in use.")[:255]
        _note(database, device, {"state": "in_use", "reason": reason})


def note_free(database: store.Store, uuids: typing.Collection[str]) -> None:
    """Store that devices were seen free which a synchronization saw in use before."""
    named = [store.Filter("uuid", "in", sorted(uuids))]
    for device in database.list(models.Device, filters=named) if uuids else ():
        if device.state == "in_use":
            _, mark, rest = str(device.reason).partition(UNERASED)
            _note(database, device, {"state": "free", "reason": f"{mark}{rest}" or None})


def _devices_at(
    database: store.Store, node: models.Node, urls: typing.Collection[str]
) -> typing.Iterator[tuple[str, models.Device]]:
    """Yield the paths and rows of devices of a node's pod manager."""
    wanted = [
        store.Filter("podm_id", "eq", node.podm_id),
        store.Filter("resource_url", "in", sorted(urls)),
    ]
    paths = {row.uuid: row.resource_url for row in database.list(models.Resource, filters=wanted)}
    named = [store.Filter("uuid", "in", sorted(paths))]
    for device in database.list(models.Device, filters=named) if paths else ():
        yield paths[device.uuid], device


def _note(database: store.Store, device: models.Device, values: dict[str, typing.Any]) -> None:
    with contextlib.suppress(errors.NotFound):
        database.commit(store.Update(device, values))


def removal(
    database: store.Store,
    request_context: context.RequestContext,
    node: models.Node,
    *,
    with_devices: bool = True,
) -> list[store.Change]:
    """Return the changes that forget a node: its claims go with it, and what is under way on it ends.

    Without ``with_devices`` its devices are left as they are, because they are removed too.
    """
    gone, now = errors.TargetDeleted(kind="node"), database.at()
    ended = [
        change
        for operation in operations.open_for(database, node.uuid)
        for change in operations.ending(request_context, operation, gone, now=now)
    ]
    event = outbox.event("node", request_context, "delete", old=node)
    devices = released(database, node) if with_devices else []
    return [store.Delete(node), event, *devices, *ended]


def change(
    request_context: context.RequestContext,
    node: models.Node,
    kind: str,
    handle: dict[str, typing.Any],
    now: str,
) -> list[store.Change]:
    """Return the changes that request an operation on a node which is ready, the operation first."""
    operation = operations.new(request_context, kind, "node", node.uuid, now=now, project_id=node.project_id)
    values = {"state": CHANGING, "handle": handle}
    event = outbox.event("node", request_context, "state_changed", old=node, new=node.replace(**values))
    return [store.Create(operation), store.Update(node, values), event]


def decomposition(
    request_context: context.RequestContext,
    node: models.Node,
    now: str,
    *,
    force: bool | None = None,
    erase: bool | None = None,
) -> list[store.Change]:
    """Return the changes that request a node's machine to be taken apart, the operation first.

    With ``force`` the pod manager goes on past what fails on the way, where it can. ``erase`` wants its storage devices
    to be erased. None keeps what the request before wanted: it is tried again.
    """
    operation = operations.new(
        request_context, "decompose", "node", node.uuid, now=now, project_id=node.project_id
    )
    values: dict[str, typing.Any] = {
        "state": DECOMPOSING,
        "goal": "absent",
        "power_seen": None,
    }
    # A drive that was asked to erase itself is followed to the end, whoever asks for the removal next.
    erase = erase if erase is None else erase or bool(node.handle.get("erasure"))
    flags = {"force": force, "erase": erase}
    if any(value is not None and value != bool(node.handle.get(name)) for name, value in flags.items()):
        others = {name: value for name, value in node.handle.items() if flags.get(name) is None}
        values["handle"] = others | {name: True for name, value in flags.items() if value}
    event = outbox.event("node", request_context, "state_changed", old=node, new=node.replace(**values))
    return [store.Create(operation), store.Update(node, values), event]
