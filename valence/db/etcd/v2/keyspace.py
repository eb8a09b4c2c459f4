# SPDX-License-Identifier: Apache-2.0
"""The keys of a store on etcd's v2 API, which changes one key at a time.

The head decides a commit: it takes the journal, all that is to be written. Whoever wrote that head writes what
the journal says, each key only if it is as it was when the commit was planned, and says in the head that he
still does; should he stop, another takes over. An object that is removed leaves an empty text that vanishes
later, so that a write which comes far too late finds no place.
"""

import contextlib
import time
from concurrent import futures

from valence.common import errors
from valence.db.etcd import failures
from valence.db.etcd import journal
from valence.db.etcd.v2 import pages
from valence.db.etcd.v2 import snapshot as snapshots

#: characters of a journal that the head itself holds
SHORT = 200_000
#: seconds after which the head is told again that its journal is being written
BEAT_SECONDS = 0.5
#: seconds for which a removed object's place stays taken
GRAVE_SECONDS = 120
#: writes at the same time, and between two looks at the time
WRITERS = 8
PORTION = 64
#: how often a journal may be gone when it is read
ATTEMPTS = 10
#: commits after which left parts of journals are looked for
SWEEP = 50


class Keyspace:
    """Reads and writes the keys of one store."""

    def __init__(self, etcd, paths):
        self._etcd, self._paths = etcd, paths
        self._tables: dict = {}

    def snapshot(self):
        """Return the newest state."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(failures.Stale):
                return snapshots.Snapshot(self._etcd, self._paths, self._tables)
        raise errors.StoreUnavailable(reason="parts of a journal are missing")

    def write(self, snapshot, identity, batch):
        """Write a batch if nothing was written since the snapshot; return whether that was so."""
        head = snapshot.head.after(identity)
        operations = [*self._texts(snapshot, batch.texts)]
        operations += [each for each, _ in self._entries(snapshot, batch.entries, head)]
        return self._commit(snapshot, identity, head, operations)

    def load(self, snapshot, identity, batch):
        """Write a batch of new objects as ``write`` does, but by way of the journal only where pages are divided.

        What others see meanwhile is a part of the batch. It is written again when that fails.
        """
        head = snapshot.head.after(identity)
        entries = [*self._entries(snapshot, batch.entries, head)]
        at_once = [*batch.texts.items(), *(each[:2] for each, waits in entries if not waits)]
        with futures.ThreadPoolExecutor(WRITERS) as pool:
            for _ in pool.map(lambda each: self._etcd.write(*each), at_once):
                pass
        return self._commit(snapshot, identity, head, [each for each, waits in entries if waits])

    def _commit(self, snapshot, identity, head, operations):
        """Write ``head`` with a journal of the operations, then these; return whether nothing was written before."""
        name, parts = f"{head.number}-{identity}", list(journal.parts_of(operations))
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
        self._finish(head, version, operations)
        return True

    def complete(self, snapshot):
        """Take over the journal of the snapshot's head, and write it; nothing happens where somebody else did."""
        try:
            operations = snapshot.operations()
        except failures.Stale:
            return
        Application(self._etcd, self._paths, snapshot.head, snapshot.version, operations).run(take_over=True)

    def journals(self):
        """Return where journals are that have parts."""
        return list(self._etcd.read(self._paths.journals.rstrip("/")).nodes)

    def note(self, snapshot, head):
        """Replace the head, unless it was changed since the snapshot."""
        self._exchange(snapshot.version, head)

    def _texts(self, snapshot, texts):
        """Yield [key, text or None, index before] of the texts to write."""
        snapshot.read(key for key in texts if key not in snapshot.indexes)
        for key, text in texts.items():
            if text is not None or snapshot.indexes[key]:
                yield [key, text, snapshot.indexes[key]]

    def _entries(self, snapshot, entries, head):
        """Yield the same of the pages of index entries, and whether it has to wait for the table of the index.

        Tables that change are noted in the new ``head``.
        """
        by_tree = {}
        for (tree, entry), is_added in entries.items():
            by_tree.setdefault(tree, {})[entry] = is_added
        for tree, changed in by_tree.items():
            yield from self._pages(snapshot, tree, changed, head)

    def _pages(self, snapshot, tree, changed, head):
        before, by_page = snapshot.table(tree), {}
        for entry, is_added in changed.items():
            by_page.setdefault(before.page_of(entry), {})[entry] = is_added
        after, base = pages.Table(before.pages), self._paths.index(tree)
        for count, (page, changes) in enumerate(by_page.items()):
            entries = pages.change(snapshot.entries(tree, page), changes)
            new = dict(after.divided(page, entries, f"{head.number}-{count}"))
            after.replace(page, new)
            texts = {base + page.name: None} | {base + each.name: pages.dump(new[each]) for each in new}
            for key, text in texts.items():
                before_it = snapshot.indexes.get(key, 0)
                if text is not None or before_it:
                    # A page that lost entries to new ones; one that only grew, or is new, does no harm before.
                    yield [key, text, before_it], bool(before_it) and [*new] != [page]
        if after.pages != before.pages:
            place = self._paths.table(tree)
            head.tables[place] = head.number
            yield [place, after.dump(), self._index_of(snapshot, place)], True

    @staticmethod
    def _index_of(snapshot, place):
        if place not in snapshot.indexes:
            snapshot.read([place])
        return snapshot.indexes[place]

    def _decide(self, snapshot, identity, head):
        """Return the index of the new head, None if another commit was faster."""
        try:
            version, is_open = self._exchange(snapshot.version, head)
            if version is None and is_open:
                present = self.snapshot()
                return present.version if identity in present.head.recent else None
        except errors.StoreUnavailable as error:
            raise errors.OutcomeUnknown(**error.kwargs) from error
        return version

    def _exchange(self, version, head):
        options = {"prevIndex": version} if version else {"prevExist": "false"}
        return self._etcd.write(self._paths.head, head.dump(), **options)

    def _finish(self, head, version, operations):
        """Write the rest of a commit that is decided; should etcd go away, others will."""
        try:
            Application(self._etcd, self._paths, head, version, operations).run()
            if "parts" in head.journal or head.number % SWEEP == 0:
                self._sweep(head)
        except errors.StoreUnavailable:
            pass

    def _remove(self, name, places):
        if places:
            self._etcd.delete(f"{self._paths.journals}{name}", recursive="true")

    def _sweep(self, head):
        """Remove journals of commits that were never decided."""
        for key in self.journals():
            number = int(key.rpartition("/")[2].partition("-")[0])
            if number <= head.number:
                self._etcd.delete(key, recursive="true")


