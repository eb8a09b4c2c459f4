# SPDX-License-Identifier: Apache-2.0
"""What a crawl means for what is stored: the difference between the two, as pure functions on plain data.

A resource stays the same one as long as its URL and identity do; one that shows up at another URL with
its identity (Redfish UUID or serial number) has moved. What could not be read is neither gone nor changed.
"""

import collections
import re
import sys
import typing

from valence.db import models

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: power states that end by themselves; a change is told when the state that follows is reached
TRANSITIONAL = frozenset({"PoweringOn", "PoweringOff"})
#: fields whose change is an event
TELLING = ("health", "state", "power_state")
#: fields with few different values among many rows
_COMMON = frozenset({"podm_id", "resource_type", "health", "state", "power_state", "parent"})
#: a stored row during a crawl, when there are many at a time: a third of the memory of an object with a dict
_Stored = collections.namedtuple("_Stored", models.ResourceWithState.fields)
#: fields of ResourceState that a crawl refreshes
SEEN_FIELDS = ("name", "health", "state", "power_state", "identity", "parent", "etag")


class Added(typing.NamedTuple):
    """A resource that was not known, or one that is back: ``returned`` is what was remembered of it then."""

    new: models.ResourceWithState
    returned: models.RemovedResource | None = None


class Removed(typing.NamedTuple):
    """A resource that is there no more."""

    old: models.ResourceWithState


class Changed(typing.NamedTuple):
    """A resource of which something changed; ``moved`` and ``told`` say which events that makes."""

    old: models.ResourceWithState
    new: models.ResourceWithState
    moved: bool
    told: bool


