# SPDX-License-Identifier: Apache-2.0
"""Live documents of resources, read from their pod managers and kept for a few seconds."""

import threading

import cachetools
import futurist

from valence.common import errors
from valence.conductor.rpc import rpc
from valence.db import models
from valence.db import store

CACHED_DOCUMENTS = 1000


class ResourcesEndpoint:
    """The namespace ``resources`` of ``valence.conductor.client``."""

    namespace = "resources"

    def __init__(self, conf, database, connections):
        self._store, self._connections = database, connections
        self._pool = futurist.ThreadPoolExecutor(max_workers=conf.conductor.workers)
        self._cache = cachetools.TTLCache(CACHED_DOCUMENTS, conf.redfish.detail_cache_seconds)
        self._lock = threading.Lock()

    @rpc
    def details(self, context, uuids):
        """Return the document, or why there is none, of each resource."""
        rows = self._store.list(models.Resource, filters=[store.Filter("uuid", "in", uuids)])
        owners = {row.podm_id for row in rows}
        found = self._store.list(models.PodManager, filters=[store.Filter("uuid", "in", sorted(owners))])
        pod_managers = {each.uuid: each for each in found}
        reads = {
            row.uuid: self._pool.submit(self._detail, pod_managers.get(row.podm_id), row) for row in rows
        }
        return {uuid: read.result() for uuid, read in reads.items()}

    def stop(self):
        """End the pool; what is being read is still answered."""
        self._pool.shutdown()

    def _detail(self, pod_manager, row):
        if pod_manager is None:
            return {"error": errors.NotFound(kind="pod_manager", key=row.podm_id).problems[0]}
        try:
            return {"detail": self._read(pod_manager, row.resource_url)}
        except errors.PodManagerError as error:
            return {
                "error": error.problems[0]
                | {"code": error.code, "status": error.status, "title": error.title}
            }

    def _read(self, pod_manager, url):
        key = pod_manager.uuid, pod_manager.revision, url
        with self._lock:
            if key in self._cache:
                return self._cache[key]
        document = self._connections.get(pod_manager).read(url)
        with self._lock:
            self._cache[key] = document
        return document
