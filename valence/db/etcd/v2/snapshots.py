# SPDX-License-Identifier: Apache-2.0
"""One state of a store on etcd's v2 API, which keeps no history.

Every text is checked to be as old as the head that was read first, or a journal's, which counts as written.
"""

import bisect
import functools
import json
import time
import typing
from concurrent import futures

from valence.db.etcd import endpoints
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import paths
from valence.db.etcd.v2 import client
from valence.db.etcd.v2 import pages

#: texts that are kept for the next snapshot of the same state, and for how many seconds: a bulk load of another
#: process writes new objects before it changes the head
MOST_KNOWN, KNOWN_SECONDS = 2000, 5
#: keys that are read between two calls of ``before_read``, and at the same time
PORTION, READERS = 64, 8


class KnownTable(typing.NamedTuple):
    """The table of an index as commit ``number`` left it; ``changed_at`` is its key's index, if known."""

    number: int
    table: pages.Table
    changed_at: int | None


class Write(typing.NamedTuple):
    """One key that a commit writes, None to remove it, if its last change was at the index ``before``, 0 for none."""

    key: str
    text: str | None
    before: int


#: the tables that a process has read, by key
Tables = dict[str, KnownTable]
#: the name of the last commit, if there is one, and whether it has a journal
State = tuple[tuple[str, ...], bool]


class Known:
    """The texts of keys in one ``state`` of the store, None for a missing object, with the index of each last change.

    Snapshots of the same state share it: a commit does not read again what it changed before, nor what a list has read.
    """

    def __init__(self, state: State | None) -> None:
        self.state, self._until = state, time.monotonic() + KNOWN_SECONDS
        self.texts: keyspace.Texts = {}
        #: where the texts are to be compared: key -> index of the last change, 0 for what is missing
        self.indexes: dict[str, int] = {}

    def holds(self, state: State) -> bool:
        """Tell whether these are the texts of a state, few enough and read lately."""
        return self.state == state and len(self.texts) <= MOST_KNOWN and time.monotonic() < self._until

    def after(
        self, identity: tuple[str, ...], operations: list[Write], indexes: dict[str, int | None]
    ) -> "Known":
        """Return what is known after a commit that wrote ``operations``; ``indexes`` has the new index of each key."""
        known = Known((identity, False))
        known._until = self._until  # the texts are as old as before
        if len(self.texts) + len(operations) > MOST_KNOWN:
            return known
        # Copied first: other threads that read the state before it still add to it.
        known.texts, known.indexes = dict(self.texts), dict(self.indexes)
        for key, text, _ in operations:
            known.texts.pop(key, None)
            known.indexes.pop(key, None)
            if new_index := indexes.get(key):
                known.texts[key], known.indexes[key] = text, new_index
        return known


