# SPDX-License-Identifier: Apache-2.0
"""Work on one pod manager: run its open operations or a due synchronization, and record the result.

`PodManagerJob` does the work under the lease of the pod manager. The functions before it are pure: they decide what a
successful or failed contact means for the status of the pod manager.
"""

import time

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.conductor.events import outbox
from valence.conductor.inventory import connections
from valence.conductor.inventory import duplicates
from valence.conductor.inventory import sync
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import operations
from valence.db import store
from valence.db.models.pod_manager import DELETED

#: most characters of an error that is kept
ERROR_LENGTH = 1024


def contacted(pod_manager, root):
    """Return the fields to change after the service root answered with ``root``.

    A pod manager that was offline is online only after a synchronization: its root may answer while nothing else does.
    """
    status = "offline" if pod_manager.status == "offline" else "online"
    return _differences(pod_manager, status=status, redfish_uuid=root.uuid or pod_manager.redfish_uuid)


def succeeded(pod_manager, now, next_sync_at, problem=None):
    """Return the fields to change after a synchronization that ended ``now``; both times are DateTime values.

    ``problem`` says which parts could not be read, None if all were.
    """
    moments = {"last_contact_at": now, "last_synced_at": now, "next_sync_at": next_sync_at}
    last_error = problem and problem[:ERROR_LENGTH]
    return _differences(pod_manager, status="online", last_error=last_error, failures=0) | moments


def failed(pod_manager, error, next_sync_at, *, offline_after, reached):
    """Return the fields to change after a failure; ``next_sync_at`` is the time of the next attempt.

    A pod manager is offline only after several failures in a row, and not if more than its root was ``reached``.
    """
    failures = pod_manager.failures + 1
    offline = failures >= offline_after and not reached
    values = {"status": "offline" if offline else pod_manager.status, "failures": failures}
    return _differences(pod_manager, **values, last_error=error.detail[:ERROR_LENGTH]) | {
        "next_sync_at": next_sync_at
    }


def _differences(pod_manager, **values):
    return {name: value for name, value in values.items() if getattr(pod_manager, name) != value}


LOG = log.getLogger(__name__)

#: fields of a pod manager that clients watch: a change of one of them is a new revision
WATCHED = frozenset({"status", "last_error"})
#: errors that say nothing of the contact: the work stays as it is and is done again
PASSING = (errors.Unavailable, errors.LeaseHeld, errors.LeaseLost, errors.RevisionMismatch, errors.NotFound)


