# SPDX-License-Identifier: Apache-2.0
"""The work on pod managers: operations that somebody asked for, and synchronizations that are due.

One piece of work at a time is done on a pod manager, under its lease. What a dead conductor left behind
is found here, because its lease ran out, and done anew: synchronization is idempotent.
"""

import threading

import futurist
from oslo_log import log

from valence.common import errors
from valence.conductor import job
from valence.conductor import periodic
from valence.conductor import sync
from valence.db import models
from valence.db import store
from valence.db import types

LOG = log.getLogger(__name__)

#: seconds between two looks for work that is due
LOOK_INTERVAL = 1.0
#: most pod managers that one look finds of a kind
LOOK_LIMIT = 200


def lease_name(uuid):
    """Return the name of the lease that work on a pod manager is done under."""
    return f"pod_manager/{uuid}"


class Worker:
    """Looks for work every second, or when rung, and does it in a bounded pool of threads."""

    def __init__(self, conf, database, leases, connections):
        self._conf, self._store = conf, database
        self._leases, self._connections = leases, connections
        self._busy, self._lock = set(), threading.Lock()
        self._stopping = threading.Event()
        self._pool = futurist.ThreadPoolExecutor(max_workers=conf.sync.workers)
        self._loop = periodic.Loop("worker", self.look, LOOK_INTERVAL)
        self.ring = self._loop.ring

    def start(self):
        """Begin to look for work."""
        self._loop.start()

    def stop(self):
        """Hand back what runs, and wait for that as long as [conductor] drain_seconds says."""
        self._stopping.set()
        self._loop.stop(timeout=self._conf.conductor.drain_seconds)
        self._pool.shutdown(wait=True)

    def look(self):
        """Give everything that is due to the pool."""
        for uuid in dict.fromkeys([*self._asked_for(), *self._due()]):
            self._submit(uuid)

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

    def _submit(self, uuid):
        with self._lock:
            if uuid in self._busy or self._stopping.is_set():
                return
            self._busy.add(uuid)
        self._pool.submit(self._work, uuid)

    def _work(self, uuid):
        try:
            self._work_alone(uuid)
        except (errors.LeaseHeld, sync.HandedBack):
            pass
        except errors.ValenceError as error:
            LOG.warning("pod manager %s: work ended: %s", uuid, error.detail)
        except Exception:
            LOG.exception("pod manager %s: work failed; it is tried again", uuid)
        finally:
            with self._lock:
                self._busy.discard(uuid)

    def _work_alone(self, uuid):
        if self._stopping.is_set():
            return
        with self._leases.hold(lease_name(uuid)) as lease:
            job.PodManagerJob(self._conf, self._store, self._connections, lease, self._stopping).run(uuid)
