# SPDX-License-Identifier: Apache-2.0
"""The worker selects the pod managers of this conductor that have work, and runs the work in a bounded pool.

Work is an operation that a client requested, a synchronization that is due, or a hint from the hardware. Each pod
manager has one piece of work at a time, under its lease. When a conductor fails its leases expire, and the new owner of
the pod manager repeats the unfinished work: synchronization is idempotent.
"""

import functools
import threading
from concurrent import futures

from oslo_log import log

from valence.common import errors
from valence.conductor.hardware_events import hints
from valence.conductor.inventory import connections
from valence.conductor.inventory import sync
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import contact
from valence.conductor.work import operations
from valence.conductor.work import pacing
from valence.conductor.work import threads
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

#: seconds between two looks for work that is due
LOOK_INTERVAL = 1.0
#: seconds between two looks at least: what is asked for in quick succession is found together
REST = 0.05
#: most rows that one query finds
LOOK_LIMIT = 1000


def lease_name(uuid):
    """Return the name of the lease that work on a pod manager is done under."""
    return f"pod_manager/{uuid}"


class Worker:
    """Polls for work every second, and after ``wake``, and passes it to a pool of threads."""

    def __init__(self, conf, database, leases, live_connections, ownership):
        self._conf, self._store = conf, database
        self._leases, self._connections, self._ownership = leases, live_connections, ownership
        self._pace, self._patience = pacing.Pace(conf.sync), threads.Patience()
        self._stopping, self._cancelled = threading.Event(), set()
        #: jobs by the UUID of their pod manager
        self._under_way = {}
        self._loop = threads.Loop("worker", self.look, LOOK_INTERVAL, rest=REST)
        self.hints = hints.Hints(self._offer_hinted)
        #: UUIDs of the pod managers that had other work than hints at the last look
        self._due_now: set[str] = set()
        self._closers, self._tidying = futures.ThreadPoolExecutor(1, "closer"), None
        self._pool = threads.WorkerPool(
            self._work,
            ended=self.hints.wake_again,
            workers=conf.sync.workers,
            slow_workers=conf.sync.slow_workers,
            patience=conf.sync.slow_seconds,
        )
        ownership.changed = self._take_over

    def start(self):
        """Begin to poll for work."""
        self._loop.start()

    def wake(self):
        """Poll now, and read the pod managers again: one may be new."""
        self._ownership.expire()
        self._loop.wake()

    def hand_back(self, seconds):
        """Begin no more work and end running work early; wait for that for ``seconds``."""
        self._stopping.set()
        self._loop.stop(timeout=seconds)
        self._break_off()
        end = threading.Thread(target=self._pool.stop, name="hand-back", daemon=True)
        end.start()
        end.join(seconds)

    def stop(self, seconds=None):
        """Hand back running work and wait for that for ``seconds``, by default [conductor] drain_seconds."""
        self.hand_back(self._conf.conductor.drain_seconds if seconds is None else seconds)
        self._closers.shutdown(wait=False, cancel_futures=True)

    def look(self):
        """Offer all due work to the pool, pod managers that just sent an event first."""
        self._ownership.look()
        if not self._ownership.membership.is_member:
            self._break_off()
            return
        mine = self._ownership.owned
        self._patience.keep(mine)
        hinted = self._hinted(mine)
        waiting = [
            each
            for each in self._operations()
            if each.target_id in mine and each.operation_kind != operations.DELETION
        ]
        self._cancelled = {each.target_id for each in waiting if each.cancel_requested_at}
        self._end_outdated()
        self._break_off()
        asked_for = [each.target_id for each in waiting]
        due = [uuid for uuid in self._due() if uuid in mine]
        self._due_now = {*asked_for, *self._ownership.unclaimed, *due}
        offered = dict.fromkeys([*hinted, *asked_for, *self._ownership.unclaimed, *due])
        self._pool.offer([uuid for uuid in offered if not self._patience.rests(uuid)], urgent=hinted)
        self._tidy()

    def _hinted(self, mine):
        return [uuid for uuid in self.hints.waiting() if uuid in mine]

    def _offer_hinted(self):
        """Have hints processed now; other work is left to the next look, which reads the store for it."""
        if self._ownership.membership.is_member:
            hinted = self._hinted(self._ownership.owned)
            self._pool.hurry([uuid for uuid in hinted if not self._patience.rests(uuid)])

    def _break_off(self):
        """Interrupt the synchronizations that have to end; other work on their pod managers goes on."""
        for uuid, one in list(self._under_way.items()):
            if one.must_end():
                self._connections.abort(uuid, connections.SYNC)

    def _end_outdated(self):
        """Let the jobs end whose pod manager is gone, or has new access data since their contact began."""
        jobs = dict(self._under_way)
        if not jobs:
            return
        under_way = [store.Filter("uuid", "in", list(jobs))]
        rows = self._store.list(models.PodManager, filters=under_way, fields=["uuid", "revision"])
        revisions = {row.uuid: row.revision for row in rows}
        read = {uuid: one for uuid, one in jobs.items() if one.revision is not None}
        changed = [uuid for uuid, one in read.items() if revisions.get(uuid) != one.revision]
        current = connections.read_all(self._store, changed)
        for uuid in changed:
            if uuid not in current or jobs[uuid].is_outdated(current[uuid]):
                jobs[uuid].is_obsolete = True

    def _tidy(self):
        # Elsewhere, as in _take_over; one at a time.
        if not self._stopping.is_set() and (self._tidying is None or self._tidying.done()):
            self._tidying = self._closers.submit(self._close_needless)

    def _close_needless(self):
        """Close idle connections, and the connections to pod managers in maintenance."""
        self._connections.close_idle()
        # Work under way is aborted first: to close its connection would wait for the answer.
        for uuid in (self._connections.known() & self._ownership.in_maintenance) - self._under_way.keys():
            self._connections.drop(uuid)

    def _operations(self):
        """Yield the open operations on all pod managers, the oldest first, a page at a time: few are open at once."""
        marker, page = None, [None] * LOOK_LIMIT
        while len(page) == LOOK_LIMIT:
            page = self._store.list(
                models.Operation,
                filters=[store.Filter("target_kind", "eq", "pod_manager"), operations.is_open()],
                sort=[store.Sort("created_at")],
                marker=marker,
                limit=LOOK_LIMIT,
                fields=["uuid", "target_id", "operation_kind", "cancel_requested_at"],
            )
            yield from page
            marker = page[-1].uuid if page else None

    def _due(self):
        """Return the UUIDs of due pod managers whose rows name this conductor, the longest due first."""
        due = [
            store.Filter("conductor", "eq", self._conf.host),
            # One that went to a group which nobody serves says so for ever, and would stay the longest due.
            store.Filter("conductor_group", "in", self._ownership.membership.groups),
            store.Filter("maintenance", "eq", False),
            store.Filter("next_sync_at", "lte", self._store.at()),
        ]
        found = self._store.list(
            models.PodManager,
            filters=due,
            sort=[store.Sort("next_sync_at")],
            limit=LOOK_LIMIT,
            fields=["uuid"],
        )
        return [pod_manager.uuid for pod_manager in found]

    def _take_over(self, _gained, lost):
        # Elsewhere: to sign out takes seconds where a pod manager hangs, and who calls this has to say that it lives.
        self._closers.submit(self._drop, lost)
        self._loop.wake()

    def _drop(self, lost):
        for uuid in lost:
            if uuid not in self._under_way and not self._ownership.owns(uuid):
                self._connections.drop(uuid)

    def _reread(self, uuid, lease):
        with self.hints.taken(uuid) as waiting:
            if waiting is not None:
                unsettled = sync.Rereading(self._store, self._connections, lease).run(uuid, waiting)
                self.hints.look_again(uuid, unsettled)

    def _work(self, uuid):
        try:
            self._work_alone(uuid)
        except (errors.LeaseHeld, errors.InMaintenance, sync.HandedBack):
            pass
        except Exception as error:  # the edge of a thread of the pool; the work is tried again
            self._note_failure(uuid, error)
        else:
            self._patience.succeeded(uuid)
        finally:
            if not self._ownership.owns(uuid):
                self._connections.drop(uuid)

    def _work_alone(self, uuid):
        if self._stopping.is_set() or not self._ownership.owns(uuid):
            return
        with self._leases.hold(lease_name(uuid)) as lease:
            must_end = functools.partial(self._must_end, uuid, lease)
            one = self._under_way[uuid] = contact.PodManagerJob(
                self._conf, self._store, self._connections, lease, must_end=must_end, pace=self._pace
            )
            try:
                self._reread(uuid, lease)
                if uuid in self._due_now:
                    self._due_now.discard(uuid)  # first: what comes from now on is found by the next look
                    one.run(uuid)
            finally:  # before the lease ends: that of finished work is no reason to break a connection off
                del self._under_way[uuid]
        self._ownership.unclaimed.discard(uuid)

    def _note_failure(self, uuid, error):
        """Count a failure and start the backoff; log the traceback of an unexpected error once."""
        is_expected = isinstance(error, errors.ValenceError)
        traceback = None if is_expected or not self._patience.is_new(uuid) else error
        work_metrics.WORK_FAILURES.labels("expected" if is_expected else "unexpected").inc()
        LOG.warning(
            "pod manager %s: work failed, trying again in %.0f s: %s",
            uuid,
            self._patience.failed(uuid),
            error.detail if is_expected else repr(error),
            exc_info=traceback,
        )

    def _must_end(self, uuid, lease):
        return self._stopping.is_set() or uuid in self._cancelled or not self._leases.holds(lease)
