# SPDX-License-Identifier: Apache-2.0
"""Reading again what hints are about: as a synchronization does it, for the resources that they name alone."""

import itertools
import time

from oslo_log import log

from valence.common import context
from valence.common import errors
from valence.conductor import access
from valence.conductor import changes
from valence.conductor import connections
from valence.conductor import due
from valence.conductor import inventory
from valence.conductor import metrics
from valence.db import models
from valence.db import store
from valence.db.models.event import COUNTERS

LOG = log.getLogger(__name__)

#: resources that are read before what was found is committed
BATCH = 20


class Rereading:
    """Looks into the hints on one pod manager, under its ``lease``.

    A hint on part of a resource is one on the resource. What only a crawl can tell, such as a resource that is
    new, gone, or another one at the same URL, makes the pod manager due to be synchronized.
    """

    def __init__(self, database, live_connections, lease):
        self._store, self._connections, self._lease = database, live_connections, lease
        self._pod_manager = self._connection = None
        self._context = context.service_context()
        self._written = changes.StoredForm(self._context, dict.fromkeys(COUNTERS, 0))

    def run(self, uuid, waiting) -> dict[str, int]:
        """Look into ``waiting`` (hints.Waiting); raise what the store raises.

        Return the URLs of resources that are to be read again after a pause, with the times that they were read: an
        event may be posted before the state settles, and nothing may tell of the state that follows.
        """
        self._context.update_store()
        try:
            self._pod_manager = access.read(self._store, uuid)
            self._connection = self._connections.get(self._pod_manager, connections.SYNC)
        except (errors.NotFound, errors.InMaintenance, errors.SecretUnreadable):
            return {}  # the timer's synchronization tells why
        self._waiting, self._unsettled, self._vague = waiting, {}, "" in waiting.vague
        whole = waiting.whole
        urls = list(waiting.urls)
        for start in range(0, len(urls), BATCH):
            whole = self._look_into(urls[start : start + BATCH]) or whole
            metrics.REREAD_SECONDS.observe(time.monotonic() - waiting.since)
        if whole:
            due.make_due(self._store, self._pod_manager, self._lease)
        elif self._vague:
            due.make_due(self._store, self._pod_manager, self._lease, after=waiting.pause)
        return self._unsettled

    def _look_into(self, urls):
        """Read the resources at or above these URLs and store what changed; return whether all has to be read."""
        rows, times = self._rows(urls)
        metrics.HARDWARE_EVENTS.labels("unknown").inc(max(0, len(urls) - len(rows)))
        diff = inventory.Diff(self._pod_manager.uuid, rows)
        uncertain, found = False, []
        for row in rows:
            result, change = self._look(diff, row, times[row.uuid])
            metrics.HARDWARE_EVENTS.labels(result).inc()
            uncertain = uncertain or result == "whole"
            found += [change] if change is not None else []
        stored = list(itertools.chain.from_iterable(map(self._written.of, found)))
        if stored:
            self._store.commit(*stored, lease=self._lease)
        return uncertain or diff.uncertain

    def _look(self, diff, row, times):
        """Read one resource; return what came of it, by the label of its figure, and the change or None."""
        if not inventory.known(row):
            return "whole", None
        try:
            seen = self._connection.look(row.resource_url, row.resource_type, row.parent)
        except errors.ResourceGone:
            return "whole", None
        except errors.PodManagerError as error:
            LOG.warning("pod manager %s: %s; the timer looks again", self._pod_manager.uuid, error.detail)
            return "failed", None
        change = diff.see(seen)
        if seen.power_state in inventory.TRANSITIONAL or (change is None and not times):
            self._unsettled[row.resource_url] = times + 1
        return "read", change

    def _rows(self, urls):
        """Return the known resources that are at or next above the URLs, and how often each was read by its UUID."""
        places = {place for url in urls for place in _upwards(url)}
        known = [
            store.Filter("podm_id", "eq", self._pod_manager.uuid),
            store.Filter("resource_url", "in", sorted(places)),
        ]
        rows = {row.resource_url: row for row in self._store.list(models.ResourceWithState, filters=known)}
        found, times = {}, {}
        for url in urls:
            row = next((rows[place] for place in _upwards(url) if place in rows), None)
            if url in self._waiting.vague and (row is None or row.resource_url != url):
                self._vague = True
            if row is not None:
                found[row.uuid] = row
                times[row.uuid] = min(times.get(row.uuid, self._waiting.urls[url]), self._waiting.urls[url])
        return list(found.values()), times


def _upwards(url):
    """Yield a path and those above it."""
    while url.count("/") > 1:
        yield url
        url = url.rpartition("/")[0]
