# SPDX-License-Identifier: Apache-2.0
"""The work on pod managers: operations that somebody asked for, and synchronizations that are due.

One piece of work at a time is done on a pod manager, under its lease. What a dead conductor left behind
is found here, because its lease ran out, and done anew: synchronization is idempotent.
"""

import functools
import threading

from oslo_log import log

from valence.common import errors
from valence.conductor import crew
from valence.conductor import hints
from valence.conductor import job
from valence.conductor import pace
from valence.conductor import periodic
from valence.conductor import reread
from valence.conductor import sync
from valence.db import models
from valence.db import store
from valence.db import types

LOG = log.getLogger(__name__)

#: seconds between two looks for work that is due
LOOK_INTERVAL = 1.0
#: most pod managers that one look finds of a kind
LOOK_LIMIT = 1000


def lease_name(uuid):
    """Return the name of the lease that work on a pod manager is done under."""
    return f"pod_manager/{uuid}"


class Worker:
    """Looks for work every second, or when rung, and has it done by a crew."""

    def __init__(self, conf, database, leases, connections):
        self._conf, self._store = conf, database
        self._leases, self._connections = leases, connections
        self._pace, self._under_way = pace.Pace(conf.sync), {}
        self._stopping = threading.Event()
        self._loop = periodic.Loop("worker", self.look, LOOK_INTERVAL)
        self.ring = self._loop.ring
        self.hints = hints.Hints(self.ring)
        self._crew = crew.Crew(
            self._work,
            ended=self.hints.ring_again,
            workers=conf.sync.workers,
            slow_workers=conf.sync.slow_workers,
            patience=conf.sync.slow_seconds,
        )

    def start(self):
        """Begin to look for work."""
        self._loop.start()

    def stop(self):
        """Hand back what runs, and wait for that as long as [conductor] drain_seconds says."""
        self._stopping.set()
        self._loop.stop(timeout=self._conf.conductor.drain_seconds)
        self._break_off()
        self._crew.stop()

    def look(self):
        """Offer everything that is due to the crew, what was just heard of first."""
        self._break_off()
        hinted = self.hints.waiting()
        self._crew.offer(dict.fromkeys([*hinted, *self._asked_for(), *self._due()]), urgent=hinted)

    def _break_off(self):
        """Let nobody wait for a pod manager whose work has to end."""
        for uuid, must_end in list(self._under_way.items()):
            if must_end():
                self._connections.abort(uuid)

    def _asked_for(self):
        waiting = [store.Filter("state", "in", ["pending", "running"])]
        found = self._store.list(
            models.Operation,
            filters=waiting,
            sort=[store.Sort("created_at")],
            limit=LOOK_LIMIT,
            fields=["target_id"],
        )
        return [operation.target_id for operation in found]

    def _due(self):
        due = [store.Filter("maintenance", "eq", False), store.Filter("next_sync_at", "lte", types.now())]
        found = self._store.list(
            models.PodManager,
            filters=due,
            sort=[store.Sort("next_sync_at")],
            limit=LOOK_LIMIT,
            fields=["uuid"],
        )
        return [pod_manager.uuid for pod_manager in found]

    def _reread(self, uuid, lease):
        with self.hints.taken(uuid) as waiting:
            if waiting is not None:
                reread.Rereading(self._store, self._connections, lease).run(uuid, waiting)

    def _work(self, uuid):
        try:
            self._work_alone(uuid)
        except (errors.LeaseHeld, sync.HandedBack):
            pass
        except errors.ValenceError as error:
            LOG.warning("pod manager %s: work ended: %s", uuid, error.detail)
        except Exception:
            LOG.exception("pod manager %s: work failed; it is tried again", uuid)

    def _work_alone(self, uuid):
        if self._stopping.is_set():
            return
        with self._leases.hold(lease_name(uuid)) as lease:
            must_end = self._under_way[uuid] = functools.partial(self._must_end, lease)
            try:
                self._reread(uuid, lease)
                job.PodManagerJob(
                    self._conf, self._store, self._connections, lease, must_end=must_end, pace=self._pace
                ).run(uuid)
            finally:  # before the lease ends: that of finished work is no reason to break a connection off
                del self._under_way[uuid]

    def _must_end(self, lease):
        return self._stopping.is_set() or not self._leases.holds(lease)
