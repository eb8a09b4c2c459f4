# SPDX-License-Identifier: Apache-2.0
"""Moves introspection data from one storage to another, and records what is there.

Nothing is removed from the source. A migration that was cut off is started again: what is at the target already, and
equal, is left alone, and recorded if it is not yet. What was written is read back and compared.
"""

import collections
import contextlib
import re

from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.db.models.introspection import ENDED
from valence.db.models.introspection import MACHINES
from valence.introspection import documents
from valence.introspection import history
from valence.introspection.storages import storage

#: suffixes of ironic's own objects: two of them make one processed document
INVENTORY, PLUGIN = "inventory", "plugin"
#: what can become of a content
COPIED, EQUAL, ORPHANED, FAILED = OUTCOMES = ("copied", "equal", "orphaned", "failed")
#: suffix of a content of a machine -> field of its introspection that holds the SHA-256
FIELDS = {suffix: field for field, suffix in history.FIELDS.items()}
PAGE = 1000

_VERSION = re.compile(rf"(?:({storage.UNPROCESSED})-)?{storage.VERSION}([1-9][0-9]{{0,8}})")


class Migration:
    """Moves everything from ``source`` to ``target``; with ``dry_run`` it only says what would become of it.

    ``hold(node_id)`` returns a context manager that holds the lease of the machine's introspection: conductors may run
    meanwhile. A content whose machine is not known here is an orphan: it is reported, and stays where it is.
    """

    def __init__(self, database, source, target, hold, dry_run=False):
        self._store, self._source, self._target = database, source, target
        self._hold, self._dry_run = hold, dry_run

    def contents(self):
        """Return the names ``(node_id, suffix)`` of what there is to move; raise StorageUnavailable."""
        names = dict.fromkeys(self._source.names() if self._source.lists else self._documents())
        halves = [name for name in names if name[1] in (INVENTORY, PLUGIN)]
        for name in halves:
            del names[name]
        # A processed document and ironic's two objects have one place at the target.
        of_ironic = dict.fromkeys(
            (node_id, INVENTORY) for node_id, _ in halves if (node_id, None) not in names
        )
        return [*names, *of_ironic]

    def run(self, names):
        """Yield ``(node_id, suffix, outcome, reason or None)`` for each of ``names``."""
        for node_id, suffix in names:
            try:
                yield node_id, suffix, self._move(node_id, suffix), None
            except errors.ValenceError as error:
                yield node_id, suffix, FAILED, error.detail

    def _documents(self):
        """Yield the names of the documents in a source that cannot list them: those of the machines known here."""
        filters, marker = [store.Filter("resource_type", "in", list(MACHINES))], None
        while rows := self._store.list(
            models.Resource, filters=filters, marker=marker, limit=PAGE, fields=["uuid"]
        ):
            marker = rows[-1].uuid
            names = ((row.uuid, suffix) for row in rows for suffix in storage.DOCUMENTS)
            yield from (name for name in names if self._source.exists(*name))

    def _move(self, node_id, suffix):
        if not self._is_machine(node_id):
            return ORPHANED
        name = None if suffix == INVENTORY else suffix
        recorded = self._recorded(node_id, name)
        if recorded and recorded == _digest(self._stored(node_id, name)):
            return EQUAL
        data = self._read(node_id, suffix)
        if self._dry_run:
            self._require_movable(node_id, name, data)
            return EQUAL if self._stored(node_id, name) == data else COPIED
        with self._hold(node_id) as lease:
            self._require_movable(node_id, name, data)
            return self._copy(node_id, name, data, lease)

    def _copy(self, node_id, suffix, data, lease):
        """Let the target have a content, then record its SHA-256 where none is."""
        row, is_there = self._introspection(node_id, lease), self._stored(node_id, suffix) == data
        if not is_there:
            self._target.save(row, data, suffix)
            if self._stored(node_id, suffix) != data:
                raise errors.Conflict(reason=f"The target gives back another content of {node_id}.")
        if not self._recorded(node_id, suffix):
            self._store.commit(*self._changes(row, suffix, data), lease=lease)
        return EQUAL if is_there else COPIED

    def _is_machine(self, node_id):
        wanted = [store.Filter("uuid", "eq", node_id)]
        return bool(self._store.count(models.Resource, filters=wanted))

    def _recorded(self, node_id, suffix):
        """Return the SHA-256 that a content is recorded with, None if it is not recorded."""
        version = _VERSION.fullmatch(suffix or "")
        if version:
            row = self._find(models.IntrospectionVersion, f"{node_id}/{version[2]}")
            return row and getattr(row, FIELDS[version[1]])
        row = self._find(models.Introspection, node_id)
        return row and getattr(row, FIELDS.get(suffix, ""), None)

    def _find(self, model, key):
        try:
            return self._store.get(model, key)
        except errors.NotFound:
            return None

    def _require_movable(self, node_id, suffix, data):
        """Raise Conflict if a content is not the recorded one, or is about to be replaced."""
        row = self._find(models.Introspection, node_id)
        if suffix in FIELDS and row and row.state not in ENDED:
            reason = f"It is being introspected: it is {row.state}. Repeat the migration when that has ended."
            raise errors.Conflict(reason=reason)
        recorded = self._recorded(node_id, suffix)
        if recorded and recorded != documents.digest(data):
            reason = f"The source has another content than the recorded one, of SHA-256 {recorded}."
            raise errors.Conflict(reason=reason)

    def _changes(self, row, suffix, data):
        """Return the changes that make a content of the target readable: its SHA-256, or the row of its version."""
        if suffix in FIELDS:
            return [store.Update(row, {FIELDS[suffix]: documents.digest(data)})]
        version = _VERSION.fullmatch(suffix)
        if not version:
            return []
        number = int(version[2])
        pair = {
            FIELDS[each]: _digest(self._stored(row.uuid, storage.of_version(each, number)))
            for each in storage.DOCUMENTS
        }
        if None in pair.values():
            return []  # it becomes a version with its other document
        about = {"id": f"{row.uuid}/{number}", "introspection_id": row.uuid, "number": number}
        about |= {"source": "migration", "finished_at": self._store.at()}
        return [store.Create(models.IntrospectionVersion(**about, **pair))]

    def _read(self, node_id, suffix):
        if suffix != INVENTORY:
            return self._source.get(node_id, suffix)
        inventory = documents.parse(self._source.get(node_id, INVENTORY))
        plugin = {}
        with contextlib.suppress(introspection_errors.NoIntrospectionData):
            plugin = documents.parse(self._source.get(node_id, PLUGIN))
        return documents.dump(plugin | {"inventory": inventory})

    def _stored(self, node_id, suffix):
        try:
            return self._target.get(node_id, suffix)
        except introspection_errors.NoIntrospectionData:
            return None

    def _introspection(self, node_id, lease):
        """Return the introspection of a machine, a new one that has ended where another service had it."""
        if row := self._find(models.Introspection, node_id):
            return row
        now = self._store.at()
        machine = self._store.get(models.Resource, node_id)
        times = {"started_at": now, "finished_at": now}
        row = models.Introspection(
            uuid=node_id, podm_id=machine.podm_id, state="finished", source="migration", **times
        )
        return self._store.commit(store.Create(row), lease=lease)[0]


def _digest(data):
    return None if data is None else documents.digest(data)


def summary(outcomes):
    """Return how many contents had each outcome, as a line for an operator."""
    counts = collections.Counter(outcomes)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
