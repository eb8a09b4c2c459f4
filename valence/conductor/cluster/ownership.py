# SPDX-License-Identifier: Apache-2.0
"""Which conductors are alive, and which of them serves which pod manager.

Each conductor holds a lease in the store under its name: the lease alone says that it is alive. Beside it the conductor
keeps a row, for operators and with its groups; the first conductor that sees the lease expire marks that row as dead.

A hash ring over the conductors that are alive, with bounded loads, assigns the pod managers. Every conductor computes
the same assignment by itself. While two disagree, the lease that work on a pod manager needs keeps them apart.
`assign` and `moves` are pure; `Ownership` feeds them from the store.
"""

import contextlib
import math
import threading
import time
from collections import abc

from oslo_log import log
from tooz import hashring

from valence import version
from valence.bus import rpc_client
from valence.common import context
from valence.common import errors
from valence.common import words
from valence.conductor import client
from valence.conductor.work import threads
from valence.db import models
from valence.db import store

#: how much more than an even share one member may get
MOST = 1.05
#: points of each member on the ring; many of them make the shares even before anybody is full
POINTS = 128
LOG = log.getLogger(__name__)
#: seconds after which the pod managers are read again even if nobody told of a new one
REREAD = 5.0
#: most pod managers that are claimed at once
CLAIM_LIMIT = 500
PREFIX = "conductor/"
#: looks for who lives, and heartbeats, in the time of a lease
LOOKS, HEARTBEATS = 10, 3
#: errors of a commit to a row that other conductors wrote, made or purged at the same time
CONFLICTS = (errors.RevisionMismatch, errors.Duplicate, errors.NotFound)


def assign(members, things):
    """Return ``{thing: member}``, the same on every conductor that knows the same members and things.

    ``members`` is ``{name: groups that it serves}``, ``things`` is ``{key: its group}``. A thing whose group has no
    member is left out. When a member joins or leaves, only a few other things change their member.
    """
    groups = {}
    for key, group in things.items():
        groups.setdefault(group, []).append(key)
    assigned = {}
    for group, keys in groups.items():
        assigned |= _assign([name for name, serves in members.items() if group in serves], keys)
    return assigned


def moves(before, after):
    """Return how many things changed from one member to another between two results of ``assign``."""
    return sum(before[key] != after.get(key) for key in before)


def _assign(names, keys):
    """Return the member of each key: the next one on the ring that has capacity."""
    if not names:
        return {}
    ring = hashring.HashRing(names, partitions=POINTS)
    most = math.ceil(MOST * len(keys) / len(names))
    assigned, loads, full = {}, dict.fromkeys(names, 0), set()
    for key in sorted(keys):
        [name] = ring.get_nodes(key.encode(), ignore_nodes=full)
        assigned[key] = name
        loads[name] += 1
        if loads[name] == most:
            full.add(name)
    return assigned