class Diff:
    """The difference between the stored resources of one pod manager and a crawl of it.

    ``see`` takes what the crawl yields, one by one, and returns a change that is certain already, or None;
    ``finish`` returns the others. Keeps one stored row in memory for each resource not seen yet. ``removed`` are the
    RemovedResource rows of resources that may come back.
    """

    def __init__(self, podm_id, stored, removed=()):
        self._podm_id = podm_id
        self._removed = {_place(row): row for row in removed}
        self._removed_uuids = {_identity(row): row for row in removed if _is_uuid(row.identity)}
        self._missing = {row.resource_url: _stored(row) for row in stored}
        self._identities = {_identity(row) for row in self._missing.values()} - {None}
        self._candidates = []
        self._unread_places, self._unread_types = {}, {}
        self._protecting = set()
        self.seen = 0

    def etags(self):
        """Return the stored ETags by URL."""
        return {url: row.etag for url, row in self._missing.items()}

    def see(self, seen):
        """Take a Seen, and return Added, Changed or None."""
        self.seen += 1
        row = self._missing.get(seen.resource_url)
        if row is not None and _same(row, seen):
            return self._compare(self._missing.pop(seen.resource_url), seen)
        if row is None and _identity(seen) not in self._identities:
            return self._added(seen)
        self._candidates.append(seen)
        return None

    def unchanged(self, resource_url):
        """Take the URL of an Unchanged."""
        self.seen += 1
        self._missing.pop(resource_url, None)

    def unread(self, unread):
        """Take an Unread."""
        self._unread_places[unread.parent] = unread
        for name in unread.resource_types:
            self._unread_types[unread.parent, name] = unread

    @property
    def dead_ends(self):
        """How many dead links, after ``finish``, led to resources that are known: those cannot be told from unread."""
        return sum(part.dead for part in self._protecting)

    @property
    def uncertain(self):
        """Whether something was seen of which only the end of a crawl can tell what it is."""
        return bool(self._candidates)

    def finish(self):
        """Yield the changes that only the end of a crawl makes certain: removals first, they free URLs."""
        moved = self._match()
        stay = {row.uuid for row in moved.values()}
        taken = {seen.resource_url for seen in self._candidates}
        for url, row in self._missing.items():
            if row.uuid not in stay and (url in taken or not self._protected(row)):
                yield Removed(_row(row))
        for seen in self._candidates:
            row = moved.get(_place(seen))
            yield self._added(seen) if row is None else self._compare(row, seen)

    def _match(self):
        """Return the missing rows that have moved for certain, by their new places."""
        rows, places = collections.defaultdict(list), collections.defaultdict(list)
        for row in self._missing.values():
            rows[_identity(row)].append(row)
        for seen in self._candidates:
            places[_identity(seen)].append(seen)
        moved, parents = {}, {}
        for identity, found in places.items():
            if identity is None or len(found) != 1 or len(rows.get(identity, ())) != 1:
                continue
            row, seen = rows[identity][0], found[0]
            # Serial numbers are unique in a place at most: what has the same parent, which may have moved itself.
            if _is_uuid(row.identity) or parents.get(row.parent, row.parent) == seen.parent:
                moved[_place(seen)] = row
                parents[row.resource_url] = seen.resource_url
        return moved

    def _protected(self, row):
        """Whether the row is, or may be, in a part that could not be read; rows with no known way up may be."""
        passed = set()
        while row is not None and row.resource_url not in passed:
            if row.parent is None:
                return bool(self._unread_places)
            if part := self._unread_part(row):
                self._protecting.add(part)
                return True
            passed.add(row.resource_url)
            row = self._missing.get(row.parent)
        return False

    def _unread_part(self, row):
        """Return the Unread that names the row, or the link that led to it, None where there is none."""
        return self._unread_places.get(row.resource_url) or self._unread_types.get(
            (row.parent, row.resource_type)
        )

    def _compare(self, row, seen):
        if _is_unchanged(
            row, seen
        ):  # most are, and making a row to find that out costs more than all else here
            return None
        row = _row(row)
        new = row.replace(
            resource_url=seen.resource_url, resource_type=seen.resource_type, **_state(seen, row)
        )
        moved = row.resource_url != new.resource_url
        told = known(row) and any(getattr(row, name) != getattr(new, name) for name in TELLING)
        if not (moved or told) and all(getattr(row, name) == getattr(new, name) for name in SEEN_FIELDS):
            return None
        return Changed(row, new, moved, told)

    def _added(self, seen):
        """Return the Added of what is new, or back: with its UUID, or at its place with the same serial number."""
        returned = self._removed_uuids.pop(_identity(seen), None) if _is_uuid(seen.identity) else None
        there = self._removed.get(_place(seen))
        if returned is None and there is not None and not _differ(there, seen):
            returned = there
        new = self._new(seen)
        if returned is None or self._removed.pop(_place(returned), None) is not returned:
            return Added(new)
        self._removed_uuids.pop(_identity(returned), None)
        return Added(new.replace(uuid=returned.uuid), returned)

    def _new(self, seen):
        place = {
            "podm_id": self._podm_id,
            "resource_url": seen.resource_url,
            "resource_type": seen.resource_type,
        }
        return models.ResourceWithState(**place, **_state(seen, None))


def known(row):
    """Whether a state of the resource is stored: whoever threw it away has no change to be told of."""
    return row.parent is not None


def _stored(row):
    """Return the _Stored of a row, with equal texts as the same objects."""
    values = row.as_dict()
    for name in _COMMON:
        if value := values[name]:
            values[name] = sys.intern(value)
    return _Stored(**values)


def _row(stored):
    return models.ResourceWithState.load(stored._asdict())


def _is_unchanged(row, seen):
    return row.resource_url == seen.resource_url and all(
        getattr(row, name) == getattr(seen, name) for name in SEEN_FIELDS
    )


def _state(seen, row):
    values = {name: getattr(seen, name) for name in SEEN_FIELDS}
    if values["power_state"] in TRANSITIONAL:
        values["power_state"] = row and row.power_state
    return values


def _same(row, seen):
    """Whether what was seen at a row's URL is that row's resource: of its type, and not somebody else."""
    return row.resource_type == seen.resource_type and not _differ(row, seen)


def _differ(one, other):
    """Whether two identities are of two things; a UUID and a serial number cannot be compared."""
    if one.identity is None or other.identity is None or _is_uuid(one.identity) != _is_uuid(other.identity):
        return False
    return one.identity != other.identity


def _is_uuid(identity):
    return identity is not None and _UUID.fullmatch(identity) is not None


def _identity(thing):
    return thing.identity and (thing.resource_type, thing.identity)


def _place(thing):
    return thing.resource_url, thing.resource_type
