# SPDX-License-Identifier: Apache-2.0
"""The worker of nodes: selects the operations on nodes whose pod managers this conductor serves, and runs them.

Synchronization has its own worker, threads and connections: one that takes minutes delays no power button, and
cancelling it interrupts nothing here. Each node has one operation at a time, which runs under the lease of the node.
"""

import threading
import time
from collections import abc

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.conductor.inventory import connections
from valence.conductor.nodes import adoption
from valence.conductor.nodes import compose
from valence.conductor.nodes import job
from valence.conductor.nodes import machine
from valence.conductor.nodes.allocation import allocate
from valence.conductor.nodes.allocation import turns
from valence.conductor.nodes.devices import attach
from valence.conductor.nodes.devices import erasing
from valence.conductor.nodes.ironic import registration
from valence.conductor.work import operations
from valence.conductor.work import threads
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)


def _compose(one: job.Job) -> job.Steps:
    if one.node.kind == "system":
        return adoption.Adoption(one)  # instead of blocks that were taken
    return allocate.Allocate(one) if one.node.kind == turns.ALLOCATED else compose.Compose(one)


def _decompose(one: job.Job) -> job.Steps:
    return allocate.Release(one) if one.node.kind == turns.ALLOCATED else compose.Decompose(one)


#: kinds of operations on nodes, but for those that need Ironic
KINDS: abc.Mapping[str, abc.Callable[[job.Job], job.Steps]] = {
    "compose": _compose,
    "decompose": _decompose,
    "adopt": adoption.Adoption,
    "attach": attach.Attach,
    "detach": attach.Detach,
    "erase": erasing.Erase,
    "power": machine.PowerAction,
    "boot": machine.BootAction,
}
#: seconds between two polls for work, and the least after a wake-up
INTERVAL, REST = 1.0, 0.05
#: rows that one query finds
PAGE = 1000
#: operations of one pod manager that run at the same time
SHARE = 4
#: seconds until an operation is retried that another conductor holds, or that the store was unavailable for
AGAIN = 1.0
#: seconds until work in which Valence itself failed is done again
AFTER_FAULT = 30.0


def lease_name(uuid: str) -> str:
    """Return the name of the lease that work on a node is done under."""
    return f"node/{uuid}"


