# SPDX-License-Identifier: Apache-2.0
"""Compare what a crawl of a pod manager found with the stored resources, as pure functions on plain data.

A resource stays the same one as long as its URL and identity do; one that appears at another URL with its identity
(Redfish UUID or serial number) has moved. A resource that could not be read is neither removed nor changed.

The stored rows are known by hashes during a crawl, and read again when one is needed whole: a row takes about 100 bytes
so, ETag included, where an object takes 1,500.
"""

import array
import bisect
import collections
import itertools
import operator
import re
import typing
import uuid

from valence.common import compact
from valence.common import errors
from valence.db import models
from valence.podmanagers import base

#: fields whose change is an event
TELLING = ("health", "state", "power_state")
#: fields of ResourceState that a crawl refreshes
SEEN_FIELDS = ("name", "health", "state", "power_state", "identity", "parent", "etag")
#: rows that are read from the store at a time
_FETCHED = 500
#: a function that returns the rows of a model that have one of these identifiers, in any order
Read = typing.Callable[[type, list[str]], list]
#: the hash of what is None: ``hash`` returns that of nothing
NOTHING = -1
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: what a crawl compares, of a row and of a Seen
_COMPARED = operator.attrgetter(
    "resource_type", "parent", "name", "health", "state", "power_state", "identity", "etag"
)
_UUID_BYTES = 16


class Rows:
    """Rows of a model by number; the rows that ``fetch`` has read are cached until the next ``fetch``."""

    def __init__(self, model, read: Read):
        self._model, self._read = model, read
        self._uuids = bytearray()
        self._fetched: dict[str, typing.Any] = {}

    def __len__(self) -> int:
        return len(self._uuids) // _UUID_BYTES

    def _keep(self, row):
        self._uuids += bytes.fromhex(row.uuid.replace("-", ""))

    def fetch(self, numbers: typing.Iterable[int]):
        """Read the rows that have these numbers."""
        wanted = sorted(map(self._uuid, numbers))
        self._fetched = {row.uuid: row for row in self._read(self._model, wanted)} if wanted else {}

    def row(self, number: int) -> typing.Any:
        """Return the row that has a number; raise NotFound if somebody has removed it."""
        key = self._uuid(number)
        if key not in self._fetched:
            self.fetch([number])
        if key not in self._fetched:
            raise errors.NotFound(kind=self._model.kind, key=key)
        return self._fetched[key]

    def _uuid(self, number):
        start = number * _UUID_BYTES
        return str(uuid.UUID(bytes=bytes(self._uuids[start : start + _UUID_BYTES])))


class ResourceRows(Rows):
    """The stored resources; ``missing`` marks the resources that the crawl has not found yet."""

    def __init__(self, rows, read: Read):
        super().__init__(models.ResourceWithState, read)
        self.etags = base.Etags()
        self.missing = bytearray()
        self._states, self.identities, self.parents = (array.array("q") for _ in range(3))
        self._types, self._numbers = bytearray(), {}  # those of types that a later version added too
        for row in rows:
            self._add(row)
        self._sorted_identities = array.array("q", sorted(self.identities))

    def _add(self, row):
        if self.etags.add(row.resource_url, row.etag) is None:
            return
        self._keep(row)
        self.missing.append(True)
        self._states.append(hash(_COMPARED(row)))
        self.identities.append(identity(row))
        self.parents.append(NOTHING if row.parent is None else hash(row.parent))
        self._types.append(self._numbers.setdefault(row.resource_type, len(self._numbers)))

    def find(self, url: str) -> int | None:
        """Return the number of the missing resource at a URL, None if there is none."""
        number = self.etags.find(url)
        return number if number is not None and self.missing[number] else None

    def at(self, place: int) -> int | None:
        """Return the number of the missing resource at the URL that has this hash."""
        number = self.etags.numbers.find(place)
        return number if number is not None and self.missing[number] else None

    def place(self, number: int) -> int:
        """Return the hash of the URL of a resource."""
        return self.etags.numbers[number]

    def uuid(self, url: str) -> str | None:
        """Return the uuid of the resource at a URL, missing or not, None if there is none."""
        number = self.etags.find(url)
        return None if number is None else self._uuid(number)

    def resource_type(self, number: int) -> str:
        return [*self._numbers][self._types[number]]

    def is_same(self, number: int, seen: base.Seen) -> bool:
        """Return whether what was seen at the URL of a resource is what is stored of it."""
        return self._states[number] == hash(_COMPARED(seen))

    def has_identity(self, value: int) -> bool:
        """Return whether a resource, missing or not, has an identity."""
        place = bisect.bisect_left(self._sorted_identities, value)
        return value != NOTHING and self._sorted_identities[place : place + 1].count(value) > 0


