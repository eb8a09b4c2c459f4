# SPDX-License-Identifier: Apache-2.0
"""How many documents an address may send: whoever is on the provisioning network can post, without credentials."""

import threading
import time

import cachetools

from valence.common import introspection_errors

PERIOD = 60.0
#: addresses that are remembered
MOST = 10_000


class Rate:
    """A bucket for each address that holds ``number`` documents and fills up in a minute."""

    def __init__(self, number, clock=time.monotonic):
        self._number, self._clock = number, clock
        self._buckets = cachetools.LRUCache(MOST)
        self._lock = threading.Lock()

    def require(self, address):
        """Take one from the bucket of an address; raise TooManyDocuments if it is empty."""
        with self._lock:
            now = self._clock()
            left, at = self._buckets.get(address, (self._number, now))
            left = min(self._number, left + (now - at) * self._number / PERIOD)
            if left < 1:
                raise introspection_errors.TooManyDocuments()
            self._buckets[address] = left - 1, now
