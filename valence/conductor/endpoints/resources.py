# SPDX-License-Identifier: Apache-2.0
"""Live documents of resources: each conductor reads those of its pod managers, and asks the other owners for theirs.

A document is cached for a few seconds. A pod manager that does not answer gets no more requests until it does, and
occupies only its share of the threads meanwhile.
"""

import collections
import contextlib
import threading
import time
from concurrent import futures

import cachetools
import futurist
from oslo_log import log

from valence.bus import messaging
from valence.common import bus_errors
from valence.common import errors
from valence.conductor.inventory import connections
from valence.conductor.inventory import racks
from valence.conductor.work import threads
from valence.db import models
from valence.db import store

CACHED_DOCUMENTS = 1000
#: one pod manager has at most the workers divided by this
MOST_SHARE = 4
#: seconds after which a pod manager that does not answer gets no further requests until it does
PATIENCE = 2.0


class Documents:
    """Reads documents in a bounded pool, over the open connections to the pod managers of this conductor."""

    def __init__(self, conf, database, live_connections, ownership):
        self._store, self._connections, self._ownership = database, live_connections, ownership
        workers = conf.conductor.workers
        share = min(conf.redfish.concurrency, max(1, workers // MOST_SHARE))
        self._pool = threads.FairPool(workers, share, PATIENCE)
        self._seconds = conf.redfish.detail_seconds
        self._cache = cachetools.TTLCache(CACHED_DOCUMENTS, conf.redfish.detail_cache_seconds)
        self._lock = threading.Lock()

    def read(self, rows):
        """Return ``{uuid: {"detail": document} or {"error": one problem}}`` of some Resources, by the deadline."""
        pod_managers = connections.read_all(self._store, sorted({row.podm_id for row in rows}))
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
        while missing and (left := end - time.monotonic()) > 0:
            missing = futures.wait(missing, min(self._pool.look(), left)).not_done

    def _result(self, read, pod_manager, row):
        """Return the result of a read; a document that arrives later is cached for the next request."""
        url = pod_manager.url if pod_manager else row.resource_url
        try:
            if read.done() or not read.cancel():
                return read.result(0)
            reason = "too many other requests wait for it"
        except futures.TimeoutError:
            reason = f"no answer within {self._seconds} s"
        except threads.Hung as error:
            return {"error": problem_of(bus_errors.PodManagerHangs(url=url, seconds=round(error.seconds)))}
        return {"error": problem_of(errors.PodManagerUnreachable(url=url, reason=reason))}

    def stop(self):
        """End the pool; running reads are still answered."""
        self._pool.stop()

    def _detail(self, pod_manager, row):
        if pod_manager is None:
            return {"error": problem_of(errors.NotFound(kind="pod_manager", key=row.podm_id))}
        try:
            return {"detail": self._document(pod_manager, row.resource_url)}
        except (errors.PodManagerError, errors.InMaintenance, errors.SecretUnreadable) as error:
            return {"error": problem_of(error)}

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


def problem_of(error):
    """Return the problem that an answer shows in place of a document that could not be read."""
    described = {name: getattr(error, name, None) for name in ("code", "status", "title", "retry_after")}
    return error.problems[0] | described


LOG = log.getLogger(__name__)


class ResourcesEndpoint:
    """The namespace ``resources`` of ``valence.conductor.client``."""

    namespace = "resources"

    def __init__(self, conf, database, live_documents, ownership, peers):
        self._host, self._store, self._documents = conf.host, database, live_documents
        self._ownership, self._peers = ownership, peers
        # A pool of their own: two conductors that wait for each other still read.
        self._questions = futurist.ThreadPoolExecutor(max_workers=conf.conductor.detail_threads)

    @messaging.expose
    def details(self, context, uuids):
        """Return the document or the problem of each resource, read by the conductor that owns it."""
        shares = collections.defaultdict(list)
        for row in self._rows(uuids):
            shares[self._ownership.owner(row.podm_id)].append(row)
        mine = shares.pop(self._host, [])
        if len(shares) == 1 and not mine:
            return self._ask(context, *shares.popitem())
        asked = [self._questions.submit(self._ask, context, owner, rows) for owner, rows in shares.items()]
        found = self._documents.read(mine)
        for each in asked:
            found |= each.result()
        return found

    @messaging.expose
    def read(self, context, uuids):
        """Return what ``details`` does, read by this conductor alone: another conductor has sent the call."""
        return self._documents.read(self._rows(uuids))

    @messaging.expose
    def rack(self, context, uuid):
        """Return what a rack contains, see ``racks.content``."""
        return racks.content(self._store, lambda uuids: self.details(context, uuids), uuid)

    def stop(self):
        """End the pools; running reads are still answered."""
        self._questions.shutdown()
        self._documents.stop()

    def _rows(self, uuids):
        return self._store.list(models.Resource, filters=[store.Filter("uuid", "in", uuids)])

    def _ask(self, context, owner, rows):
        """Return what the owner reads; if it does not answer, this conductor reads, where it can."""
        try:
            if owner is None:
                raise bus_errors.GroupUnserved()
            pod_managers = {row.podm_id for row in rows}
            one = pod_managers.pop() if len(pod_managers) == 1 else None
            return self._peers.read(context, owner, [row.uuid for row in rows], pod_manager=one)
        except bus_errors.Busy as error:
            return {row.uuid: {"error": problem_of(error)} for row in rows}
        except errors.Unavailable as error:
            LOG.warning("conductor %s did not read for us: %s", owner, error.detail)
            problem = problem_of(error)
        here = [row for row in rows if self._ownership.is_eligible(row.podm_id)]
        return {row.uuid: {"error": problem} for row in rows} | self._documents.read(here)
