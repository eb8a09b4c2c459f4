# SPDX-License-Identifier: Apache-2.0
"""What a crawl is made of: URLs to visit, what was found there, and which of two descriptions of hardware is taken."""

import typing

from valence.podmanagers import base
from valence.podmanagers import redfish_links
from valence.podmanagers import redfish_listing


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
    pages: redfish_listing.Pages | None = None


class Found(typing.NamedTuple):
    """What a document told: what to yield of it (None if it is only passed through), and where it leads.

    ``identity`` is the identity of a resource of a kind that may have two URLs, also where the record is Unchanged.
    """

    url: str
    record: base.Seen | base.Unchanged | None
    leads: tuple
    identity: tuple | None = None


class Listing(typing.NamedTuple):
    """What a page of a collection told: an item for each of its members that can be read, and the page itself.

    ``expanded`` says whether there are members, and documents of them; ``elsewhere`` whether one of those is said to
    have another place than below the collection. A link to a single resource has that one and no ``page``.
    """

    items: list
    page: redfish_listing.Page | None = None
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
    passed = item.kind in redfish_links.PASSED_THROUGH
    return redfish_links.kinds_below(item.kind) if passed else {item.kind}


def kind_of(lead):
    """Return the kind of document that a lead is, None of one that is passed through."""
    if isinstance(lead, Visit):
        return lead.kind
    return lead.record and redfish_links.kind(lead.record.resource_type)
