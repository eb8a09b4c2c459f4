# SPDX-License-Identifier: Apache-2.0
"""Reading what a link leads to: a resource or a collection, whole, expanded or in pages, or why it cannot be read."""

import typing

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers import redfish_document
from valence.podmanagers import redfish_links

#: pages of one collection, at most
_MOST_PAGES = 1000
#: answers of 401 in a row after which the credentials, not the documents, are at fault
_MOST_REFUSALS = 3
#: time-outs and the like after which a service that fails more than this share of reads is not read on
_MANY_FAILURES = 30
_MOST_FAILING = 0.1
_LONGEST_URL = 500


class Visit(typing.NamedTuple):
    """A URL to read: the kind of thing that it leads to, the resource above it, and whether a list names it."""

    url: str
    kind: str
    parent: str
    listed: bool


class Found(typing.NamedTuple):
    """What a document told: what to yield of it (None if it is only passed through), and where it leads."""

    url: str
    record: base.Seen | base.Unchanged | None
    leads: list


class Reader:
    """Reads visits, in any thread.

    ``etags`` are those stored of known resources. ``memory`` maps URLs to (ETag, leads) of documents that were read
    before: one that did not change since does not say again where it leads.
    """

    def __init__(self, connection, etags, memory, expansion, most_failures):
        self._connection = connection
        self._etags = etags
        self._memory = memory
        self._expansion = expansion
        self._most_failures = most_failures
        self._reads = 0
        self._all_failures = 0
        self._failures = 0
        self._refusals = 0
        self.stopped = False

    def read(self, visits):
        """Return each visit with what was found: Found, Visit, Unread.

        Raises PodManagerUnreachable or PodManagerAuthFailed if reading on is of no use.
        """
        return [(visit, [] if self.stopped else self._read(visit)) for visit in visits]

    def leads(self, document, kind, parent):
        """Return where a document leads: visits, and what it brings with it."""
        return [
            lead
            for link in redfish_links.LINKS.get(kind, ())
            if link.unless is None or not document.get(link.unless)
            for lead in self._follow(redfish_document.at(document, link.path), link.kind, parent)
        ]

    def _read(self, visit):
        items = []
        self._reads += 1
        try:
            items.extend(self._resource(visit) if visit.listed else self._link(visit))
            self._failures = self._refusals = 0
        except errors.ResourceGone as error:
            self._failures = self._refusals = 0
            if not visit.listed and not visit.parent:
                # A controller that boots answers so for everything it has: nothing of that may be removed.
                items.append(self._unread(visit, error.kwargs["reason"]))
        except errors.PodManagerError as error:
            self._raise_if_useless(error)
            items.append(self._unread(visit, error.kwargs["reason"]))
        return items

    def _resource(self, visit):
        stored, leads = self._known(visit)
        document = self._connection.get(visit.url, stored)
        if document.content is None:
            return [Found(visit.url, base.Unchanged(visit.url), leads)]
        found = self._found(document.content, visit.url, visit.kind, visit.parent, document.etag)
        self._remember(found)
        return [found]

    def _known(self, visit):
        """Return the ETag to ask with and the leads of the document that has it; None where leads are not known."""
        stored = self._etags.get(visit.url)
        if stored is None or visit.kind not in redfish_links.LINKS:
            return stored, []
        etag, leads = self._memory.get(visit.url, (None, None))
        return (stored, leads) if etag == stored else (None, None)

    def _remember(self, found):
        etag = found.record and found.record.etag
        if etag and all(isinstance(lead, Visit) for lead in found.leads):
            self._memory[found.url] = (etag, found.leads)

    def _link(self, visit):
        """Yield what a link leads to: the members of a collection, or one document."""
        document = self._expanded(visit)
        etag = None
        if document is None:
            document, etag = self._connection.get(visit.url)
        members = redfish_document.members(document)
        if members is None:
            yield self._found(document, visit.url, visit.kind, visit.parent, etag)
            return
        yield from self._members(members, visit.kind, visit.parent)
        yield from self._further_pages(document, visit)

    def _expanded(self, visit):
        """Return a collection read with its members, None if it is to be read without."""
        query = self._expansion.query
        if query is None or visit.kind in redfish_links.PASSED_THROUGH or "?" in visit.url:
            return None
        try:
            document = self._connection.get(visit.url + query).content
        except errors.PodManagerAuthFailed:
            raise
        except errors.PodManagerError as error:
            dead_link = isinstance(error, errors.ResourceGone) and self._expansion.proven
            if not dead_link:
                self._expansion.failed()
            return None
        members = redfish_document.members(document)
        if members:
            self._expansion.saw(any(map(redfish_document.has_content, members)))
        return document if redfish_document.is_whole(document) else None

    def _further_pages(self, document, visit):
        pages = {visit.url}
        while True:
            following = redfish_document.reference(document.get("Members@odata.nextLink"))
            if following is None or following in pages:
                return
            pages.add(following)
            document = self._page(following, len(pages))
            yield from self._members(redfish_document.members(document) or [], visit.kind, visit.parent)

    def _page(self, url, number):
        """Return a further page of a collection; members that cannot be listed are unread, never gone."""
        paths = self._connection.paths
        path = paths.local(url)
        if path is None or number > _MOST_PAGES:
            reason = (
                "a collection goes on elsewhere"
                if path is None
                else f"a collection has over {_MOST_PAGES} pages"
            )
            raise errors.PodManagerError(url=paths.url, reason=reason)
        try:
            return self._connection.get(path).content
        except errors.ResourceGone as error:
            raise errors.PodManagerError(**error.kwargs) from None

    def _follow(self, value, kind, parent):
        if isinstance(value, list):
            return self._members(value, kind, parent)
        if (
            isinstance(value, dict)
            and isinstance(value.get("Members"), list)
            and not redfish_document.goes_on(value)
        ):
            return self._members(value["Members"], kind, parent)
        url = self._url(value)
        return [Visit(url, kind, parent, False)] if url else []

    def _members(self, members, kind, parent):
        for member in members:
            url = self._url(member)
            if url is None:
                continue
            if redfish_document.has_content(member):
                yield self._found(member, url, kind, parent)
            else:
                yield Visit(url, kind, parent, True)

    def _found(self, document, url, kind, parent, etag=None):
        if kind in redfish_links.PASSED_THROUGH:
            return Found(url, None, self.leads(document, kind, parent))
        return Found(
            url, redfish_document.seen(document, url, kind, parent, etag), self.leads(document, kind, url)
        )

    def _url(self, value):
        url = redfish_document.reference(value)
        url = url and self._connection.paths.link(url)
        return url if url and len(url) <= _LONGEST_URL else None

    def _unread(self, visit, reason):
        """Say what must not be taken for removed: a listed resource and what is below, or a part of that above."""
        listed = visit.listed and visit.kind not in redfish_links.PASSED_THROUGH
        place = visit.url if listed else visit.parent
        return base.Unread(place, redfish_links.TYPES_OF[visit.kind], reason)

    def _raise_if_useless(self, error):
        """Raise the error of a document if it is the service that fails, not the document."""
        if isinstance(error, errors.PodManagerUnreachable):
            self._failures += 1
            self._all_failures += 1
        if isinstance(error, errors.PodManagerAuthFailed):
            self._refusals += 1
        if self._connection.refused or self._refusals >= _MOST_REFUSALS or self._is_failing():
            raise error

    def _is_failing(self):
        many = self._all_failures >= _MANY_FAILURES and self._all_failures > self._reads * _MOST_FAILING
        return many or self._failures >= self._most_failures
