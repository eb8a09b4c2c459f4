# SPDX-License-Identifier: Apache-2.0
"""Whether a service's ``$expand`` (DSP0266, section 7.3.1) and its ETags can be used.

Many ETags stay when the resource changes. The ETag of a single resource is trusted until a crawl that reads everything
shows that it stayed while the resource changed. The ETag of a collection or of an expanded resource has to prove first
that it follows the content.
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


#: failures in a row after which it is not tried any more
MOST_FAILURES = 3
#: levels from a resource to the members of its collections, and from a collection to those of its members' collections
_TO_MEMBERS, _TO_MEMBERS_OF_MEMBERS = 2, 3


class Expansion:
    """One way to use ``$expand`` on one service: offered by the root document, proven or disproven by answers."""

    def __init__(self, query):
        #: what to append to a URL; None where it is of no use
        self.query = query
        self.proven = False
        self._failures = 0

    def saw(self, whole):
        """Take note of an expanded answer that had ``whole`` documents in it, or bare links."""
        self._failures = 0
        self.proven = self.proven or whole
        if not self.proven:
            self.query = None

    def disprove(self):
        """Take note that answers are worth less than those of single requests."""
        self.query = None

    def failed(self):
        """Take note of an answer that failed."""
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self.query = None


class Proofs:
    """Which kinds of documents a service expands whole: some leave out states and links.

    Each crawl that begins with ``forget`` finds it out again, with one more request for each kind.
    """

    def __init__(self):
        self._whole = {}

    def forget(self):
        self._whole = {}

    def of(self, kind: str) -> bool | None:
        """Return whether documents of a kind are whole, None if that is not known."""
        return self._whole.get(kind)

    def note(self, kind: str, whole: bool) -> bool:
        """Remember, and return, whether documents of a kind are whole."""
        self._whole[kind] = whole
        return whole


#: what a service offers that cannot expand
NONE = Expansion(None)


def of_collections(root):
    """Return the expansion of a collection with its members, as the root document offers it."""
    query = _offer(root)
    if query is None:
        return Expansion(None)
    return Expansion("?$expand=.($levels=1)" if _is_true(query.get("Levels")) else "?$expand=.")


def of_resources(root):
    """Return the expansion of a resource with the members of its collections, as the root document offers it."""
    return _of_levels(root, _TO_MEMBERS)


def of_members(root):
    """Return the expansion of a collection with its members and the members of their collections."""
    return _of_levels(root, _TO_MEMBERS_OF_MEMBERS)


def _of_levels(root, levels):
    query = _offer(root)
    most = query.get("MaxLevels") if query and _is_true(query.get("Levels")) else None
    return Expansion(f"?$expand=.($levels={levels})" if isinstance(most, int) and most >= levels else None)


def _offer(root):
    """Return the ExpandQuery of a root document that can expand subordinate links, else None."""
    features = root.get("ProtocolFeaturesSupported")
    query = features.get("ExpandQuery") if isinstance(features, dict) else None
    return query if isinstance(query, dict) and _is_true(query.get("NoLinks")) else None


def _is_true(value):
    return value in (True, "true")
