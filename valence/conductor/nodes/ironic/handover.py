# SPDX-License-Identifier: Apache-2.0
"""Requests of clients to register a node in Ironic, and to remove it there: each is one commit with its operation."""

import contextlib
import threading
import typing

from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.conductor.nodes import creation
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.conductor.nodes.ironic import access
from valence.conductor.nodes.ironic import registration
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSED
from valence.db.models.node import ERROR

#: seconds that a request waits for Ironic to say what it does with a node; after that the operation finds out
SECONDS = 4.0


def register(
    database: store.Store,
    ironic: access.Ironic,
    request_context: context.RequestContext,
    node: models.Node,
    *,
    values: dict[str, typing.Any],
    remember: creation.Remember,
) -> dict[str, typing.Any]:
    """Request that Ironic gets a node, and return the operation.

    Raise IronicNotConfigured, PackageMissing, NodeBusy, InMaintenance, Conflict for a node without a machine.
    """
    ironic.client()  # it says at once what is wrong with [ironic]
    rights.require_idle(database, node)
    if node.state != COMPOSED:
        raise _no_machine(node)
    rights.usable(database, node.podm_id)
    handle = job.lasting(node.handle) | {"register": ironic.sealed(values)}
    return _stored(database, request_context, node, kind="register", handle=handle, remember=remember)


def unregister(
    database: store.Store,
    ironic: access.Ironic,
    request_context: context.RequestContext,
    node: models.Node,
    *,
    remember: creation.Remember,
) -> dict[str, typing.Any]:
    """Request that Ironic loses a node, and return the operation.

    Raise IronicInUse where Ironic says so at once, IronicNotConfigured, PackageMissing, NodeBusy, Conflict.
    """
    client = ironic.client()
    rights.require_idle(database, node)
    if node.state not in (COMPOSED, ERROR):
        raise _no_machine(node)
    found = _within(SECONDS, lambda: client.node(node.uuid, timeout=SECONDS))
    if found and (reason := registration.reason_to_keep(found)):
        raise composition_errors.IronicInUse(key=node.uuid, reason=reason)
    handle = registration.initial(node)
    return _stored(database, request_context, node, kind="unregister", handle=handle, remember=remember)


def _stored(
    database: store.Store,
    request_context: context.RequestContext,
    node: models.Node,
    *,
    kind: str,
    handle: dict[str, typing.Any],
    remember: creation.Remember,
) -> dict[str, typing.Any]:
    changes = rights.change(request_context, node, kind, handle, database.at())
    answer: dict[str, typing.Any] = changes[0].obj.public()
    database.commit(*changes, *remember(answer))
    return answer


def _no_machine(node: models.Node) -> errors.Conflict:
    reason = f"The node {node.uuid} is in the state {node.state}: {node.error or 'it has no machine'}."
    return errors.Conflict(reason=reason)


def _within(
    seconds: float, call: typing.Callable[[], dict[str, typing.Any] | None]
) -> dict[str, typing.Any] | None:
    """Return what a call returns, None where it fails for Ironic's sake, or takes longer."""
    answers: list[dict[str, typing.Any] | None] = []

    def run() -> None:
        with contextlib.suppress(composition_errors.IronicUnavailable, composition_errors.IronicRefused):
            answers.append(call())

    thread = threading.Thread(target=run, name="ironic", daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None
