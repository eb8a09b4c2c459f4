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
from valence.composition import quotas
from valence.composition import requirements
from valence.composition import selection
from valence.conductor.events import outbox
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSING

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
        self._project_id: str = values.get("project_id") or request_context.project_id or ""

    def explain(self) -> dict[str, typing.Any]:
        """Return the devices that would be chosen, or why none fit; nothing is stored, and no hardware is contacted."""
        outcome = self._choose(frozenset())
        devices = [device for _, device in outcome.devices] if isinstance(outcome, selection.Choice) else []
        exceeded = quotas.explained(self._store, self._project_id, devices)
        return explanation.limited(explanation.document(self._store, outcome), exceeded)

    def create(self, remember: Remember, shown: Shown) -> dict[str, typing.Any]:
        """Store a node with its claims and its operation; raise NothingFits, DeviceTaken, QuotaExceeded."""
        answers = []

        def others(choice: selection.Choice) -> list[store.Change]:
            node = self._new(choice, key)
            operation = self._operation(node, node.created_at)
            answers.append({"node": shown([node])[0], "operation": operation.public()})
            return [
                store.Create(node),
                store.Create(operation),
                store.Require(models.PodManager(uuid=node.podm_id)),
                outbox.event("node", self._context, "create", new=node),
                *remember(answers[-1]),
            ]

        key = uuidutils.generate_uuid()
        self._grant(claims.Owner(key, self._project_id, is_new=True), others)
        return answers[-1]

    def remake(self, node: models.Node, remember: Remember) -> dict[str, typing.Any]:
        """Store claims and an operation for a node that has no machine, and return the operation; raise as ``create``.

        RevisionMismatch is raised where somebody else changes the node.
        """
        answers = []

        def others(choice: selection.Choice) -> list[store.Change]:
            values = self._made_of(choice) | {"state": COMPOSING, "error": None}
            new = node.replace(**values)
            operation = self._operation(new, self._store.at())
            answers.append(operation.public())
            return [
                store.Create(operation),
                store.Update(node, values),
                store.Require(models.PodManager(uuid=new.podm_id)),
                outbox.event("node", self._context, "state_changed", old=node, new=new),
                *remember(answers[-1]),
            ]

        self._grant(claims.Owner(node.uuid, node.project_id), others)
        return answers[-1]

    def _grant(
        self, owner: claims.Owner, others: abc.Callable[[selection.Choice], list[store.Change]]
    ) -> None:
        granted = claims.grant(self._store, owner, self._choose, others)
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
            project_id=self._project_id,
            requirements=self.requirements,
            flavor_id=self._flavor and self._flavor.uuid,
            created_at=now,
            updated_at=now,
            **self._made_of(choice),
        )

    def _made_of(self, choice: selection.Choice) -> dict[str, typing.Any]:
        """Return the values of a node that follow from the devices that were chosen."""
        _, base = choice.devices[0]
        is_alone = base.device_type == "System" and len(choice.devices) == 1
        is_allocated = is_alone and choice.place.method == named.ALLOCATING
        is_system = is_alone and not is_allocated
        return {
            "podm_id": choice.podm_id,
            "kind": "allocated" if is_allocated else "system" if is_system else "composed",
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


def choose_again(
    database: store.Store, node: models.Node, lease: store.Lease, among: selection.Among | None = None
) -> models.Node:
    """Choose and claim other devices to compose a node of; return the node, whose pod manager may be another.

    They come from ``among``, by default from where the request wants them; where nothing can be composed there, a whole
    system is taken, which the operation adopts. Raise NothingFits, DeviceTaken, QuotaExceeded.
    """
    wanted, request = requirements.wanted(node.requirements), node.handle["request"]
    policy = request.get("policy")
    usual = selection.Among(request.get("podm_id"), request.get("zone_id"), systems=False)
    # The operation composes or adopts a machine: it does not allocate one.
    whole = usual._replace(systems=True, only_systems=True, unless=named.ALLOCATING)

    def choose(avoid: frozenset[str]) -> selection.Choice | selection.Nothing:
        chosen = selection.choose(database, wanted, policy=policy, among=among or usual, avoid=avoid)
        if among or isinstance(chosen, selection.Choice):
            return chosen
        system = selection.choose(database, wanted, policy=policy, among=whole, avoid=avoid)
        return system if isinstance(system, selection.Choice) else chosen

    def others(choice: selection.Choice) -> list[store.Change]:
        return [store.Update(node, {"podm_id": choice.podm_id, **_adopted(database, node, choice)})]

    owner = claims.Owner(node.uuid, node.project_id)
    granted = claims.grant(database, owner, choose, others, lease=lease)
    return typing.cast(models.Node, granted.stored[0])


def _adopted(database: store.Store, node: models.Node, choice: selection.Choice) -> dict[str, typing.Any]:
    """Return the values of a node that adopts a whole system instead of what it was to be composed of, else none.

    The node gets the path of the machine with the end of the operation: until then the machine is not its own, and
    nothing that undoes a composition may remove it.
    """
    _, system = choice.devices[0]
    if node.kind != "composed" or system.device_type != "System":
        return {}
    url = database.get(models.Resource, system.uuid).resource_url
    return {"kind": "system", "handle": node.handle | {"machine_url": url}}
