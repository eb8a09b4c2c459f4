# SPDX-License-Identifier: Apache-2.0
"""End the work that no other part ends: operations on deleted pod managers, cancelled ones, interrupted deletions."""

import contextlib

from valence.common import context
from valence.common import errors
from valence.conductor.work import operations
from valence.conductor.work import threads
from valence.conductor.work import worker
from valence.db import models
from valence.db import store

INTERVAL = 30.0
PAGE = 500
LEASE = "leftovers"


class Leftovers(threads.Periodic):
    """Looks for such work every 30 s; one conductor at a time does.

    ``finish_deletion(uuid)`` finishes the deletion of a pod manager in the background.
    """

    def __init__(self, database, leases, finish_deletion):
        self._store, self._leases = database, leases
        self._finish_deletion = finish_deletion
        self._loop = threads.Loop("leftovers", self.sweep, INTERVAL)

    def sweep(self):
        """End all leftovers, unless another conductor does."""
        try:
            with self._leases.hold(LEASE):
                mine = context.service_context()
                for page in self._pages():
                    end_orphans(self._store, mine, page)
                    for operation in page:
                        if operation.operation_kind == operations.DELETION:
                            self._finish_deletion(operation.target_id)
                        elif operation.cancel_requested_at:
                            end_cancelled(self._store, self._leases, mine, operation.uuid)
        except (errors.LeaseHeld, errors.LeaseLost):
            pass

    def _pages(self):
        """Yield the open operations, a page at a time."""
        is_open, marker = [operations.is_open()], None
        while page := self._store.list(models.Operation, filters=is_open, marker=marker, limit=PAGE):
            yield page
            marker = page[-1].uuid


def end_orphans(database, request_context, open_operations):
    """End those of ``open_operations`` whose pod manager is gone."""
    wanted = sorted({each.target_id for each in open_operations if each.target_kind == "pod_manager"})
    if not wanted:
        return
    named = [store.Filter("uuid", "in", wanted)]
    there = {each.uuid for each in database.list(models.PodManager, filters=named, fields=["uuid"])}
    gone = set(wanted) - there
    for operation in open_operations:
        if operation.target_id in gone:
            _end(database, operations.ending(request_context, operation, deleted(), now=database.at()))


def end_cancelled(database, leases, request_context, uuid):
    """End a cancelled operation that no conductor works on; a conductor that works on it ends it."""
    try:
        asked = database.get(models.Operation, uuid)
        target_id = asked.target_id
        if asked.target_kind != "pod_manager":
            return  # the worker of nodes looks for them by itself
        with leases.hold(worker.lease_name(target_id)) as lease:
            operation = database.get(models.Operation, uuid)
            if operation.cancel_requested_at and not operation.ended_at:
                target = pod_manager(database, target_id)
                changes = operations.ending(
                    request_context, operation, errors.Cancelled(), now=database.at(), pod_manager=target
                )
                _end(database, changes, lease)
    except (errors.LeaseHeld, errors.LeaseLost, errors.NotFound):
        pass


def deleted():
    """Return the error of operations on a deleted pod manager."""
    return errors.TargetDeleted(kind="pod manager")


def pod_manager(database, uuid):
    """Return a pod manager without its secrets, or None."""
    try:
        return database.get_without_secrets(models.PodManager, uuid)
    except errors.NotFound:
        return None


def _end(database, changes, lease=None):
    # Where somebody else ended it, or it went on, the next look tells.
    with contextlib.suppress(errors.RevisionMismatch, errors.NotFound):
        database.commit(*changes, lease=lease)
