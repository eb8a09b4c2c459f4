# SPDX-License-Identifier: Apache-2.0
"""Requests for new nodes: choose devices and claim them in one commit, or explain why none fit."""

import typing
from collections import abc

from oslo_utils import uuidutils

from valence.common import context
from valence.common import errors
from valence.composition import claims
from valence.composition import explanation
from valence.composition import named
from valence.composition import requirements
from valence.composition import selection
from valence.conductor.events import new_events
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models import node as node_states

#: fields of a request that its node keeps until it is composed, so that devices can be chosen again
REQUESTED = ("podm_id", "zone_id", "resources", "boot", "power")
#: changes that store the answer to a request, see ``endpoints.repeats``
Remember = abc.Callable[[typing.Any], abc.Sequence[store.Change]]
#: returns rows of nodes as clients see them
Shown = abc.Callable[[abc.Sequence[models.Node]], list[dict[str, typing.Any]]]


class Request:
    """A client's request: ``values`` are those of ``client.Nodes.create``; raise ValidationFailed."""

    def __init__(
        self, database: store.Store, request_context: context.RequestContext, values: dict[str, typing.Any]
    ) -> None:
        self._store, self._context, self._values = database, request_context, values
        self._flavor = self._found_flavor(values.get("flavor_id"))
        self.requirements = self._flavor.properties if self._flavor else values.get("properties") or {}
        self._policy = values.get("policy") or (self._flavor and self._flavor.policy)
        self._among = selection.Among(values.get("podm_id"), values.get("zone_id"))

    def explain(self) -> dict[str, typing.Any]:
        """Return the devices that would be chosen, or why none fit; nothing is stored, and no hardware is contacted."""
        return explanation.document(self._store, self._choose(frozenset()))

    def create(self, remember: Remember, shown: Shown) -> dict[str, typing.Any]:
        """Store a node with its claims and its operation; raise NothingFits, DeviceTaken."""
        answers = []

        def others(choice: selection.Choice) -> list[store.Change]:
            node = self._new(choice, key)
            operation = self._operation(node, node.created_at)
            answers.append({"node": shown([node])[0], "operation": operation.public()})
            return [
                store.Create(node),
                store.Create(operation),
                store.Require(models.PodManager(uuid=node.podm_id)),
                new_events.node(self._context, "create", new=node),
                *remember(answers[-1]),
            ]

        key = uuidutils.generate_uuid()
        self._grant(key, others)
        return answers[-1]

    def remake(self, node: models.Node, remember: Remember) -> dict[str, typing.Any]:
        """Store claims and an operation for a node that has no machine, and return the operation; raise as ``create``.

        RevisionMismatch is raised where somebody else changes the node.
        """
        answers = []

        def others(choice: selection.Choice) -> list[store.Change]:
            values = self._made_of(choice) | {"state": node_states.COMPOSING, "error": None}
            new = node.replace(**values)
            operation = self._operation(new, self._store.at())
            answers.append(operation.public())
            return [
                store.Create(operation),
                store.Update(node, values),
                store.Require(models.PodManager(uuid=new.podm_id)),
                new_events.node(self._context, "state_changed", old=node, new=new),
                *remember(answers[-1]),
            ]

        self._grant(node.uuid, others)
        return answers[-1]

    def _grant(self, key: str, others: abc.Callable[[selection.Choice], list[store.Change]]) -> None:
        granted = claims.grant(self._store, key, self._choose, others)
        work_metrics.CLAIM_COLLISIONS.inc(granted.collisions)

    def _choose(self, avoid: frozenset[str]) -> selection.Choice | selection.Nothing:
        if (uuids := self._values.get("resources")) is not None:
            return named.choose(self._store, uuids, among=self._among)
        wanted = requirements.wanted(self.requirements)
        return selection.choose(self._store, wanted, policy=self._policy, among=self._among, avoid=avoid)

    def _new(self, choice: selection.Choice, key: str) -> models.Node:
        """Return a node of the devices that were chosen."""
        now, values = self._store.at(), self._values
        return models.Node(
            uuid=key,
            name=values["name"],
            description=values.get("description") or "",
            project_id=values.get("project_id") or self._context.project_id or "",
            requirements=self.requirements,
            flavor_id=self._flavor and self._flavor.uuid,
            created_at=now,
            updated_at=now,
            **self._made_of(choice),
        )

    def _made_of(self, choice: selection.Choice) -> dict[str, typing.Any]:
        """Return the values of a node that follow from the devices that were chosen."""
        _, base = choice.devices[0]
        is_system = base.device_type == "System" and len(choice.devices) == 1
        return {
            "podm_id": choice.podm_id,
            "kind": "system" if is_system else "composed",
            "resource_url": self._url(base.uuid) if is_system else None,
            "handle": self._handle(),
        }

    def _operation(self, node: models.Node, now: str) -> models.Operation:
        """Return the operation that makes the machine of a node."""
        kind = "adopt" if node.kind == "system" else "compose"
        return operations.new(self._context, kind, "node", node.uuid, now=now, project_id=node.project_id)

    def _handle(self) -> dict[str, typing.Any]:
        """Return the handle of a node: what the request said beyond its requirements."""
        request = {name: self._values[name] for name in REQUESTED if self._values.get(name) is not None}
        policy = {"policy": self._policy} if self._policy else {}
        return {"request": request | policy}

    def _url(self, uuid: str) -> str:
        return typing.cast(str, self._store.get(models.Resource, uuid).resource_url)

    def _found_flavor(self, key: str | None) -> models.Flavor | None:
        """Return the flavor with a UUID or a name."""
        if key is None:
            return None
        field = "uuid" if uuidutils.is_uuid_like(key) else "name"
        wanted = store.Filter(field, "eq", key.lower() if field == "uuid" else key)
        found = self._store.list(models.Flavor, filters=[wanted], limit=1)
        if not found:
            problem = {
                "path": "$.flavor_id",
                "detail": f"There is no flavor {key}.",
                "hint": "GET /v1/flavors lists them.",
            }
            raise errors.ValidationFailed(problems=[problem])
        return typing.cast(models.Flavor, found[0])


def again(
    database: store.Store, request_context: context.RequestContext, node: models.Node, remember: Remember
) -> dict[str, typing.Any]:
    """Request the machine of a node again, with what its request said, and return the operation."""
    values = {"properties": node.requirements} | node.handle["request"]
    return Request(database, request_context, values).remake(node, remember)


def choose_again(database: store.Store, node: models.Node, lease: store.Lease) -> models.Node:
    """Choose and claim other devices to compose a node of; return the node, whose pod manager may be another.

    Raise NothingFits, DeviceTaken.
    """
    wanted, request = requirements.wanted(node.requirements), node.handle["request"]
    policy = request.get("policy")
    # The operation composes a machine: it could not adopt a whole system.
    among = selection.Among(request.get("podm_id"), request.get("zone_id"), systems=False)

    def choose(avoid: frozenset[str]) -> selection.Choice | selection.Nothing:
        return selection.choose(database, wanted, policy=policy, among=among, avoid=avoid)

    def others(choice: selection.Choice) -> list[store.Change]:
        return [store.Update(node, {"podm_id": choice.podm_id})]

    granted = claims.grant(database, node.uuid, choose, others, lease=lease)
    return typing.cast(models.Node, granted.stored[0])
