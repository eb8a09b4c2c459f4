# SPDX-License-Identifier: Apache-2.0
"""Detects that the database was restored from an older backup, and begins a new epoch of events then.

A backup brings back old numbers of events, which new events then get a second time; (epoch, number) stays unique. A
conductor that starts while no other one runs cannot know whether there was a restore, so it begins an epoch. A running
conductor compares the newest events that it has seen with the stored ones.
"""

import collections
import typing

from oslo_log import log

from valence.common import errors
from valence.conductor.cluster import ownership
from valence.conductor.work import threads
from valence.db import models
from valence.db import store
from valence.db.models.event import Epochs

LOG = log.getLogger(__name__)

#: names of the cursors that tell where epochs begin, and the name that comes after all of them
PREFIX, END = "epoch/", "epoch0"
#: epochs that are kept: positions in older ones still lead to the right event, as long as no restore came between
MOST = 32
#: events that are read at a time, and that are remembered
BATCH, KEPT = 200, 1000
#: seconds between two looks where events are not published
INTERVAL = 1.0
#: conductors that begin an epoch in the same millisecond
TRIES = 20


class Restored(Exception):
    """The events with numbers above ``after`` differ from the events that were read earlier."""

    def __init__(self, after: int):
        super().__init__(after)
        self.after = after


class Seen(typing.NamedTuple):
    """The remembered part of an event."""

    sequence: int
    uuid: str
    created_at: str


class History:
    """Reads new events in their order, and detects that earlier numbers now belong to other events."""

    def __init__(self, database):
        self._store = database
        self._seen: collections.deque[Seen] | None = None

    @property
    def sequence(self) -> int:
        """Return the number of the last event that was seen, 0 before the first."""
        return self._seen[-1].sequence if self._seen else 0

    def read(self, *, whole: bool = False) -> list:
        """Return the next events, unless ``whole`` sequence and object_id only, none at the first call; raise Restored.

        At most BATCH events are returned; fewer mean that there are no more.
        """
        if self._seen is None:
            self.restart()
        rows = self._rows(self.sequence, whole)
        if self._seen and rows and rows[0].uuid == self._seen[-1].uuid:
            rows = rows[1:]
        elif self._seen and self._is_restored(rows):
            raise Restored(self._common())
        self._seen.extend(Seen(row.sequence, row.uuid, row.created_at) for row in rows)
        return rows

    def restart(self) -> None:
        """Restart after the newest event that is stored now: `read` returns every event that comes later."""
        self._seen = collections.deque(self._newest(), KEPT)

    def _newest(self):
        newest = self._store.list(
            models.Event,
            sort=[store.Sort("sequence", descending=True)],
            limit=1,
            fields=["sequence", "created_at"],
        )
        return [Seen(row.sequence, row.uuid, row.created_at) for row in newest]

    def _rows(self, first, whole=False):
        return self._store.list(
            models.Event,
            filters=[store.Filter("sequence", "gte", first)],
            sort=[store.Sort("sequence")],
            limit=BATCH + 1,
            **({} if whole else {"fields": ["sequence", "object_id", "created_at"]}),
        )

    def _is_restored(self, rows):
        """Whether the last seen event was taken back, not purged; ``rows`` are the events from its number on."""
        if rows and rows[0].sequence == self.sequence:
            return True
        return self._store.last_number(models.Event) < self.sequence

    def _common(self):
        """Return the number of the last event that was not taken back."""
        known = {seen.sequence: seen.uuid for seen in self._seen}
        first = common = self._seen[0].sequence
        for row in self._all_rows(first):
            if known.get(row.sequence) != row.uuid:
                break
            common = row.sequence + 1
        return self._before(self._seen[0].created_at) if common == first else common - 1

    def _all_rows(self, first):
        while rows := self._rows(first):
            yield from rows
            first = rows[-1].sequence + 1

    def _before(self, moment):
        """Return the number of the last event before ``moment``: the epoch begins after it."""
        later = self._store.list(
            models.Event,
            filters=[store.Filter("created_at", "gte", moment)],
            sort=[store.Sort("sequence")],
            limit=1,
            fields=["sequence"],
        )
        return later[0].sequence - 1 if later else self._store.last_number(models.Event)


class Watch(threads.Periodic):
    """Detects restores where no relay runs, because events are not published."""

    def __init__(self, database):
        self._store, self._history = database, History(database)
        self._loop = threads.Loop("restores", self.look, INTERVAL)

    def look(self) -> None:
        """Read the new events; begin an epoch if the database was restored."""
        try:
            while len(self._history.read()) >= BATCH:
                pass
        except Restored as restored:
            begin(self._store, restored.after)
            self._history.restart()


def read(database) -> Epochs:
    """Return the epochs of a database."""
    return Epochs((int(row.name.removeprefix(PREFIX)), row.sequence) for row in _rows(database))


def begin(database, after: int) -> None:
    """Begin an epoch with the events after a number, and let relays publish from there on."""
    LOG.warning("a new epoch of events begins after event %s: the database was restored from a backup", after)
    _begin(database, after)
    _set_back(database, after)


def begin_at_start(database) -> None:
    """Begin an epoch unless another conductor runs, which would notice a restore; raise StoreUnavailable."""
    if not (database.leases(ownership.PREFIX) and _rows(database)):
        after = database.last_number(models.Event)
        LOG.info("a new epoch of events begins after event %s", after)
        _begin(database, after)


def _begin(database, after):
    rows = _rows(database)
    known = Epochs((int(row.name.removeprefix(PREFIX)), row.sequence) for row in rows)
    new = max(int(database.now() * 1000), known.newest + 1)
    for number in range(new, new + TRIES):
        try:
            database.commit(store.Create(models.Cursor(name=f"{PREFIX}{number}", sequence=after)))
        except errors.Duplicate:
            continue
        break
    _remove(database, rows[:-MOST])


def _set_back(database, after):
    """Set the cursors of relays back to ``after``, where they are ahead of it.

    A relay that published a batch during the restore has stored its position in the lost history in the restored
    database. Each conductor does this when it notices the restore, so after its own last such batch.
    """
    ahead = [
        store.Update(cursor, {"sequence": after})
        for cursor in database.list(models.Cursor, filters=[store.Filter("sequence", "gt", after)])
        if not cursor.name.startswith(PREFIX)
    ]
    if ahead:
        try:
            database.commit(*ahead)
        except errors.NotFound:
            LOG.debug("another restore removed cursors of relays")


def _remove(database, rows):
    """Remove cursors, unless another conductor did."""
    if rows:
        try:
            database.commit(*map(store.Delete, rows))
        except (errors.NotFound, errors.RevisionMismatch):
            LOG.debug("another conductor removed the oldest epochs")


def _rows(database):
    """Return the cursors of epochs, oldest first."""
    names = [store.Filter("name", "gte", PREFIX), store.Filter("name", "lt", END)]
    rows = database.list(models.Cursor, filters=names)
    return sorted(rows, key=lambda row: int(row.name.removeprefix(PREFIX)))
