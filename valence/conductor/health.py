# SPDX-License-Identifier: Apache-2.0
"""Whether the store answers, and what its clock shows, found out in the background so that no call waits for it."""

import math
import time

from valence.common import deadline
from valence.common import errors
from valence.conductor import periodic
from valence.db import types

INTERVAL = 1.0
#: seconds after which a database that was asked and says nothing counts as away
PATIENCE = 2.0
SILENT = "The database does not answer."


class StoreHealth:
    """Asks the store every second; ``clock`` is told of its answers."""

    def __init__(self, database, clock):
        self._store, self._clock = database, clock
        self._problem = None
        self._asked = None
        self._loop = periodic.Loop("store-health", self.look, INTERVAL)

    def start(self):
        """Begin to ask."""
        self._loop.start()

    def stop(self):
        """End asking."""
        self._loop.stop(timeout=5)

    @property
    def problem(self):
        """None while the store answers, else ``{"reason", "since"}``."""
        asked = self._asked
        if asked is not None and time.monotonic() - asked > PATIENCE:
            self._problem = self._problem or {"reason": SILENT, "since": types.now()}
        return self._problem

    def look(self):
        """Ask the store once."""
        self._asked = time.monotonic()
        try:
            self._store.ping()
            asked_at = deadline.now()
            earliest, latest = self._store.clock()
            if math.isfinite(earliest):  # some proxies take its time from etcd's answers
                self._clock.hear(earliest, latest, asked_at, deadline.now())
            self._problem = None
        except errors.StoreUnavailable as error:
            self._problem = self._problem or {"reason": error.detail, "since": types.now()}
        finally:
            self._asked = None
