# SPDX-License-Identifier: Apache-2.0
"""Limits on documents: their rate by address, and turns in which large ones are processed.

Ramdisks post without credentials, so ``Rate`` counts documents of machines that are not being introspected. Others are
not counted: a whole rack may share the address of a proxy or gateway, and the operator decides how many introspections
run. ``Turns`` processes one large document at a time, with pauses.
"""

import contextlib
import functools
import threading
import time

import cachetools

from valence.common import errors
from valence.common import introspection_errors
from valence.common.web import http_limits


class Turns:
    """Admits one thread at a time; the next one after a pause as long as its work, of at most ``rest`` seconds.

    There is no pause unless another thread waits. ``clock`` returns seconds.
    """

    def __init__(self, rest, clock=time.monotonic):
        self._rest, self._clock = rest, clock
        self._changed = threading.Condition()
        #: number of threads that wait
        self.waiting = 0
        # The thread whose turn it is, since when it has it, and until when no other one begins.
        self._working, self._began, self._until = None, 0.0, 0.0

    @contextlib.contextmanager
    def take(self, patience):
        """Wait for a turn and hold it inside a ``with`` block, for at most ``patience`` seconds.

        It yields a function: called with a number of seconds, it extends the turn, or waits for another one if the turn
        is over.
        """
        mine = object()
        go_on = functools.partial(self._wait, mine)
        go_on(patience)
        try:
            yield go_on
        finally:
            self._end(mine)

    def _wait(self, mine, patience):
        with self._changed:
            self.waiting += 1
            while self._working is not mine and (left := self._until - self._clock()) > 0:
                http_limits.end_turn()
                self._changed.wait(left)
            self.waiting -= 1
            now = self._clock()
            if self._working is not mine:
                self._working, self._began = mine, now
            self._until = now + patience

    def _end(self, mine):
        with self._changed:
            if self._working is not mine:  # the turn expired, and the next one has begun
                return
            now = self._clock()
            self._working = None
            self._until = now + min(now - self._began, self._rest) if self.waiting else now
            self._changed.notify()


PERIOD = 60.0
#: addresses that have a bucket
MOST = 10_000
#: errors for documents of machines that are being introspected, and for documents that a ramdisk may repeat
_NOT_COUNTED = (introspection_errors.RamdiskFailed, errors.Conflict, errors.Unavailable)


class Rate:
    """A token bucket by address, of ``number`` documents, which refills within PERIOD seconds."""

    def __init__(self, number, clock=time.monotonic):
        self._number, self._clock = number, clock
        self._buckets = cachetools.LRUCache(MOST)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def counted(self, address):
        """Take a token from the bucket of an address if the ``with`` block refuses its document.

        Raise TooManyDocuments, before the document is read, if the bucket is empty.
        """
        with self._lock:
            if self._left(address) < 1:
                raise introspection_errors.TooManyDocuments()
        try:
            yield
        except _NOT_COUNTED:
            raise
        except Exception:  # every failure counts against the address
            with self._lock:
                self._buckets[address] = self._left(address) - 1, self._clock()
            raise

    def _left(self, address):
        now = self._clock()
        left, at = self._buckets.get(address, (self._number, now))
        return min(self._number, left + (now - at) * self._number / PERIOD)
