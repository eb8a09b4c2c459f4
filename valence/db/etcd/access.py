# SPDX-License-Identifier: Apache-2.0
"""Ways to the rows of a list: by which index, which part of it, and what remains to be looked at in the rows."""

import dataclasses
import typing

from valence.db.etcd import index

#: most parts of an index that are merged in their order
MOST_MERGED = 16
COMPARISONS = ("gt", "gte", "lt", "lte")


@dataclasses.dataclass(frozen=True)
class Access:
    """``ranges`` of an index; ``prefixes`` are what the entries of each begin with that is the same in it.

    ``covered`` are the filters that hold for all entries there, ``rest`` the index's fields that are not fixed.
    """

    tree: index.Tree
    ranges: tuple
    prefixes: tuple
    covered: frozenset
    fixed: frozenset
    rest: tuple

    def is_in_order(self, sorts):
        """Tell whether the entries come in the order of ``sorts``, or the other way round."""
        open_sorts = [each for each in sorts if each[0] not in self.fixed]
        names = tuple(name for name, _ in open_sorts[:-1])
        one_way = len({descending for _, descending in open_sorts}) == 1
        return one_way and names == self.rest and len(self.ranges) <= MOST_MERGED

    @property
    def is_by_value(self):
        """Whether it is all entries with certain values."""
        whole = map(index.beginning, self.prefixes)
        return all(self.prefixes) and all(part == each for part, each in zip(self.ranges, whole, strict=True))

    def beyond(self, sorts, position):
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


def accesses(member, conditions, is_first):
    """Yield the ways to the rows of a model; one that is joined leads only to rows that are there.

    ``conditions`` are lists of Condition by field.
    """
    for tree in index.trees_of(member):
        access = _access(tree, conditions)
        if is_first or _is_about_present(tree, conditions, access):
            yield access


def _access(tree, conditions):
    fixed, values, covered = [], [], set()
    for name in tree.names:
        equal = next((each for each in conditions.get(name, ()) if each.op == "eq"), None)
        if equal is None:
            break
        fixed.append(name)
        values.append(equal.value)
        covered.add(equal.number)
    prefix, rest = index.prefix(*values), tree.names[len(fixed) :]
    further = conditions.get(rest[0], ()) if rest else ()
    if several := next((each for each in further if each.op == "in"), None):
        options = dict.fromkeys(several.value)
        prefixes = tuple(prefix + index.prefix(value) for value in options)
        ranges = tuple(map(index.beginning, prefixes))
        covered.add(several.number)
        return Access(tree, ranges, prefixes, frozenset(covered), frozenset((*fixed, rest[0])), rest[1:])
    bounded, numbers = _bounded(prefix, further)
    return Access(tree, (bounded,), (prefix,), frozenset(covered | numbers), frozenset(fixed), rest)


def _bounded(prefix, conditions):
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


def _is_about_present(tree, conditions, access):
    """Tell whether a row that is not there cannot hold the filters that the access covers."""
    return any(
        number in access.covered and not _holds_none(op, value)
        for name in tree.names
        for number, op, value in conditions.get(name, ())
    )


def _holds_none(op, value):
    return op not in COMPARISONS and (value is None or (op == "in" and None in value))
