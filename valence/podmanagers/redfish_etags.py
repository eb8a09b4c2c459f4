# SPDX-License-Identifier: Apache-2.0
"""Whether the ETags of a service can be trusted: many stay as they are when the document changes.

The ETag of a single resource is trusted until a crawl that reads everything, as one does now and then, shows that it
stayed while the resource changed. That of a collection, and that of a document expanded with others, has to prove first
that it follows their content.
"""

#: what an ETag may stand for
RESOURCE, COLLECTION, EXPANDED = "resource", "collection", "expanded"


class Trust:
    """What was found out about the ETags of one service; safe in several threads."""

    def __init__(self):
        self._follows = {}  # sort of document -> whether its ETag changes with it; missing where that is not known
        #: whether everything is read whatever its ETag, as each so many crawls do
        self.checking = False

    def uses(self, sort: str) -> bool:
        """Return whether to ask for documents of a sort by their ETags."""
        return not self.checking and self._follows.get(sort, sort == RESOURCE)

    def of(self, sort: str) -> bool | None:
        """Return whether ETags of a sort of document follow its content, None if that is not known."""
        return self._follows.get(sort)

    def compare(self, sort, before, now):
        """Learn from two answers for one URL, each an (ETag, meaning): only a change proves anything."""
        (etag, told), (new_etag, new_told) = before, now
        if etag is None or new_etag is None or told == new_told:
            return
        if etag == new_etag:
            self._follows[sort] = False  # for good
        else:
            self._follows.setdefault(sort, True)

    def compare_forms(self, plain, expanded):
        """Learn from the ETags of one collection without and with its members.

        One that is the same for both does not depend on the members.
        """
        if plain is not None and expanded is not None:
            if plain == expanded:
                self._follows[EXPANDED] = False
            else:
                self._follows.setdefault(EXPANDED, True)
