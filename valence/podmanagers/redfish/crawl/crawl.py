# SPDX-License-Identifier: Apache-2.0
"""The crawl of a Redfish service, along the links of ``links.py``.

Several threads read resources; they are handled in the order in which they were found, breadth first. So the first
link to a resource is the same in every crawl, and no more bodies are in memory than are being read.
"""

import collections
import contextlib
import functools
import sys
import typing
from concurrent import futures

from valence.common import compact
from valence.podmanagers import base
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import facts
from valence.podmanagers.redfish.crawl import links
from valence.podmanagers.redfish.crawl import measures


class Visit(typing.NamedTuple):
    """A URL to read: the kind of thing that it leads to, the resource above it, and whether a list names it.

    ``instead`` holds what takes its place if nothing is found there: Visits, and Unread if those are of no use either.
    ``pages`` are those read before of the collection that has this page.
    """

    url: str
    kind: str
    parent: str
    listed: bool
    instead: tuple = ()
    pages: collection_pages.Pages | None = None


class Found(typing.NamedTuple):
    """What a document told: what to yield of it (None if it is only passed through), and where it leads.

    ``identity`` is the identity of a resource of a kind that may have two URLs, also where the record is Unchanged.
    ``fact`` is what it says of hardware that nodes can be made of, None where that is nothing.
    """

    url: str
    record: base.Seen | base.Unchanged | None
    leads: tuple
    identity: tuple | None = None
    fact: measures.Fact | None = None


class Listing(typing.NamedTuple):
    """What a page of a collection told: an item for each of its members that can be read, and the page itself.

    ``expanded`` says whether there are members, and documents of them; ``elsewhere`` whether one of those is said to
    have another place than below the collection. A link to a single resource has that one and no ``page``.
    """

    items: list
    page: collection_pages.Page | None = None
    expanded: bool | None = None
    elsewhere: bool = False


def has_documents(told):
    """Whether an expanded answer differs from the plain one."""
    if told is None:
        return False
    if isinstance(told, Listing):
        return bool(told.expanded)
    return any(isinstance(lead, Found) for lead in told.leads)


def after(instead, items):
    """Return what takes the place of something that cannot be read, and ``items`` if that is of no use either."""
    first = instead[0]
    if not isinstance(first, Visit) or first.listed:
        return list(instead)
    return [first._replace(instead=tuple(after(first.instead, items) if first.instead else items))]


def passing_on(found, instead):
    """Return a document that is passed through; ``instead`` takes the place of what it leads to if that is nothing."""
    brought = set().union(*(_brings(each) for each in instead)) or {kind_of(lead) for lead in found.leads}
    concerned = [lead for lead in found.leads if kind_of(lead) in brought]
    if not concerned:
        return found._replace(leads=(*found.leads, *instead))
    if not all(isinstance(lead, Visit) for lead in concerned):
        return found
    first = concerned[0]
    leads = (
        lead._replace(instead=(*lead.instead, *instead)) if lead is first else lead for lead in found.leads
    )
    return found._replace(leads=tuple(leads))


def _brings(item):
    """Return the kinds of resources that an alternative leads to."""
    if not isinstance(item, Visit):
        return set()
    passed = item.kind in links.PASSED_THROUGH
    return links.kinds_below(item.kind) if passed else {item.kind}


def kind_of(lead):
    """Return the kind of document that a lead is, None of one that is passed through."""
    if isinstance(lead, Visit):
        return lead.kind
    return lead.record and links.kind(lead.record.resource_type)


#: visits that a thread makes in one go, at most: handing over each of them costs more than to make it
_BATCH = 8
#: characters of a serial number that may prove that two URLs are those of one resource
_SHORTEST_PROOF = 4


class Crawl:
    """One crawl with a reader, by as many threads as ``pace`` has requests in flight; with one, by the caller's.

    ``collected`` takes the facts that are found.
    """

    def __init__(self, reader, pace, collected: facts.Facts | None = None):
        self._reader = reader
        self._pace = pace
        self._facts = collected or facts.Facts()
        self._claimed = compact.Numbers()  # of the URLs that were, or will be, read
        #: hash of an identity -> the collection of the service root where it was found once, None where several have it
        self._tops: dict[int, str | None] = {}

    def run(self, root):
        """Yield what is found below the root document: Seen, Unchanged, Unread."""
        with self._starting() as start:
            for lead in self._reader.leads(root, "ServiceRoot", "", ""):
                yield from self._walk(lead, start)

    def _walk(self, lead, start):
        waiting = compact.Queue()
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
            if isinstance(item, Visit):
                if (
                    item.pages is not None
                ):  # before the members read so far: those may lead to others of the list
                    waiting.appendleft(item)
                elif self._claim(item.url):
                    waiting.append(item)
            elif not isinstance(item, Found):
                self._facts.miss(item)
                yield item
            elif item.url == url or self._claim(item.url):
                url = None if item.url == url else url
                self._facts.add(item.url, item.fact)
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
        top, identity = _top(found.url), hash(found.identity)
        if identity not in self._tops:
            self._tops[identity] = top
        elif self._tops[identity] == top:
            self._tops[identity] = None
        else:
            return self._tops[identity] is not None
        return False

    def _claim(self, url):
        count = len(self._claimed)
        return self._claimed.add(hash(url)) == count

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
    return sys.intern(url.rsplit("/v1/", 1)[-1].partition("/")[0])
