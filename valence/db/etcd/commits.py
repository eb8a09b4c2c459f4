# SPDX-License-Identifier: Apache-2.0
"""Commits one after the other: planned on a snapshot, and planned again if another commit changed the head.

After several lost races a commit queues in the head, and only the first of the queue may commit then.
"""

import collections
import contextlib
import functools
import random
import threading
import time
import typing
import uuid

from valence.common import errors
from valence.db.etcd import endpoints
from valence.db.etcd import keyspace

#: makes a batch on a snapshot, and the result of the commit that writes it
Plan = typing.Callable[[keyspace.AnySnapshot], tuple[keyspace.Batch, keyspace.Result]]
#: ``write`` or ``load`` of a Keyspace
Write = typing.Callable[[keyspace.AnySnapshot, str, keyspace.Batch], bool]


class FairLock:
    """A lock for threads; Python's own goes to whoever is quickest, mostly to the thread that just released it."""

    def __init__(self) -> None:
        self._mutex, self._is_taken = threading.Lock(), False
        self._waiting: collections.deque[threading.Event] = collections.deque()

    def acquire(self, timeout: float) -> bool:
        """Return whether the lock was got within so many seconds."""
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        return turn.wait(timeout) or not self._give_up(turn)

    def release(self) -> None:
        """Give the lock to the next one."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False

    def _give_up(self, turn: threading.Event) -> bool:
        """Wait no longer; return False if the lock was given at this moment."""
        with self._mutex:
            if turn.is_set():
                return False
            self._waiting.remove(turn)
            return True


#: seconds that a commit goes on trying while others are faster
LONGEST_WAIT = 30
#: seconds after which a journal that nobody moves on is taken over, and a turn that nobody uses passed over
LEASE_SECONDS = 2.0
TURN_SECONDS = 4.0
#: what is known of the progress of a journal that was not looked at
UNSEEN = object()
#: how often others may be faster before a commit queues
UNLUCKY = 2
#: seconds after which a commit that has its turn, and is still being planned, says that its writer lives
BEAT_SECONDS = 1.0
#: seconds between two looks whether it is one's turn, for each that comes before
PAUSE = 0.005


class Commits(typing.Generic[keyspace.AnySnapshot]):
    """The commits of one store; threads of this process wait for each other here instead of colliding in etcd."""

    def __init__(self, keyspace: keyspace.Keyspace[keyspace.AnySnapshot]) -> None:
        self._keyspace, self._lock = keyspace, FairLock()
        self._watch = Watch(keyspace)

    def newest(self) -> keyspace.AnySnapshot:
        """Return the newest snapshot to read.

        What a decided commit left unwritten, because etcd went away or its writer died, is written first.
        """
        snapshot = self._keyspace.snapshot()
        if snapshot.head.journal is None or not self._watch.is_abandoned(snapshot):
            return snapshot
        self._keyspace.complete(snapshot)
        return self._keyspace.snapshot()

    def settle(self) -> None:
        """Wait until all that was decided is written."""
        deadline = time.monotonic() + LONGEST_WAIT
        while not self._is_settled():
            if time.monotonic() > deadline:
                raise errors.StoreUnavailable(reason="a commit that was decided is not being written")
            _pause(1)

    def _is_settled(self) -> bool:
        try:
            return self.newest().head.journal is None
        except endpoints.Stale:
            return False

    def run(
        self, plan: Plan[keyspace.AnySnapshot, keyspace.Result], is_large: bool = False
    ) -> keyspace.Result:
        """Write the batch of ``plan(snapshot) -> (batch, result)`` and return the result.

        One that ``is_large`` queues at once: it takes long to plan, so smaller commits would always be faster.
        """
        return self._run(plan, self._keyspace.write, 0 if is_large else UNLUCKY)

    def load(self, batch: keyspace.Batch) -> None:
        """Write a batch in bulk, which others may see in part."""
        self._run(lambda _: (batch, None), self._keyspace.load, UNLUCKY)

    def _run(
        self,
        plan: Plan[keyspace.AnySnapshot, keyspace.Result],
        write: Write[keyspace.AnySnapshot],
        unlucky: int,
    ) -> keyspace.Result:
        if not self._lock.acquire(LONGEST_WAIT):
            raise errors.StoreUnavailable(reason="commits of this process wait for each other")
        try:
            with contextlib.closing(Attempts(self._keyspace, unlucky)) as attempts:
                while True:
                    snapshot = attempts.begin()
                    with contextlib.suppress(endpoints.Stale):
                        batch, result = plan(snapshot)
                        if not batch or attempts.write(write, snapshot, batch):
                            return result
        finally:
            self._lock.release()


class Attempts(typing.Generic[keyspace.AnySnapshot]):
    """The attempts at one commit, which is called ``identity``; it queues after ``unlucky`` of them."""

    def __init__(self, keyspace: keyspace.Keyspace[keyspace.AnySnapshot], unlucky: int) -> None:
        self._unlucky = unlucky
        self._keyspace, self.identity = keyspace, uuid.uuid4().hex[:12]
        self._deadline = time.monotonic() + LONGEST_WAIT
        self._number, self._is_queued = 0, False
        self._watch, self._beat_at = Watch(keyspace), 0.0

    def begin(self) -> keyspace.AnySnapshot:
        """Return a snapshot to commit on: nothing is left to be written, and nobody else has the turn."""
        self._number += 1
        while True:
            snapshot = self._keyspace.snapshot()
            if self._may_commit(snapshot.head):
                self._beat_at = time.monotonic()
                if self._is_queued:
                    snapshot.before_read = functools.partial(self._beat, snapshot)
                return snapshot
            if time.monotonic() > self._deadline:
                raise errors.Conflict(reason="Others change the same things all the time.")
            self._wait(snapshot)

    def write(
        self, write: Write[keyspace.AnySnapshot], snapshot: keyspace.AnySnapshot, batch: keyspace.Batch
    ) -> bool:
        """Write a batch; return False where another commit was made since the snapshot.

        One that only queues meanwhile changes the head too, and nothing that the batch was planned on.
        """
        while not write(snapshot, self.identity, batch):
            if not self._is_queued or not self._renew(snapshot):
                return False
        return True

    def _beat(self, snapshot: keyspace.AnySnapshot) -> None:
        """Say that the turn is still used, if that is due; raise Stale where it was passed over."""
        if time.monotonic() - self._beat_at < BEAT_SECONDS:
            return
        self._keyspace.note(snapshot, snapshot.head)
        if not self._renew(snapshot) or snapshot.head.queue[:1] != (self.identity,):
            raise endpoints.Stale("the turn of the commit was passed over")
        self._beat_at = time.monotonic()

    def _renew(self, snapshot: keyspace.AnySnapshot) -> bool:
        """Give a snapshot the newest head; return False, and change nothing, if another commit was made since."""
        newest = self._keyspace.snapshot()
        if newest.head.number != snapshot.head.number or newest.version == snapshot.version:
            return False
        snapshot.head, snapshot.version = newest.head, newest.version
        return True

    def close(self) -> None:
        """Leave the queue, if no commit has done so."""
        if not self._is_queued:
            return
        with contextlib.suppress(errors.StoreUnavailable):
            while self.identity in (snapshot := self._keyspace.snapshot()).head.queue:
                self._keyspace.note(snapshot, snapshot.head.without(self.identity))

    def _may_commit(self, head: keyspace.Head) -> bool:
        if head.journal is not None or time.monotonic() > self._deadline:
            return False
        return head.queue[0] == self.identity if head.queue else self._number <= self._unlucky

    def _wait(self, snapshot: keyspace.AnySnapshot) -> None:
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

    def _wait_for_journal(self, snapshot: keyspace.AnySnapshot) -> None:
        if self._watch.is_abandoned(snapshot):
            self._keyspace.complete(snapshot)
        else:
            _pause(1)


class Watch(typing.Generic[keyspace.AnySnapshot]):
    """How long nothing has been seen of whoever had begun something: after a while, it is gone."""

    def __init__(self, keyspace: keyspace.Keyspace[keyspace.AnySnapshot]) -> None:
        self._keyspace = keyspace
        self._seen: tuple[int | None, float] = None, 0.0
        #: the head's version, when its journal was looked at, and what was known of its progress then
        self._looked: tuple[int | None, float, object] = None, 0.0, None

    def unchanged(self, snapshot: keyspace.AnySnapshot) -> float:
        """Return for how many seconds the head has been seen as it is in ``snapshot``."""
        version, since = self._seen
        if version != snapshot.version:
            self._seen = version, since = snapshot.version, time.monotonic()
        return time.monotonic() - since

    def is_abandoned(self, snapshot: keyspace.AnySnapshot) -> bool:
        """Tell whether nobody has moved on the journal of ``snapshot`` for a while; it is looked at twice in that."""
        now = time.monotonic()
        version, looked_at, known = self._looked
        if version != snapshot.version:
            self._looked = snapshot.version, now, UNSEEN
            return False
        if now - looked_at < LEASE_SECONDS / 2:
            return False
        progress = self._keyspace.progress(snapshot)
        self._looked = version, now, progress
        return progress == known


def _pause(others: int) -> None:
    time.sleep(random.uniform(PAUSE, 2 * PAUSE) * others)
