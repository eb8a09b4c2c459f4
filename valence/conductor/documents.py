# SPDX-License-Identifier: Apache-2.0
"""Documents as pod managers have them now, kept for a few seconds."""

import contextlib
import threading
import time
from concurrent import futures

import cachetools

from valence.common import errors
from valence.conductor import access
from valence.conductor import connections
from valence.conductor import fair_pool

CACHED_DOCUMENTS = 1000
#: one pod manager has at most the workers divided by this
MOST_SHARE = 4
#: seconds after which a pod manager that does not answer gets no further requests until it does
PATIENCE = 2.0
#: seconds between two looks at what is being waited for
LOOK_SECONDS = 0.25


class Documents:
    """Reads documents in a bounded pool, over the kept connections of the pod managers that this conductor serves."""

    def __init__(self, conf, database, live_connections, ownership):
        self._store, self._connections, self._ownership = database, live_connections, ownership
        workers = conf.conductor.workers
        share = min(conf.redfish.concurrency, max(1, workers // MOST_SHARE))
        self._pool = fair_pool.FairPool(workers, share, PATIENCE)
        self._seconds = conf.redfish.detail_seconds
        self._cache = cachetools.TTLCache(CACHED_DOCUMENTS, conf.redfish.detail_cache_seconds)
        self._lock = threading.Lock()

    def read(self, rows):
        """Return ``{uuid: {"detail": document} or {"error": one problem}}`` of some Resources, in time."""
        pod_managers = access.read_all(self._store, sorted({row.podm_id for row in rows}))
        reads = {
            self._pool.submit(row.podm_id, self._detail, pod_managers.get(row.podm_id), row): row
            for row in rows
        }
        self._wait(reads)
        return {
            row.uuid: self._result(read, pod_managers.get(row.podm_id), row) for read, row in reads.items()
        }

    def _wait(self, reads):
        end, missing = time.monotonic() + self._seconds, set(reads)
        while missing and time.monotonic() < end:
            missing = futures.wait(missing, LOOK_SECONDS).not_done
            self._pool.look()

    def _result(self, read, pod_manager, row):
        """Return what a read found; one that goes on leaves its document for the next request."""
        try:
            if read.done() or not read.cancel():
                return read.result(0)
            reason = "too many other requests wait for it"
        except futures.TimeoutError:
            reason = f"no answer within {self._seconds} s"
        except fair_pool.Hung as error:
            reason = str(error)
        url = pod_manager.url if pod_manager else row.resource_url
        return {"error": problem(errors.PodManagerUnreachable(url=url, reason=reason))}

    def stop(self):
        """End the pool; what is being read is still answered."""
        self._pool.stop()

    def _detail(self, pod_manager, row):
        if pod_manager is None:
            return {"error": problem(errors.NotFound(kind="pod_manager", key=row.podm_id))}
        try:
            return {"detail": self._document(pod_manager, row.resource_url)}
        except (errors.PodManagerError, errors.InMaintenance, errors.SecretUnreadable) as error:
            return {"error": problem(error)}

    def _document(self, pod_manager, url):
        key = pod_manager.uuid, pod_manager.revision, url
        with self._lock:
            # One access: an entry may expire between two.
            known = self._cache.get(key)
        if known is not None:
            return known
        with self._connection(pod_manager) as connection:
            document = connection.read(url)
        with self._lock:
            self._cache[key] = document
        return document

    @contextlib.contextmanager
    def _connection(self, pod_manager):
        if self._ownership.owns(pod_manager.uuid):
            with self._connections.use(pod_manager, connections.LIVE) as connection:
                yield connection
            return
        # It is served elsewhere: nothing of it stays here.
        with contextlib.closing(self._connections.new(pod_manager)) as connection:
            yield connection


def problem(error):
    """Return what is told of an error that kept a document from being read."""
    return error.problems[0] | {"code": error.code, "status": error.status, "title": error.title}
