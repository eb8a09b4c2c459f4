# SPDX-License-Identifier: Apache-2.0
"""Which pod managers this conductor serves, and who serves the others: the ring over the conductors that live.

Every conductor works it out for itself. Two that disagree for a moment are kept apart by the lease that work on a pod
manager is done under.
"""

import contextlib
import threading
import time

from oslo_log import log

from valence.common import errors
from valence.conductor import membership
from valence.conductor import ring
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

#: seconds after which the pod managers are read again even if nobody told of a new one
REREAD = 5.0
#: most pod managers that are claimed at once
CLAIM_LIMIT = 500


class Ownership:
    """The share of this conductor; ``changed(gained, lost)`` is called with sets of UUIDs after it changed."""

    def __init__(self, conf, database):
        self._host, self._store = conf.host, database
        self.membership = membership.Membership(
            conf, database, changed=self.refresh, figures=lambda: {"pod_managers": len(self.owned)}
        )
        self.changed = _ignore
        self._owners, self._groups, self._known = {}, {}, None
        #: UUIDs of the pod managers that this conductor serves, and of those that do not say so yet
        self.owned, self.unclaimed, self._new = frozenset(), set(), []
        #: UUIDs of the pod managers that nobody may contact
        self.in_maintenance: frozenset[str] = frozenset()
        self._read_at, self._lock = None, threading.Lock()

    def start(self):
        """Join the others; raise StoreUnavailable."""
        self.membership.start()

    def leave(self):
        """Serve nothing any more."""
        self.membership.leave()

    def owns(self, uuid):
        """Whether this conductor serves a pod manager, as far as it can be sure."""
        return uuid in self.owned and self.membership.is_member

    def owner(self, uuid):
        """Return the name of the conductor that serves a pod manager, or None where none does."""
        if uuid not in self._groups:
            self.refresh()
        return self._owners.get(uuid)

    def learn(self, uuids):
        """Read the pod managers again, once, if some of ``uuids`` are new."""
        if not self._groups.keys() >= set(uuids):
            self.refresh()

    def is_eligible(self, uuid):
        """Whether this conductor could serve a pod manager: it is of one of its groups."""
        return self._groups.get(uuid) in self.membership.groups

    def expire(self):
        """Let the pod managers be read again when that matters next: there is a new one, perhaps."""
        self._read_at = None

    def look(self):
        """Read the pod managers again if it is time to, and claim the new ones of this conductor."""
        if self._read_at is None or time.monotonic() - self._read_at > REREAD:
            self.refresh()
        if self._new and (lease := self.membership.lease):
            self._claim(lease)

    def refresh(self):
        """Read the pod managers and work out who serves each."""
        with self._lock:
            gained, lost = self._refresh()
        if gained or lost:
            LOG.info(
                "serving %s pod managers: %s gained, %s given away", len(self.owned), len(gained), len(lost)
            )
            self.membership.tell()
            self.changed(gained, lost)

    def _refresh(self):
        self._read_at = time.monotonic()
        fields = ("uuid", "conductor_group", "conductor", "maintenance")
        rows = self._store.list(models.PodManager, fields=fields)
        self.in_maintenance = frozenset(row.uuid for row in rows if row.maintenance)
        self._assign({row.uuid: row.conductor_group for row in rows})
        before, self.owned = (
            self.owned,
            frozenset(uuid for uuid, name in self._owners.items() if name == self._host),
        )
        unclaimed = [row for row in rows if row.uuid in self.owned and row.conductor != self._host]
        self.unclaimed = {row.uuid for row in unclaimed}
        self._new = [row.uuid for row in unclaimed if row.conductor is None]
        return self.owned - before, before - self.owned

    def _claim(self, lease):
        """Note of those that nobody served before that this conductor does, many at once.

        That needs no lease of each, only that this conductor lives: there is no predecessor who might still work. One
        that is changed at this moment is claimed by whoever works on it, as those that another conductor served are.
        """
        new, self._new = self._new, []
        for share in (new[start : start + CLAIM_LIMIT] for start in range(0, len(new), CLAIM_LIMIT)):
            rows = self._store.list(
                models.PodManager,
                filters=[store.Filter("uuid", "in", share)],
                fields=("uuid", "conductor", "revision"),
            )
            free = [row for row in rows if row.conductor is None]
            with contextlib.suppress(errors.RevisionMismatch, errors.NotFound, errors.LeaseLost):
                claims = [store.Update(row, {"conductor": self._host}, touch=False) for row in free]
                self._store.commit(*claims, lease=lease)
                self.unclaimed -= {row.uuid for row in free}

    def _assign(self, groups):
        known = self.membership.members, groups
        if known == self._known:
            return
        self._groups, owners = groups, ring.assign(*known)
        if moved := ring.moves(self._owners, owners):
            LOG.info("%s of %s pod managers change their conductor", moved, len(self._owners))
        if unserved := groups.keys() - owners.keys():
            LOG.warning("nobody serves %s pod managers, no conductor of their groups lives", len(unserved))
        self._owners, self._known = owners, known


def _ignore(_gained, _lost):
    """Nobody wants to know."""
