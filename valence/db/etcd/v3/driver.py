# SPDX-License-Identifier: Apache-2.0
"""The store on etcd's v3 API, which every etcd since 3.3 has: snapshots by revision, writes in transactions.

A commit that fits into one transaction is one. A larger one puts its journal into keys that vanish by
themselves; one transaction then keeps them and names them in the head, and others follow that write what they
say. Readers look at the revision before that head until all is written.

Leases change by transactions of their own, beside the commits, which wait for one another. A commit under a lease
compares when the lease's key was made, so that it fails if somebody took the lease meanwhile.
"""

import itertools
import time
import typing
import zlib
from concurrent import futures

from valence.common import errors
from valence.db.etcd import endpoints
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import paths
from valence.db.etcd import store
from valence.db.etcd.v3 import gateway
from valence.db.etcd.v3 import snapshots

#: seconds for which a change is tried anew while others are faster
LONGEST_WAIT = 10
#: most keys of one transaction
MOST_KEYS = 100


class Stored(typing.NamedTuple):
    """What is at a place, and the revisions of its creation and of its last change; 0 where nothing is."""

    text: str | None
    created: int
    changed: int


class LeaseKeys(keyspace.LeaseKeys[snapshots.Snapshot]):
    """The keys of the leases of one store; the tokens are revisions of etcd, so that they grow.

    Each taking makes the key anew, and what is done by its holder does not: so commits tell by its creation who has it.
    """

    def __init__(self, etcd: gateway.Gateway) -> None:
        self._gateway = etcd

    def take(
        self, place: str, plan: typing.Callable[[str | None, int], tuple[str, keyspace.Result]]
    ) -> keyspace.Result:
        def attempt() -> tuple[bool, keyspace.Result]:
            found, revision = self._read([place])
            text, result = plan(found[place].text, revision + 1)
            return self._remove(place, found[place]) and self._make(place, text), result

        return _again(attempt)

    def change(
        self,
        places: typing.Iterable[str],
        plan: typing.Callable[[keyspace.Texts], tuple[keyspace.Texts, keyspace.Result]],
    ) -> keyspace.Result:
        places = list(places)

        def attempt() -> tuple[bool, keyspace.Result]:
            found, _ = self._read(places)
            texts, result = plan({place: stored.text for place, stored in found.items()})
            return all(self._write(found, share, texts) for share in _shares(texts)), result

        return _again(attempt)

    def guard(self, snapshot: snapshots.Snapshot, place: str) -> str | None:
        stored = self._read([place])[0][place]
        snapshot.guards.append(gateway.same(place, stored.created))
        return stored.text

    def below(self, _snapshot: snapshots.Snapshot, folder: str) -> list[str]:
        answer = self._gateway.range(folder, folder + index.HIGHEST)
        return [gateway.decoded(each["value"]) for each in answer.get("kvs", ())]

    def _read(self, places: typing.Iterable[str]) -> tuple[dict[str, Stored], int]:
        """Return {place: Stored}, and the revision of the whole store before that."""
        found: dict[str, Stored] = {}
        revision = 0
        for share in _shares(places):
            answers = self._gateway.ranges([gateway.ranged(place) for place in share])
            revision = revision or int(answers[0]["header"]["revision"])
            found |= {place: _stored(answer) for place, answer in zip(share, answers, strict=True)}
        return found, revision

    def _remove(self, place: str, stored: Stored) -> bool:
        """Make room; return whether nobody else had changed what was there."""
        if stored.text is None:
            return True
        return self._write({place: stored}, [place], {place: None})

    def _make(self, place: str, text: str) -> bool:
        return self._write({place: NOTHING}, [place], {place: text})

    def _write(self, found: dict[str, Stored], places: typing.Iterable[str], texts: keyspace.Texts) -> bool:
        """Write some of the texts, None to remove one; return whether nobody else had changed any of them."""
        same = [gateway.unchanged(place, found[place].changed) for place in places]
        wanted = {place: texts[place] for place in places}
        is_done, is_open = self._gateway.exchange(same, [*map(gateway.operation, wanted.items())])
        return is_done or (is_open and self._has(wanted))

    def _has(self, texts: keyspace.Texts) -> bool:
        return texts == {place: stored.text for place, stored in self._read(texts)[0].items()}