class RemovedRows(Rows):
    """The RemovedResource rows of resources that may come back, each once."""

    def __init__(self, rows, read: Read):
        super().__init__(models.RemovedResource, read)
        self._places, self._identities = {}, {}  # hash -> number, the last one of several
        self._taken = bytearray()
        for number, row in enumerate(rows):
            self._keep(row)
            self._taken.append(False)
            self._places[place(row)] = number
            # A drive that was not erased is known by its serial number in another place, too.
            if is_uuid(row.identity) or (row.identity and row.unerased):
                self._identities[identity(row)] = number

    def candidates(self, seen: base.Seen) -> list[int]:
        """Return the numbers of the rows that ``seen`` may be: the row with its UUID and the row at its place."""
        mine = [self._identities.get(identity(seen)) if seen.identity else None]
        mine.append(self._places.get(place(seen)))
        return [number for number in mine if number is not None and not self._taken[number]]

    def take(self, seen: base.Seen) -> models.RemovedResource | None:
        """Return, for once, the resource that came back as what was seen; None where none did.

        It has the same UUID, or the serial number of a device that was not erased, or is at the same place and has not
        another identity.
        """
        for number in self.candidates(seen):
            row = self.row(number)
            if not differ(row, seen):
                self._taken[number] = True
                return row
        return None


def is_uuid(identity: str | None) -> bool:
    """Return whether an identity is a UUID, which is the same everywhere, and not a serial number."""
    return identity is not None and _UUID.fullmatch(identity) is not None


def differ(one, other) -> bool:
    """Return whether two identities are of two things; a UUID and a serial number cannot be compared."""
    if one.identity is None or other.identity is None or is_uuid(one.identity) != is_uuid(other.identity):
        return False
    return one.identity != other.identity


def identity(thing) -> int:
    """Return the hash of the type and the identity of a row or a Seen; NOTHING if it has none."""
    return hash((thing.resource_type, thing.identity)) if thing.identity else NOTHING


def place(thing) -> int:
    """Return the hash of the URL and the type of a row or a Seen."""
    return hash((thing.resource_url, thing.resource_type))


class Added(typing.NamedTuple):
    """A new resource, or one that is back: ``returned`` is then the row that remembered it."""

    new: models.ResourceWithState
    returned: models.RemovedResource | None = None


class Removed(typing.NamedTuple):
    """A resource that the pod manager no longer has."""

    old: models.ResourceWithState


class Changed(typing.NamedTuple):
    """A resource with changed fields; ``moved`` and ``told`` say which events that makes."""

    old: models.ResourceWithState
    new: models.ResourceWithState
    moved: bool
    told: bool


