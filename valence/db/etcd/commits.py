# SPDX-License-Identifier: Apache-2.0
"""Commits one after the other: planned on a snapshot, written if the head is still the same, else planned anew."""

import contextlib
import random
import threading
import time
import uuid

from valence.common import errors
from valence.db.etcd import failures

#: seconds that a commit goes on trying while others are faster
LONGEST_WAIT = 20
#: seconds after which a journal or a turn that nobody moves on is taken over
LEASE_SECONDS = 2.0
#: how often others may be faster before a commit takes the turn for itself
UNLUCKY = 2
PAUSE = 0.005


class Commits:
    """The commits of one store; threads of this process wait for each other here instead of colliding in etcd."""

    def __init__(self, keyspace):
        self._keyspace, self._lock = keyspace, threading.Lock()
        self._stuck, self._reserved = (None, 0.0), False

    def run(self, plan):
        """Write the batch of ``plan(snapshot) -> (batch, result)`` and return the result."""
        return self._run(plan, self._keyspace.write)

    def load(self, batch):
        """Write a batch in bulk, which others may see in part."""
        self._run(lambda _: (batch, None), self._keyspace.load)

    def _run(self, plan, write):
        identity, deadline = uuid.uuid4().hex[:12], time.monotonic() + LONGEST_WAIT
        with self._alone(), self._in_turn(identity):
            attempt = 0
            while True:
                snapshot = self._settled(identity)
                with contextlib.suppress(failures.Stale):
                    batch, result = plan(snapshot)
                    if not batch or write(snapshot, identity, batch):
                        return result
                if time.monotonic() > deadline:
                    raise errors.Conflict(reason="Others change the same things all the time.")
                self._yield(snapshot, identity, attempt)
                attempt += 1

    @contextlib.contextmanager
    def _alone(self):
        if not self._lock.acquire(timeout=LONGEST_WAIT):
            raise errors.StoreUnavailable(reason="commits of this process wait for each other")
        try:
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _in_turn(self, identity):
        """Give back the turn in the end, if it was taken and no commit used it."""
        self._reserved = False
        try:
            yield
        finally:
            if self._reserved:
                with contextlib.suppress(errors.StoreUnavailable):
                    snapshot = self._keyspace.snapshot()
                    if snapshot.head.turn == identity:
                        self._keyspace.reserve(snapshot, None)

    def _yield(self, snapshot, identity, attempt):
        """Let others go on; who was unlucky several times takes the turn."""
        time.sleep(random.uniform(0, PAUSE))
        if attempt >= UNLUCKY and snapshot.head.turn is None:
            self._reserved = True
            self._keyspace.reserve(snapshot, identity)

    def _settled(self, identity):
        """Return a snapshot with nothing left to be written, that is not another's turn."""
        while True:
            snapshot = self._keyspace.snapshot()
            head = snapshot.head
            if head.journal is None and head.turn in (None, identity):
                return snapshot
            if not self._is_stuck(snapshot):
                time.sleep(random.uniform(PAUSE, 2 * PAUSE))
            elif head.journal is not None:
                self._keyspace.complete(snapshot)
            else:
                return snapshot

    def _is_stuck(self, snapshot):
        """Tell whether the head has been the same for LEASE_SECONDS: whoever had begun something is gone."""
        version, since = self._stuck
        if version != snapshot.version:
            self._stuck = snapshot.version, time.monotonic()
            return False
        return time.monotonic() - since > LEASE_SECONDS