class PodManagerJob:
    """Works on one pod manager under ``lease``, until the work is done or ``must_end`` returns True.

    ``pace`` computes when the pod manager is synchronized next.
    """

    def __init__(self, conf, database, live_connections, lease, *, must_end, pace):
        self._conf, self._store, self._connections = conf, database, live_connections
        self._lease, self._must_end, self._pace = lease, must_end, pace
        self._pod_manager = self._contact = None
        #: whether what the contact under way finds out counts no longer
        self.is_obsolete = False

    def must_end(self):
        """Whether the work has to end early."""
        return self.is_obsolete or self._must_end()

    @property
    def revision(self):
        """The revision of the pod manager that this job knows, None before it has read it."""
        return self._pod_manager and self._pod_manager.revision

    def is_outdated(self, pod_manager):
        """Whether a client has given the pod manager another access since the contact under way began."""
        return self._contact not in (None, connections.of_contact(pod_manager))

    def run(self, uuid):
        """Run the open operations on the pod manager, or synchronize it if that is due."""
        waiting = operations.open_for(self._store, uuid)
        recorders = [operations.Recorder(self._store, each, self._lease, self._conf.host) for each in waiting]
        try:
            self._pod_manager = connections.read(self._store, uuid)
        except errors.NotFound as error:
            for recorder in recorders:
                recorder.fail(error)
            return
        if self._pod_manager.status == DELETED:
            return
        self._claim()
        for recorder in recorders:
            self._run_operation(recorder)
        if not recorders and is_due(self._pod_manager, self._store.at()):
            self._run_timed()

    def _claim(self):
        """Store that this conductor serves the pod manager; the lease proves that its predecessor has ended."""
        if self._pod_manager.conductor != self._conf.host:
            self._record({"conductor": self._conf.host})

    def _run_operation(self, recorder):
        recorder.context.update_store()
        if problem := recorder.problem:
            recorder.fail(problem, self._pod_manager)
            return
        recorder.begin(self._event(recorder.context, "sync.start"))
        try:
            counters = self._synchronize(recorder.context, recorder.step, recorder.progress)
        except sync.HandedBack:
            self._end_early(recorder)
            raise
        except PASSING:
            raise  # the store is away or the lease is lost: the operation stays open and is done anew
        except errors.ValenceError as error:
            recorder.fail(error, self._pod_manager)
        else:
            recorder.succeed(counters, self._event(recorder.context, "sync.end", counters))

    def _end_early(self, recorder):
        """Cancel an operation if that was requested, else let another conductor continue it."""
        if recorder.is_cancelled():
            recorder.fail(errors.Cancelled(), self._pod_manager)
        else:
            recorder.hand_back()

    def _run_timed(self):
        """Synchronize; start and end are events only where something changed or went wrong for the first time."""
        mine, failed_before = context.service_context(), self._pod_manager.failures
        told_before = self._pod_manager.last_error is not None
        mine.update_store()
        try:
            counters = self._synchronize(mine, step=_ignore, progress=_ignore)
        except PASSING:
            raise
        except errors.ValenceError as error:
            LOG.warning("pod manager %s: %s", self._pod_manager.uuid, error.detail)
            if not failed_before:
                self._commit(self._event(mine, "sync.error", {"error": error.detail}))
            return
        changed = counters["added"] or counters["changed"] or counters["removed"]
        if changed or (counters["unread"] and not told_before):
            self._commit(self._event(mine, "sync.end", counters))

    @work_metrics.synchronization
    def _synchronize(self, request_context, step, progress):
        reached, began = False, time.monotonic()
        self._contact = connections.of_contact(self._pod_manager)
        try:
            step("connect")
            connection = self._connections.get(self._pod_manager, connections.SYNC)
            if self.must_end():  # whoever made that so broke off the connections of before, not this one
                raise sync.HandedBack
            root, reached = connection.root(), True
            duplicates.require_new_service(self._store, self._pod_manager, root, connection)
            self._contacted(request_context, root)
            step("synchronize")
            synchronizer = self._synchronizer(request_context, connection, progress)
            counters = synchronizer.run()
            pause = self._pace.after_success(self._pod_manager, counters, time.monotonic() - began)
            moments = self._store.at(), self._store.at(pause)
            values = succeeded(self._pod_manager, *moments, synchronizer.problem)
            self._record_status(request_context, values)
            return counters
        except errors.PodManagerError as error:
            if self.must_end():  # then the connection was broken off by this conductor
                raise sync.HandedBack from error
            self._failed(request_context, error, reached and not isinstance(error, sync.NothingRead))
            raise
        except (*PASSING, errors.InMaintenance, sync.HandedBack):
            raise
        except Exception as error:  # a fault of Valence or a driver must not look like a success
            problem = self._own_problem(error)
            self._failed(request_context, problem, reached)
            raise problem from error

    def _own_problem(self, error):
        """Return the ValenceError for an error of Valence itself; log the traceback of the first in a row."""
        if isinstance(error, errors.ValenceError):
            return error
        if self._pod_manager.failures:
            LOG.warning("pod manager %s: synchronization failed again: %r", self._pod_manager.uuid, error)
        else:
            LOG.exception("pod manager %s: synchronization failed", self._pod_manager.uuid)
        return errors.Internal(host=self._conf.host)

    def _synchronizer(self, request_context, connection, progress):
        return sync.Synchronizer(
            self._store,
            connection,
            self._pod_manager,
            context=request_context,
            lease=self._lease,
            batch=self._conf.sync.batch,
            remember=self._conf.sync.remember_removed,
            report=progress,
            must_end=self.must_end,
        )

    def _contacted(self, request_context, root):
        self._record_status(request_context, contacted(self._pod_manager, root))

    def _failed(self, request_context, error, reached):
        pause = self._pace.after_failure(self._pod_manager.failures + 1, error)
        limit = self._pace.offline_after()
        again = self._store.at(pause)
        values = failed(self._pod_manager, error, again, offline_after=limit, reached=reached)
        self._record_status(request_context, values)

    def _record_status(self, request_context, values):
        """Store ``values``, together with the event of a new status."""
        if not values:
            return
        old, changes = self._pod_manager, []
        if "status" in values:
            LOG.info("pod manager %s: %s is now %s", old.uuid, old.status, values["status"])
            changes.append(
                outbox.event(
                    "pod_manager", request_context, values["status"], old=old, new=old.replace(**values)
                )
            )
        self._record(values, *changes)

    def _record(self, values, *changes):
        """Store ``values`` and commit ``changes``; a client's change of the pod manager in the meantime is kept.

        Raise HandedBack if that change makes the running contact outdated: its result must not delay the next one.
        """

        def attempt(pod_manager):
            update = store.Update(pod_manager, values, touch=bool(WATCHED & values.keys()))
            self._pod_manager = self._commit(update, *changes)[0]

        store.change(self._pod_manager, attempt, self._reread)

    def _reread(self):
        self._pod_manager = connections.read(self._store, self._pod_manager.uuid)
        if self.is_outdated(self._pod_manager):
            raise sync.HandedBack
        return self._pod_manager

    def _commit(self, *changes):
        return self._store.commit(*changes, lease=self._lease)

    def _event(self, request_context, happened, more=None):
        return outbox.event("pod_manager", request_context, happened, new=self._pod_manager, more=more)


def is_due(pod_manager, now):
    """Whether it is time to synchronize a pod manager; ``now`` is a DateTime value of the store."""
    due = pod_manager.next_sync_at
    return not pod_manager.maintenance and due is not None and due <= now


def _ignore(_):
    """Do nothing: no client follows a timed synchronization."""
