# SPDX-License-Identifier: Apache-2.0
"""What a driver makes of the keys of its API: the head, journals, snapshots to read, batches to write.

The head changes with every commit. A commit that is too large for one write of etcd leaves a journal: what remains to
be written, in parts. The head names the journal in the very write that decides the commit. From then on anybody can
write the rest.
"""

import abc
import dataclasses
import itertools
import json
import math
import typing

from valence.db.etcd import index

#: commits that the head remembers, for those whose answer got lost
REMEMBERED = 100
#: most characters of a part of a journal
PART = 250_000

Result = typing.TypeVar("Result")
#: the texts of keys, None for a key that is not there or is to be removed
Texts = dict[str, str | None]
#: index entries, True for one to add, False for one to remove
Entries = dict[tuple[index.Tree, str], bool]
#: what a write of one key needs: the key, the new text, and what the driver adds
Operation = tuple[str, str | None, *tuple[int, ...]]
AnyOperation = typing.TypeVar("AnyOperation", bound=Operation)


class Batch:
    """What is to be written."""

    def __init__(self, texts: Texts | None = None) -> None:
        self.texts: Texts = {} if texts is None else texts
        self.entries: Entries = {}

    def __bool__(self) -> bool:
        return bool(self.texts or self.entries)


@dataclasses.dataclass
class Head:
    """``number`` counts commits; ``journal`` is what remains to be written of the last one, in the driver's form.

    ``recent`` are the names of the last commits. ``queue`` are the commits that wait for their turn, the first alone
    may be made. ``tables`` has the number of the commit that last changed the table of an index, where the API needs
    tables.
    """

    number: int = 0
    recent: tuple[str, ...] = ()
    journal: typing.Any = None
    queue: tuple[str, ...] = ()
    tables: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, text: str | None) -> "Head":
        """Return the head that ``text`` holds; None is that of an empty store."""
        if text is None:
            return cls()
        values = json.loads(text)
        return cls(**values | {name: tuple(values[name]) for name in ("recent", "queue")})

    def dump(self) -> str:
        """Return the text that holds this head."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    def after(self, identity: str, journal: typing.Any = None) -> "Head":
        """Return the head after one more commit."""
        recent = (*self.recent[1 - REMEMBERED :], identity)
        return Head(self.number + 1, recent, journal, self.without(identity).queue, dict(self.tables))

    def settled(self) -> "Head":
        """Return the head when nothing remains to be written."""
        return dataclasses.replace(self, journal=None)

    def with_last(self, identity: str) -> "Head":
        """Return the head with ``identity`` at the end of the queue."""
        return dataclasses.replace(self, queue=(*self.queue, identity))

    def without(self, identity: str) -> "Head":
        """Return the head without ``identity`` in the queue."""
        return dataclasses.replace(self, queue=tuple(each for each in self.queue if each != identity))


def journal_parts(operations: typing.Iterable[Operation]) -> list[str]:
    """Return the JSON texts of the parts that hold all operations, at least one part."""
    parts = portions(operations, math.inf, PART)
    return [json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in parts] or ["[]"]


def join_parts(texts: typing.Iterable[str]) -> list[tuple[typing.Any, ...]]:
    """Return the operations of all parts of a journal."""
    return [tuple(each) for each in itertools.chain.from_iterable(map(json.loads, texts))]


def portions(
    operations: typing.Iterable[AnyOperation], most: float, size: int
) -> typing.Iterator[list[AnyOperation]]:
    """Yield lists of at most ``most`` operations of ``size`` characters together, or of one that has more."""
    portion: list[AnyOperation] = []
    total = 0
    for operation in operations:
        length = len(operation[0]) + len(operation[1] or "")
        if portion and (len(portion) == most or total + length > size):
            yield portion
            portion, total = [], 0
        portion.append(operation)
        total += length
    if portion:
        yield portion


class Client(typing.Protocol):
    """The client of one API, for any number of threads."""

    @property
    def clock(self) -> "Clock":
        """The clock of etcd."""

    def ping(self) -> None:
        """Return quietly if a member answers soon."""

    def close(self) -> None:
        """Give the connections back."""


AnyClient = typing.TypeVar("AnyClient", bound=Client)


class Clock(typing.Protocol):
    """Seconds since 1970 on etcd's clock."""

    @property
    def is_set(self) -> bool:
        """Whether etcd has answered."""

    def now(self) -> float:
        """Return the present time."""

    def bounds(self) -> tuple[float, float]:
        """Return the earliest and the latest that etcd's clock may show now."""