NOTHING = Stored(None, 0, 0)


def _stored(answer: gateway.Answer) -> Stored:
    if not (found := answer.get("kvs")):
        return NOTHING
    revisions = (int(found[0][name]) for name in ("create_revision", "mod_revision"))
    return Stored(gateway.decoded(found[0]["value"]), *revisions)


def _again(attempt: typing.Callable[[], tuple[bool, keyspace.Result]]) -> keyspace.Result:
    """Return the result of ``attempt() -> (whether nobody was faster, result)`` when it succeeds."""
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        is_done, result = attempt()
        if is_done:
            return result
        if time.monotonic() > deadline:
            raise errors.Conflict(reason="Others change the same leases all the time.")


def _shares(places: typing.Iterable[str]) -> typing.Iterator[list[str]]:
    places = iter(places)
    return iter(lambda: list(itertools.islice(places, MOST_KEYS)), [])


#: most operations and characters of one transaction; etcd refuses more than 128, and more than 1.5 MB
MOST_OPERATIONS = 120
MOST_CHARACTERS = 300_000
#: beside the parts of a journal, what is written with each portion of it
BEAT = "beat"
#: seconds after which the journal of a writer that was killed before it decided anything vanishes
JOURNAL_SECONDS = 20
#: transactions of a load that are under way at the same time
LOADERS = 4
#: one entry of so many is marked
MARKED = 256


#: the name of a journal, and the number of its parts
Journal = tuple[str, int]


