# SPDX-License-Identifier: Apache-2.0
"""Leases: keys that name the holder of a right and its end, by the clock of etcd.

A commit that was planned under a lease fails if the lease changes its holder before the commit is decided. Conductors
take the clock from the Date headers of etcd's responses, which have no fractions: each response bounds the distance
to the monotonic clock of this process, and all bounds together become narrow. A host's clock is used only within them.
"""

import datetime
import email.utils
import json
import threading
import time
import typing
from collections import abc

from valence.common import errors
from valence.db import store
from valence.db.etcd import commits
from valence.db.etcd import keyspace
from valence.db.etcd import paths

#: seconds after which bounds become wider, because clocks drift
FRESH_SECONDS = 600
#: seconds that they drift apart at most until then
DRIFT = 0.1


class Clock:
    """Seconds since 1970 on etcd's clock; ``hear`` gets the Date header of every response."""

    def __init__(
        self, monotonic: abc.Callable[[], float] = time.monotonic, wall: abc.Callable[[], float] = time.time
    ) -> None:
        self.monotonic, self._wall = monotonic, wall
        self._lock = threading.Lock()
        self._since, self._low, self._high = 0.0, float("-inf"), float("inf")
        #: whether etcd has answered, with a Date or, as some proxies do, without one
        self.is_set = False

    def now(self) -> float:
        """Return the present time."""
        with self._lock:
            now = self.monotonic()
            return now + min(max(self._wall() - now, self._low), self._high)

    def bounds(self) -> tuple[float, float]:
        """Return the earliest and the latest that etcd's clock may show now."""
        with self._lock:
            now = self.monotonic()
            return now + self._low, now + self._high

    def hear(self, date: str | None, asked_at: float, heard_at: float) -> None:
        """Learn from the Date header of a response; the times are those of ``monotonic``."""
        self.is_set = True
        moment = _seconds(date)
        if moment is None:
            return
        low, high = moment - heard_at, moment + 1 - asked_at
        with self._lock:
            if low > self._high or high < self._low:
                self._forget(heard_at)
            if heard_at - self._since > FRESH_SECONDS:
                self._low, self._high, self._since = self._low - DRIFT, self._high + DRIFT, heard_at
            self._low, self._high = max(self._low, low), min(self._high, high)

    def _forget(self, since: float) -> None:
        self._since, self._low, self._high = since, float("-inf"), float("inf")


def _seconds(date: str | None) -> float | None:
    """Return the seconds since 1970 that a Date header says; None without one, and for one that a proxy made up."""
    try:
        parsed = email.utils.parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return parsed.replace(tzinfo=parsed.tzinfo or datetime.UTC).timestamp()


class Leases(typing.Generic[keyspace.AnySnapshot]):
    """The leases of one store, in ``keys``: a token grows with each taking, past a lease that was removed."""

    def __init__(
        self,
        keys: keyspace.LeaseKeys[keyspace.AnySnapshot],
        commits: commits.Commits[keyspace.AnySnapshot],
        paths: paths.Paths,
        clock: keyspace.Clock,
    ) -> None:
        self._keys, self._commits = keys, commits
        self._paths, self._clock = paths, clock

    def take(self, name: str, holder: str, ttl: float, steal: bool) -> store.Lease:
        """Return a new Lease; raise LeaseHeld. What its holder reads has all that was committed before."""
        place = self._paths.lease(name)

        def plan(text: str | None, token: int) -> tuple[str, store.Lease]:
            state = text and json.loads(text)
            if state and not steal and state["expires_at"] > self._clock.now():
                raise errors.LeaseHeld(name=name, holder=state["holder"])
            lease = store.Lease(self, name, holder, token, ttl)
            return self._text(lease), lease

        lease = self._keys.take(place, plan)
        self._commits.settle()
        return lease

    def renew(self, lease: store.Lease) -> None:
        """Start the time of a lease anew; raise LeaseLost."""
        if self.renew_all([lease]):
            raise errors.LeaseLost(name=lease.name)

    def renew_all(self, leases: abc.Collection[store.Lease]) -> list[store.Lease]:
        """Start the time of many leases anew at once; return those that are lost."""
        places = {lease: self._paths.lease(lease.name) for lease in leases}

        def plan(texts: keyspace.Texts) -> tuple[keyspace.Texts, list[store.Lease]]:
            lost = [lease for lease, place in places.items() if not _is_of(texts[place], lease)]
            return {places[lease]: self._text(lease) for lease in leases if lease not in lost}, lost

        return self._keys.change(dict.fromkeys(places.values()), plan) if leases else []

    def release(self, lease: store.Lease) -> None:
        """Remove a lease, if it is still held."""
        place = self._paths.lease(lease.name)
        self._keys.change([place], lambda texts: ({place: None} if _is_of(texts[place], lease) else {}, None))

    def require(self, snapshot: keyspace.AnySnapshot, lease: store.Lease) -> None:
        """Raise LeaseLost unless the lease is held; a commit on this snapshot fails if it is lost before."""
        text = self._keys.guard(snapshot, self._paths.lease(lease.name))
        if not _is_of(text, lease) or json.loads(text)["expires_at"] <= self._clock.now():
            raise errors.LeaseLost(name=lease.name)

    def held(self, snapshot: keyspace.AnySnapshot, prefix: str) -> list[store.HeldLease]:
        """Return the HeldLeases whose names begin with ``prefix``."""
        now, states = self._clock.now(), map(json.loads, self._keys.below(snapshot, self._paths.leases))
        held = [state for state in states if state["name"].startswith(prefix) and state["expires_at"] > now]
        return sorted(
            store.HeldLease(*(state[name] for name in ("name", "holder", "token"))) for state in held
        )

    def _text(self, lease: store.Lease) -> str:
        """Return what says that a lease is held, from now on."""
        state = {"holder": lease.holder, "token": lease.token}
        return json.dumps(state | {"expires_at": self._clock.now() + lease.ttl, "name": lease.name})


def _is_of(text: str | None, lease: store.Lease) -> typing.TypeGuard[str]:
    """Whether a text says that a lease is still its holder's."""
    return text is not None and json.loads(text)["token"] == lease.token
