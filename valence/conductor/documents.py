# SPDX-License-Identifier: Apache-2.0
"""Documents as pod managers have them now, kept for a few seconds."""

import contextlib
import threading

import cachetools

from valence.common import errors
from valence.conductor import access
from valence.conductor import connections
from valence.conductor import fair_pool

CACHED_DOCUMENTS = 1000
#: one pod manager has at most the workers divided by this
MOST_SHARE = 4


class Documents:
    """Reads documents in a bounded pool, over the kept connections of the pod managers that this conductor serves."""

    def __init__(self, conf, database, live_connections, ownership):
        self._store, self._connections, self._ownership = database, live_connections, ownership
        workers = conf.conductor.workers
        share = min(conf.redfish.concurrency, max(1, workers // MOST_SHARE))
        self._pool = fair_pool.FairPool(workers, share)
        self._cache = cachetools.TTLCache(CACHED_DOCUMENTS, conf.redfish.detail_cache_seconds)
        self._lock = threading.Lock()

    def read(self, rows):
        """Return ``{uuid: {"detail": document} or {"error": one problem}}`` of some Resources."""
        pod_managers = access.read_all(self._store, sorted({row.podm_id for row in rows}))
        reads = {
            row.uuid: self._pool.submit(row.podm_id, self._detail, pod_managers.get(row.podm_id), row)
            for row in rows
        }
        return {uuid: read.result() for uuid, read in reads.items()}

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
            if key in self._cache:
                return self._cache[key]
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