class Snapshot(abc.ABC):
    """What was stored when the head, last changed at ``version``, was read; Stale is raised when that is gone.

    ``before_read`` is called before each request.
    """

    def __init__(self, head: Head, version: int) -> None:
        self.head, self.version = head, version
        self.before_read: typing.Callable[[], None] = lambda: None

    @abc.abstractmethod
    def read(self, keys: typing.Iterable[str]) -> Texts:
        """Return the texts of keys, None for those that are not there."""

    @abc.abstractmethod
    def find(self, tree: index.Tree, parts: typing.Iterable[index.Range]) -> dict[index.Range, list[str]]:
        """Return the lists of all entries of ranges, which are read together."""

    @abc.abstractmethod
    def scan(self, tree: index.Tree, part: index.Range, descending: bool, pace: int) -> typing.Iterator[str]:
        """Yield the entries of a range in order; ``pace`` is how many will be needed, more or less."""

    @abc.abstractmethod
    def count(self, tree: index.Tree, part: index.Range) -> int:
        """Return how many entries a range has."""

    @abc.abstractmethod
    def estimate(self, tree: index.Tree, part: index.Range) -> int:
        """Return about how many entries a range has."""


AnySnapshot = typing.TypeVar("AnySnapshot", bound=Snapshot)


class Keyspace(abc.ABC, typing.Generic[AnySnapshot]):
    """Reads and writes the keys of one store."""

    @abc.abstractmethod
    def snapshot(self) -> AnySnapshot:
        """Return the newest state."""

    @abc.abstractmethod
    def write(self, snapshot: AnySnapshot, identity: str, batch: Batch) -> bool:
        """Write a batch if nothing was written since the snapshot; return whether that was so."""

    @abc.abstractmethod
    def load(self, snapshot: AnySnapshot, identity: str, batch: Batch) -> bool:
        """Write a batch of new objects as ``write`` does, faster; others may see a part of it meanwhile.

        It is written again when that fails.
        """

    @abc.abstractmethod
    def complete(self, snapshot: AnySnapshot) -> None:
        """Write what the journal of the snapshot's head says; nothing happens where somebody else did."""

    @abc.abstractmethod
    def progress(self, snapshot: AnySnapshot) -> int:
        """Return a number that changes while somebody writes what the journal of the snapshot's head says."""

    @abc.abstractmethod
    def journals(self) -> list[str]:
        """Return the keys of what is there of journals."""

    @abc.abstractmethod
    def note(self, snapshot: AnySnapshot, head: Head) -> None:
        """Replace the head, unless it was changed since the snapshot."""


class LeaseKeys(abc.ABC, typing.Generic[AnySnapshot]):
    """The keys of the leases of one store."""

    @abc.abstractmethod
    def take(self, place: str, plan: typing.Callable[[str | None, int], tuple[str, Result]]) -> Result:
        """Write the text of ``plan(text, token) -> (text, result)`` in the place of what is there; tokens grow."""

    @abc.abstractmethod
    def change(
        self, places: typing.Iterable[str], plan: typing.Callable[[Texts], tuple[Texts, Result]]
    ) -> Result:
        """Write the texts of ``plan({place: text}) -> (texts, result)`` unless others change them meanwhile."""

    @abc.abstractmethod
    def guard(self, snapshot: AnySnapshot, place: str) -> str | None:
        """Return the text of a place; a commit on this snapshot fails if another holder writes there before."""

    @abc.abstractmethod
    def below(self, snapshot: AnySnapshot, folder: str) -> list[str]:
        """Return all texts in a folder."""
