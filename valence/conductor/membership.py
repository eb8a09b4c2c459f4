# SPDX-License-Identifier: Apache-2.0
"""Which conductors live: each holds a lease in the store under its name, and registers beside it what it is.

The lease alone tells who lives. The row is for people and for the groups; whoever sees that a lease ran out notes it
in the row of the dead.
"""

import contextlib
import time

from oslo_log import log

from valence import version
from valence.common import errors
from valence.conductor import periodic
from valence.db import models
from valence.db import store

LOG = log.getLogger(__name__)

PREFIX = "conductor/"
#: looks for who lives, and heartbeats, in the time of a lease
LOOKS, HEARTBEATS = 10, 3
#: how often a row is written again that others wrote at the same time
TRIES = 20


class Membership:
    """This conductor among the others.

    ``groups`` are those that this conductor serves, ``members`` is ``{hostname: groups}`` of those that live;
    ``changed()`` is called after that changed. ``figures()`` returns what else the row tells of this conductor.
    """

    def __init__(self, conf, database, *, changed, figures):
        self._host, self.groups = conf.host, list(conf.conductor.groups)
        self._store, self._changed, self._figures = database, changed, figures
        self._ttl = conf.conductor.lease_seconds
        #: what shows that this conductor lives, None where it does not
        self.lease = None
        self._renewed_at, self._is_refused = 0.0, False
        self._held, self.members, self._has_news = None, {}, False
        self._loop = periodic.Loop("membership", self.look, self._ttl / LOOKS)

    def start(self):
        """Join, taking the place of a predecessor of the same name, and begin to look; raise StoreUnavailable."""
        self.lease = self._store.lease(self._name, self._host, self._ttl, steal=True)
        self._beat(started_at=self._store.at())
        self.look()
        self._loop.start()

    def leave(self):
        """Be no member any more: the others see it at their next look."""
        self._loop.stop(timeout=self._ttl)
        lease, self.lease = self.lease, None
        self.members = {}
        with contextlib.suppress(errors.StoreUnavailable):  # then the lease runs out by itself
            if lease is not None:
                lease.release()
                self._record(alive=False, pod_managers=0)

    @property
    def is_member(self):
        """Whether the others know that this conductor lives; not while it is cut off from the store, or was paused."""
        return self.lease is not None and time.monotonic() - self._renewed_at < self._ttl

    def ring(self):
        """Look now."""
        self._loop.ring()

    def tell(self):
        """Record the figures soon, they changed."""
        self._has_news = True
        self._loop.ring()

    def look(self):
        """Say that this conductor lives, when it is time to, and find out who else does."""
        if self._has_news or time.monotonic() - self._renewed_at > self._ttl / HEARTBEATS:
            self._has_news = False
            self._beat()
        held = self._store.leases(PREFIX)
        if held != self._held:
            self._held = held if self._note() else None

    @property
    def _name(self):
        return PREFIX + self._host

    def _beat(self, **more):
        began = time.monotonic()
        if not self._hold():
            return
        self._renewed_at = began
        known = {"conductor_groups": self.groups, "version": version.version_string()}
        self._record(alive=True, heartbeat_at=self._store.at(), **known, **self._figures(), **more)

    def _hold(self):
        """Renew the lease, or take it again after a pause that was too long; return whether it is held."""
        try:
            if self.lease is None:
                self.lease = self._store.lease(self._name, self._host, self._ttl)
            else:
                self.lease.renew()
        except errors.LeaseLost:
            LOG.warning("conductor %s was taken for dead; it joins again", self._host)
            self.lease = None
            return self._hold()
        except errors.LeaseHeld:
            if not self._is_refused:
                LOG.error(
                    "another conductor is called %s; this one does nothing until that one ends", self._host
                )
        self._is_refused = self.lease is None
        return not self._is_refused

    def _record(self, **values):
        """Store ``values`` in this conductor's row; what others note there at the same time gives way."""
        for _ in range(TRIES):
            with contextlib.suppress(errors.RevisionMismatch, errors.Duplicate, errors.NotFound):
                self._store.commit(self._recorded(values))
                return

    def _recorded(self, values):
        try:
            row = self._store.get(models.Conductor, self._host)
        except errors.NotFound:
            return store.Create(models.Conductor(hostname=self._host, **values))
        # A heartbeat is no change that clients wait for.
        return store.Update(row, values, touch=row.alive != values["alive"])

    def _note(self):
        """Take over who lives now; return False if one who does has not registered yet."""
        # In this order: who joins takes the lease first, so that a row without a lease is one of the dead.
        rows = self._store.list(models.Conductor)
        alive = {each.name.removeprefix(PREFIX) for each in self._store.leases(PREFIX)}
        members = {row.hostname: row.conductor_groups for row in rows if row.hostname in alive}
        for row in rows:
            if row.alive and row.hostname not in alive:
                self._note_death(row)
        if members != self.members:
            self._take_over(members)
        return len(members) == len(alive)

    def _take_over(self, members):
        joined, left = members.keys() - self.members.keys(), self.members.keys() - members.keys()
        LOG.info("conductors: %s; joined: %s; left: %s", _names(members), _names(joined), _names(left))
        self.members = members
        self._changed()

    def _note_death(self, row):
        with contextlib.suppress(
            errors.RevisionMismatch, errors.NotFound
        ):  # another one notes it, or it lives again
            self._store.commit(store.Update(row, {"alive": False, "pod_managers": 0}))


def _names(names):
    return ", ".join(sorted(names)) or "none"
