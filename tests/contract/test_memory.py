# SPDX-License-Identifier: Apache-2.0
"""What requests leave in the memory of a process that runs for months: nothing, on any store."""

import gc

from tests.contract import case
from tests.contract import examples
from valence.db import store

REQUESTS = 10


class MemoryTest(case.ContractCase):
    """The objects of the store's own classes, before and after requests of every kind."""

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

    def living(self):
        """Return how many objects of the store's classes there are."""
        gc.collect()
        return sum(type(each).__module__.startswith("valence.db.") for each in gc.get_objects())

    def test_requests_leave_nothing_behind(self):
        for _ in range(REQUESTS):
            self.use()
        before = self.living()
        for _ in range(REQUESTS):
            self.use()
        self.assertLess(self.living() - before, REQUESTS)
