# SPDX-License-Identifier: Apache-2.0
"""Lists: choose the cheapest index, and read rows as they are needed.

An index in the order of the list is followed row by row, so that a page costs what it holds. Where there is none, all
rows that an index selects are read and sorted.
"""

import dataclasses
import heapq
import itertools
import typing

from valence.common import errors
from valence.db import store
from valence.db import values
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import objects

#: most parts of an index that are merged in their order
MOST_MERGED = 16
COMPARISONS = ("gt", "gte", "lt", "lte")


@dataclasses.dataclass(frozen=True)
class Access:
    """``ranges`` of an index; ``prefixes`` are what the entries of each begin with that is the same in it.

    ``covered`` are the filters that hold for all entries there, ``rest`` the index's fields that are not fixed.
    ``is_narrow`` says that each range is that of a value, or of a beginning of texts.
    """

    tree: index.Tree
    ranges: tuple[index.Range, ...]
    prefixes: tuple[str, ...]
    covered: frozenset[int]
    fixed: frozenset[str]
    rest: tuple[str, ...]
    is_narrow: bool

    def is_in_order(self, sorts: values.SortKeys) -> bool:
        """Tell whether the entries come in the order of ``sorts``, or the other way round."""
        open_sorts = [each for each in sorts if each[0] not in self.fixed]
        names = tuple(name for name, _ in open_sorts[:-1])
        one_way = len({descending for _, descending in open_sorts}) == 1
        return one_way and names == self.rest and len(self.ranges) <= MOST_MERGED

    def beyond(
        self, sorts: values.SortKeys, position: values.Position | None
    ) -> typing.Iterator[tuple[str, index.Range]]:
        """Yield (prefix, range) of the entries after the one with the values ``position`` in the order of ``sorts``."""
        if position is None:
            yield from zip(self.prefixes, self.ranges, strict=True)
            return
        pairs = zip(sorts[:-1], position[:-1], strict=True)
        values = [value for (name, _), value in pairs if name not in self.fixed]
        for prefix, part in zip(self.prefixes, self.ranges, strict=True):
            mark = prefix + index.prefix(*values) + position[-1]
            low, high = part.low, min(part.high, mark)
            if not sorts[-1][1]:
                low, high = max(part.low, mark + index.END), part.high
            yield prefix, index.Range(low, max(low, high))


class Condition(typing.NamedTuple):
    """One filter with its place in the list of filters."""

    number: int
    op: str
    value: typing.Any


Conditions = dict[str, list[Condition]]
#: a way to the rows of a list: a model that they are made of, and an index of it
Way = tuple[store.Model, Access]


def accesses(member: store.Model, conditions: Conditions, is_first: bool) -> typing.Iterator[Access]:
    """Yield the ways to the rows of a model; one that is joined leads only to rows that are there.

    ``conditions`` are lists of Condition by field.
    """
    for tree in index.trees_of(member):
        access = _access(tree, conditions)
        if is_first or _is_about_present(tree, conditions, access):
            yield access


def _access(tree: index.Tree, conditions: Conditions) -> Access:
    equal, covered = _equal(tree.names, conditions)
    fixed, prefix, rest = tree.names[: len(equal)], index.prefix(*equal), tree.names[len(equal) :]
    further = conditions.get(rest[0], ()) if rest else ()
    if several := next((each for each in further if each.op == "in"), None):
        options = dict.fromkeys(several.value)
        after, numbers = _equal(rest[1:], conditions)
        prefixes = tuple(prefix + index.prefix(value, *after) for value in options)
        ranges = tuple(map(index.beginning, prefixes))
        # Rows of several values are in the order of the index only if they are not sorted by the field itself.
        one = rest[:1] if len(options) == 1 else ()
        all_fixed = frozenset((*fixed, *one, *rest[1 : 1 + len(after)]))
        numbers = covered | numbers | {several.number}
        return Access(tree, ranges, prefixes, frozenset(numbers), all_fixed, rest[1 + len(after) :], True)
    if beginnings := next((each for each in further if each.op == "begins"), None):
        ranges = tuple(_beginning(prefix, text) for text in beginnings.value)
        numbers = covered | {beginnings.number}
        return Access(tree, ranges, (prefix,) * len(ranges), frozenset(numbers), frozenset(fixed), rest, True)
    bounded, numbers = _bounded(prefix, further)
    is_narrow = bool(prefix) and not numbers
    return Access(
        tree, (bounded,), (prefix,), frozenset(covered | numbers), frozenset(fixed), rest, is_narrow
    )


