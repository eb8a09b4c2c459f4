# SPDX-License-Identifier: Apache-2.0
"""Machines of nodes that are lost: how that is noted, and the machines that a synchronization misses.

A machine that is removed soon after its composition may never be in the inventory, so that the sweep of nodes, which
compares it with what it saw before, cannot miss it. A whole synchronization that began after the node was composed
would have found it. The pod manager is asked for that machine once more before its node is in error: a listing of it
may be late, or name it by another path. The same holds for a machine that carries another mark than the node's.
"""

import contextlib
import typing

from oslo_log import log

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.conductor.events import outbox
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSED
from valence.db.models.node import ERROR
from valence.db.models.node import ERROR_LENGTH
from valence.podmanagers import base

LOG = log.getLogger(__name__)

#: rows that one query reads
PAGE = 500
#: why a node without its machine is in error
GONE = "Its machine is gone from the inventory of its pod manager, since {}."
#: value of ``handle["gone"]`` of a node at whose machine's path another one was found
OTHERS = "other"
OTHER = "Its machine is gone: {} Noted at {}."


def values(node: models.Node, now: str, other: str | None = None) -> dict[str, typing.Any]:
    """Return the values of a node whose machine is gone; ``other`` says why what is at its path is another one."""
    error = OTHER.format(other, now)[:ERROR_LENGTH] if other else GONE.format(now)
    gone: typing.Any = OTHERS if other else True
    lost = {"state": ERROR, "error": error, "power_seen": None}
    return lost | {"handle": node.handle | {"gone": gone}}


def is_another(node: models.Node, sign: base.Sign) -> bool:
    """Return whether the machine at the path of a node's is certainly another one, by what it can be known by.

    The handle of a node that the commit before this field composed has no sign: then only the mark of another node
    says so.
    """
    if sign.mark == node.uuid:
        return False
    known = node.handle.get("sign")
    if known is None:
        return sign.mark is not None and _is_made(node)
    if sign.mark is None and node.kind != "allocated":
        return False  # its parts say whose it is: they are claimed
    return sign.is_another(base.Sign(known.get("mark"), known.get("uuid")))


def _is_made(node: models.Node) -> bool:
    """Return whether the machine of a node was not there before it was requested."""
    url, before = node.handle.get("machine_url") or node.resource_url, node.handle.get("before")
    return bool(node.handle.get("created") or (before is not None and url not in before))


def require_same(node: models.Node, url: str, sign: base.Sign) -> None:
    """Raise MachineLost for another machine at the path of a node's."""
    if not is_another(node, sign):
        return
    reason = (
        f"it carries the mark of the node {sign.mark}" if sign.mark else "it does not carry the node's mark"
    )
    if not (sign.mark or (node.handle.get("sign") or {}).get("mark")):
        reason = f"its UUID is {sign.uuid}, that of the node's machine was {node.handle['sign']['uuid']}"
    raise composition_errors.MachineLost(url=url, reason=reason)


def is_known(database: store.Store, node: models.Node) -> bool:
    """Return whether the inventory has something at the path of a node's machine."""
    place = [store.Filter("podm_id", "eq", node.podm_id)]
    place.append(store.Filter("resource_url", "eq", node.resource_url))
    return bool(database.list(models.Resource, filters=place, limit=1))


def note(
    request_context: context.RequestContext,
    database: store.Store,
    podm_id: str,
    connection: base.PodManagerDriver,
    *,
    lease: store.Lease,
    began_at: str,
) -> None:
    """Note the nodes whose machines a whole synchronization, begun at ``began_at``, did not find or found to be others.

    A machine that was another one, and carries the mark of its node again, is the node's again.
    """
    marks = connection.marks() or {}
    unmarked = base.Sign() if connection.marks() is not None else None
    for node, is_there in _compared(database, podm_id, began_at):
        mark = marks.get(node.resource_url)
        seen = base.Sign(mark) if mark else unmarked
        if node.state == COMPOSED:
            new = _lost(connection, node, is_there, seen, database.at())
        else:
            new = _found(connection, node, seen)
        if new is None:
            continue
        event = outbox.event("node", request_context, "state_changed", old=node, new=node.replace(**new))
        # A node that changes meanwhile is compared by the next synchronization.
        with contextlib.suppress(errors.RevisionMismatch, errors.NotFound):
            database.commit(store.Update(node, new), event, lease=lease)
            LOG.warning("node %s: %s", node.uuid, new["error"] or "its machine is back")


def _lost(
    connection: base.PodManagerDriver, node: models.Node, is_there: bool, seen: base.Sign | None, now: str
) -> dict[str, typing.Any] | None:
    """Return the values of a node whose machine is gone, or another one, by what a crawl has ``seen`` of it.

    None where that is not so, or not certain.
    """
    if not is_there:
        return values(node, now) if _is_gone(connection, node) else None
    if seen is None or not is_another(node, seen):
        return None
    try:
        require_same(node, node.resource_url, connection.machine_state(node.resource_url).sign)
    except composition_errors.MachineLost as error:
        return values(node, now, error.detail)
    except errors.ValenceError:
        return None
    return None


def _found(
    connection: base.PodManagerDriver, node: models.Node, seen: base.Sign | None
) -> dict[str, typing.Any] | None:
    """Return the values of a node in error whose machine was another one and is its own again, else None."""
    if (node.goal, node.handle.get("gone")) != ("present", OTHERS) or seen is None or is_another(node, seen):
        return None
    try:
        require_same(node, node.resource_url, connection.machine_state(node.resource_url).sign)
    except errors.ValenceError:
        return None
    handle = {name: value for name, value in node.handle.items() if name != "gone"}
    return {"state": COMPOSED, "error": None, "handle": handle}


def _compared(
    database: store.Store, podm_id: str, began_at: str
) -> typing.Iterator[tuple[models.Node, bool]]:
    """Yield the nodes with machines that did not change since ``began_at``, and whether the inventory has these."""
    wanted = [
        store.Filter("podm_id", "eq", podm_id),
        store.Filter("state", "in", [COMPOSED, ERROR]),
        store.Filter("updated_at", "lt", began_at),
    ]
    marker = None
    while page := database.list(models.Node, filters=wanted, marker=marker, limit=PAGE):
        marker = page[-1].uuid
        urls = sorted({node.resource_url for node in page if node.resource_url})
        named = [wanted[0], store.Filter("resource_url", "in", urls)]
        rows = database.list(models.Resource, filters=named, fields=["uuid", "resource_url"]) if urls else ()
        there = {row.resource_url for row in rows}
        yield from ((node, node.resource_url in there) for node in page if node.resource_url)


def _is_gone(connection: base.PodManagerDriver, node: models.Node) -> bool:
    """Return whether the pod manager says that there is no such machine."""
    try:
        connection.machine_state(typing.cast(str, node.resource_url))
    except errors.ResourceGone:
        return True
    except errors.ValenceError:
        return False
    return False
