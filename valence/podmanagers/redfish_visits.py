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


def after(instead, items):
    """Return the first alternative, after which the others and then ``items`` are tried."""
    first = instead[0]
    return [
        first._replace(instead=(*first.instead, *instead[1:], *items)) if isinstance(first, Visit) else first
    ]


def passing_on(found, instead):
    """Return a document that is passed through; ``instead`` takes the place of what it leads to if that is nothing."""
    brought = set().union(*(_brings(each) for each in instead)) or {_kind(lead) for lead in found.leads}
    concerned = [lead for lead in found.leads if _kind(lead) in brought]
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


def _kind(lead):
    if isinstance(lead, Visit):
        return lead.kind
    return lead.record and redfish_links.kind(lead.record.resource_type)
