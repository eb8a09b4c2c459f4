# SPDX-License-Identifier: Apache-2.0
"""Places for calls that may take long: so many wait at the same time, and no target takes those of others."""

import collections
import contextlib
import threading

from valence.common import bus_errors
from valence.common import messaging

#: topic -> what its calls do, and how many of them one process waits for at a time; each keeps a thread of an API
KINDS = {
    messaging.DETAILS_TOPIC: ("for live details of hardware", 48),
    messaging.BULK_TOPIC: ("for introspection documents", 48),
    messaging.DELETION_TOPIC: ("that delete pod managers", 4),
}
MOST = sum(most for _, most in KINDS.values())
#: a target has at most this part of the places that others leave
SHARE = 4


class Places:
    """Counts the calls of one kind; ``what`` says in an error what they do."""

    def __init__(self, what, most):
        self._what, self._most = what, most
        self._taken, self._lock = collections.Counter(), threading.Lock()

    @contextlib.contextmanager
    def take(self, target=None):
        """Have a place inside of a ``with`` block; raise Busy where all, or those for ``target``, are taken."""
        with self._lock:
            mine = self._taken[target]
            free = self._most - (self._taken.total() - mine)
            if mine >= (free if target is None else max(1, free // SHARE)) or free <= 0:
                self._drop_empty(target)
                raise bus_errors.Busy(what=self._what)
            self._taken[target] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[target] -= 1
                self._drop_empty(target)

    def _drop_empty(self, target):
        if not self._taken[target]:
            del self._taken[target]
