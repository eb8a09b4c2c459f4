# SPDX-License-Identifier: Apache-2.0
"""Live documents of resources, read from their pod managers by the conductors that serve these."""

import collections

import futurist
from oslo_log import log

from valence.common import bus_errors
from valence.common import errors
from valence.conductor import documents
from valence.conductor.rpc import rpc
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)


class ResourcesEndpoint:
    """The namespace ``resources`` of ``valence.conductor.client``."""

    namespace = "resources"

    def __init__(self, conf, database, live_documents, ownership, peers):
        self._host, self._store, self._documents = conf.host, database, live_documents
        self._ownership, self._peers = ownership, peers
        # A pool of their own: two conductors that wait for each other still read.
        self._questions = futurist.ThreadPoolExecutor(max_workers=conf.conductor.detail_threads)

    @rpc
    def details(self, context, uuids):
        """Return the document, or why there is none, of each resource, asking other conductors for theirs."""
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

    @rpc
    def read(self, context, uuids):
        """Return what ``details`` does, without asking anybody else: a conductor that was asked once asks no other."""
        return self._documents.read(self._rows(uuids))

    def stop(self):
        """End the pools; what is being read is still answered."""
        self._questions.shutdown()
        self._documents.stop()

    def _rows(self, uuids):
        return self._store.list(models.Resource, filters=[store.Filter("uuid", "in", uuids)])

    def _ask(self, context, owner, rows):
        """Return what the owner reads; while it says nothing, this conductor does if it can: it changes nothing."""
        try:
            if owner is None:
                raise errors.ConductorUnavailable(reason="none lives that serves the pod manager's group")
            pod_managers = {row.podm_id for row in rows}
            one = pod_managers.pop() if len(pod_managers) == 1 else None
            return self._peers.read(context, owner, [row.uuid for row in rows], pod_manager=one)
        except bus_errors.Busy as error:
            return {row.uuid: {"error": documents.problem(error)} for row in rows}
        except errors.Unavailable as error:
            LOG.warning("conductor %s did not read for us: %s", owner, error.detail)
            problem = documents.problem(error)
        here = [row for row in rows if self._ownership.is_eligible(row.podm_id)]
        return {row.uuid: {"error": problem} for row in rows} | self._documents.read(here)
