# SPDX-License-Identifier: Apache-2.0
"""The keys of a store on etcd's v3 API: snapshots by revision, writes in transactions.

A commit that fits into one transaction is one. A larger one puts its journal into keys that vanish by
themselves; one transaction then keeps them and names them in the head, and others follow that write what they
say. Readers look at the revision before that head until all is written.
"""

import zlib
from concurrent import futures

from valence.common import errors
from valence.db.etcd import head as heads
from valence.db.etcd import index
from valence.db.etcd import journal
from valence.db.etcd.v3 import gateway
from valence.db.etcd.v3 import snapshot as snapshots

#: most operations and characters of one transaction; etcd refuses more than 128, and more than 1.5 MB
MOST_OPERATIONS = 120
MOST_CHARACTERS = 300_000
#: seconds after which the journal of a writer that was killed before it decided anything vanishes
JOURNAL_SECONDS = 20
#: transactions of a load that are under way at the same time
LOADERS = 4
#: one entry of so many is marked
MARKED = 256


class Keyspace:
    """Reads and writes the keys of one store."""

    def __init__(self, etcd, paths):
        self._gateway, self._paths = etcd, paths

    def snapshot(self):
        """Return the newest state."""
        answer = self._gateway.range(self._paths.head)
        stored = answer.get("kvs")
        head = heads.Head.load(gateway.decoded(stored[0]["value"]) if stored else None)
        version = int(stored[0]["mod_revision"]) if stored else 0
        revision = version - 1 if head.journal else int(answer["header"]["revision"])
        return snapshots.Snapshot(self._gateway, self._paths, head, version, revision)

    def write(self, snapshot, identity, batch):
        """Write a batch if nothing was written since the snapshot; return whether that was so."""
        operations = [*self._operations(batch)]
        fitting = next(journal.portions(operations, MOST_OPERATIONS, MOST_CHARACTERS))
        if len(fitting) == len(operations):
            return self._decide(snapshot, identity, None, map(gateway.operation, operations))
        return self._write_journal(snapshot, identity, operations)

    def load(self, _snapshot, _identity, batch):
        """Write a batch in as many transactions as it needs; return True. It is written again when that fails."""
        portions = journal.portions([*self._operations(batch)], MOST_OPERATIONS, MOST_CHARACTERS)
        with futures.ThreadPoolExecutor(LOADERS) as pool:
            exchanges = [
                pool.submit(self._gateway.exchange, [], [*map(gateway.operation, each)]) for each in portions
            ]
        for exchange in exchanges:
            exchange.result()
        return True

    def complete(self, snapshot):
        """Write what the journal of the snapshot's head says; nothing happens where somebody else did."""
        name, count = snapshot.head.journal
        places = [self._paths.journal(name, part) for part in range(count)]
        texts = snapshot.at(snapshot.version).read(places)
        if None in texts.values():
            raise errors.StoreUnavailable(reason=f"parts of the journal {name} are missing")
        same = [gateway.unchanged(self._paths.head, snapshot.version)]
        for portion in journal.portions(journal.join(texts.values()), MOST_OPERATIONS, MOST_CHARACTERS):
            if not self._gateway.exchange(same, [*map(gateway.operation, portion)])[0]:
                return
        removed = gateway.delete(self._paths.journal(name, ""), self._paths.journal(name, index.HIGHEST))
        settled = gateway.put(self._paths.head, snapshot.head.settled().dump())
        self._gateway.exchange(same, [settled, removed])

    def journals(self):
        """Return where parts of journals are."""
        return self.snapshot().keys(self._paths.journals, self._paths.journals + index.HIGHEST)

    def note(self, snapshot, head):
        """Replace the head, unless it was changed since the snapshot."""
        same = [gateway.unchanged(self._paths.head, snapshot.version)]
        self._gateway.exchange(same, [gateway.put(self._paths.head, head.dump())])

    def _operations(self, batch):
        """Yield (key, text or None) of everything that is to be written."""
        yield from batch.texts.items()
        for (tree, entry), is_added in batch.entries.items():
            text = "" if is_added else None
            if tree.names:
                yield self._paths.index(tree) + entry, text
            if is_marked(entry):
                yield self._paths.marks(tree) + entry, text

    def _write_journal(self, snapshot, identity, operations):
        parts = list(journal.parts_of(operations))
        if len(parts) > MOST_OPERATIONS:
            raise errors.TooLarge(what="commit", limit=f"{MOST_OPERATIONS * journal.PART} characters")
        name, lease = f"{snapshot.head.number + 1}-{identity}", self._gateway.grant(JOURNAL_SECONDS)
        places = [self._paths.journal(name, part) for part in range(len(parts))]
        for place, part in zip(places, parts, strict=True):
            self._gateway.exchange([], [gateway.put(place, part, lease=lease)])
        kept = [gateway.put(place, "", ignore_value=True) for place in places]
        if not self._decide(snapshot, identity, (name, len(parts)), kept):
            self._gateway.exchange([], [*map(gateway.delete, places)])
            return False
        self._finish(name)
        return True

    def _finish(self, name):
        """Write the rest of a commit that is decided; should etcd go away, others will."""
        try:
            snapshot = self.snapshot()
            if snapshot.head.journal and snapshot.head.journal[0] == name:
                self.complete(snapshot)
        except errors.StoreUnavailable:
            pass

    def _decide(self, snapshot, identity, decided, operations):
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


def is_marked(entry):
    """Tell whether an index entry is marked: marks divide an index into parts that are quickly read."""
    return zlib.crc32(entry.encode()) % MARKED == 0
