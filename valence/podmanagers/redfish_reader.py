# SPDX-License-Identifier: Apache-2.0
"""Reading what a link leads to: a resource or a collection, whole, expanded or in pages, or why it cannot be read."""

import typing

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers import redfish_document
from valence.podmanagers import redfish_links
from valence.podmanagers import redfish_visits
from valence.podmanagers.redfish_visits import Found
from valence.podmanagers.redfish_visits import Visit

#: pages of one collection, at most
_MOST_PAGES = 1000
#: time-outs and the like after which a service that fails more than this share of reads is not read on
_MANY_FAILURES = 30
_MOST_FAILING = 0.1
_LONGEST_URL = 500


class Listing(typing.NamedTuple):
    """What a page of a collection told: its members and where it goes on; ``whole`` as is_whole of the document.

    ``expanded`` says whether there are members, and documents of them. A link to a single resource has that one.
    """

    items: list
    following: str | None = None
    whole: bool = True
    expanded: bool | None = None


class Reader:
    """Reads visits, in any thread.

    ``etags`` are those stored of known resources, ``known`` the URLs of all of them; ``memory`` keeps what documents
    told. ``collections`` and ``resources`` are the expansions to try on them. Kinds in ``skipped`` are not read.
    """

    def __init__(
        self,
        connection,
        etags,
        memory,
        collections,
        resources,
        *,
        most_failures,
        known=frozenset(),
        skipped=frozenset(),
    ):
        self._connection = connection
        self._etags = etags
        self._known = known
        self._skipped = skipped
        self._memory = memory
        self._collections = collections
        self._resources = resources
        self._most_failures = most_failures
        self._reads = 0
        self._all_failures = 0
        self._failures = 0
        self.stopped = False

    def read(self, visits):
        """Return each visit with what was found: Found, Visit, Unread.

        Raises PodManagerUnreachable or PodManagerAuthFailed if reading on is of no use.
        """
        return [(visit, [] if self.stopped else self._read(visit)) for visit in visits]

    def leads(self, document, kind, parent, url):
        """Return where the document at ``url`` leads: visits, and what it brings with it."""
        return tuple(
            lead
            for link in redfish_links.LINKS.get(kind, ())
            if link.kind not in self._skipped
            for lead in self._first_of(link, document, parent, url)
        )

    def _first_of(self, link, document, parent, url):
        """Return what the first of a link and its alternatives leads to; the others are visited if that is nothing."""
        instead: tuple = ()
        for each in reversed((link, *link.instead)):
            value = redfish_document.at(document, each.path)
            place = f"{url}{'' if '#' in url else '#'}/{'/'.join(each.path)}"
            here = tuple(self._follow(value, each.kind, parent, place))
            if len(here) == 1 and isinstance(here[0], Visit) and not here[0].listed:
                here = (here[0]._replace(instead=instead),)
            instead = here or instead
        return instead

    def _read(self, visit):
        items, error = self._at(visit)
        return self._or_instead(visit, items, error) if visit.instead else items

    def _or_instead(self, visit, items, error):
        """Return what was found at a URL, or its alternatives if that is nothing."""
        if not items:
            return list(visit.instead)
        if error is not None:
            return (
                items
                if len(items) > 1 or self._is_passing(visit, error)
                else redfish_visits.after(visit.instead, items)
            )
        if visit.kind in redfish_links.PASSED_THROUGH:
            return [
                redfish_visits.passing_on(each, visit.instead) if isinstance(each, Found) else each
                for each in items
            ]
        if not all(isinstance(item, Visit) for item in items):
            return items
        for number, member in enumerate(items):  # a list whose members are all dead holds nothing
            if found := self._at(member)[0]:
                return [*found, *items[number + 1 :]]
        return list(visit.instead)

    def _at(self, visit):
        """Return what is found at a URL, Unread if it cannot be read, and the error, None where there is none."""
        items = []
        self._reads += 1
        try:
            items.extend(self._resource(visit) if visit.listed else self._link(visit))
            self._failures = 0
        except errors.ResourceGone as error:
            self._failures = 0
            if not visit.listed and not visit.parent:
                # A controller that boots answers so for everything it has: nothing of that may be removed.
                items.append(self._unread(visit, error.kwargs["reason"]))
        except errors.PodManagerError as error:
            self._raise_if_useless(error)
            items.append(self._unread(visit, error.kwargs["reason"]))
            return items, error
        return items, None

    def _is_passing(self, visit, error):
        """Whether an error is no reason to prefer an alternative: it may pass, or resources are known by this link."""
        passes = isinstance(error, errors.PodManagerUnreachable)
        return passes or any(url.startswith(f"{visit.url}/") for url in self._known)

    def _resource(self, visit):
        return [self._with_members(visit) or self._alone(visit)]

    def _with_members(self, visit):
        """Return the Found of a resource read with the members of its collections, None if it is to be read alone."""
        if visit.kind not in redfish_links.EXPANDED:
            return None

        def parse(document):
            return self._found(document.content, visit.url, visit.kind, visit.parent, document.etag)

        found = self._expanded(self._resources, visit, parse)
        if found is not None and found.leads:
            self._resources.saw(any(isinstance(lead, Found) for lead in found.leads))
        return found

    def _alone(self, visit):
        """Return the Found of a resource; one that has an ETag is asked for by that."""
        key, etag = _key(visit, visit.url), self._etags.get(visit.url)
        known = self._memory.recall(key)
        kept = visit.kind in redfish_links.LINKS or visit.kind in redfish_links.AT_TWO_PLACES
        if kept and (
            known is None or not isinstance(known.told.record, base.Seen) or known.told.record.etag != etag
        ):
            etag = None  # a document that did not change does not say again where it leads
        document = self._connection.get(visit.url, etag, known and known.digest)
        if document.content is None and document.digest:
            return known.told
        if document.content is None:
            unchanged = base.Unchanged(visit.url)
            return known.told._replace(record=unchanged) if kept else Found(visit.url, unchanged, ())
        found = self._found(document.content, visit.url, visit.kind, visit.parent, document.etag)
        if document.digest and (kept or found.record is None or not found.record.etag):
            self._memory.keep(key, document.digest, found)
        return found

    def _link(self, visit):
        """Yield what a link leads to: the members of a collection, or one document."""

        def parse(document):
            return self._listing(document, visit)

        listing = self._expanded_members(visit, parse)
        if listing is None:
            listing = self._told(visit, visit.url, parse)
        yield from listing.items
        yield from self._further_pages(listing, visit)

    def _expanded_members(self, visit, parse):
        """Return the Listing of a collection read with its members, None if it is to be read without."""
        if visit.kind in redfish_links.PASSED_THROUGH:
            return None
        if visit.kind in redfish_links.EXPANDED and self._resources.query:
            return None  # each of them brings more when it is read by itself
        listing = self._expanded(self._collections, visit, parse)
        if listing is None:
            return None
        if listing.expanded is not None:
            self._collections.saw(listing.expanded)
        return listing if listing.whole else None

    def _expanded(self, expansion, visit, parse):
        """Return what an expanded document told, None if it is to be read without."""
        query = expansion.query
        if query is None or "?" in visit.url or "#" in visit.url:
            return None
        try:  # the ETag is of the whole, not of the document itself
            return self._told(visit, visit.url + query, lambda document: parse(document._replace(etag=None)))
        except errors.PodManagerAuthFailed:
            raise
        except errors.PodManagerError as error:
            if not (isinstance(error, errors.ResourceGone) and expansion.proven):  # else the link is dead
                expansion.failed()
            return None

    def _told(self, visit, url, parse):
        """Return what ``parse`` makes of the document at ``url``; of one with the same bytes as before, the same."""
        known = self._memory.recall(_key(visit, url))
        document = self._connection.get(url, digest=known and known.digest)
        if document.content is None:
            return known.told
        told = parse(document)
        if document.digest:
            self._memory.keep(_key(visit, url), document.digest, told)
        return told

    def _listing(self, document, visit):
        """Return the Listing that a Document is."""
        content = document.content
        members = redfish_document.members(content)
        if members is None:
            return Listing([self._found(content, visit.url, visit.kind, visit.parent, document.etag)])
        items = list(self._members(members, visit.kind, visit.parent))
        following = redfish_document.reference(content.get("Members@odata.nextLink"))
        expanded = any(map(redfish_document.has_content, members)) if members else None
        return Listing(items, following, redfish_document.is_whole(content), expanded)

    def _further_pages(self, listing, visit):
        pages = {visit.url}
        while listing.following is not None and listing.following not in pages:
            pages.add(listing.following)
            listing = self._page(visit, listing.following, len(pages))
            yield from listing.items

    def _page(self, visit, url, number):
        """Return the Listing of a further page; members that cannot be listed are unread, never gone."""
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
            return self._told(visit, path, lambda document: self._listing(document, visit))
        except errors.ResourceGone as error:
            raise errors.PodManagerError(**error.kwargs) from None

    def _follow(self, value, kind, parent, place):
        """Return where the value of a link leads; ``place`` is the URL of the value itself."""
        if isinstance(value, list):
            return self._members(value, kind, parent, place)
        url = self._url(value)
        if self._is_embedded(value, url):
            return self._members(value["Members"], kind, parent)
        return [Visit(url, kind, parent, False)] if url else []

    def _is_embedded(self, value, url):
        """Whether a link brings its collection with it, and reading that at ``url`` would not bring more."""
        if not isinstance(value, dict) or not isinstance(value.get("Members"), list):
            return False
        if redfish_document.goes_on(value) or not redfish_document.is_whole(value):
            return False
        members = value["Members"]
        could_expand = url and self._collections.query
        return not (members and could_expand) or any(map(redfish_document.has_content, members))

    def _members(self, members, kind, parent, place=None):
        """Yield what each member is: Found of a document, else Visit.

        ``place`` is the URL of a list that may hold parts of its document instead of links.
        """
        for number, member in enumerate(members):
            url = self._url(member)
            if place and redfish_document.is_part(member, url, place):
                yield self._found(member, url if url and "#" in url else f"{place}/{number}", kind, parent)
            elif url is not None and redfish_document.has_content(member):
                yield self._found(member, url, kind, parent)
            elif url is not None:
                yield Visit(url, kind, parent, True)

    def _found(self, document, url, kind, parent, etag=None):
        url = self._own_case(document, url)
        if kind in redfish_links.PASSED_THROUGH:
            return Found(url, None, self.leads(document, kind, parent, url))
        seen = redfish_document.seen(document, url, kind, parent, etag)
        identity = seen.identity if kind in redfish_links.AT_TWO_PLACES else None
        leads = self.leads(document, kind, url, url)
        return Found(url, seen, leads, identity and (seen.resource_type, identity))

    def _own_case(self, document, url):
        """Return the URL as the document writes it if that differs in case only: services may not care for case."""
        own = self._url(document)
        return own if own and own.lower() == url.lower() else url

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
        if self._connection.refused or self._is_failing():
            raise error

    def _is_failing(self):
        many = self._all_failures >= _MANY_FAILURES and self._all_failures > self._reads * _MOST_FAILING
        return many or self._failures >= self._most_failures


def _key(visit, url):
    """Return what the meaning of the document at ``url`` depends on."""
    return url, visit.kind, visit.parent
