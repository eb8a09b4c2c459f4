# SPDX-License-Identifier: Apache-2.0
"""Leases: values that say who has a right until when, by the clock of etcd.

They change by commits, so a commit that was planned under a lease fails when the lease changes hands.
"""

import json

from valence.common import errors
from valence.db import store
from valence.db.etcd import draft


class EtcdLease(store.Lease):
    """A lease that was taken."""

    def __init__(self, leases, name, holder, token, ttl):
        self._leases = leases
        self.name, self.holder, self.token, self.ttl = name, holder, token, ttl

    def renew(self):
        """Start the time anew; raise LeaseLost when somebody else took the lease."""
        self._leases.renew(self)

    def release(self):
        """Give the lease back; nothing happens when it was lost before."""
        self._leases.release(self)


class Leases:
    """The leases of one store. Tokens are numbers of commits, so that they grow past a lease that was removed."""

    def __init__(self, commits, paths, clock):
        self._commits, self._paths, self._clock = commits, paths, clock

    def take(self, name, holder, ttl, steal):
        """Return a new EtcdLease; raise LeaseHeld."""
        token = self._commits.run(lambda snapshot: self._take(snapshot, name, holder, ttl, steal))
        return EtcdLease(self, name, holder, token, ttl)

    def renew(self, lease):
        """Start the time of a lease anew; raise LeaseLost."""
        self._commits.run(lambda snapshot: self._renew(snapshot, lease))

    def renew_all(self, leases):
        """Start the time of many leases anew by one commit; return those that are lost."""
        return self._commits.run(lambda snapshot: self._renew_all(snapshot, leases)) if leases else []

    def release(self, lease):
        """Remove a lease, if it is still held."""
        self._commits.run(lambda snapshot: self._release(snapshot, lease))

    def require(self, snapshot, lease):
        """Raise LeaseLost unless the lease is held; a commit on this snapshot fails if it is lost before."""
        state = self._read(snapshot, lease.name)
        if state is None or state["token"] != lease.token or state["expires_at"] <= self._clock.now():
            raise errors.LeaseLost(name=lease.name)

    def held(self, snapshot, prefix):
        """Return the HeldLeases whose names begin with ``prefix``."""
        now, states = self._clock.now(), map(json.loads, snapshot.texts_below(self._paths.leases))
        held = [state for state in states if state["name"].startswith(prefix) and state["expires_at"] > now]
        return sorted(
            store.HeldLease(*(state[name] for name in ("name", "holder", "token"))) for state in held
        )

    def _take(self, snapshot, name, holder, ttl, steal):
        state = self._read(snapshot, name)
        if state and not steal and state["expires_at"] > self._clock.now():
            raise errors.LeaseHeld(name=name, holder=state["holder"])
        token = snapshot.head.number + 1
        return self._written(name, {"holder": holder, "token": token}, ttl), token

    def _renew(self, snapshot, lease):
        batch, lost = self._renew_all(snapshot, [lease])
        if lost:
            raise errors.LeaseLost(name=lease.name)
        return batch, None

    def _renew_all(self, snapshot, leases):
        places = {lease: self._paths.lease(lease.name) for lease in leases}
        texts = snapshot.read(places.values())
        batch, lost = draft.Batch(), []
        for lease, place in places.items():
            state = texts[place] and json.loads(texts[place])
            if not state or state["token"] != lease.token:
                lost.append(lease)
                continue
            mine = {"holder": lease.holder, "token": lease.token}
            batch.texts |= self._written(lease.name, mine, lease.ttl).texts
        return batch, lost

    def _release(self, snapshot, lease):
        batch = draft.Batch()
        state = self._read(snapshot, lease.name)
        if state and state["token"] == lease.token:
            batch.texts[self._paths.lease(lease.name)] = None
        return batch, None

    def _read(self, snapshot, name):
        place = self._paths.lease(name)
        text = snapshot.read([place])[place]
        return text and json.loads(text)

    def _written(self, name, state, ttl):
        batch = draft.Batch()
        state = state | {"expires_at": self._clock.now() + ttl, "name": name}
        batch.texts[self._paths.lease(name)] = json.dumps(state)
        return batch
