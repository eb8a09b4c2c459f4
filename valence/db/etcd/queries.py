# SPDX-License-Identifier: Apache-2.0
"""Lists: the cheapest way is chosen, and rows are read as they are needed.

A way whose index has the asked order is followed row by row, so that a page costs what it holds. Where no such
way is good, all rows that an index narrows the list down to are read and sorted.
"""

import functools
import heapq
import itertools
import typing

from valence.db import questions
from valence.db.etcd import access
from valence.db.etcd import index
from valence.db.etcd import rows

#: most rows that are read at a time
MOST_AT_A_TIME = 500


class Page(typing.NamedTuple):
    """Which rows of a list are wanted; ``position`` is what the marker is sorted by, None at the beginning."""

    sorts: tuple
    position: tuple | None
    limit: int | None

    @property
    def descending(self):
        """The direction of the keys."""
        return self.sorts[-1][1]

    def cut(self, found):
        """Return the page of rows that come in any order."""
        found = list(found)
        rows.sort(found, self.sorts)
        if self.position is not None:
            found = [row for row in found if rows.is_after(row, self.position, self.sorts)]
        return found[: self.limit]


class Query:
    """One question of a list on one snapshot."""

    def __init__(self, objects, snapshot, model, filters):
        self._objects, self._snapshot, self._model = objects, snapshot, model
        self._filters = list(questions.filters(model, filters, objects.operand))

    def page(self, sorts, marker, limit):
        """Return the rows, dicts, of a page."""
        page = Page(sorts, None if marker is None else self._position(sorts, marker), limit)
        if limit == 0:
            return []
        if (keys := self._keys()) is not None:
            return page.cut(self._matching(keys))
        member, way, in_order = self._choose(sorts, limit)
        if in_order:
            return list(itertools.islice(self._follow(member, way, page), limit))
        return page.cut(self._matching_entries(member, way))

    def count(self):
        """Return how many rows there are."""
        if (keys := self._keys()) is not None:
            return sum(1 for _ in self._matching(keys))
        member, way = self._fewest(self._ways())
        if self._uncovered(way):
            return sum(1 for _ in self._matching_entries(member, way))
        return sum(self._snapshot.count(way.tree, part) for part in way.ranges)

    def _keys(self):
        """Return the keys that a filter names, None if there is no such filter."""
        for name, op, value in self._filters:
            if name == self._model.key and op in ("eq", "in"):
                given = value if op == "in" else [value]
                return [key for key in dict.fromkeys(given) if key is not None]
        return None

    def _position(self, sorts, marker):
        """Return the values that the row with the key ``marker`` is sorted by."""
        if sorts[0][0] == self._model.key:
            return (marker,)
        self._objects.operand(self._model, self._model.key, marker)
        found = [row for _, row, _ in rows.read(self._objects, self._snapshot, self._model, [marker])]
        if not found:
            raise questions.gone_marker(self._model, marker)
        return tuple(found[0][name] for name, _ in sorts)

    def _ways(self):
        """Return (member, access) pairs of all ways."""
        conditions = {}
        for number, (name, op, value) in enumerate(self._filters):
            conditions.setdefault(name, []).append(access.Condition(number, op, value))
        members = rows.members_of(self._model)
        return [
            (member, way)
            for member in members
            for way in access.accesses(member, conditions, member is members[0])
        ]

    def _uncovered(self, way):
        return [each for number, each in enumerate(self._filters) if number not in way.covered]

    def _choose(self, sorts, limit):
        """Return member, access, and whether it is followed in its order."""
        ways = self._ways()
        ordered = [pair for pair in ways if pair[1].is_in_order(sorts)]
        ordered.sort(key=lambda pair: len(pair[1].covered), reverse=True)
        if ordered and len(ordered[0][1].covered) == len(self._filters):
            return *ordered[0], True
        best = self._fewest(ways)
        if not ordered:
            return *best, False
        few, many = self._estimate(best[1]), self._estimate(ordered[0][1])
        if limit is None or few <= min(many, limit * many / max(few, 1)):
            return *best, best in ordered
        return *ordered[0], True

    def _fewest(self, ways):
        most = max(len(way.covered) for _, way in ways)
        if most == 0:
            return ways[0]
        return min((pair for pair in ways if pair[1].covered), key=lambda pair: self._estimate(pair[1]))

    @functools.cache  # noqa: B019  a query lives as long as its page
    def _estimate(self, way):
        return sum(self._snapshot.estimate(way.tree, part) for part in way.ranges)

    def _follow(self, member, way, page):
        """Yield the rows that match, in the order of the index."""
        parts = way.beyond(page.sorts, page.position)
        scans = [self._scan(way.tree, prefix, part, page) for prefix, part in parts]
        merged = heapq.merge(*scans, key=lambda pair: pair[0], reverse=page.descending)
        for batch in _batches((entry for _, entry in merged), page.limit):
            yield from self._checked(member, way, batch)

    def _scan(self, tree, prefix, part, page):
        """Yield (what the entry is sorted by, entry) of the entries in a range."""
        for entry in self._snapshot.scan(tree, part, page.descending, page.limit or MOST_AT_A_TIME):
            yield entry[len(prefix) :], entry

    def _matching_entries(self, member, way):
        """Yield the rows that match, in any order."""
        for batch in _batches(self._entries(way), None):
            yield from self._checked(member, way, batch)

    def _entries(self, way):
        if way.is_by_value:
            return itertools.chain.from_iterable(self._snapshot.find(way.tree, way.prefixes).values())
        scans = (self._snapshot.scan(way.tree, part, False, MOST_AT_A_TIME) for part in way.ranges)
        return itertools.chain.from_iterable(scans)

    def _checked(self, member, way, entries):
        by_key, remaining = {index.key_of(entry): entry for entry in entries}, self._uncovered(way)
        for key, row, parts in rows.read(self._objects, self._snapshot, self._model, by_key):
            is_true = rows.is_entry_true(way.tree, member, parts, by_key[key], key)
            if is_true and rows.holds(row, remaining):
                yield row

    def _matching(self, keys):
        for batch in _batches(keys, None):
            found = rows.read(self._objects, self._snapshot, self._model, batch)
            yield from (row for _, row, _ in found if rows.holds(row, self._filters))


def _batches(items, limit):
    """Yield lists of items, the first as long as the page, then longer ones."""
    items, size = iter(items), min(limit or MOST_AT_A_TIME, MOST_AT_A_TIME)
    while batch := list(itertools.islice(items, size)):
        yield batch
        size = min(2 * size, MOST_AT_A_TIME)
