# SPDX-License-Identifier: Apache-2.0
"""The sweep of nodes: retry removals that failed, and record machines that are gone from the inventory."""

import contextlib

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.conductor.events import outbox
from valence.conductor.inventory import drift
from valence.conductor.inventory import losses
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.conductor.nodes.devices import attach
from valence.conductor.work import operations
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.db.models.node import COMPOSED
from valence.db.models.node import ERROR

LOG = log.getLogger(__name__)

#: seconds between two sweeps, the rows that one query finds, and the lease that one conductor sweeps under
INTERVAL, PAGE, LEASE = 30.0, 500, "node-sweep"


class Sweep:
    """Takes nodes apart that could not be, and compares nodes with the inventory; ``wake`` as for operations."""

    def __init__(self, database, leases, wake):
        self._store, self._leases, self._wake = database, leases, wake
        self._loop = threads.Loop("node-sweep", self.sweep, INTERVAL)

    def start(self) -> None:
        """Begin to sweep."""
        self._loop.start()

    def stop(self) -> None:
        """End the running sweep."""
        self._loop.stop(timeout=10)

    def sweep(self) -> None:
        """Check all nodes, unless another conductor does."""
        mine = context.service_context()
        try:
            with self._leases.hold(LEASE):
                for node in self._nodes(store.Filter("goal", "eq", "absent")):
                    self._retry(mine, node)
                for page in self._pages(store.Filter("goal", "eq", "present")):
                    self._compare(mine, page)
                    for node in page:
                        self._detach_again(mine, node)
        except (errors.LeaseHeld, errors.LeaseLost):
            pass

    def _pages(self, wanted):
        marker = None
        while page := self._store.list(models.Node, filters=[wanted], marker=marker, limit=PAGE):
            yield page
            marker = page[-1].uuid

    def _nodes(self, wanted):
        for page in self._pages(wanted):
            yield from page

    def _retry(self, mine, node):
        """Request a failed removal again when its backoff is over."""
        is_due = node.handle.get("next_at", 0) <= self._store.now()
        if node.state != ERROR or not is_due or operations.open_for(self._store, node.uuid):
            return
        self._commit(*rights.decomposition(mine, node, self._store.at()))
        self._wake()

    def _detach_again(self, mine, node):
        """Request a failed removal of devices again when its backoff is over."""
        again = node.handle.get("again")
        if not again or node.state != COMPOSED or again["next_at"] > self._store.now():
            return
        if operations.open_for(self._store, node.uuid):
            return
        claims = [claim for claim in rights.claims(self._store, node) if claim.state == attach.DETACHING]
        handle = job.lasting(node.handle) | {"devices": [claim.device_id for claim in claims]}
        self._commit(*rights.change(mine, node, "detach", handle, self._store.at()))
        self._wake()

    def _compare(self, mine, nodes):
        """Note nodes whose machines are gone, and those whose machines are back.

        A machine that was never in the inventory is not missed here: see ``inventory.losses``.
        What is at the path of a machine that was seen is that machine as long as it is the same resource.
        """
        nodes = [node for node in nodes if node.resource_url]
        there = self._inventory(nodes)
        for node in nodes:
            uuid, seen = there.get((node.podm_id, node.resource_url)), node.handle.get("seen")
            is_there = uuid is not None and seen in (None, True, uuid)
            was_there = node.kind == "system" or seen
            if node.state == COMPOSED and is_there and not was_there:
                self._commit(store.Update(node, {"handle": node.handle | {"seen": uuid}}, touch=False))
            elif node.state == COMPOSED and was_there and not is_there:
                self._note(mine, node, **losses.values(node, self._store.at()))
            elif node.state == ERROR and is_there and node.handle.get("gone") is True:
                self._note_back(mine, node, uuid)

    def _note_back(self, mine, node, uuid):
        """Note that the machine of a node is there again; devices that had failed before may still have."""
        failed = drift.summary(rights.claims(self._store, node))
        handle = job.lasting(node.handle) | {"seen": uuid}
        self._note(mine, node, state=COMPOSED, error=failed, handle=handle)

    def _inventory(self, nodes):
        """Return the UUIDs of resources at the paths of nodes, by pod manager and path."""
        if not nodes:
            return {}
        wanted = [
            store.Filter("podm_id", "in", sorted({node.podm_id for node in nodes})),
            store.Filter("resource_url", "in", sorted({node.resource_url for node in nodes})),
        ]
        rows = self._store.list(models.Resource, filters=wanted, fields=["uuid", "podm_id", "resource_url"])
        return {(row.podm_id, row.resource_url): row.uuid for row in rows}

    def _note(self, mine, node, **values):
        event = outbox.event("node", mine, "state_changed", old=node, new=node.replace(**values))
        self._commit(store.Update(node, values), event)
        is_back = values["state"] == COMPOSED
        LOG.warning("node %s: %s", node.uuid, "its machine is back" if is_back else values["error"])

    def _commit(self, *changes):
        # Where somebody works on it the next sweep tells.
        with contextlib.suppress(errors.RevisionMismatch, errors.NotFound):
            self._store.commit(*changes)
