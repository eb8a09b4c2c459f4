# SPDX-License-Identifier: Apache-2.0
"""Encoded documents with their ETags: kept until they change, paged, expanded by splicing."""

import dataclasses
import hashlib
import json
import re
import urllib.parse

from valence.simulator import errors
from valence.simulator import queries
from valence.simulator import redfish
from valence.simulator import tree

LINK = re.compile(rb'\{"@odata\.id":"([^"#]+)"\}')
LINKS = b'"Links":{'
MAX_BYTES = 128 * 2**20  # 10,000 systems with all their parts are 66 MB


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A document as bytes of JSON; ``etag`` is None where the service sends none."""

    body: bytes
    etag: str | None


class Answers:
    """Answers for every path of ``documents`` (``tree.Tree``), as ``behaviour`` has it.

    ``is_dead(path)`` tells of resources that cannot be read: they stay links when expanded.
    """

    def __init__(self, documents, behaviour, is_dead=lambda path: False):
        self._documents = documents
        self._behaviour = behaviour
        self._is_dead = is_dead
        self._kept = {}

    def get(self, path):
        """Return the answer for the resource at ``path``: of a collection its first page."""
        return self._kept.get(path) or self._make(path)

    def query(self, path, text):
        """Return the answer for ``path`` with the query string ``text``."""
        query = queries.parse(text, self._behaviour)
        answer = self._page(path, query) if query.pages else self.get(path)
        if not query.expand:
            return answer
        body = self._expand(answer.body, query.expand, query.levels, [MAX_BYTES])
        return Answer(body, self._etag(body))

    def forget(self, system):
        """Drop what a change of ``system`` made wrong; everything where it is None."""
        if system is None:
            self._kept.clear()
            return
        self._kept.pop(f"{redfish.ROOT}/Systems/{system.id}", None)
        self._kept.pop(f"{redfish.ROOT}/Chassis/{system.sled.id}", None)

    def _make(self, path):
        row, _ = self._documents.find(path)
        document = self._documents.document(path)
        if isinstance(row, tree.Collection) and self._behaviour.page_size:
            document = page(document, queries.Query(), self._behaviour.page_size)
        answer = self._encode(document)
        if not row.volatile:
            self._kept[path] = answer
        return answer

    def _page(self, path, query):
        row, _ = self._documents.find(path)
        if not isinstance(row, tree.Collection):
            return self.get(path)
        return self._encode(page(self._documents.document(path), query, self._behaviour.page_size))

    def _encode(self, document):
        body = json.dumps(document, separators=(",", ":")).encode()
        etag = self._etag(body)
        if etag:
            body = b'{"@odata.etag":' + json.dumps(etag).encode() + b"," + body[1:]
        return Answer(body, etag)

    def _etag(self, body):
        return f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"' if self._behaviour.etags else None

    def _expand(self, body, option, levels, budget):
        """Replace links by documents: those in ``Links`` (``~``), all others (``.``), or both (``*``)."""
        subordinate, mark, dependent = body.partition(LINKS)

        def splice(match):
            return self._splice(match, option, levels, budget)

        if option != "~":
            subordinate = LINK.sub(splice, subordinate)
        if option != ".":
            dependent = LINK.sub(splice, dependent)
        return subordinate + mark + dependent

    def _splice(self, match, option, levels, budget):
        path = match[1].decode()
        if self._is_dead(path):
            return match[0]
        body = self.get(path).body
        budget[0] -= len(body)
        if budget[0] < 0:
            raise errors.RedfishError(507, "InsufficientStorage", "The expanded answer would be too large.")
        return body if levels == 1 else self._expand(body, option, levels - 1, budget)


def page(document, query, page_size):
    """Return the part of a collection that ``query`` asks for, with a link to the next one if any."""
    members = document["Members"][query.skip :]
    wanted = len(members) if query.top is None else min(query.top, len(members))
    size = min(wanted, page_size) if page_size else wanted
    result = document | {"Members": members[:size]}
    if size < wanted:
        left = {} if query.top is None else {"$top": query.top - size}
        following = {**query.expand_option, "$skip": query.skip + size, **left}
        text = urllib.parse.urlencode(following, safe="$().*~=")
        result["Members@odata.nextLink"] = f"{document['@odata.id']}?{text}"
    return result
