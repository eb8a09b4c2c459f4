# SPDX-License-Identifier: Apache-2.0
"""Operations on nodes that failed, or were cancelled, and are requested once more.

A node without a machine is made again, of hardware that is chosen again; a removal goes on. Other operations change a
machine that somebody may have changed since: their request is to be sent again.
"""

import typing

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.composition import quotas
from valence.conductor.events import outbox
from valence.conductor.nodes import creation
from valence.conductor.nodes import rights
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSING
from valence.db.models.node import ERROR


def make(
    database: store.Store,
    request_context: context.RequestContext,
    operation: models.Operation,
    remember: creation.Remember,
) -> dict[str, typing.Any]:
    """Request the machine of a node again that could not be made or adopted; return the new operation.

    Raises NotFound, NodeBusy, NothingFits, DeviceTaken, QuotaExceeded, InMaintenance, Conflict for a node that has a
    machine.
    """

    def attempt() -> dict[str, typing.Any]:
        node = database.get(models.Node, operation.target_id)
        rights.require_idle(database, node)
        _require_without_machine(database, node)
        if "request" in node.handle:
            return creation.again(database, request_context, node, remember)
        return _adopt(database, request_context, node, remember)

    return store.again(attempt)


def remove(
    database: store.Store,
    request_context: context.RequestContext,
    operation: models.Operation,
    remember: creation.Remember,
) -> dict[str, typing.Any]:
    """Request again that the machine of a node is taken apart; return the new operation.

    Raises NotFound, NodeBusy, NodeManaged, InMaintenance.
    """

    def attempt() -> dict[str, typing.Any]:
        node = database.get(models.Node, operation.target_id)
        rights.require_idle(database, node)
        if node.managed_by:
            raise composition_errors.NodeManaged(key=node.uuid, manager=node.managed_by)
        rights.usable(database, node.podm_id)
        changes = rights.decomposition(request_context, node, database.at())
        answer: dict[str, typing.Any] = changes[0].obj.public()
        database.commit(*changes, *remember(answer))
        return answer

    return store.again(attempt)


#: kinds of operations that can be requested again, and what does that
KINDS = {"compose": make, "adopt": make, "decompose": remove}


def _require_without_machine(database: store.Store, node: models.Node) -> None:
    """Raise Conflict for a node that has a machine, or may have one."""
    if node.goal == "absent":
        reason = f"The node {node.uuid} is being taken apart: {node.error or 'its removal was requested'}."
    elif node.state != ERROR or rights.claims(database, node):
        reason = f"The node {node.uuid} is in the state {node.state} and has its machine."
    else:
        return
    raise errors.Conflict(reason=reason)


def _adopt(
    database: store.Store,
    request_context: context.RequestContext,
    node: models.Node,
    remember: creation.Remember,
) -> dict[str, typing.Any]:
    """Claim the machine at the path of a node again."""
    pod_manager = rights.usable(database, node.podm_id)
    place = [
        store.Filter("podm_id", "eq", node.podm_id),
        store.Filter("resource_url", "eq", node.resource_url),
    ]
    found = database.list(models.Resource, filters=place, limit=1, fields=["uuid"])
    if not found:
        raise errors.NotFound(kind="system", key=node.resource_url)
    operation = operations.new(
        request_context, "adopt", "node", node.uuid, now=database.at(), project_id=node.project_id
    )
    values = {"state": COMPOSING, "error": None}
    answer: dict[str, typing.Any] = operation.public()
    try:
        changes = [
            store.Create(operation),
            store.Update(node, values),
            *rights.adoption(database, node, found[0].uuid),
            store.Require(pod_manager),
            outbox.event("node", request_context, "state_changed", old=node, new=node.replace(**values)),
            *remember(answer),
        ]
        quotas.commit(database, node.project_id, changes, is_new=False)
    except errors.Duplicate as error:
        if error.kwargs.get("kind") != models.Claim.kind:
            raise
        raise composition_errors.DeviceTaken(device=found[0].uuid, reason="another node has it") from error
    return answer
