# SPDX-License-Identifier: Apache-2.0
"""Deletion of pod managers, in commits of bounded size.

A pod manager with few resources is deleted by one commit. Otherwise the first commit sets its status to "deleted" and
stores an operation, more commits remove its resources a batch at a time, and the last one removes the pod manager.
The operation records who requested the deletion: if the conductor dies, another one finishes it in their name.
"""

import functools
import threading
import time
from collections import abc

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.conductor.events import outbox
from valence.conductor.hardware_events import removals
from valence.conductor.inventory import connections
from valence.conductor.nodes import rights
from valence.conductor.work import leftovers
from valence.conductor.work import operations
from valence.conductor.work import threads
from valence.conductor.work import worker
from valence.db import models
from valence.db import store
from valence.db.models.pod_manager import DELETED

LOG = log.getLogger(__name__)

#: most resources of a pod manager that one commit deletes
FEW = 100
#: the first, the smallest and the largest number of rows that one commit removes of others, and the seconds that it
#: should take: on etcd, other commits wait until all of it is written
FIRST, SMALLEST, LARGEST = 50, 50, 1000
COMMIT_SECONDS = 0.3
#: seconds after which a client gets its answer while the deletion goes on; its call times out after 60
ANSWER_SECONDS = 40
#: deletions that one conductor finishes in the background at the same time
WORKERS = 2
LOST = (errors.LeaseHeld, errors.LeaseLost)


class Deletions:
    """Deletes pod managers for clients, and finishes deletions that were interrupted.

    ``subscribes`` says whether event subscriptions may be left at the services.
    """

    def __init__(self, database, leases, host, *, subscribes=False):
        self._store, self._leases, self._host = database, leases, host
        self._subscribes = subscribes
        self._pool, self._stopping = threads.WorkerPool(self._finish, workers=WORKERS), threading.Event()

    def start(self) -> None:
        """Do nothing: deletions begin when they are requested."""

    def hand_back(self) -> None:
        """Let deletions end between two commits; another conductor finishes what is left."""
        self._stopping.set()

    def stop(self) -> None:
        """Hand back what runs, and wait for that."""
        self.hand_back()
        self._pool.stop()

    def delete(
        self, request_context: context.RequestContext, uuid: str, revision: int | None, force: bool
    ) -> None:
        """Delete a pod manager; raise NotFound, RevisionMismatch, or InUse while an operation runs, unless ``force``.

        Of several requests at the same time one deletes; the others wait for it and raise NotFound. A deletion that
        takes longer than ANSWER_SECONDS is finished in the background.
        """
        until, may_steal = time.monotonic() + ANSWER_SECONDS, True
        while True:
            pod_manager = _expect(self._store, uuid, revision)
            steal = may_steal and pod_manager.status != DELETED
            if steal and not force:
                self._refuse_running(uuid)
                self._refuse_nodes(uuid)
            patience = 0 if steal else max(0.0, until - time.monotonic())
            try:
                with self._leases.hold(worker.lease_name(uuid), steal=steal, patience=patience) as lease:
                    is_done = self._deletion(request_context, uuid, lease).run(
                        revision, self._pause_at(until)
                    )
                return None if is_done else self.finish(uuid)
            except LOST:
                may_steal = False  # another request, or another conductor, deletes it: wait for that
                if time.monotonic() > until:
                    if pod_manager.status == DELETED:
                        return None
                    raise

    def finish(self, uuid: str) -> None:
        """Finish the deletion of a pod manager in the background, unless another conductor does."""
        if not self._stopping.is_set():
            self._pool.add(uuid)

    def _finish(self, uuid):
        mine = context.service_context()
        mine.update_store()
        try:
            with self._leases.hold(worker.lease_name(uuid)) as lease:
                self._deletion(mine, uuid, lease).run(None, self._stopping.is_set)
        except (*LOST, errors.NotFound):
            pass  # another conductor finishes it, or has done so
        except Exception as error:  # the edge of a thread; another attempt follows
            is_expected = isinstance(error, errors.ValenceError)
            reason = error.detail if is_expected else repr(error)
            LOG.warning(
                "pod manager %s: its deletion is continued later: %s", uuid, reason, exc_info=not is_expected
            )

    def _deletion(self, request_context, uuid, lease):
        return Deletion(self._store, uuid, lease, request_context, self._host, subscribes=self._subscribes)

    def _pause_at(self, until):
        return lambda: self._stopping.is_set() or time.monotonic() > until

    def _refuse_running(self, uuid):
        found = operations.open_for(self._store, uuid)
        running = [
            each for each in found if each.state == "running" and each.operation_kind != operations.DELETION
        ]
        if running:
            reason = f"operation {running[0].uuid} ({running[0].operation_kind}) runs on it; force=true overrides that"
            raise errors.InUse(kind="pod_manager", key=uuid, reason=reason)

    def _refuse_nodes(self, uuid):
        for node in self._store.list(models.Node, filters=[store.Filter("podm_id", "eq", uuid)], limit=1):
            reason = (
                f"the node {node.uuid} uses it; force=true forgets its nodes and leaves the hardware as it is"
            )
            raise errors.InUse(kind="pod_manager", key=uuid, reason=reason)


