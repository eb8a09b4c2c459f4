# SPDX-License-Identifier: Apache-2.0
"""Claims of nodes, and the changes that return them or request the removal of a machine."""

import contextlib
import typing

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.composition.claims import granting
from valence.composition.claims import returning
from valence.conductor.events import new_events
from valence.conductor.inventory import connections
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models import node as node_states


def claims(database: store.Store, node: models.Node) -> list[models.Claim]:
    """Return the claims of a node, in the order of their devices."""
    mine = [store.Filter("node_id", "eq", node.uuid)]
    return list(database.list(models.Claim, filters=mine, sort=[store.Sort("id")]))


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


def freed(database: store.Store, node: models.Node) -> list[store.Change]:
    """Return the changes that give the devices of a node back, and its claims with them."""
    return returning(database, claims(database, node))


def released(database: store.Store, node: models.Node) -> list[store.Change]:
    """Return the changes that give the devices of a node back whose row is deleted: its claims go with it."""
    return [change for change in freed(database, node) if not isinstance(change, store.Delete)]


def note_taken(database: store.Store, node: models.Node, taken: typing.Mapping[str, str | None]) -> None:
    """Store that somebody else uses devices of a node's pod manager, so that they are not chosen until that changes."""
    for url, device in _devices_at(database, node, taken):
        reason = (taken[url] or "It is in use.")[:255]
        _note(database, device, {"state": "in_use", "reason": reason})


def note_free(database: store.Store, node: models.Node, urls: typing.Collection[str]) -> None:
    """Store that devices of a node's pod manager were seen free which a synchronization saw in use before."""
    for _, device in _devices_at(database, node, urls):
        if device.state == "in_use":
            _note(database, device, {"state": "free", "reason": None})


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
    event = new_events.node(request_context, "delete", old=node)
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
    values = {"state": node_states.CHANGING, "handle": handle}
    event = new_events.node(request_context, "state_changed", old=node, new=node.replace(**values))
    return [store.Create(operation), store.Update(node, values), event]


def decomposition(request_context: context.RequestContext, node: models.Node, now: str) -> list[store.Change]:
    """Return the changes that request a node's machine to be taken apart, the operation first."""
    operation = operations.new(
        request_context, "decompose", "node", node.uuid, now=now, project_id=node.project_id
    )
    values = {"state": node_states.DECOMPOSING, "goal": "absent"}
    event = new_events.node(request_context, "state_changed", old=node, new=node.replace(**values))
    return [store.Create(operation), store.Update(node, values), event]