class Ownership:
    """The pod managers of this conductor; ``changed(gained, lost)`` is called with sets of UUIDs."""

    def __init__(self, conf, database):
        self._host, self._store = conf.host, database
        self.membership = Membership(
            conf, database, changed=self.refresh, figures=lambda: {"pod_managers": len(self.owned)}
        )
        self.changed = _ignore
        self._owners, self._groups, self._known = {}, {}, None
        #: UUIDs of the pod managers that this conductor serves, and of those that do not say so yet
        self.owned, self.unclaimed, self._new = frozenset(), set(), []
        #: URLs of all pod managers when they were last read
        self.urls: frozenset[str] = frozenset()
        #: UUIDs of the pod managers that nobody may contact
        self.in_maintenance: frozenset[str] = frozenset()
        self._read_at, self._lock = None, threading.Lock()

    def start(self):
        """Join the others; raise StoreUnavailable."""
        self.membership.start()

    def leave(self):
        """Leave the other conductors; this one serves nothing then."""
        self.membership.leave()

    def owns(self, uuid):
        """Whether this conductor serves a pod manager; False while it cannot be sure."""
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
        """Whether this conductor could serve a pod manager: it serves the pod manager's group."""
        return self._groups.get(uuid) in self.membership.groups

    def expire(self):
        """Read the pod managers again at the next poll: there may be a new one."""
        self._read_at = None

    def look(self):
        """Read the pod managers again when it is time to, and claim the new ones of this conductor."""
        if self._read_at is None or time.monotonic() - self._read_at > REREAD:
            self.refresh()
        if self._new and (lease := self.membership.lease):
            self._claim(lease)

    def refresh(self):
        """Read the pod managers and compute which conductor serves each."""
        with self._lock:
            gained, lost = self._refresh()
        if gained or lost:
            LOG.info(
                "serving %s: %s gained, %s given away",
                words.counted(len(self.owned), "pod manager"),
                len(gained),
                len(lost),
            )
            self.membership.tell()
            self.changed(gained, lost)

    def _refresh(self):
        self._read_at = time.monotonic()
        fields = ("uuid", "conductor_group", "conductor", "maintenance", "url")
        rows = self._store.list(models.PodManager, fields=fields)
        self.urls = frozenset(row.url for row in rows)
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
        """Store that this conductor serves the new pod managers, many in one commit.

        The lease of this conductor is enough: a new pod manager has no predecessor that might still work on it. One
        that is changed at this moment, or that another conductor served, is claimed later, by the work on it.
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
        self._groups, owners = groups, assign(*known)
        if moved := moves(self._owners, owners):
            LOG.info("%s of %s pod managers change their conductor", moved, len(self._owners))
        if unserved := groups.keys() - owners.keys():
            unreached = words.counted(len(unserved), "pod manager")
            LOG.warning("nobody serves %s, no conductor of their groups lives", unreached)
        self._owners, self._known = owners, known


def owned(
    database: store.Store, owns: abc.Callable[[str], bool], fields: tuple[str, ...]
) -> list[models.PodManager]:
    """Return the pod managers for whose UUIDs ``owns`` is true; only ``fields`` of them are read."""
    return [row for row in database.list(models.PodManager, fields=fields) if owns(row.uuid)]


def _ignore(_gained, _lost):
    """Do nothing: no caller follows the changes."""


def has_lived_since(database: store.Store, host: str, moment: str) -> bool:
    """Return whether the conductor ``host`` is alive and was started before ``moment``, a time as rows have it."""
    try:
        started_at = database.get(models.Conductor, host).started_at
    except errors.NotFound:
        return False
    is_alive = PREFIX + host in {each.name for each in database.leases(PREFIX + host)}
    return is_alive and started_at is not None and started_at < moment


class Membership:
    """This conductor among the others.

    ``groups`` are the groups that this conductor serves, ``members`` is ``{hostname: groups}`` of the conductors that
    are alive; ``changed()`` is called after ``members`` changed. ``figures()`` returns further fields of this
    conductor's row.
    """

    def __init__(self, conf, database, *, changed, figures):
        self._host, self.groups = conf.host, list(conf.conductor.groups)
        self._store, self._changed, self._figures = database, changed, figures
        self._ttl = conf.conductor.lease_seconds
        #: what shows that this conductor lives, None where it does not
        self.lease = None
        self._renewed_at, self._is_refused = 0.0, False
        self._held, self.members, self._has_news = None, {}, False
        self._loop = threads.Loop("membership", self.look, self._ttl / LOOKS)

    def __iter__(self):
        """Iterate over the names of the conductors that are alive."""
        return iter(self.members)

    def start(self):
        """Join, in place of a predecessor of the same name, and begin to poll; raise StoreUnavailable."""
        self.lease = self._store.lease(self._name, self._host, self._ttl, steal=True)
        self._beat(started_at=self._store.at())
        self.look()
        self._loop.start()

    def leave(self):
        """Leave: the other conductors notice at their next poll."""
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

    def wake(self):
        """Poll now."""
        self._loop.wake()

    def tell(self):
        """Store the figures soon, because they changed."""
        self._has_news = True
        self._loop.wake()

    def look(self):
        """Renew the lease and store a heartbeat when it is time to, and find out which conductors are alive."""
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
        """Store ``values`` in this conductor's row, over changes of other conductors at the same time."""
        with contextlib.suppress(*CONFLICTS):  # the next heartbeat comes soon
            store.again(lambda: self._store.commit(self._recorded(values)), expected=CONFLICTS)

    def _recorded(self, values):
        try:
            row = self._store.get(models.Conductor, self._host)
        except errors.NotFound:
            return store.Create(models.Conductor(hostname=self._host, **values))
        # A heartbeat is no change that clients wait for.
        return store.Update(row, values, touch=row.alive != values["alive"])

    def _note(self):
        """Update the members; return False if one of them holds its lease but has not registered its row yet."""
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


class Peers:
    """Calls other conductors by their names."""

    def __init__(self, conf, transport, gate):
        self._caller = rpc_client.Caller(conf, transport, gate)
        self._operations, self._resources = client.Operations(self._caller), client.Resources(self._caller)
        self._status = client.Status(self._caller)

    def start(self):
        """Start the thread that sends wake-up casts."""
        self._caller.start()

    def stop(self):
        """End that thread."""
        self._caller.stop()

    def wake_all(self):
        """Have all conductors look for work and for members now; they also do so by themselves."""
        self._operations.ring(context.service_context(), everybody=True)

    def announce(self):
        """Let all conductors on the message bus know of this one's site."""
        self._status.announce(context.service_context())

    def read(self, request_context, host, uuids, *, pod_manager=None):
        """Return what ``host`` reads of resources, as ``client.Resources.details`` does; raise Unavailable."""
        return self._resources.read(request_context, host, uuids, pod_manager=pod_manager)
