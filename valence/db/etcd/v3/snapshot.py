# SPDX-License-Identifier: Apache-2.0
"""One state of a store on etcd's v3 API, by revision.

etcd counts a range before it cuts it at the limit, so a page of a long index would cost what the index weighs.
Some entries, chosen by their checksum, are marked; ranges are read between marks.
"""

import itertools

from valence.db.etcd import index
from valence.db.etcd.v3 import gateway

#: most ranges of one request
MOST_RANGES = 100
#: marks that one look skips
STRIDE = 4
#: entries that a mark stands for, see keyspace.MARKED
WEIGHT = 256


class Snapshot:
    """What was stored at a revision; ``head`` was last changed at ``version``.

    ``guards`` are comparisons that must hold for a commit besides.
    """

    def __init__(self, etcd, paths, head, version, revision):
        self._gateway, self._paths = etcd, paths
        self.head, self.version, self._revision = head, version, revision
        self.guards: list = []

    def at(self, revision):
        """Return the state at another revision."""
        return Snapshot(self._gateway, self._paths, self.head, self.version, revision)

    def read(self, keys):
        """Return the texts of keys, None for those that are not there."""
        keys = list(keys)
        answers = self._ranges(gateway.ranged(key, revision=self._revision) for key in keys)
        return {
            key: gateway.decoded(answer["kvs"][0].get("value", "")) if "kvs" in answer else None
            for key, answer in zip(keys, answers, strict=True)
        }

    def find(self, tree, prefixes):
        """Return the lists of the entries that begin with each of ``prefixes``."""
        prefixes, base = list(prefixes), self._base(tree)
        parts = [self._part(base, index.beginning(prefix), keys_only=True) for prefix in prefixes]
        answers = self._ranges(parts)
        return {prefix: _entries(base, answer) for prefix, answer in zip(prefixes, answers, strict=True)}

    def scan(self, tree, part, descending, pace):
        """Yield the entries of a range in order; ``pace`` is how many will be needed, more or less."""
        base = self._base(tree)
        for piece in self._pieces(tree, part, descending):
            yield from self._descend(base, piece) if descending else self._ascend(base, piece, pace)

    def count(self, tree, part):
        """Return how many entries a range has."""
        answer = self._gateway.range(
            *self._bounds(self._base(tree), part), count_only=True, revision=self._revision
        )
        return int(answer.get("count", 0))

    def estimate(self, tree, part):
        """Return about how many entries a range has."""
        bounds = self._bounds(self._paths.marks(tree), part)
        answer = self._gateway.range(*bounds, count_only=True, revision=self._revision)
        return (1 + int(answer.get("count", 0))) * WEIGHT

    def texts_below(self, folder):
        """Return the texts of all keys that begin with ``folder``."""
        answer = self._gateway.range(folder, folder + index.HIGHEST, revision=self._revision)
        return [gateway.decoded(each["value"]) for each in answer.get("kvs", ())]

    def keys(self, first, end):
        """Return the keys from ``first`` on to before ``end``."""
        answer = self._gateway.range(first, end, keys_only=True, revision=self._revision)
        return [gateway.decoded(each["key"]) for each in answer.get("kvs", ())]

    def _ascend(self, base, part, pace):
        low, more = part.low, True
        while more:
            bounds = self._bounds(base, index.Range(low, part.high))
            answer = self._gateway.range(*bounds, keys_only=True, limit=pace, revision=self._revision)
            entries = _entries(base, answer)
            yield from entries
            more = answer.get("more", False)
            low = entries[-1] + index.END if entries else low

    def _descend(self, base, part):
        answer = self._gateway.range(*self._bounds(base, part), keys_only=True, revision=self._revision)
        yield from reversed(_entries(base, answer))

    def _pieces(self, tree, part, descending):
        """Yield the pieces of a range between marks, from the end where ``descending``."""
        marks, low, high = self._paths.marks(tree), part.low, part.high
        order = {"sort_order": "DESCEND", "sort_target": "KEY"} if descending else {}
        while low < high:
            bounds = self._bounds(marks, index.Range(low, high))
            answer = self._gateway.range(
                *bounds, keys_only=True, limit=STRIDE, revision=self._revision, **order
            )
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

    def _base(self, tree):
        return self._paths.index(tree) if tree.names else self._paths.objects(tree.path)

    def _part(self, base, part, **options):
        return gateway.ranged(*self._bounds(base, part), revision=self._revision, **options)

    @staticmethod
    def _bounds(base, part):
        return base + part.low, base + part.high

    def _ranges(self, requested):
        requested = iter(requested)
        answers = []
        while batch := list(itertools.islice(requested, MOST_RANGES)):
            answers += self._gateway.ranges(batch)
        return answers


def _entries(base, answer):
    return [gateway.decoded(each["key"])[len(base) :] for each in answer.get("kvs", ())]