def _equal(names: typing.Sequence[str], conditions: Conditions) -> tuple[list[index.Component], set[int]]:
    """Return the values that filters want of the first fields, as far as they want one, and these filters' numbers."""
    values: list[index.Component] = []
    covered: set[int] = set()
    for name in names:
        equal = next((each for each in conditions.get(name, ()) if each.op == "eq"), None)
        if equal is None:
            break
        values.append(equal.value)
        covered.add(equal.number)
    return values, covered


def _bounded(prefix: str, conditions: typing.Iterable[Condition]) -> tuple[index.Range, set[int]]:
    """Return the range of entries with ``prefix`` whose next field holds ``conditions``, and the numbers of these."""
    low, high = index.beginning(prefix)
    numbers = set()
    for number, op, value in conditions:
        if op in COMPARISONS and value is not None:
            bound = prefix + index.component(value)
            low = max(low, prefix + index.PRESENT)
            numbers.add(number)
            if op in ("gt", "gte"):
                low = max(low, bound + (index.AFTER_END if op == "gt" else index.END))
            else:
                high = min(high, bound + (index.END if op == "lt" else index.AFTER_END))
    return index.Range(low, max(low, high)), numbers


def _beginning(prefix: str, text: str) -> index.Range:
    """Return the range of entries with ``prefix`` whose next field begins with ``text``."""
    low, high = (prefix + index.PRESENT + end for end in (text, values.after_beginning(text)))
    return index.Range(low, high)


def _is_about_present(tree: index.Tree, conditions: Conditions, access: Access) -> bool:
    """Tell whether a row that is not there cannot hold the filters that the access covers."""
    return any(
        number in access.covered and not _holds_none(op, value)
        for name in tree.names
        for number, op, value in conditions.get(name, ())
    )


def _holds_none(op: str, value: typing.Any) -> bool:
    if op == "begins":
        return False
    return op not in COMPARISONS and (value is None or (op == "in" and None in value))


#: most rows that are read at a time
MOST_AT_A_TIME = 500


class Page(typing.NamedTuple):
    """Which rows of a list are wanted; ``position`` is what the marker is sorted by, None at the beginning."""

    sorts: values.SortKeys
    position: values.Position | None
    limit: int | None

    @property
    def descending(self) -> bool:
        """The direction of the keys."""
        return self.sorts[-1][1]

    def cut(self, found: typing.Iterable[store.RowValues]) -> list[store.RowValues]:
        """Return the page of rows that come in any order."""
        found = list(found)
        objects.sort(found, self.sorts)
        if self.position is not None:
            found = [row for row in found if objects.is_after(row, self.position, self.sorts)]
        return found[: self.limit]


