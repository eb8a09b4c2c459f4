# SPDX-License-Identifier: Apache-2.0
"""The store on etcd's v2 API, which an etcd before 3.6 has when it is started with --enable-v2.

The API changes one key at a time. The head decides a commit: it takes the journal, all that is to be written. Whoever
wrote that head writes what the journal says, each key only if it is as it was when the commit was planned, and says in
the head that he still does; should he stop, another takes over. An object that is removed leaves an empty text that
vanishes later, so that a write which comes far too late finds no place.

Leases change by commits, because the API compares one key at a time.
"""

import contextlib
import time
import typing
import urllib.parse
from concurrent import futures

from valence.common import errors
from valence.db.etcd import commits
from valence.db.etcd import endpoints
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import paths
from valence.db.etcd import store
from valence.db.etcd.v2 import client
from valence.db.etcd.v2 import pages
from valence.db.etcd.v2 import snapshots


class LeaseKeys(keyspace.LeaseKeys[snapshots.Snapshot]):
    """The keys of the leases of one store; the tokens are numbers of commits, so that they grow."""

    def __init__(self, commits: commits.Commits[snapshots.Snapshot]) -> None:
        self._commits = commits

    def take(
        self, place: str, plan: typing.Callable[[str | None, int], tuple[str, keyspace.Result]]
    ) -> keyspace.Result:
        def drafted(snapshot: snapshots.Snapshot) -> tuple[keyspace.Batch, keyspace.Result]:
            text, result = plan(snapshot.read([place])[place], snapshot.head.number + 1)
            return keyspace.Batch({place: text}), result

        return self._commits.run(drafted)

    def change(
        self,
        places: typing.Iterable[str],
        plan: typing.Callable[[keyspace.Texts], tuple[keyspace.Texts, keyspace.Result]],
    ) -> keyspace.Result:
        places = list(places)

        def drafted(snapshot: snapshots.Snapshot) -> tuple[keyspace.Batch, keyspace.Result]:
            texts, result = plan(snapshot.read(places))
            return keyspace.Batch(texts), result

        return self._commits.run(drafted)

    def guard(self, snapshot: snapshots.Snapshot, place: str) -> str | None:
        return snapshot.read([place])[place]

    def below(self, snapshot: snapshots.Snapshot, folder: str) -> list[str]:
        return snapshot.texts_below(folder)


#: characters of a journal that the head itself holds
SHORT = 200_000
#: seconds after which the head is told again that its journal is being written
BEAT_SECONDS = 0.5
#: seconds for which a removed object's place stays taken
GRAVE_SECONDS = 120
#: writes at the same time, and between two looks at the time
WRITERS = 8
PORTION = 64
#: seconds between two attempts to read a journal that was removed meanwhile, or has not reached this etcd member yet
PAUSE = 0.02
#: commits after which left parts of journals are looked for
SWEEP = 50


