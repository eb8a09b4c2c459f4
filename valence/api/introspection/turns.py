# SPDX-License-Identifier: Apache-2.0
"""One after the other, as long as nobody is slow."""

import contextlib
import functools
import threading
import time


class Turns:
    """Lets one at a time work; ``clock`` tells seconds."""

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._changed = threading.Condition()
        self._working, self._until = None, 0.0

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
            while self._working not in (None, mine) and (left := self._until - self._clock()) > 0:
                self._changed.wait(left)
            self._working, self._until = mine, self._clock() + patience

    def _end(self, mine):
        with self._changed:
            if self._working is mine:  # and nobody else, because it took too long
                self._working = None
                self._changed.notify()
