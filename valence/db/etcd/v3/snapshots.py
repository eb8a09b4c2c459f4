# SPDX-License-Identifier: Apache-2.0
"""One state of a store on etcd's v3 API, by revision.

etcd counts a range before it cuts it at the limit, so a page of a long index would cost what the index weighs.
Some entries, chosen by their checksum, are marked; ranges are read between marks.
"""

import itertools
import typing

from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import paths
from valence.db.etcd.v3 import gateway

#: most ranges of one request
MOST_RANGES = 100
#: marks that one look skips
STRIDE = 4
#: entries that a mark stands for, see driver.MARKED
WEIGHT = 256


class Snapshot(keyspace.Snapshot):
    """What was stored at a revision; ``guards`` are comparisons that must hold for a commit besides."""

    def __init__(
        self, etcd: gateway.Gateway, paths: paths.Paths, head: keyspace.Head, version: int, revision: int
    ) -> None:
        self._gateway, self._paths = etcd, paths
        super().__init__(head, version)
        self._revision = revision
        self.guards: list[gateway.Request] = []

    def at(self, revision: int) -> "Snapshot":
        """Return the state at another revision."""
        return Snapshot(self._gateway, self._paths, self.head, self.version, revision)

    def read(self, keys: typing.Iterable[str]) -> keyspace.Texts:
        keys = list(keys)
        answers = self._ranges(gateway.ranged(key, revision=self._revision) for key in keys)
        return {
            key: gateway.decoded(answer["kvs"][0].get("value", "")) if "kvs" in answer else None
            for key, answer in zip(keys, answers, strict=True)
        }

    def find(self, tree: index.Tree, parts: typing.Iterable[index.Range]) -> dict[index.Range, list[str]]:
        parts, base = list(parts), self._base(tree)
        answers = self._ranges([self._part(base, part, keys_only=True) for part in parts])
        return {part: _entries(base, answer) for part, answer in zip(parts, answers, strict=True)}

    def scan(self, tree: index.Tree, part: index.Range, descending: bool, pace: int) -> typing.Iterator[str]:
        base = self._base(tree)
        for piece in self._pieces(tree, part, descending):
            yield from self._descend(base, piece) if descending else self._ascend(base, piece, pace)

    def count(self, tree: index.Tree, part: index.Range) -> int:
        answer = self._range(*self._bounds(self._base(tree), part), count_only=True)
        return int(answer.get("count", 0))

    def estimate(self, tree: index.Tree, part: index.Range) -> int:
        bounds = self._bounds(self._paths.marks(tree), part)
        answer = self._range(*bounds, count_only=True)
        return (1 + int(answer.get("count", 0))) * WEIGHT

    def texts_below(self, folder: str) -> list[str]:
        """Return the texts of all keys that begin with ``folder``."""
        answer = self._range(folder, folder + index.HIGHEST)
        return [gateway.decoded(each["value"]) for each in answer.get("kvs", ())]

    def keys(self, first: str, end: str) -> list[str]:
        """Return the keys from ``first`` on to before ``end``."""
        answer = self._range(first, end, keys_only=True)
        return [gateway.decoded(each["key"]) for each in answer.get("kvs", ())]

    def _ascend(self, base: str, part: index.Range, pace: int) -> typing.Iterator[str]:
        low, more = part.low, True
        while more:
            bounds = self._bounds(base, index.Range(low, part.high))
            answer = self._range(*bounds, keys_only=True, limit=pace)
            entries = _entries(base, answer)
            yield from entries
            more = answer.get("more", False)
            low = entries[-1] + index.END if entries else low

    def _descend(self, base: str, part: index.Range) -> typing.Iterator[str]:
        answer = self._range(*self._bounds(base, part), keys_only=True)
        yield from reversed(_entries(base, answer))

    def _pieces(self, tree: index.Tree, part: index.Range, descending: bool) -> typing.Iterator[index.Range]:
        """Yield the pieces of a range between marks, from the end where ``descending``."""
        marks, low, high = self._paths.marks(tree), part.low, part.high
        order = {"sort_order": "DESCEND", "sort_target": "KEY"} if descending else {}
        while low < high:
            bounds = self._bounds(marks, index.Range(low, high))
            answer = self._range(*bounds, keys_only=True, limit=STRIDE, **order)
            found = _entries(marks, answer)
            if len(found) < STRIDE:
                yield index.Range(low, high)
                return
            if descending:
                yield index.Range(found[-1], high)
                high = found[-1]
            else:
                yield index.Range(low, found[-1] + index.END)
                low = found[-1] + index.END

    def _base(self, tree: index.Tree) -> str:
        return self._paths.index(tree) if tree.names else self._paths.objects(tree.path)

    def _part(self, base: str, part: index.Range, **options: gateway.Option) -> gateway.Request:
        first, end = self._bounds(base, part)
        return gateway.ranged(first, end, revision=self._revision, **options)

    @staticmethod
    def _bounds(base: str, part: index.Range) -> tuple[str, str]:
        # A key may begin with the highest character. "0" comes after the "/" that ``base`` ends with.
        return base + part.low, base[:-1] + "0" if part.high == index.HIGHEST else base + part.high

    def _range(self, first: str, end: str, **options: gateway.Option) -> gateway.Answer:
        self.before_read()
        return self._gateway.range(first, end, revision=self._revision, **options)

    def _ranges(self, requested: typing.Iterable[gateway.Request]) -> list[gateway.Answer]:
        requested = iter(requested)
        answers = []
        while batch := list(itertools.islice(requested, MOST_RANGES)):
            self.before_read()
            answers += self._gateway.ranges(batch)
        return answers


def _entries(base: str, answer: gateway.Answer) -> list[str]:
    return [gateway.decoded(each["key"])[len(base) :] for each in answer.get("kvs", ())]
