# SPDX-License-Identifier: Apache-2.0
"""A walk through a Redfish service, along the links of ``redfish_links``.

Documents are read by several threads but dealt with in the order in which they were found, breadth first. So the first
link to a resource is the same in every crawl, whatever the timing, and no more documents are held than are being read.
"""

import collections
import contextlib
import functools
from concurrent import futures

from valence.podmanagers import redfish_visits

#: visits that a thread makes in one go, at most: handing over each of them costs more than to make it
_BATCH = 8
#: characters of a serial number that may prove that two URLs are those of one resource
_SHORTEST_PROOF = 4


class Crawl:
    """One crawl with a reader, by as many threads as ``pace`` has requests in flight; with one, by the caller's."""

    def __init__(self, reader, pace):
        self._reader = reader
        self._pace = pace
        self._claimed = set()  # the URLs that were, or will be, read
        self._identities = {}  # identity -> collection of the service root where it was found first, and how often

    def run(self, root):
        """Yield what is found below the root document: Seen, Unchanged, Unread."""
        with self._starting() as start:
            for lead in self._reader.leads(root, "ServiceRoot", "", ""):
                yield from self._walk(lead, start)

    def _walk(self, lead, start):
        waiting = collections.deque()
        started = collections.deque()
        yield from self._deal_with([lead], waiting)
        while waiting or started:
            while waiting and len(started) < 2 * self._pace.limit:
                started.append(start(self._batch(waiting)))
            for visit, items in started.popleft()():
                yield from self._deal_with(items, waiting, visit.url)

    def _deal_with(self, items, waiting, url=None):
        """Yield the records among what was found at ``url``, and put in ``waiting`` where it leads."""
        items = collections.deque(items)
        while items:
            item = items.popleft()
            if isinstance(item, redfish_visits.Visit):
                if (
                    item.pages is not None
                ):  # before the members read so far: those may lead to others of the list
                    waiting.appendleft(item)
                elif self._claim(item.url):
                    waiting.append(item)
            elif not isinstance(item, redfish_visits.Found):
                yield item
            elif item.url == url or self._claim(item.url):
                url = None if item.url == url else url
                if self._is_known_by_another_url(item):
                    continue
                if item.record is not None:
                    yield item.record
                items.extend(item.leads)

    def _is_known_by_another_url(self, found):
        """Whether a resource was found elsewhere before: below a system, and now below a chassis.

        Only an identity that one resource has there proves it; makers give some parts all the same serial number.
        """
        if found.identity is None or len(found.identity[1]) < _SHORTEST_PROOF:
            return False
        top = _top(found.url)
        first, count = self._identities.setdefault(found.identity, (top, 0))
        if first == top:
            self._identities[found.identity] = (top, count + 1)
        return first != top and count == 1

    def _claim(self, url):
        if url in self._claimed:
            return False
        self._claimed.add(url)
        return True

    def _batch(self, waiting):
        """Take visits from the front: many if there are many, so that no thread is without."""
        size = max(1, min(_BATCH, len(waiting) // (2 * self._pace.limit)))
        return [waiting.popleft() for _ in range(size)]

    @contextlib.contextmanager
    def _starting(self):
        """Give a function that starts to read visits and returns a function that returns what was found."""
        if self._pace.most == 1:
            yield lambda visits: functools.partial(self._reader.read, visits)
            return
        executor = futures.ThreadPoolExecutor(self._pace.most, "redfish")
        try:
            yield lambda visits: executor.submit(self._reader.read, visits).result
        finally:
            self._reader.stopped = True
            executor.shutdown(cancel_futures=True)


def _top(url):
    """Return the path of the collection of the service root that a URL is in."""
    return url.rsplit("/v1/", 1)[-1].partition("/")[0]
