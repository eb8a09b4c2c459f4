# SPDX-License-Identifier: Apache-2.0
"""Leases: values that say who has a right until when, by the clock of etcd.

A commit that was planned under a lease fails when the lease changes hands before it is decided.
"""

import json

from valence.common import errors
from valence.db import store


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
    """The leases of one store, in ``keys``: a token grows with each taking, past a lease that was removed."""

    def __init__(self, keys, commits, paths, clock):
        self._keys, self._commits = keys, commits
        self._paths, self._clock = paths, clock

    def take(self, name, holder, ttl, steal):
        """Return a new EtcdLease; raise LeaseHeld. What its holder reads has all that was committed before."""
        place = self._paths.lease(name)

        def plan(text, token):
            state = text and json.loads(text)
            if state and not steal and state["expires_at"] > self._clock.now():
                raise errors.LeaseHeld(name=name, holder=state["holder"])
            lease = EtcdLease(self, name, holder, token, ttl)
            return self._text(lease), lease

        lease = self._keys.take(place, plan)
        self._commits.settle()
        return lease

    def renew(self, lease):
        """Start the time of a lease anew; raise LeaseLost."""
        if self.renew_all([lease]):
            raise errors.LeaseLost(name=lease.name)

    def renew_all(self, leases):
        """Start the time of many leases anew at once; return those that are lost."""
        places = {lease: self._paths.lease(lease.name) for lease in leases}

        def plan(texts):
            lost = [lease for lease, place in places.items() if not _is_of(texts[place], lease)]
            return {places[lease]: self._text(lease) for lease in leases if lease not in lost}, lost

        return self._keys.change(dict.fromkeys(places.values()), plan) if leases else []

    def release(self, lease):
        """Remove a lease, if it is still held."""
        place = self._paths.lease(lease.name)
        self._keys.change([place], lambda texts: ({place: None} if _is_of(texts[place], lease) else {}, None))

    def require(self, snapshot, lease):
        """Raise LeaseLost unless the lease is held; a commit on this snapshot fails if it is lost before."""
        text = self._keys.guard(snapshot, self._paths.lease(lease.name))
        if not _is_of(text, lease) or json.loads(text)["expires_at"] <= self._clock.now():
            raise errors.LeaseLost(name=lease.name)

    def held(self, snapshot, prefix):
        """Return the HeldLeases whose names begin with ``prefix``."""
        now, states = self._clock.now(), map(json.loads, self._keys.below(snapshot, self._paths.leases))
        held = [state for state in states if state["name"].startswith(prefix) and state["expires_at"] > now]
        return sorted(
            store.HeldLease(*(state[name] for name in ("name", "holder", "token"))) for state in held
        )

    def _text(self, lease):
        """Return what says that a lease is held, from now on."""
        state = {"holder": lease.holder, "token": lease.token}
        return json.dumps(state | {"expires_at": self._clock.now() + lease.ttl, "name": lease.name})


def _is_of(text, lease):
    """Whether a text says that a lease is still its holder's."""
    return text is not None and json.loads(text)["token"] == lease.token