class Snapshot(keyspace.Snapshot):
    """What was stored when the head was read, last changed at ``version``; ``known`` is what was read of it so far."""

    def __init__(self, etcd: client.Client, paths: paths.Paths, tables: Tables, known: Known) -> None:
        self._etcd, self._paths, self._tables = etcd, paths, tables
        answer = etcd.read(paths.head, quorum="true")
        head = keyspace.Head.load(answer.node and answer.node.text)
        super().__init__(head, answer.node.changed_at if answer.node else 0)
        self._index = self._newest = answer.as_of
        self._pages: dict[str, list[str]] = {}
        state = self.head.recent[-1:], self.head.journal is not None
        self.known = known if known.holds(state) else Known(state)

    @functools.cached_property
    def _written(self) -> keyspace.Texts:
        """What the journal says is to be written; whoever waits for its end needs the head alone."""
        return {key: text for key, text, _ in self.operations()} if self.head.journal else {}

    def operations(self) -> list[Write]:
        """Return what the head's journal says is to be written."""
        if texts := self.head.journal.get("texts"):
            return [Write(*each) for each in keyspace.join_parts(texts)]
        places = [
            self._paths.journal(self.head.journal["name"], part) for part in range(self.head.journal["parts"])
        ]
        found = [node.text for place in places if (node := self._etcd.read(place).node)]
        if len(found) < len(places):
            raise endpoints.Stale(f"parts of the journal {self.head.journal['name']} are missing")
        return [Write(*each) for each in keyspace.join_parts(found)]

    def read(self, keys: typing.Iterable[str]) -> keyspace.Texts:
        keys = list(dict.fromkeys(keys))
        missing = [key for key in keys if key not in self._written and key not in self.known.texts]
        self.before_read()
        for start in range(0, len(missing), PORTION):
            self._fetch(missing[start : start + PORTION])
            self.before_read()
        return {key: self._written[key] if key in self._written else self.known.texts[key] for key in keys}

    def find(self, tree: index.Tree, parts: typing.Iterable[index.Range]) -> dict[index.Range, list[str]]:
        return {part: [*self.scan(tree, part, False, pages.MOST)] for part in parts}

    def scan(self, tree: index.Tree, part: index.Range, descending: bool, _pace: int) -> typing.Iterator[str]:
        found = self.table(tree).overlapping(part)
        for page in reversed(found) if descending else found:
            entries = self.entries(tree, page)
            low = bisect.bisect_left(entries, part.low)
            high = len(entries) if part.high == index.HIGHEST else bisect.bisect_left(entries, part.high)
            yield from reversed(entries[low:high]) if descending else entries[low:high]

    def count(self, tree: index.Tree, part: index.Range) -> int:
        return sum(1 for _ in self.scan(tree, part, False, pages.MOST))

    def estimate(self, tree: index.Tree, part: index.Range) -> int:
        return len(self.table(tree).overlapping(part)) * pages.MOST

    def table(self, tree: index.Tree) -> pages.Table:
        """Return the table of an index; it is the same for all commits until one changes it."""
        place = self._paths.table(tree)
        number = self.head.tables.get(place, 0)
        known = self._tables.get(place)
        if known is None or known.number != number:
            table = pages.Table.load(self.read([place])[place])
            known = self._tables[place] = KnownTable(number, table, self.known.indexes.get(place))
        if known.changed_at is not None:
            self.known.indexes[place] = known.changed_at
        return known.table

    def entries(self, tree: index.Tree, page: pages.Page) -> list[str]:
        """Return the entries of a page."""
        place = self._paths.index(tree) + page.name
        if place not in self._pages:
            text = self.read([place])[place]
            if text is None and page.low:  # only the first page of an index may not be there yet
                raise endpoints.Stale(f"{place} was removed meanwhile")
            self._pages[place] = json.loads(text or "[]")
        return self._pages[place]

    def texts_below(self, folder: str) -> list[str]:
        """Return the texts of all keys in a folder, as new as possible."""
        nodes = self._etcd.read(folder.rstrip("/")).nodes
        texts: keyspace.Texts = {key: node.text for key, node in nodes.items() if node}
        texts |= {key: text for key, text in self._written.items() if key.startswith(folder)}
        return [text for text in texts.values() if text]

    def _fetch(self, keys: list[str]) -> None:
        """Add keys that were not read before to what is known; raise Stale if one was changed since."""
        newest = self._newest
        for key, answer in zip(keys, self._answers(keys), strict=True):
            if answer.as_of < newest:
                raise endpoints.Stale("a member of the cluster lags behind")
            self._newest = max(self._newest, answer.as_of)
            if answer.node is not None and answer.node.changed_at > self._index:
                raise endpoints.Stale(f"{key} was changed meanwhile")
            self.known.indexes[key] = answer.node.changed_at if answer.node else 0
            # An empty text stands for an object that was removed lately.
            self.known.texts[key] = answer.node.text or None if answer.node else None

    def _answers(self, keys: list[str]) -> list[client.Answer]:
        if len(keys) < READERS:
            return [self._etcd.read(key) for key in keys]
        with futures.ThreadPoolExecutor(READERS) as pool:
            return [*pool.map(self._etcd.read, keys)]
