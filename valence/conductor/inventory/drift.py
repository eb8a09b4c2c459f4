# SPDX-License-Identifier: Apache-2.0
"""Drift of the devices of nodes: what a synchronization finds of hardware that nodes have.

A device of a composed node fails when its pod manager calls it broken, when it is gone from the inventory, or when the
machine of the node does not have it any more. Its claim stays, in the state ``failed``, and says why, so that nobody
else gets the device; nothing is undone. The claim is ``attached`` again once a synchronization finds the device as it
has to be.
"""

import collections
import contextlib
import typing

from valence.common import context
from valence.common import errors
from valence.conductor.events import outbox
from valence.db import models
from valence.db import store
from valence.db.models import node as node_states
from valence.podmanagers import offers

#: states of the claims that are compared
ATTACHED, FAILED = "attached", "failed"
#: rows that one query names
PAGE = 500
GONE = "It is gone from the inventory of its pod manager."
LOST = f"{node_states.LOST}."
TAKEN = f"{node_states.LOST}; {{}} has it."
#: types of resources that are devices or machines of nodes, and of zones of devices
_OF_NODES = frozenset({"System", "Node", "Resource Block", "Drive", "Zone"})
#: a device that is one with its machine is lost with it, see ``nodes.sweep``
_WHOLE = "System"


def summary(claims: typing.Iterable[models.Claim]) -> str | None:
    """Return what a node says of its devices that have failed, None while none has."""
    failed = [f"{claim.part}: {claim.error}" for claim in claims if claim.state == FAILED]
    text = f"{len(failed)} of its devices failed. {' '.join(failed)}"
    return text[: node_states.ERROR_LENGTH] if failed else None


def concerns(database: store.Store, podm_id: str, rows: typing.Iterable[models.ResourceWithState]) -> bool:
    """Return whether one of some resources is a device or the machine of a composed node, or a zone of devices.

    What an operation is changing is left to the synchronization that follows its end.
    """
    found = [row for row in rows if row.resource_type in _OF_NODES]
    if not found or any(row.resource_type == "Zone" for row in found):
        return bool(found)
    mine = store.Filter("podm_id", "eq", podm_id)
    devices = store.Filter("device_id", "in", sorted(row.uuid for row in found))
    states = store.Filter("state", "in", [ATTACHED, FAILED])
    claims = database.list(models.Claim, filters=[mine, devices, states])
    urls = store.Filter("resource_url", "in", sorted(row.resource_url for row in found))
    named = store.Filter("uuid", "in", sorted({claim.node_id for claim in claims}))
    is_composed = store.Filter("state", "eq", node_states.COMPOSED)
    return any(
        database.list(models.Node, filters=[mine, each, is_composed], limit=1)
        for each in ([named] if claims else []) + [urls]
    )


