# SPDX-License-Identifier: Apache-2.0
"""Collections: the members that a page lists, the pages after it, and whether all that were announced are there.

A collection without a list is not an empty one: controllers that start or fail answer so.
"""

import typing

from valence.common import errors
from valence.podmanagers.redfish.crawl import properties

#: pages, and members, of one collection that are read
MOST_PAGES = 1000
MOST_MEMBERS = 100_000
_FOLLOWING = ("Members@odata.nextLink", "@odata.nextLink")


class Page(typing.NamedTuple):
    """A page of a collection: its members, None if it has no list; how many it announces; the link to the next page.

    ``members`` may also be how many there are: a page that is remembered does not keep them.
    """

    members: typing.Any
    expected: int | None = None
    following: str | None = None

    def is_whole(self, usable: int) -> bool:
        """Return whether ``usable`` members are all, of this page and as far as it announces how many there are."""
        return usable >= self.members and (self.following is not None or usable >= (self.expected or 0))


def page(document: dict) -> Page | None:
    """Return the page that a document is, None if it is no collection."""
    for place in (document, document.get("Links")):
        if isinstance(place, dict) and ("Members" in place or "Members@odata.count" in place):
            following = (properties.reference(place.get(name)) for name in _FOLLOWING)
            return Page(
                properties.members(document),
                _count(place.get("Members@odata.count")),
                next(filter(None, following), None),
            )
    return Page(None) if "Collection" in str(document.get("@odata.type")) else None


def is_whole(document: dict) -> bool:
    """Return whether a collection lists all its members on one page."""
    found = page(document)
    if found is None or found.members is None or found.following is not None:
        return False
    return len(found.members) >= (found.expected or 0)


class Incomplete(Exception):
    """Members of a collection cannot be read; the text says why."""


class Pages:
    """The pages of one collection, read one after the other; ``paths`` is that of the service."""

    def __init__(self, paths):
        self._paths = paths
        self._urls, self._last = set(), None
        self._listed, self._expected = 0, None

    def take(self, url: str, found: Page, links: list) -> str | None:
        """Take the page at ``url`` with its usable ``links``; return the path of the next page, None after the last.

        Raises Incomplete.
        """
        if not self._urls:
            self._expected = found.expected
        self._urls.add(url)
        self._listed += len(links)
        if len(links) < found.members:
            raise Incomplete(
                f"{found.members - len(links)} of its {found.members} members are no usable links"
            )
        following = self._following(url, found.following)
        if following is not None:
            self._check(hash(tuple(links)))
        elif self._listed < (self._expected or 0):
            raise Incomplete(f"it lists {self._listed} of {self._expected} members")
        return following

    def _following(self, url, link):
        if link is None:
            return None
        path = self._paths.local(url.partition("?")[0] + link if link.startswith("?") else link)
        if path is None:
            raise Incomplete("its next page is elsewhere")
        return None if path in self._urls else path

    def _check(self, content):
        if len(self._urls) >= MOST_PAGES:
            raise Incomplete(f"it has over {MOST_PAGES} pages")
        if self._listed > MOST_MEMBERS:
            raise Incomplete(f"it has over {MOST_MEMBERS} members")
        if content == self._last:
            raise Incomplete("it repeats a page")
        self._last = content


class Walker:
    """Reads what links lead to, in every form that links have; ``paths`` is that of the service.

    ``read`` returns the document at a path; it raises what a link that fails is passed over for.
    """

    def __init__(self, read, paths):
        self.read, self._paths = read, paths
        #: the paths that could not be read
        self.unread: set[str] = set()

    def path(self, link: object) -> str | None:
        """Return the path that a link, an object or bare, leads to; None if it leads nowhere on this service."""
        return self._paths.local(properties.reference(link))

    def document(self, link: object) -> dict | None:
        """Return a linked document; None without a link, if it leads to nothing, and if it cannot be read."""
        path = self.path(link)
        if path is None:
            return None
        try:
            return self.read(path)
        except errors.ResourceGone:
            return None
        except (errors.PodManagerUnreachable, errors.PodManagerAuthFailed):
            raise
        except errors.PodManagerError:
            self.unread.add(path)
            return None

    def members(self, link: object) -> typing.Iterator[dict]:
        """Yield the documents of the collection that a link leads to, or that stands in the place of the link."""
        if isinstance(link, list):
            yield from filter(None, map(self.document, link))
            return
        for found in self._found(link):
            yield from filter(None, map(self.document, found.members or ()))

    def paths(self, link: object) -> typing.Iterator[str]:
        """Yield the paths of the members of the collection that a link leads to; their documents are not read."""
        for found in self._found(link):
            yield from filter(None, (self._paths.link(self.path(each)) for each in found.members or ()))

    def _found(self, link):
        """Yield the pages of the collection that a link leads to."""
        pages, path = Pages(self._paths), self.path(link)
        while path is not None:
            document = self.document(path)
            found = page(document) if document is not None else None
            if found is None:
                return
            yield found
            path = self._next(pages, path, found)

    def _next(self, pages, path, found):
        if found.members is None:
            self.unread.add(path)
            return None
        try:
            links = list(filter(None, map(self.path, found.members)))
            return pages.take(path, found._replace(members=len(found.members)), links)
        except Incomplete:
            self.unread.add(path)
            return None


def walker(connection: typing.Any) -> Walker:
    """Return a Walker over the documents that a ``connection`` (connection.Connection) reads."""
    return Walker(lambda path: connection.get(path).content, connection.paths)


def all_members(connection: typing.Any, collection: str) -> list[str]:
    """Return the paths of all members of a collection.

    Raise ResourceGone where there is no collection, for that is not an empty one, and PodManagerError where a part of
    it cannot be read, for a member that is not listed counts as gone.
    """
    pages = walker(connection)
    found = list(pages.paths(collection))
    if not found:
        connection.get(collection)
    if pages.unread:
        reason = f"{min(pages.unread)} could not be read"
        raise errors.PodManagerError(url=connection.paths.url, reason=reason)
    return found


def _count(value):
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) else None