class Keyspace(keyspace.Keyspace[snapshots.Snapshot]):
    """Reads and writes the keys of one store."""

    def __init__(self, etcd: gateway.Gateway, paths: paths.Paths) -> None:
        self._gateway, self._paths = etcd, paths

    def snapshot(self) -> snapshots.Snapshot:
        answer = self._gateway.range(self._paths.head)
        stored = answer.get("kvs")
        head = keyspace.Head.load(gateway.decoded(stored[0]["value"]) if stored else None)
        version = int(stored[0]["mod_revision"]) if stored else 0
        revision = version - 1 if head.journal else int(answer["header"]["revision"])
        return snapshots.Snapshot(self._gateway, self._paths, head, version, revision)

    def write(self, snapshot: snapshots.Snapshot, identity: str, batch: keyspace.Batch) -> bool:
        operations = [*self._operations(batch)]
        fitting = next(keyspace.portions(operations, MOST_OPERATIONS, MOST_CHARACTERS))
        if len(fitting) == len(operations):
            return self._decide(snapshot, identity, None, map(gateway.operation, operations))
        return self._write_journal(snapshot, identity, operations)

    def load(self, snapshot: snapshots.Snapshot, identity: str, batch: keyspace.Batch) -> bool:
        """Write a batch in as many transactions as it needs; return True. It is written again when that fails."""
        portions = keyspace.portions([*self._operations(batch)], MOST_OPERATIONS, MOST_CHARACTERS)
        with futures.ThreadPoolExecutor(LOADERS) as pool:
            exchanges = [
                pool.submit(self._gateway.exchange, [], [*map(gateway.operation, each)]) for each in portions
            ]
        for exchange in exchanges:
            exchange.result()
        return True

    def complete(self, snapshot: snapshots.Snapshot) -> None:
        name, count = snapshot.head.journal
        places = [self._paths.journal(name, part) for part in range(count)]
        texts = [text for text in snapshot.at(snapshot.version).read(places).values() if text is not None]
        if len(texts) < count:
            raise errors.StoreUnavailable(reason=f"parts of the journal {name} are missing")
        same = [gateway.unchanged(self._paths.head, snapshot.version)]
        beat = gateway.put(self._paths.journal(name, BEAT), "")
        for portion in keyspace.portions(keyspace.join_parts(texts), MOST_OPERATIONS, MOST_CHARACTERS):
            if not self._gateway.exchange(same, [beat, *map(gateway.operation, portion)])[0]:
                return
        removed = gateway.delete(self._paths.journal(name, ""), self._paths.journal(name, index.HIGHEST))
        settled = gateway.put(self._paths.head, snapshot.head.settled().dump())
        self._gateway.exchange(same, [settled, removed])

    def progress(self, snapshot: snapshots.Snapshot) -> int:
        # The head says at which revision the state before the commit is, so it cannot change meanwhile.
        name, _ = snapshot.head.journal
        stored = self._gateway.range(self._paths.journal(name, BEAT)).get("kvs")
        return int(stored[0]["mod_revision"]) if stored else 0

    def journals(self) -> list[str]:
        return self.snapshot().keys(self._paths.journals, self._paths.journals + index.HIGHEST)

    def note(self, snapshot: snapshots.Snapshot, head: keyspace.Head) -> None:
        same = [gateway.unchanged(self._paths.head, snapshot.version)]
        self._gateway.exchange(same, [gateway.put(self._paths.head, head.dump())])

    def _operations(self, batch: keyspace.Batch) -> typing.Iterator[tuple[str, str | None]]:
        """Yield (key, text or None) of everything that is to be written."""
        yield from batch.texts.items()
        for (tree, entry), is_added in batch.entries.items():
            text = "" if is_added else None
            if tree.names:
                yield self._paths.index(tree) + entry, text
            if is_marked(entry):
                yield self._paths.marks(tree) + entry, text

    def _write_journal(
        self, snapshot: snapshots.Snapshot, identity: str, operations: list[tuple[str, str | None]]
    ) -> bool:
        parts = keyspace.journal_parts(operations)
        if len(parts) > MOST_OPERATIONS:
            raise errors.TooLarge(what="commit", limit=f"{MOST_OPERATIONS * keyspace.PART} characters")
        name, lease = f"{snapshot.head.number + 1}-{identity}", self._gateway.grant(JOURNAL_SECONDS)
        places = [self._paths.journal(name, part) for part in range(len(parts))]
        for place, part in zip(places, parts, strict=True):
            self._gateway.exchange([], [gateway.put(place, part, lease=lease)])
        kept = [gateway.put(place, "", ignore_value=True) for place in places]
        if not self._decide_by_journal(snapshot, identity, (name, len(parts)), kept):
            self._gateway.exchange([], [*map(gateway.delete, places)])
            return False
        self._finish(name)
        return True

    def _decide_by_journal(
        self, snapshot: snapshots.Snapshot, identity: str, decided: Journal, kept: list[gateway.Request]
    ) -> bool:
        try:
            return self._decide(snapshot, identity, decided, kept)
        except endpoints.Gone:
            return False  # the writer was stopped for so long that its journal vanished: it is written again

    def _finish(self, name: str) -> None:
        """Write the rest of a commit that is decided; should etcd go away, others will."""
        try:
            snapshot = self.snapshot()
            if snapshot.head.journal and snapshot.head.journal[0] == name:
                self.complete(snapshot)
        except errors.StoreUnavailable:
            pass

    def _decide(
        self,
        snapshot: snapshots.Snapshot,
        identity: str,
        decided: Journal | None,
        operations: typing.Iterable[gateway.Request],
    ) -> bool:
        """Write the next head and ``operations``; return whether head and guards were the same until then."""
        head = gateway.put(self._paths.head, snapshot.head.after(identity, decided).dump())
        same = [gateway.unchanged(self._paths.head, snapshot.version), *snapshot.guards]
        try:
            is_done, is_open = self._gateway.exchange(same, [head, *operations])
            return is_done or (is_open and identity in self.snapshot().head.recent)
        except errors.StoreUnavailable as error:
            if type(error) is errors.StoreUnavailable:
                raise errors.OutcomeUnknown(**error.kwargs) from error
            raise


def is_marked(entry: str) -> bool:
    """Tell whether an index entry is marked: marks divide an index into parts that are quickly read."""
    return zlib.crc32(entry.encode()) % MARKED == 0


class Etcd3Store(store.EtcdStore[snapshots.Snapshot, gateway.Gateway]):
    """A store whose commits are transactions of etcd."""

    def _spell(self, text: str) -> str:
        return text

    def _open(self, where: endpoints.Location) -> tuple[gateway.Gateway, Keyspace]:
        etcd = gateway.Gateway(where)
        return etcd, Keyspace(etcd, self.paths)

    def _lease_keys(self) -> LeaseKeys:
        return LeaseKeys(self._etcd)