class Watch:
    """Compares the claims on one pod manager with the offers of a crawl; ``began_at`` is a DateTime value."""

    def __init__(self, database: store.Store, podm_id: str, *, began_at: str) -> None:
        self._store, self._podm_id, self._began_at = database, podm_id, began_at
        self._claims: dict[str, list[models.Claim]] = collections.defaultdict(list)
        for claim in self._having(models.Claim, "state", [ATTACHED, FAILED]):
            self._claims[claim.device_id].append(claim)
        rows = self._having(models.Resource, "uuid", self._claims)
        self._paths = {row.uuid: row.resource_url for row in rows}
        self._found: dict[str, offers.Offer] = {}

    def seen(self, found: typing.Iterable[offers.Offer]) -> typing.Iterable[offers.Offer]:
        """Return the offers of the crawl; those of claimed devices are kept while they are iterated."""
        return self._kept(found) if self._claims else found

    def note(self, request_context: context.RequestContext, lease: store.Lease, *, is_whole: bool) -> None:
        """Store what differs, with an event for each device, node by node.

        Unless the crawl ``is_whole``, what it has not found may be there all the same. Raise what the store raises.
        """
        for node, claims in self._nodes():
            changes = self._changes(request_context, node, claims, is_whole)
            # A node that changes meanwhile is compared by the next synchronization.
            with contextlib.suppress(errors.RevisionMismatch, errors.NotFound):
                if changes:
                    self._store.commit(*changes, lease=lease)

    def _kept(self, found: typing.Iterable[offers.Offer]) -> typing.Iterator[offers.Offer]:
        wanted = set(self._paths.values())
        for offer in found:
            if offer.resource_url in wanted:
                self._found[offer.resource_url] = offer
            yield offer

    def _nodes(self) -> typing.Iterator[tuple[models.Node, list[models.Claim]]]:
        """Yield the nodes that the crawl can have seen as they are, with their claims.

        A node that changed since the crawl began may have got its devices after the crawl read them. A node whose
        machine is gone has lost all of them: that is noted of the node.
        """
        by_node = collections.defaultdict(list)
        for claims in self._claims.values():
            for claim in claims:
                by_node[claim.node_id].append(claim)
        nodes = [
            node
            for node in self._having(models.Node, "uuid", by_node)
            if node.state == node_states.COMPOSED and node.updated_at < self._began_at
        ]
        urls = {node.resource_url for node in nodes if node.resource_url}
        machines = self._having(models.Resource, "resource_url", urls)
        there = {row.resource_url for row in machines}
        for node in nodes:
            if node.resource_url in there:
                yield node, by_node[node.uuid]

    def _changes(
        self,
        request_context: context.RequestContext,
        node: models.Node,
        claims: list[models.Claim],
        is_whole: bool,
    ) -> list[store.Change]:
        """Return the changes of a node and its claims, with their events; none where nothing differs."""
        changed = []
        for claim in claims:
            is_known, reason = self._problem(node, claim, is_whole)
            state = FAILED if reason else ATTACHED
            if is_known and (claim.state, claim.error) != (state, reason):
                changed.append((claim, claim.replace(state=state, error=reason)))
        now = {new.id: new for _, new in changed}
        error = summary(now.get(claim.id, claim) for claim in claims)
        if not changed and error == node.error:
            return []
        new_node = node.replace(error=error)
        # The update of the node fails where an operation has begun since the node was read.
        changes: list[store.Change] = [store.Update(node, {"error": error})]
        changes += [store.Update(old, {"state": new.state, "error": new.error}) for old, new in changed]
        turned = [new for old, new in changed if old.state != new.state]
        return [*changes, *self._events(request_context, new_node, turned)]

    def _problem(self, node: models.Node, claim: models.Claim, is_whole: bool) -> tuple[bool, str | None]:
        """Return whether the crawl tells how a device is, and what is wrong with it, None if nothing is."""
        url = self._paths.get(claim.device_id)
        if url is None:
            return True, GONE
        offer = self._found.get(url)
        if offer is None:
            return False, None
        if offer.fault or offer.device_type == _WHOLE or node.resource_url in offer.users:
            return True, offer.fault
        return is_whole, TAKEN.format(offer.users[0]) if offer.users else LOST

    def _events(
        self, request_context: context.RequestContext, node: models.Node, claims: list[models.Claim]
    ) -> list[store.Change]:
        rows = self._having(models.Device, "uuid", [claim.device_id for claim in claims])
        devices = {row.uuid: row for row in rows}
        return [
            outbox.event(
                "node",
                request_context,
                "device_failed" if claim.error else "device_recovered",
                new=node,
                more=outbox.about_device(
                    claim, devices.get(claim.device_id), **({"reason": claim.error} if claim.error else {})
                ),
            )
            for claim in claims
        ]

    def _having(
        self, model: type[models.ModelBase], name: str, values: typing.Collection[str]
    ) -> typing.Iterator[typing.Any]:
        """Yield the rows of the pod manager that have one of these values."""
        wanted = sorted(values)
        for start in range(0, len(wanted), PAGE):
            named = [
                store.Filter("podm_id", "eq", self._podm_id),
                store.Filter(name, "in", wanted[start : start + PAGE]),
            ]
            rows, marker = [None] * PAGE, None
            while len(rows) == PAGE:
                rows = self._store.list(model, filters=named, marker=marker, limit=PAGE)
                yield from rows
                marker = rows and getattr(rows[-1], model.key)
