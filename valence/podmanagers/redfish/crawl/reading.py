# SPDX-License-Identifier: Apache-2.0
"""Reading what a link leads to: a resource or a collection, whole, expanded or in pages, or why it cannot be read."""

import collections
import contextlib

from valence.common import errors
from valence.podmanagers import base
from valence.podmanagers.redfish.crawl import capabilities
from valence.podmanagers.redfish.crawl import collection_pages
from valence.podmanagers.redfish.crawl import crawl
from valence.podmanagers.redfish.crawl import links
from valence.podmanagers.redfish.crawl import measures
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.crawl.crawl import Found
from valence.podmanagers.redfish.crawl.crawl import Listing
from valence.podmanagers.redfish.crawl.crawl import Visit

#: time-outs and the like after which a service that fails more than this share of reads is not read on
_MANY_FAILURES = 30
_MOST_FAILING = 0.1
_LONGEST_URL = 500
#: requests that are saved by reading a collection again, with what is below its members
_WORTH_MORE = 3
#: kinds whose documents say more than a resource's state: what they told is remembered
_REMEMBERED = frozenset(links.LINKS) | links.AT_TWO_PLACES | measures.COUNTED


class Reader:
    """Reads visits, in any thread.

    ``etags`` (base.Etags) are those of known resources; ``memory`` keeps what documents told. ``collections`` and
    ``resources`` are the expansions to try on them, ``deep`` is the one of collections with those below; ``trust``
    knows which ETags are of use. Kinds in ``skipped`` are not read.
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
        proofs,
        skipped=frozenset(),
        deep=capabilities.NONE,
        trust=None,
    ):
        self._connection = connection
        self._etags = etags
        self._skipped = skipped
        self._deep = deep
        self._trust = trust or capabilities.Trust()
        self._memory = memory
        self._collections = collections
        self._resources = resources
        self._most_failures = most_failures
        self._proofs = proofs
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
            for link in links.LINKS.get(kind, ())
            if link.kind not in self._skipped
            for lead in self._first_of(link, document, parent, url)
        )

    def _first_of(self, link, document, parent, url):
        """Return what the first of a link and its alternatives leads to; the others are visited if that is nothing."""
        instead: tuple = ()
        for each in reversed((link, *link.instead)):
            value = properties.at(document, each.path)
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
                else crawl.after(visit.instead, items)
            )
        if visit.kind in links.PASSED_THROUGH:
            return [
                crawl.passing_on(each, visit.instead) if isinstance(each, Found) else each for each in items
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
            if visit.pages is not None or not (visit.listed or visit.parent):
                # A controller that boots answers so for everything it has: nothing of that may be removed.
                items.append(self._unread(visit, error.kwargs["reason"], dead=visit.pages is None))
        except errors.PodManagerError as error:
            self._raise_if_useless(error)
            items.append(self._unread(visit, error.kwargs["reason"]))
            return items, error
        return items, None

    def _is_passing(self, visit, error):
        """Whether an error is no reason to prefer an alternative: it may pass, or resources are known by this link."""
        if isinstance(error, errors.PodManagerUnreachable):
            return True
        is_passed = visit.kind in links.PASSED_THROUGH
        return self._etags.has_below(visit.url, members_only=not is_passed)

    def _resource(self, visit):
        return [self._with_members(visit) or self._alone(visit)]

    def _with_members(self, visit):
        """Return the Found of a resource read with the members of its collections, None if it is to be read alone."""
        if visit.kind not in links.EXPANDED:
            return None

        def parse(document):
            if not self._is_whole(document.content, visit.url, visit.kind, of_resource=True):
                return None
            return self._found(document.content, visit.url, visit.kind, visit.parent, document.etag)

        found = self._expanded(self._resources, visit, parse)
        if found is None and self._proofs.of(_with_members(visit.kind)) is False:
            self._resources.disprove()
        if found is not None and found.leads:
            self._resources.saw(any(isinstance(lead, Found) for lead in found.leads))
        return found and found._replace(leads=self._deepened(found.leads, visit.url))

    def _deepened(self, leads, parent):
        """Return leads, with what is below those that are members of one collection elsewhere read by one request."""
        if not self._deep.query:
            return leads
        members = collections.defaultdict(list)
        for lead in leads:
            if isinstance(lead, Found) and any(isinstance(each, Visit) for each in lead.leads):
                members[lead.url.rpartition("/")[0], crawl.kind_of(lead)].append(lead)
        deep = {}
        for (url, kind), found in members.items():
            if self._is_worth_more(kind, url, found) and not url.startswith(f"{parent}/"):
                deep |= self._members_of(Visit(url, kind, parent, False))
        return tuple(deep.get(lead.url, lead) for lead in leads)

    def _members_of(self, visit):
        """Return the members of a collection, with what is below, by URL; none if it cannot be read so."""
        listing = self._expanded(self._deep, visit, lambda document: self._listing(document, visit))
        return {item.url: item for item in (listing.items if listing else ()) if isinstance(item, Found)}

    def _alone(self, visit):
        """Return the Found of a resource; one that has an ETag is asked for by that."""
        key, trusted = _key(visit, visit.url), self._trust.uses(capabilities.RESOURCE)
        etag = self._etags.get(visit.url) if trusted else None
        known = self._memory.recall(key)
        kept = visit.kind in _REMEMBERED
        if kept and (
            known is None or not isinstance(known.told.record, base.Seen) or known.told.record.etag != etag
        ):
            etag = None  # a document that did not change does not say again where it leads, or what it counts
        document = self._connection.get(visit.url, etag, known and known.digest)
        if document.content is None and document.digest:
            return known.told
        if document.content is None:
            unchanged = base.Unchanged(visit.url)
            return known.told._replace(record=unchanged) if kept else Found(visit.url, unchanged, ())
        found = self._found(document.content, visit.url, visit.kind, visit.parent, document.etag)
        if known and found.record and isinstance(known.told, Found) and known.told.record:
            before, now = known.told.record.etag, found.record.etag
            self._trust.compare(capabilities.RESOURCE, (before, known.told), (now, found))
        if document.digest and (kept or found.record is None or not found.record.etag):
            self._memory.keep(key, document.digest, found)
        return found

    def _link(self, visit):
        """Yield what a link leads to: the members of a page of a collection and the next page, or one document."""

        def parse(document):
            return self._listing(document, visit)

        listing = self._expanded_members(visit, parse) or self._told(visit, visit.url, parse)
        yield from listing.items
        if listing.page is not None:
            yield from self._rest(listing, visit)

    def _rest(self, listing, visit):
        """Yield the next page of a collection, or that members of it are missing."""
        pages = visit.pages or collection_pages.Pages(self._connection.paths)
        try:
            following = pages.take(visit.url, listing.page, [item.url for item in listing.items])
        except collection_pages.Incomplete as error:
            yield self._unread(visit, f"{visit.url}: {error}")
            return
        if following is not None:
            yield visit._replace(url=following, pages=pages, instead=())

    def _expanded_members(self, visit, parse):
        """Return the Listing of a collection read with its members, None if it is to be read without."""
        if self._proofs.of(visit.kind) is False or visit.pages is not None:
            return None
        if visit.kind in links.DEEP_PASSED:
            return self._expanded(self._resources, visit, self._if_whole(visit, parse))
        by_themselves = visit.kind in links.EXPANDED and self._resources.query  # each brings more then
        if visit.kind in links.PASSED_THROUGH or by_themselves:
            return None
        listing = self._expanded(self._deep, visit, parse) if visit.kind in links.DEEP else None
        listing = listing or self._expanded(self._collections, visit, parse)
        return listing and self._usable(listing, visit, parse)

    def _usable(self, listing, visit, parse):
        """Return an expanded Listing, or a plain one, if it has all members; None where a plain one has to be read."""
        if listing.expanded is not None:
            self._collections.saw(listing.expanded)
        if listing.page is not None and not listing.page.is_whole(len(listing.items)):
            return None
        return self._with_true_places(listing, visit, parse) if listing.elsewhere else listing

    def _with_true_places(self, expanded, visit, parse):
        """Return an expanded Listing if its members are those of the plain one, else that.

        Some services write the URL of another resource into an expanded member.
        """
        plain = self._told(visit, visit.url, parse)
        same = [item.url for item in expanded.items] == [item.url for item in plain.items]
        return expanded if same else plain

    def _if_whole(self, visit, parse):
        """Return a function that parses an expanded document, and returns None of one that lacks links."""

        def parse_whole(document):
            return parse(document) if self._is_whole(document.content, visit.url, visit.kind) else None

        return parse_whole

    def _expanded(self, expansion, visit, parse):
        """Return what an expanded document told, None if it is to be read without."""
        query = expansion.query
        if query is None or "?" in visit.url or "#" in visit.url:
            return None
        try:  # the ETag is of the whole, not of the document itself
            return self._told_expanded(visit, visit.url + query, parse)
        except errors.PodManagerAuthFailed:
            raise
        except errors.PodManagerError as error:
            if not (isinstance(error, errors.ResourceGone) and expansion.proven):  # else the link is dead
                expansion.failed()
            return None

    def _told_expanded(self, visit, url, parse):
        """Return the same as ``_told``; of the first one, find out whether its ETag depends on what is expanded."""
        told = self._told(
            visit, url, lambda document: parse(document._replace(etag=None)), capabilities.EXPANDED
        )
        known = self._memory.recall(_key(visit, url))
        if (
            self._trust.of(capabilities.EXPANDED) is None
            and known
            and known.etag
            and crawl.has_documents(told)
        ):
            with contextlib.suppress(errors.PodManagerError):
                self._trust.compare_forms(self._connection.get(visit.url).etag, known.etag)
        return told

    def _told(self, visit, url, parse, sort=capabilities.COLLECTION):
        """Return what ``parse`` makes of the document at ``url``; of one that is the same as before, the same."""
        known = self._memory.recall(_key(visit, url))
        etag = known.etag if known and self._trust.uses(sort) else None
        document = self._connection.get(url, etag, known and known.digest)
        if document.content is None:
            return known.told
        told = parse(document)
        if known:
            self._trust.compare(sort, (known.etag, known.told), (document.etag, told))
        if document.digest:
            usable = properties.usable_etag(document.etag)
            self._memory.keep(_key(visit, url), document.digest, told, usable)
        return told

    def _listing(self, document, visit):
        """Return the Listing that a Document is; raise PodManagerError if it is neither a list nor a resource."""
        content = document.content
        page = collection_pages.page(content)
        if page is None and visit.pages is None and properties.is_single(content):
            return Listing([self._found(content, visit.url, visit.kind, visit.parent, document.etag)])
        if page is None or page.members is None:
            reason = "it is no collection" if page is None else "it is a collection without a list of members"
            raise errors.PodManagerError(url=self._connection.paths.url, reason=f"{visit.url}: {reason}")
        items = list(self._members(page.members, visit.kind, visit.parent))
        expanded = any(map(properties.has_content, page.members)) if page.members else None
        elsewhere = bool(expanded) and not self._is_below(visit.url, page.members)
        return Listing(items, page._replace(members=len(page.members)), expanded, elsewhere)

    def _is_below(self, url, members):
        """Return whether each document among the members has a place of its own below the collection at ``url``."""
        brought = [self._url(member) for member in members if properties.has_content(member)]
        start = f"{url.partition('?')[0]}/".lower()
        return len(set(brought)) == len(brought) and all(
            each and each.lower().startswith(start) for each in brought
        )

    def _follow(self, value, kind, parent, place):
        """Return where the value of a link leads; ``place`` is the URL of the value itself."""
        if isinstance(value, list):
            return self._members(value, kind, parent, place)
        url = self._url(value)
        if self._is_embedded(value, url):
            members = tuple(self._members(value["Members"], kind, parent))
            return [Visit(url, kind, parent, False)] if self._is_worth_more(kind, url, members) else members
        return [Visit(url, kind, parent, False)] if url else []

    def _is_worth_more(self, kind, url, members):
        """Whether one request for a collection brings what several for that below its members would."""
        if not (url and kind in links.DEEP and self._deep.query):
            return False
        leads = (lead for each in members if isinstance(each, Found) for lead in each.leads)
        return sum(isinstance(lead, Visit) for lead in leads) >= _WORTH_MORE

    def _is_embedded(self, value, url):
        """Whether a link brings its collection with it, and reading that at ``url`` would not bring more."""
        if not isinstance(value, dict) or not isinstance(value.get("Members"), list):
            return False
        if not collection_pages.is_whole(value) or (url and not self._is_below(url, value["Members"])):
            return False
        members = value["Members"]
        could_expand = url and self._collections.query
        return not (members and could_expand) or any(map(properties.has_content, members))

    def _members(self, members, kind, parent, place=None):
        """Yield what each member is: Found of a document, else Visit.

        ``place`` is the URL of a list that may hold parts of its document instead of links.
        """
        parts = set()  # some services give every part the same URL
        for number, member in enumerate(members):
            url = self._url(member)
            if place and properties.is_part(member, url, place):
                part = url if url and "#" in url and url not in parts else f"{place}/{number}"
                parts.add(part)
                yield self._found(member, part, kind, parent)
            elif url is not None and properties.has_content(member) and self._is_whole(member, url, kind):
                yield self._found(member, url, kind, parent)
            elif url is not None:
                yield Visit(url, kind, parent, True)

    def _is_whole(self, document, url, kind, *, of_resource=False):
        """Return whether documents of a kind that come expanded are as good as those read alone; find it out by one."""
        if "#" in url:
            return True
        name = _with_members(kind) if of_resource else kind
        known = self._proofs.of(name)
        if known is not None:
            return known
        try:
            alone = self._connection.get(url).content
        except errors.PodManagerError:
            return False
        return self._proofs.note(name, not properties.lacks(document, alone, kind))

    def _found(self, document, url, kind, parent, etag=None):
        url = self._own_case(document, url)
        fact = measures.of(kind, document, parent, self._url)
        if kind in links.PASSED_THROUGH:
            return Found(url, None, self.leads(document, kind, parent, url), fact=fact)
        seen = properties.seen(document, url, kind, parent, etag)
        identity = seen.identity if kind in links.AT_TWO_PLACES else None
        leads = self.leads(document, kind, url, url)
        return Found(url, seen, leads, identity and (seen.resource_type, identity), fact)

    def _own_case(self, document, url):
        """Return the URL as the document writes it if that differs in case only: services may not care for case."""
        own = self._url(document)
        return own if own and own.lower() == url.lower() else url

    def _url(self, value):
        url = properties.reference(value)
        url = url and self._connection.paths.link(url)
        return url if url and len(url) <= _LONGEST_URL else None

    def _unread(self, visit, reason, *, dead=False):
        """Say what must not be taken for removed: a listed resource and what is below, or a part of that above."""
        if visit.listed and visit.kind not in links.PASSED_THROUGH:
            return base.Unread(visit.url, links.TYPES_OF[visit.kind], reason, dead)
        return base.Unread(visit.parent, links.LED_TO[visit.kind], reason, dead)

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


def _with_members(kind):
    """Return the name by which Proofs know a kind that is read with the members of its collections."""
    return f"{kind} with members"


def _key(visit, url):
    """Return what the meaning of the document at ``url`` depends on."""
    return url, visit.kind, visit.parent