class Diff:
    """The difference between the stored resources of one pod manager and a crawl of it.

    ``see`` takes what the crawl yields, one by one, and returns a change that is certain already, or None; ``see_all``
    takes many. ``finish`` returns the other changes. ``removed`` are the RemovedResource rows of resources that may
    come back. ``read`` reads rows that are needed whole; without it all are kept.
    """

    def __init__(self, podm_id, rows, removed=(), *, read: Read | None = None):
        self._podm_id = podm_id
        if read is None:
            rows, removed = list(rows), list(removed)
            kept = {row.uuid: row for row in (*rows, *removed)}
            read = lambda _, uuids: [kept[each] for each in uuids]  # noqa: E731
        self._stored, self._removed = ResourceRows(rows, read), RemovedRows(removed, read)
        self._candidates = compact.Queue()
        self._unread = {}  # hash of a parent -> what could not be read there: (types, number)
        self._is_dead = bytearray()  # by that number
        self._protecting = set()
        self.seen = 0

    @property
    def etags(self):
        """The stored ETags."""
        return self._stored.etags

    def see(self, seen):
        """Take a Seen, and return Added, Changed or None."""
        return next(iter(self.see_all([seen])), None)

    def see_all(self, found):
        """Take many Seen, reading the rows that are needed to compare them; yield Added and Changed."""
        differing, changed, back = [], [], []
        for seen in found:
            self.seen += 1
            number = self._stored.find(seen.resource_url)
            if number is not None and self._stored.is_same(number, seen):
                self._stored.missing[number] = False
                continue
            differing.append(seen)
            if number is None:
                back += self._removed.candidates(seen)
            else:
                changed.append(number)
        self._stored.fetch(changed)
        self._removed.fetch(back)
        return [change for change in map(self._see, differing) if change is not None]

    def _see(self, seen):
        number = self._stored.find(seen.resource_url)
        if number is None and not self._stored.has_identity(identity(seen)):
            return self._added(seen)
        if number is not None and _same(row := self._stored.row(number), seen):
            self._stored.missing[number] = False
            return self._compare(row, seen)
        self._candidates.append(seen)
        return None

    def unchanged(self, resource_url):
        """Take the URL of an Unchanged."""
        self.seen += 1
        number = self._stored.find(resource_url)
        if number is not None:
            self._stored.missing[number] = False

    def unread(self, unread):
        """Take an Unread."""
        parts = self._unread.setdefault(hash(unread.parent), [])
        parts.append((unread.resource_types, len(self._is_dead)))
        self._is_dead.append(unread.dead)

    def uuids(self, urls):
        """Return the stored uuids of the resources at some paths, by path: those of before the crawl."""
        return {url: uuid for url in urls if (uuid := self._stored.uuid(url)) is not None}

    @property
    def dead_ends(self):
        """How many dead links, after ``finish``, led to known resources: those count as unread, not as removed."""
        return sum(self._is_dead[part] for part in self._protecting)

    @property
    def uncertain(self):
        """Whether the crawl has seen resources that only its end can match with the stored ones."""
        return bool(self._candidates)

    def finish(self):
        """Yield the changes that are certain only at the end of a crawl: removals first, because they free URLs."""
        moved = self._match()
        stay, taken = set(moved.values()), {hash(seen.resource_url) for seen in self._candidates}
        gone = (
            number
            for number in self._missing()
            if number not in stay and (self._stored.place(number) in taken or not self._protected(number))
        )
        for part in _parts(gone):
            self._stored.fetch(part)
            yield from (Removed(self._stored.row(number)) for number in part)
        for part in _parts(self._candidates):
            numbers = [moved.get(place(seen)) for seen in part]
            self._stored.fetch(number for number in numbers if number is not None)
            self._removed.fetch(itertools.chain.from_iterable(map(self._removed.candidates, part)))
            for seen, number in zip(part, numbers, strict=True):
                yield self._added(seen) if number is None else self._compare(self._stored.row(number), seen)

    def _missing(self):
        return (number for number, is_missing in enumerate(self._stored.missing) if is_missing)

    def _match(self):
        """Return the numbers of the missing rows that have moved for certain, by their new places."""
        places = collections.Counter(map(identity, self._candidates))
        rows = {}  # identity -> the missing row that has it, None if several have
        for number in self._missing() if places else ():
            own = self._stored.identities[number]
            if places[own] == 1:
                rows[own] = None if own in rows else number
        moved, parents = {}, {}
        for seen in self._candidates:
            number = rows.get(identity(seen)) if seen.identity else None
            if number is None:
                continue
            # Serial numbers are unique in a place at most: what has the same parent, which may have moved itself.
            parent = self._stored.parents[number]
            if is_uuid(seen.identity) or parents.get(parent, parent) == hash(seen.parent):
                moved[place(seen)] = number
                parents[self._stored.place(number)] = hash(seen.resource_url)
        return moved

    def _protected(self, number):
        """Whether the row is, or may be, in a part that could not be read; a row without a known parent may be."""
        passed = set()
        while self._unread and number is not None and number not in passed:
            parent = self._stored.parents[number]
            if parent == NOTHING:
                return True
            part = self._unread_part(number, parent)
            if part is not None:
                self._protecting.add(part)
                return True
            passed.add(number)
            number = self._stored.at(parent)
        return False

    def _unread_part(self, number, parent):
        """Return the number of the Unread that names a row, or the link that led to it, None where there is none."""
        if here := self._unread.get(self._stored.place(number)):
            return here[-1][1]
        name = self._stored.resource_type(number)
        below = reversed(self._unread.get(parent, ()))
        return next((part for types, part in below if name in types), None)

    def _compare(self, row, seen):
        new = row.replace(
            resource_url=seen.resource_url, resource_type=seen.resource_type, **_state(seen, row)
        )
        moved = row.resource_url != new.resource_url
        told = known(row) and any(getattr(row, name) != getattr(new, name) for name in TELLING)
        if not (moved or told) and all(getattr(row, name) == getattr(new, name) for name in SEEN_FIELDS):
            return None
        return Changed(row, new, moved, told)

    def _added(self, seen):
        """Return the Added of a resource that is new, or back with its UUID, or with its serial number at its place."""
        new, returned = self._new(seen), self._removed.take(seen)
        return Added(new if returned is None else new.replace(uuid=returned.uuid), returned)

    def _new(self, seen):
        place = {
            "podm_id": self._podm_id,
            "resource_url": seen.resource_url,
            "resource_type": seen.resource_type,
        }
        return models.ResourceWithState(**place, **_state(seen, None))


def known(row):
    """Whether a state of the resource is stored; without one there is no change to report."""
    return row.parent is not None


def _state(seen, row):
    values = {name: getattr(seen, name) for name in SEEN_FIELDS}
    if values["power_state"] in base.TRANSITIONAL:
        values["power_state"] = row and row.power_state
    return values


def _same(row, seen):
    """Whether the resource that was seen at a row's URL is the row's one: of its type, and with the same identity."""
    return row.resource_type == seen.resource_type and not differ(row, seen)


def _parts(things):
    """Yield lists of at most _FETCHED things."""
    things = iter(things)
    while part := list(itertools.islice(things, _FETCHED)):
        yield part
