# SPDX-License-Identifier: Apache-2.0
"""Commits one after the other: planned on a snapshot, written if the head is still the same, else planned anew.

Where others were faster several times, commits queue in the head: the first of the queue alone may commit then.
"""

import contextlib
import random
import time
import uuid

from valence.common import errors
from valence.db.etcd import failures
from valence.db.etcd import fair_lock

#: seconds that a commit goes on trying while others are faster
LONGEST_WAIT = 30
#: seconds after which a journal that nobody moves on is taken over, and a turn that nobody uses passed over
LEASE_SECONDS = 2.0
TURN_SECONDS = 4.0
#: how often others may be faster before a commit queues
UNLUCKY = 2
#: seconds between two looks whether it is one's turn, for each that comes before
PAUSE = 0.005


class Commits:
    """The commits of one store; threads of this process wait for each other here instead of colliding in etcd."""

    def __init__(self, keyspace):
        self._keyspace, self._lock = keyspace, fair_lock.FairLock()
        self._watch = Watch()

    def newest(self):
        """Return the newest snapshot to read.

        What a decided commit left unwritten, because etcd went away or its writer died, is written first.
        """
        snapshot = self._keyspace.snapshot()
        if snapshot.head.journal is None or self._watch.unchanged(snapshot) < LEASE_SECONDS:
            return snapshot
        self._keyspace.complete(snapshot)
        return self._keyspace.snapshot()

    def settle(self):
        """Wait until all that was decided is written."""
        deadline = time.monotonic() + LONGEST_WAIT
        while not self._is_settled():
            if time.monotonic() > deadline:
                raise errors.StoreUnavailable(reason="a commit that was decided is not being written")
            _pause(1)

    def _is_settled(self):
        try:
            return self.newest().head.journal is None
        except failures.Stale:
            return False

    def run(self, plan):
        """Write the batch of ``plan(snapshot) -> (batch, result)`` and return the result."""
        return self._run(plan, self._keyspace.write)

    def load(self, batch):
        """Write a batch in bulk, which others may see in part."""
        self._run(lambda _: (batch, None), self._keyspace.load)

    def _run(self, plan, write):
        if not self._lock.acquire(LONGEST_WAIT):
            raise errors.StoreUnavailable(reason="commits of this process wait for each other")
        try:
            with contextlib.closing(Attempts(self._keyspace)) as attempts:
                while True:
                    snapshot = attempts.begin()
                    with contextlib.suppress(failures.Stale):
                        batch, result = plan(snapshot)
                        if not batch or write(snapshot, attempts.identity, batch):
                            return result
        finally:
            self._lock.release()


class Attempts:
    """The attempts at one commit, which is called ``identity``."""

    def __init__(self, keyspace):
        self._keyspace, self.identity = keyspace, uuid.uuid4().hex[:12]
        self._deadline = time.monotonic() + LONGEST_WAIT
        self._number, self._is_queued = 0, False
        self._watch = Watch()

    def begin(self):
        """Return a snapshot to commit on: nothing is left to be written, and nobody else has the turn."""
        self._number += 1
        while True:
            snapshot = self._keyspace.snapshot()
            if self._may_commit(snapshot.head):
                return snapshot
            if time.monotonic() > self._deadline:
                raise errors.Conflict(reason="Others change the same things all the time.")
            self._wait(snapshot)

    def close(self):
        """Leave the queue, if no commit has done so."""
        if not self._is_queued:
            return
        with contextlib.suppress(errors.StoreUnavailable):
            while self.identity in (snapshot := self._keyspace.snapshot()).head.queue:
                self._keyspace.note(snapshot, snapshot.head.without(self.identity))

    def _may_commit(self, head):
        if head.journal is not None or time.monotonic() > self._deadline:
            return False
        return head.queue[0] == self.identity if head.queue else self._number <= UNLUCKY

    def _wait(self, snapshot):
        head = snapshot.head
        if head.journal is not None:
            self._wait_for_journal(snapshot)
        elif self.identity not in head.queue:
            self._is_queued = True
            self._keyspace.note(snapshot, head.with_last(self.identity))
        elif self._watch.unchanged(snapshot) > TURN_SECONDS:
            self._keyspace.note(snapshot, head.without(head.queue[0]))
        else:
            _pause(head.queue.index(self.identity))

    def _wait_for_journal(self, snapshot):
        if self._watch.unchanged(snapshot) > LEASE_SECONDS:
            self._keyspace.complete(snapshot)
        else:
            _pause(1)


class Watch:
    """How long the head has been the same: after a while, whoever had begun something is gone."""

    def __init__(self):
        self._seen = None, 0.0

    def unchanged(self, snapshot):
        """Return for how many seconds the head has been seen as it is in ``snapshot``."""
        version, since = self._seen
        if version != snapshot.version:
            self._seen = version, since = snapshot.version, time.monotonic()
        return time.monotonic() - since


def _pause(others):
    time.sleep(random.uniform(PAUSE, 2 * PAUSE) * others)