class Deletion:
    """The deletion of one pod manager, under its lease, requested by the user of ``request_context``."""

    def __init__(self, database, uuid, lease, request_context, host, *, subscribes):
        self._store, self._uuid, self._lease = database, uuid, lease
        self._context, self._host, self._subscribes = request_context, host, subscribes
        self._batch = FIRST

    def run(self, revision: int | None, must_pause: abc.Callable[[], bool]) -> bool:
        """Delete; return False where ``must_pause`` ended that after it was decided."""
        operation = store.again(lambda: self._begin(revision), tries=tries(revision))
        if operation is not None:
            self._context = operations.context_of(operation)
            for model in (models.Node, models.ResourceWithState, models.RemovedResource):
                marker = ""
                while marker is not None:
                    if must_pause():
                        return False
                    attempt = functools.partial(self._remove, model=model, marker=marker)
                    operation, marker = self._change(operation, attempt)
            self._change(operation, self._end)
        # Operations that were stored while this deletion ran; none can be stored after its last commit.
        leftovers.end_orphans(self._store, self._context, operations.open_for(self._store, self._uuid))
        return True

    def _begin(self, revision):
        """Delete at once and return None, or decide that the pod manager is deleted and return the operation."""
        pod_manager = _expect(self._store, self._uuid, revision)
        waiting = operations.open_for(self._store, self._uuid)
        if found := next((each for each in waiting if each.operation_kind == operations.DELETION), None):
            return found
        ended = [change for each in waiting for change in self._cancel(each, pod_manager)]
        few = [self._few(model) for model in (models.ResourceWithState, models.RemovedResource, models.Node)]
        if None not in few:
            told = [outbox.event("resource", self._context, "removed", old=row) for row in few[0]]
            self._commit(*ended, *self._forget(few[2]), *told, *self._removal(pod_manager))
            return None
        operation = operations.deletion(self._context, pod_manager, self._host, self._store.at())
        mark = store.Update(pod_manager, {"status": DELETED, "next_sync_at": None})
        return self._commit(store.Create(operation), mark, *ended)[0]

    def _end(self, operation):
        """Remove the pod manager, whose resources are gone."""
        pod_manager = connections.read(self._store, self._uuid)
        ended = {"state": "succeeded", "result": "complete", "ended_at": self._store.at()}
        shown = pod_manager.replace(status=operation.progress.get("status", pod_manager.status))
        # One may have been adopted while this deletion was decided.
        nodes = self._forget(self._list(models.Node, FEW, None))
        self._commit(store.Update(operation, ended), *nodes, *self._removal(pod_manager, shown))

    def _removal(self, pod_manager, shown=None):
        """Yield the changes that remove a pod manager, told of as ``shown``, and what may be left at its service."""
        shown = shown or pod_manager
        yield store.Delete(pod_manager)
        if self._subscribes:
            yield from removals.after_deletion(shown, self._store)
        yield outbox.event("pod_manager", self._context, "delete", old=shown)

    def _cancel(self, operation, pod_manager):
        now = self._store.at()
        return operations.ending(
            self._context, operation, leftovers.deleted(), now=now, pod_manager=pod_manager
        )

    def _change(self, operation, attempt):
        """Return ``attempt(operation)``; repeat it where a worker of nodes, say, committed another change first."""
        return store.change(operation, attempt, lambda: self._store.get(models.Operation, operation.uuid))

    def _remove(self, operation, *, model, marker):
        """Remove a page of rows; return the operation and the marker of the next page, None after the last one."""
        rows = self._list(model, self._batch, marker or None)
        if not rows:
            return operation, None
        began = time.monotonic()
        # A conductor of an earlier version, which took this for a synchronization, emptied the progress.
        removed = operation.progress.get("removed", 0) + len(rows) * (model is models.ResourceWithState)
        progress = operation.progress | {"removed": removed}
        update = store.Update(operation, {"progress": progress, "conductor": self._host})
        operation = self._commit(update, *self._removed(model, rows))[0]
        self._adapt(time.monotonic() - began)
        return operation, rows[-1].uuid

    def _removed(self, model, rows):
        """Return the changes that remove rows of the pod manager."""
        if model is models.Node:
            return self._forget(rows)
        if model is models.RemovedResource:
            return [*map(store.Delete, rows)]
        removed = [store.Delete(models.Resource(**_fields_of(row))) for row in rows]
        return [*removed, *(outbox.event("resource", self._context, "removed", old=row) for row in rows)]

    def _forget(self, nodes):
        """Return the changes that forget nodes of the pod manager."""
        forgotten = (rights.removal(self._store, self._context, node, with_devices=False) for node in nodes)
        return [change for changes in forgotten for change in changes]

    def _adapt(self, seconds):
        """Choose the size of the next commit by how long the last one took."""
        self._batch = int(self._batch * min(2, max(0.5, COMMIT_SECONDS / seconds)))
        self._batch = min(LARGEST, max(SMALLEST, self._batch))

    def _few(self, model):
        """Return the rows of the pod manager, None where they are too many for one commit."""
        rows = self._list(model, FEW + 1, None)
        return rows if len(rows) <= FEW else None

    def _list(self, model, limit, marker):
        mine = [store.Filter("podm_id", "eq", self._uuid)]
        return self._store.list(model, filters=mine, marker=marker, limit=limit)

    def _commit(self, *changes):
        return self._store.commit(*changes, lease=self._lease)


def tries(revision: int | None) -> int:
    """Return how often a change is tried: once where the client names a ``revision``, which another change ends."""
    return store.TRIES if revision is None else 1


def _expect(database, uuid, revision):
    """Return a pod manager; raise NotFound, or RevisionMismatch unless it has ``revision`` or is deleted already."""
    pod_manager = connections.read(database, uuid)
    if revision not in (None, pod_manager.revision) and pod_manager.status != DELETED:
        raise errors.RevisionMismatch(kind="pod_manager", key=uuid)
    return pod_manager


def _fields_of(row):
    return {name: getattr(row, name) for name in models.Resource.fields}
