# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is to allocate on a pod manager.

A machine whose request was answered by nobody may be known only because it is the one that was not there before. So no
request is sent while the outcome of another one is open. The turn is what nodes have stored, and a lease guards the
moments in which it is read and changed: it would run out with a conductor that dies between request and commit.
"""

import typing

from valence.common import composition_errors
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSING
from valence.db.models.node import ERROR

#: kind of nodes that take turns
ALLOCATED = "allocated"


def lease_name(podm_id: str) -> str:
    """Return the name of the lease under which the turn on a pod manager is read and changed."""
    return f"allocate/{podm_id}"


def holder(database: store.Store, node: models.Node) -> str | None:
    """Return the UUID of another node of the pod manager whose request has an open outcome, None where there is none.

    A node that could not be taken apart, and is tried again later, does not keep others waiting.
    """
    for other in _others(database, node, store.Filter("state", "eq", COMPOSING)):
        if other.kind == ALLOCATED and other.handle.get("requests") and not other.handle.get("machine_url"):
            return typing.cast(str, other.uuid)
    return None


def known(database: store.Store, node: models.Node) -> dict[str, str]:
    """Return the paths of the machines of the other nodes of the pod manager, and the UUIDs of these.

    A machine whose adoption has not ended, or has failed, is not the node's: it may be that of a lost request.
    """
    found: dict[str, str] = {}
    for other in _others(database, node, fields=("uuid", "state", "goal", "resource_url", "handle")):
        is_adopted = other.state not in (COMPOSING, ERROR) or other.goal == "absent"
        urls = (other.handle.get("machine_url"), other.resource_url if is_adopted else None)
        found |= {url: other.uuid for url in urls if url}
    return found


def require_unknown(
    database: store.Store, node: models.Node, machine_url: str, device: str | None = None
) -> None:
    """Raise DeviceTaken for a machine that another node of the pod manager has, also one that is being composed."""
    if other := known(database, node).get(machine_url):
        raise composition_errors.DeviceTaken(device=device or machine_url, reason=f"the node {other} has it")


def _others(
    database: store.Store,
    node: models.Node,
    *filters: store.Filter,
    fields: typing.Sequence[str] | None = None,
) -> typing.Iterator[models.Node]:
    mine = store.Filter("podm_id", "eq", node.podm_id)
    marker = None
    while rows := database.list(
        models.Node, filters=[mine, *filters], marker=marker, limit=500, fields=fields
    ):
        yield from (row for row in rows if row.uuid != node.uuid)
        marker = rows[-1].uuid