class Keyspace(keyspace.Keyspace[snapshots.Snapshot]):
    """Reads and writes the keys of one store."""

    def __init__(self, etcd: client.Client, paths: paths.Paths) -> None:
        self._etcd, self._paths = etcd, paths
        self._tables: snapshots.Tables = {}
        self._known = snapshots.Known(None)
        #: the newest commits that were seen, as the head remembers them
        self._recent: tuple[str, ...] = ()

    def snapshot(self) -> snapshots.Snapshot:
        deadline = _now() + endpoints.PATIENCE
        while True:
            try:
                snapshot = snapshots.Snapshot(self._etcd, self._paths, self._tables, self._known)
            except endpoints.Stale as stale:
                if _now() > deadline:
                    raise errors.StoreUnavailable(reason=str(stale)) from stale
                time.sleep(PAUSE)
            else:
                self._known = snapshot.known
                self._follow(snapshot.head.recent)
                return snapshot

    def _follow(self, recent: tuple[str, ...]) -> None:
        """Forget the tables unless these commits follow those that were seen: a restored backup has others."""
        if not recent or recent[-1] in self._recent:
            return
        if self._recent and self._recent[-1] not in recent:
            self._tables.clear()
        self._recent = recent

    def write(self, snapshot: snapshots.Snapshot, identity: str, batch: keyspace.Batch) -> bool:
        head = snapshot.head.after(identity)
        operations = [*self._texts(snapshot, batch.texts)]
        operations += [each for each, _ in self._entries(snapshot, batch.entries, head)]
        return self._commit(snapshot, identity, head, operations)

    def load(self, snapshot: snapshots.Snapshot, identity: str, batch: keyspace.Batch) -> bool:
        """Write a batch of new objects as ``write`` does, but by way of the journal only where pages are divided.

        What others see meanwhile is a part of the batch. It is written again when that fails.
        """
        head = snapshot.head.after(identity)
        entries = [*self._entries(snapshot, batch.entries, head)]
        at_once = [*batch.texts.items(), *(each[:2] for each, waits in entries if not waits)]
        self._known = snapshot.known = snapshots.Known(None)
        with futures.ThreadPoolExecutor(WRITERS) as pool:
            for _ in pool.map(lambda each: self._etcd.write(*each), at_once):
                pass
        return self._commit(snapshot, identity, head, [each for each, waits in entries if waits])

    def _commit(
        self,
        snapshot: snapshots.Snapshot,
        identity: str,
        head: keyspace.Head,
        operations: list[snapshots.Write],
    ) -> bool:
        """Write ``head`` with a journal of the operations, then these; return whether nothing was written before."""
        # Others may have queued while pages were read.
        head.queue = snapshot.head.without(identity).queue
        name, parts = f"{head.number}-{identity}", keyspace.journal_parts(operations)
        places = [self._paths.journal(name, part) for part in range(len(parts))]
        if len(parts) == 1 and len(parts[0]) <= SHORT:
            head.journal, places = {"name": name, "texts": parts}, []
        else:
            head.journal = {"name": name, "parts": len(parts)}
        for place, part in zip(places, parts, strict=bool(places)):
            self._etcd.write(place, part)
        version = self._decide(snapshot, identity, head)
        if version is None:
            self._remove(name, places)
            return False
        self._finish(snapshot, head, version, operations)
        return True

    def complete(self, snapshot: snapshots.Snapshot) -> None:
        try:
            operations = snapshot.operations()
        except endpoints.Stale:
            return
        Application(self._etcd, self._paths, snapshot.head, snapshot.version, operations).run(take_over=True)

    def progress(self, snapshot: snapshots.Snapshot) -> int:
        # Whoever writes changes the head again and again.
        return snapshot.version

    def journals(self) -> list[str]:
        return list(self._etcd.read(self._paths.journals.rstrip("/")).nodes)

    def note(self, snapshot: snapshots.Snapshot, head: keyspace.Head) -> None:
        self._exchange(snapshot.version, head)

    def _texts(self, snapshot: snapshots.Snapshot, texts: keyspace.Texts) -> typing.Iterator[snapshots.Write]:
        """Yield what writes the texts."""
        snapshot.read(key for key in texts if key not in snapshot.known.indexes)
        for key, text in texts.items():
            if text is not None or snapshot.known.indexes[key]:
                yield snapshots.Write(key, text, snapshot.known.indexes[key])

    def _entries(
        self, snapshot: snapshots.Snapshot, entries: keyspace.Entries, head: keyspace.Head
    ) -> typing.Iterator[tuple[snapshots.Write, bool]]:
        """Yield what writes the pages of index entries, and whether it has to wait for the table of the index.

        Tables that change are noted in the new ``head``.
        """
        by_tree: dict[index.Tree, dict[str, bool]] = {}
        for (tree, entry), is_added in entries.items():
            by_tree.setdefault(tree, {})[entry] = is_added
        for tree, changed in by_tree.items():
            yield from self._pages(snapshot, tree, changed, head)

    def _pages(
        self, snapshot: snapshots.Snapshot, tree: index.Tree, changed: dict[str, bool], head: keyspace.Head
    ) -> typing.Iterator[tuple[snapshots.Write, bool]]:
        before = snapshot.table(tree)
        by_page: dict[pages.Page, dict[str, bool]] = {}
        for entry, is_added in changed.items():
            by_page.setdefault(before.page_of(entry), {})[entry] = is_added
        after, base = pages.Table(before.pages), self._paths.index(tree)
        snapshot.read(base + page.name for page in by_page)
        for count, (page, changes) in enumerate(by_page.items()):
            entries = pages.change(snapshot.entries(tree, page), changes)
            new = dict(after.divided(page, entries, f"{head.number}-{count}"))
            after.replace(page, new)
            texts: keyspace.Texts = {base + page.name: None}
            texts |= {base + each.name: pages.dump(new[each]) for each in new}
            for key, text in texts.items():
                before_it = snapshot.known.indexes.get(key, 0)
                if text is not None or before_it:
                    # A page that lost entries to new ones; one that only grew, or is new, does no harm before.
                    yield snapshots.Write(key, text, before_it), bool(before_it) and [*new] != [page]
        if after.pages != before.pages:
            place = self._paths.table(tree)
            head.tables[place] = head.number
            yield snapshots.Write(place, after.dump(), self._index_of(snapshot, place)), True

    @staticmethod
    def _index_of(snapshot: snapshots.Snapshot, place: str) -> int:
        if place not in snapshot.known.indexes:
            snapshot.read([place])
        return snapshot.known.indexes[place]

    def _decide(self, snapshot: snapshots.Snapshot, identity: str, head: keyspace.Head) -> int | None:
        """Return the index of the new head, None if another commit was faster."""
        try:
            version, is_open = self._exchange(snapshot.version, head)
            if version is None and is_open:
                present = self.snapshot()
                return present.version if identity in present.head.recent else None
        except errors.StoreUnavailable as error:
            raise errors.OutcomeUnknown(**error.kwargs) from error
        return version

    def _exchange(self, version: int, head: keyspace.Head) -> tuple[int | None, bool]:
        options = {"prevIndex": version} if version else {"prevExist": "false"}
        return self._etcd.write(self._paths.head, head.dump(), **options)

    def _finish(
        self,
        snapshot: snapshots.Snapshot,
        head: keyspace.Head,
        version: int,
        operations: list[snapshots.Write],
    ) -> None:
        """Write the rest of a commit that is decided; should etcd go away, others will."""
        application = Application(self._etcd, self._paths, head, version, operations)
        try:
            if not application.run():
                return  # another process has taken over
            self._known = snapshot.known.after(head.recent[-1:], operations, application.indexes)
            if "parts" in head.journal or head.number % SWEEP == 0:
                self._sweep(head)
        except errors.StoreUnavailable:
            pass

    def _remove(self, name: str, places: list[str]) -> None:
        if places:
            self._etcd.delete(f"{self._paths.journals}{name}", recursive="true")

    def _sweep(self, head: keyspace.Head) -> None:
        """Remove journals of commits that were never decided."""
        for key in self.journals():
            number = int(key.rpartition("/")[2].partition("-")[0])
            if number <= head.number:
                self._etcd.delete(key, recursive="true")


