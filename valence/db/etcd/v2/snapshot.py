# SPDX-License-Identifier: Apache-2.0
"""One state of a store on etcd's v2 API, which keeps no history.

Every text is checked to be as old as the head that was read first, or a journal's, which counts as written.
"""

import bisect
import json
import typing

from valence.db.etcd import failures
from valence.db.etcd import head as heads
from valence.db.etcd import index
from valence.db.etcd import journal
from valence.db.etcd.v2 import pages


class KnownTable(typing.NamedTuple):
    """The table of an index as commit ``number`` left it; ``changed_at`` is its key's index, if known."""

    number: int
    table: pages.Table
    changed_at: int | None


class Snapshot:
    """What was stored when the head, last changed at ``version``, was read."""

    def __init__(self, etcd, paths, tables):
        self._etcd, self._paths, self._tables = etcd, paths, tables
        answer = etcd.read(paths.head, quorum="true")
        self.head = heads.Head.load(answer.node and answer.node.text)
        self.version = answer.node.changed_at if answer.node else 0
        self._index = self._newest = answer.as_of
        #: where the texts that were read are to be compared: key -> index of the last change, 0 for what is missing
        self.indexes: dict = {}
        self._written = {key: text for key, text, _ in self.operations()} if self.head.journal else {}
        self._pages = {}

    def operations(self):
        """Return what the head's journal says is to be written: (key, text, index before) lists."""
        if texts := self.head.journal.get("texts"):
            return journal.join(texts)
        places = [
            self._paths.journal(self.head.journal["name"], part) for part in range(self.head.journal["parts"])
        ]
        found = [self._etcd.read(place).node for place in places]
        if None in found:
            raise failures.Stale(f"the journal {self.head.journal['name']} was written meanwhile")
        return journal.join(node.text for node in found)

    def read(self, keys):
        """Return the texts of keys, None for those that are not there."""
        return {key: self._read(key) for key in keys}

    def find(self, tree, prefixes):
        """Return the lists of the entries that begin with each of ``prefixes``."""
        return {prefix: [*self.scan(tree, index.beginning(prefix), False, None)] for prefix in prefixes}

    def scan(self, tree, part, descending, _pace):
        """Yield the entries of a range in order."""
        found = self.table(tree).overlapping(part)
        for page in reversed(found) if descending else found:
            entries = self.entries(tree, page)
            low, high = bisect.bisect_left(entries, part.low), bisect.bisect_left(entries, part.high)
            yield from reversed(entries[low:high]) if descending else entries[low:high]

    def count(self, tree, part):
        """Return how many entries a range has."""
        return sum(1 for _ in self.scan(tree, part, False, None))

    def estimate(self, tree, part):
        """Return about how many entries a range has."""
        return len(self.table(tree).overlapping(part)) * pages.MOST

    def table(self, tree):
        """Return the table of an index; it is the same for all commits until one changes it."""
        place = self._paths.table(tree)
        number = self.head.tables.get(place, 0)
        known = self._tables.get(place)
        if known is None or known.number != number:
            table = pages.Table.load(self._read(place))
            known = self._tables[place] = KnownTable(number, table, self.indexes.get(place))
        if known.changed_at is not None:
            self.indexes[place] = known.changed_at
        return known.table

    def entries(self, tree, page):
        """Return the entries of a page."""
        place = self._paths.index(tree) + page.name
        if place not in self._pages:
            text = self._read(place)
            if text is None and page.low:  # only the first page of an index may not be there yet
                raise failures.Stale(f"{place} was removed meanwhile")
            self._pages[place] = json.loads(text or "[]")
        return self._pages[place]

    def texts_below(self, folder):
        """Return the texts of all keys in a folder, as new as possible."""
        nodes = self._etcd.read(folder.rstrip("/")).nodes
        texts = {key: node.text for key, node in nodes.items() if node}
        texts |= {key: text for key, text in self._written.items() if key.startswith(folder)}
        return [text for text in texts.values() if text]

    def _read(self, key):
        if key in self._written:
            return self._written[key]
        answer = self._etcd.read(key)
        self._check_age(answer)
        self.indexes[key] = answer.node.changed_at if answer.node else 0
        if answer.node is None:
            return None
        if answer.node.changed_at > self._index:
            raise failures.Stale(f"{key} was changed meanwhile")
        # An empty text stands for an object that was removed lately.
        return answer.node.text or None

    def _check_age(self, answer):
        """Raise Stale for an answer of a member that knows less than another one did."""
        if answer.as_of < self._newest:
            raise failures.Stale("a member of the cluster lags behind")
        self._newest = answer.as_of