class NodeWorker:
    """Polls for operations on nodes every second, and after ``wake``; ``hint`` as for a Job."""

    def __init__(self, conf, database, leases, *, live_connections, ownership, ironic, hint):
        self._conf, self._store, self._leases = conf, database, leases
        self._connections, self._ownership, self._hint = live_connections, ownership, hint
        self._kinds = {**KINDS, **registration.kinds(ironic)}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        #: UUIDs of the operations that run, or wait in the pool; when to go on with others, by ``time.monotonic``
        self._under_way: set[str] = set()
        self._rests: dict[str, float] = {}
        #: UUIDs of the operations of which this process has stored that it began, or that they must not begin, with the
        #: conductor that was stored then
        self._begun: dict[str, str | None] = {}
        self._loop = threads.Loop("node-worker", self.look, INTERVAL, rest=REST)
        self.wake: abc.Callable[[], None] = self._loop.wake
        self._pool = threads.FairPool(conf.composition.workers, SHARE)

    def start(self) -> None:
        """Begin to poll."""
        self._loop.start()

    def stop(self) -> None:
        """Hand back running work: another conductor continues it."""
        self._stopping.set()
        self._loop.stop()
        self._connections.break_off([connections.NODES])
        self._pool.stop()

    def look(self) -> None:
        """Pass the operations to the pool that this conductor can continue now."""
        if not self._ownership.membership.is_member:
            return
        waiting = list(self._operations())
        self._forget({each.uuid for each in waiting})
        now = time.monotonic()
        ready = [each for each in waiting if self._is_ready(each, now)]
        owners = self._pod_managers({each.target_id for each in ready})
        self._ownership.learn(set(owners.values()))
        for each in ready:
            podm_id = owners.get(each.target_id)
            if podm_id is None:
                self._end_orphan(each.uuid)
            elif self._ownership.owns(podm_id):
                with self._lock:
                    self._under_way.add(each.uuid)
                self._pool.submit(podm_id, self._work, each.uuid, each.target_id)
            else:
                # Its conductor counts it as its own: if it comes back here, it begins again.
                with self._lock:
                    self._begun.pop(each.uuid, None)
        self._pool.look()

    def _operations(self):
        """Yield the open operations on nodes, the oldest first, a page at a time."""
        marker, page = None, [None] * PAGE
        while len(page) == PAGE:
            page = self._store.list(
                models.Operation,
                filters=[store.Filter("target_kind", "eq", "node"), operations.is_open()],
                sort=[store.Sort("created_at")],
                marker=marker,
                limit=PAGE,
                fields=["uuid", "target_id", "cancel_requested_at"],
            )
            yield from page
            marker = page[-1].uuid if page else None

    def _forget(self, waiting):
        """Drop the state of operations that are not in ``waiting``: they have ended."""
        with self._lock:
            self._rests = {uuid: at for uuid, at in self._rests.items() if uuid in waiting}
            known = waiting | self._under_way
            self._begun = {uuid: name for uuid, name in self._begun.items() if uuid in known}

    def _is_ready(self, operation, now):
        with self._lock:
            if operation.uuid in self._under_way:
                return False
            return bool(operation.cancel_requested_at) or self._rests.get(operation.uuid, now) <= now

    def _pod_managers(self, uuids):
        """Return the UUID of the pod manager of each node that exists."""
        found, wanted = {}, sorted(uuids)
        for start in range(0, len(wanted), PAGE):
            named = [store.Filter("uuid", "in", wanted[start : start + PAGE])]
            rows = self._store.list(models.Node, filters=named, fields=["uuid", "podm_id"])
            found |= {row.uuid: row.podm_id for row in rows}
        return found

    def _end_orphan(self, uuid):
        """End an operation on a node that was forgotten while the operation was stored."""
        try:
            operation = self._store.get(models.Operation, uuid)
            if operation.ended_at:
                return  # another conductor ended it, and removed its node with it, since it was found open
            error = errors.TargetDeleted(kind="node")
            mine = context.service_context()
            self._store.commit(*operations.ending(mine, operation, error, now=self._store.at()))
        except (errors.NotFound, errors.RevisionMismatch):
            pass  # it ended by itself

    def _work(self, uuid, node_id):
        seconds: float | None = AGAIN
        try:
            seconds = self._advance(uuid, node_id)
        except (errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound, job.HandedBack):
            pass  # another conductor has the node, or it is gone: the next look tells
        except errors.Unavailable as error:
            LOG.warning("operation %s on node %s waits: %s", uuid, node_id, error.detail)
        except Exception:
            # An error of Valence itself: the operation stays open, and is retried.
            LOG.exception("operation %s on node %s: unexpected error", uuid, node_id)
            seconds = AFTER_FAULT
        finally:
            with self._lock:
                self._under_way.discard(uuid)
                if seconds is not None:
                    self._rests[uuid] = time.monotonic() + seconds

    def _advance(self, uuid, node_id):
        """Run the steps that can run now; return the seconds until the next ones, None after the end."""
        if self._stopping.is_set():
            raise job.HandedBack
        with self._leases.hold(lease_name(node_id)) as lease:
            operation = self._store.get(models.Operation, uuid)
            if operation.ended_at:
                return None
            if operation.operation_kind not in self._kinds:
                LOG.warning(
                    "operation %s waits for a conductor of a newer version: it is %s",
                    uuid,
                    operation.operation_kind,
                )
                return AFTER_FAULT
            one = job.Job(
                self._conf,
                self._store,
                self._connections,
                lease,
                operation,
                kinds=self._kinds,
                hint=self._hint,
                must_end=self._stopping.is_set,
                exclusively=self._leases.hold,
            )
            try:
                # Another conductor may have begun it since, and handed it back: that is stored with the operation.
                is_mine = uuid in self._begun and self._begun[uuid] == operation.conductor
                return one.advance(begins=not is_mine)
            finally:
                if one.has_begun:
                    with self._lock:
                        self._begun[uuid] = one.conductor