class Application:
    """The writing of one journal."""

    def __init__(self, etcd, paths, head, version, operations):
        self._etcd, self._paths, self._operations = etcd, paths, operations
        self._head, self._version = head, version
        self._beat_at = _now()

    def run(self, take_over=False):
        """Write everything and settle the head, or stop when another has taken over."""
        if take_over and not self._beat():
            return
        # etcd writes what comes at the same time to its disk at once.
        with futures.ThreadPoolExecutor(WRITERS) as pool:
            for start in range(0, len(self._operations), PORTION):
                if _now() - self._beat_at > BEAT_SECONDS and not self._beat():
                    return
                for _ in pool.map(self._apply, self._operations[start : start + PORTION]):
                    pass
        self._exchange(self._head.settled())
        if "parts" in self._head.journal:
            self._etcd.delete(f"{self._paths.journals}{self._head.journal['name']}", recursive="true")

    def _beat(self):
        """Tell the head that its journal is being written; return False when another did so."""
        self._beat_at = _now()
        self._version = self._exchange(self._head)
        return self._version is not None

    def _exchange(self, head):
        return self._etcd.write(self._paths.head, head.dump(), prevIndex=self._version)[0]

    def _apply(self, operation):
        """Write one key; one that is not as it was has been written already."""
        key, text, index = operation
        if text is not None:
            self._put(key, text, index)
        elif key.startswith(self._paths.own):
            self._etcd.delete(key, prevIndex=index)
        else:
            self._bury(key, index)

    def _put(self, key, text, index):
        try:
            options = {"prevIndex": index} if index else {"prevExist": "false"}
            self._etcd.write(key, text, **options)
        except KeyError:
            # The empty text of a removed object vanished.
            self._etcd.write(key, text, prevExist="false")

    def _bury(self, key, index):
        with contextlib.suppress(KeyError):
            self._etcd.write(key, "", prevIndex=index, ttl=GRAVE_SECONDS)


def _now():
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
