# SPDX-License-Identifier: Apache-2.0
"""Moves introspection data from one storage to another, and knows what came there.

Nothing is removed from the source. What is at the target already, and equal, is left alone: that is how a migration
that broke off is taken up again. What was written is read back and compared.
"""

import collections
import contextlib

from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import document as documents
from valence.introspection import storage

#: suffixes of ironic's own objects: two of them make one processed document
INVENTORY, PLUGIN = "inventory", "plugin"
#: what can become of a content
COPIED, EQUAL, ORPHANED, FAILED = OUTCOMES = ("copied", "equal", "orphaned", "failed")
FIELDS = {None: "processed", storage.UNPROCESSED: "unprocessed", storage.LOGS: "logs"}


class Migration:
    """Moves everything from ``source`` to ``target``; with ``dry_run`` it only says what would become of it.

    A content whose machine is not known here is an orphan: it is told, and stays where it is.
    """

    def __init__(self, database, source, target, dry_run=False):
        self._store, self._source, self._target = database, source, target
        self._dry_run = dry_run

    def contents(self):
        """Return the names ``(node_id, suffix)`` of what there is to move; raise StorageUnavailable."""
        names = dict.fromkeys(self._source.names())
        halves = [name for name in names if name[1] in (INVENTORY, PLUGIN)]
        for node_id, suffix in halves:
            del names[node_id, suffix]
        return [*names, *dict.fromkeys((node_id, INVENTORY) for node_id, _ in halves)]

    def run(self, names):
        """Yield ``(node_id, suffix, outcome, reason or None)`` for each of ``names``."""
        for node_id, suffix in names:
            try:
                yield node_id, suffix, self._move(node_id, suffix), None
            except errors.ValenceError as error:
                yield node_id, suffix, FAILED, error.detail

    def _move(self, node_id, suffix):
        if not self._is_machine(node_id):
            return ORPHANED
        data = self._read(node_id, suffix)
        suffix = None if suffix == INVENTORY else suffix
        if self._stored(node_id, suffix) == data:
            return EQUAL
        if not self._dry_run:
            self._write(node_id, suffix, data)
        return COPIED

    def _is_machine(self, node_id):
        wanted = [store.Filter("uuid", "eq", node_id)]
        return bool(self._store.count(models.Resource, filters=wanted))

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

    def _write(self, node_id, suffix, data):
        row = self._introspection(node_id)
        self._target.save(row, data, suffix)
        if documents.digest(self._target.get(node_id, suffix)) != documents.digest(data):
            raise errors.Conflict(reason=f"The target gives back another content of {node_id}.")
        field = FIELDS.get(suffix)
        if field and getattr(row, field) is None and row.source == "migration":
            self._store.commit(store.Update(row, {field: documents.digest(data)}))

    def _introspection(self, node_id):
        """Return the introspection of a machine, a new one that has ended where another service had it."""
        try:
            return self._store.get(models.Introspection, node_id)
        except errors.NotFound:
            now = self._store.at()
            (machine,) = self._store.list(models.Resource, filters=[store.Filter("uuid", "eq", node_id)])
            times = {"started_at": now, "finished_at": now}
            row = models.Introspection(
                uuid=node_id, podm_id=machine.podm_id, state="finished", source="migration", **times
            )
            return self._store.commit(store.Create(row))[0]


def summary(outcomes):
    """Return how many contents had each outcome, as a line for an operator."""
    counts = collections.Counter(outcomes)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
