# SPDX-License-Identifier: Apache-2.0
"""What requests leave in the memory of a process that runs for months: nothing, on any store."""

import collections
import gc

from tests.contract import case
from tests.contract import examples
from valence.db import store

REQUESTS = 30


class MemoryTest(case.ContractCase):
    """The objects of the store's own classes that requests of every kind make."""

    def setUp(self):
        super().setUp()
        self.shelves = self.create_shelves("a", "b", "c", colour="red")

    def use(self):
        """Read and write in all ways; the list may follow either of two indexes, and is cut."""
        red = [store.Filter("colour", "eq", "red"), store.Filter("weight", "gte", 0)]
        self.store.list(examples.Shelf, filters=red, sort=[store.Sort("name")], limit=1)
        self.store.list(examples.Shelf, filters=red)
        self.store.count(examples.Shelf, filters=red)
        self.shelves = self.store.commit(*[store.Update(each, {"weight": 1}) for each in self.shelves])
        self.store.get(examples.Shelf, self.shelves[0].uuid)
        with self.store.lease(self.id(), "one", 30):
            self.store.leases(self.id())

    def test_requests_leave_nothing_behind(self):
        for _ in range(REQUESTS):
            self.use()
        gc.collect()
        gc.freeze()  # what is there now is not counted, whichever test of this process made it
        self.addCleanup(gc.unfreeze)
        for _ in range(REQUESTS):
            self.use()
        gc.collect()
        new = collections.Counter(
            f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects()
        )
        left = {name: number for name, number in new.items() if name.startswith("valence.db.")}
        self.assertLess(sum(left.values()), REQUESTS, left)