class Application:
    """The writing of one journal."""

    def __init__(
        self,
        etcd: client.Client,
        paths: paths.Paths,
        head: keyspace.Head,
        version: int,
        operations: list[snapshots.Write],
    ) -> None:
        self._etcd, self._paths, self._operations = etcd, paths, operations
        self._head, self._version = head, version
        self._beat_at = _now()
        #: the index of each key that was written; what was removed, or written by another, has none
        self.indexes: dict[str, int | None] = {}

    def run(self, take_over: bool = False) -> bool:
        """Write everything and settle the head, or stop and return False when another has taken over."""
        if take_over and not self._beat():
            return False
        # etcd writes what comes at the same time to its disk at once.
        with futures.ThreadPoolExecutor(WRITERS) as pool:
            for start in range(0, len(self._operations), PORTION):
                if _now() - self._beat_at > BEAT_SECONDS and not self._beat():
                    return False
                for _ in pool.map(self._apply, self._operations[start : start + PORTION]):
                    pass
        is_settled = self._exchange(self._head.settled()) is not None
        # If another process has taken over, readers still need the journal; that process removes it when it is done.
        if is_settled and "parts" in self._head.journal:
            self._etcd.delete(f"{self._paths.journals}{self._head.journal['name']}", recursive="true")
        return is_settled

    def _beat(self) -> bool:
        """Tell the head that its journal is being written; return False when another did so."""
        self._beat_at = _now()
        version = self._exchange(self._head)
        self._version = version or self._version
        return version is not None

    def _exchange(self, head: keyspace.Head) -> int | None:
        return self._etcd.write(self._paths.head, head.dump(), prevIndex=self._version)[0]

    def _apply(self, operation: snapshots.Write) -> None:
        """Write one key; one that is not as it was has been written already."""
        key, text, index = operation
        if text is not None:
            self.indexes[key] = self._put(key, text, index)
        elif key.startswith(self._paths.own):
            self._etcd.delete(key, prevIndex=index)
        else:
            self.indexes[key] = self._bury(key, index)

    def _put(self, key: str, text: str, index: int) -> int | None:
        """Return the new index, None where the key was not as it was."""
        try:
            options = {"prevIndex": index} if index else {"prevExist": "false"}
            return self._etcd.write(key, text, **options)[0]
        except KeyError:
            # The empty text of a removed object vanished.
            return self._etcd.write(key, text, prevExist="false")[0]

    def _bury(self, key: str, index: int) -> int | None:
        with contextlib.suppress(KeyError):
            return self._etcd.write(key, "", prevIndex=index, ttl=GRAVE_SECONDS)[0]
        return None


def _now() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


#: names of folders that mean something to etcd; in others, what has a meaning in URLs is escaped
SPECIAL = {"": "%", ".": "%2E", "..": "%2E%2E"}


class EtcdStore(store.EtcdStore[snapshots.Snapshot, client.Client]):
    """A store whose commits are journals that are applied key by key."""

    def _spell(self, text: str) -> str:
        return SPECIAL.get(text) or urllib.parse.quote(text, safe="")

    def _open(self, where: endpoints.Location) -> tuple[client.Client, Keyspace]:
        etcd = client.Client(where)
        return etcd, Keyspace(etcd, self.paths)

    def _lease_keys(self) -> LeaseKeys:
        return LeaseKeys(self.commits)