class Query:
    """One question of a list on one snapshot."""

    def __init__(
        self,
        objects: objects.Objects,
        snapshot: keyspace.Snapshot,
        model: store.Model,
        filters: store.Filters,
    ) -> None:
        self._objects, self._snapshot, self._model = objects, snapshot, model
        self._filters = [store.Filter(*each) for each in values.filters(model, filters, objects.operand)]
        self._estimates: dict[Access, int] = {}

    def page(
        self, sorts: values.SortKeys, marker: store.Key | None, limit: int | None
    ) -> list[store.RowValues]:
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

    def count(self) -> int:
        """Return how many rows there are."""
        if (keys := self._keys()) is not None:
            return sum(1 for _ in self._matching(keys))
        member, way = self._fewest(self._ways())
        if self._uncovered(way):
            return sum(1 for _ in self._matching_entries(member, way))
        return sum(self._snapshot.count(way.tree, part) for part in way.ranges)

    def _keys(self) -> list[store.Key] | None:
        """Return the keys that a filter names, None if there is no such filter."""
        for name, op, value in self._filters:
            if name == self._model.key and op in ("eq", "in"):
                given = value if op == "in" else [value]
                return [key for key in dict.fromkeys(given) if key is not None]
        return None

    def _position(self, sorts: values.SortKeys, marker: store.Key) -> values.Position:
        """Return the values that the row with the key ``marker`` is sorted by."""
        if sorts[0][0] == self._model.key:
            return (marker,)
        self._objects.operand(self._model, self._model.key, marker)
        found = [row for _, row, _ in objects.read(self._objects, self._snapshot, self._model, [marker])]
        if not found:
            raise errors.gone_marker(self._model.kind, marker)
        return tuple(found[0][name] for name, _ in sorts)

    def _ways(self) -> list[Way]:
        """Return (member, access) pairs of all ways."""
        conditions: Conditions = {}
        for number, (name, op, value) in enumerate(self._filters):
            conditions.setdefault(name, []).append(Condition(number, op, value))
        members = objects.members_of(self._model)
        return [
            (member, way) for member in members for way in accesses(member, conditions, member is members[0])
        ]

    def _uncovered(self, way: Access) -> list[store.Filter]:
        return [each for number, each in enumerate(self._filters) if number not in way.covered]

    def _choose(self, sorts: values.SortKeys, limit: int | None) -> tuple[store.Model, Access, bool]:
        """Return member, access, and whether it is followed in its order."""
        ways = self._ways()
        ordered = [pair for pair in ways if pair[1].is_in_order(sorts)]
        ordered.sort(key=lambda pair: len(pair[1].covered), reverse=True)
        if ordered and len(ordered[0][1].covered) == len(self._filters):
            member, way = ordered[0]
            # The ranges of a whole list are read together and then sorted, those of a page one by one as needed.
            return member, way, limit is not None or len(way.ranges) == 1
        best = self._fewest(ways)
        if not ordered:
            return *best, False
        few, many = self._estimate(best[1]), self._estimate(ordered[0][1])
        if limit is None or few <= min(many, limit * many / max(few, 1)):
            return *best, best in ordered
        return *ordered[0], True

    def _fewest(self, ways: list[Way]) -> Way:
        most = max(len(way.covered) for _, way in ways)
        if most == 0:
            return ways[0]
        return min((pair for pair in ways if pair[1].covered), key=lambda pair: self._estimate(pair[1]))

    def _estimate(self, way: Access) -> int:
        if way not in self._estimates:
            self._estimates[way] = sum(self._snapshot.estimate(way.tree, part) for part in way.ranges)
        return self._estimates[way]

    def _follow(self, member: store.Model, way: Access, page: Page) -> typing.Iterator[store.RowValues]:
        """Yield the rows that match, in the order of the index."""
        parts = way.beyond(page.sorts, page.position)
        scans = [self._scan(way.tree, prefix, part, page) for prefix, part in parts]
        merged = heapq.merge(*scans, key=lambda pair: pair[0], reverse=page.descending)
        for batch in _batches((entry for _, entry in merged), page.limit):
            yield from self._checked(member, way, batch)

    def _scan(
        self, tree: index.Tree, prefix: str, part: index.Range, page: Page
    ) -> typing.Iterator[tuple[str, str]]:
        """Yield (what the entry is sorted by, entry) of the entries in a range."""
        for entry in self._snapshot.scan(tree, part, page.descending, page.limit or MOST_AT_A_TIME):
            yield entry[len(prefix) :], entry

    def _matching_entries(self, member: store.Model, way: Access) -> typing.Iterator[store.RowValues]:
        """Yield the rows that match, in any order."""
        for batch in _batches(self._entries(way), None):
            yield from self._checked(member, way, batch)

    def _entries(self, way: Access) -> typing.Iterator[str]:
        if way.is_narrow:
            return itertools.chain.from_iterable(self._snapshot.find(way.tree, way.ranges).values())
        scans = (self._snapshot.scan(way.tree, part, False, MOST_AT_A_TIME) for part in way.ranges)
        return itertools.chain.from_iterable(scans)

    def _checked(
        self, member: store.Model, way: Access, entries: list[str]
    ) -> typing.Iterator[store.RowValues]:
        keys, remaining = {entry: index.key_of(entry) for entry in entries}, self._uncovered(way)
        read = objects.read(self._objects, self._snapshot, self._model, dict.fromkeys(keys.values()))
        found = {key: (row, parts) for key, row, parts in read}
        # A broken write may have left several entries of one row; one of them is true.
        for entry, key in keys.items():
            if key not in found:
                continue
            row, parts = found[key]
            is_true = objects.is_entry_true(way.tree, member, parts, entry, key)
            if is_true and objects.holds(row, remaining):
                yield row

    def _matching(self, keys: typing.Iterable[store.Key]) -> typing.Iterator[store.RowValues]:
        for batch in _batches(keys, None):
            found = objects.read(self._objects, self._snapshot, self._model, batch)
            yield from (row for _, row, _ in found if objects.holds(row, self._filters))


def _batches(items: typing.Iterable[str], limit: int | None) -> typing.Iterator[list[str]]:
    """Yield lists of items, the first as long as the page, then longer ones."""
    items, size = iter(items), min(limit or MOST_AT_A_TIME, MOST_AT_A_TIME)
    while batch := list(itertools.islice(items, size)):
        yield batch
        size = min(2 * size, MOST_AT_A_TIME)
