# SPDX-License-Identifier: Apache-2.0
"""One after the other with rests in between, as long as nobody is slow."""

import contextlib
import functools
import threading
import time


class Turns:
    """Lets one at a time work, and the next one after a rest as long as that work, of at most ``rest`` seconds.

    Who comes when nobody waits does not wait for a rest. ``clock`` tells seconds.
    """

    def __init__(self, rest, clock=time.monotonic):
        self._rest, self._clock = rest, clock
        self._changed = threading.Condition()
        #: how many wait for a turn
        self.waiting = 0
        # Whose turn it is, since when, and until when nobody else begins.
        self._working, self._began, self._until = None, 0.0, 0.0

    @contextlib.contextmanager
    def take(self, patience):
        """Wait for a turn and have it inside a ``with`` block; after ``patience`` seconds in there the next one begins.

        What it yields, called with further seconds, goes on for these, in another turn if this one was over.
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
                self._changed.wait(left)
            self.waiting -= 1
            now = self._clock()
            if self._working is not mine:
                self._working, self._began = mine, now
            self._until = now + patience

    def _end(self, mine):
        with self._changed:
            if self._working is not mine:  # it took too long, and the next one has begun
                return
            now = self._clock()
            self._working = None
            self._until = now + min(now - self._began, self._rest) if self.waiting else now
            self._changed.notify()
