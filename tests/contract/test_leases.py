# SPDX-License-Identifier: Apache-2.0
"""Leases: one holder at a time, and commits that count only while it holds."""

import contextlib
import functools
import threading
import time

import sqlalchemy

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store

SHORT, LONGER = 0.2, 3.6


class LeaseTest(case.ContractCase):
    def lease(self, holder="one", ttl=30, **options):
        lease = self.store.lease(self.id(), holder, ttl, **options)
        self.addCleanup(lease.release)
        return lease

    def run_out(self):
        time.sleep(SHORT + 0.1)

    def test_a_lease_is_held_by_one(self):
        self.assertEqual("one", self.lease("one").holder)
        error = self.assertRaises(errors.LeaseHeld, self.lease, "two")
        self.assertEqual({"name": self.id(), "holder": "one"}, error.kwargs)

    def test_its_holder_cannot_take_it_twice(self):
        self.lease("one")
        self.assertRaises(errors.LeaseHeld, self.lease, "one")

    def test_other_leases_are_free(self):
        self.lease("one")
        with self.store.lease(f"{self.id()} too", "two", 30) as other:
            self.assertEqual("two", other.holder)

    def test_a_lease_is_free_after_its_release(self):
        self.lease("one").release()
        self.assertEqual("two", self.lease("two").holder)

    def test_leaving_a_block_releases(self):
        with self.lease("one"):
            pass
        self.lease("two")

    def test_a_release_of_what_was_lost_does_nothing(self):
        old = self.lease("one")
        new = self.lease("two", steal=True)
        old.release()
        old.release()
        new.renew()

    def test_a_lease_that_ran_out_is_taken_over(self):
        old = self.lease("one", SHORT)
        self.run_out()
        new = self.lease("two")
        self.assertRaises(errors.LeaseLost, old.renew)
        new.renew()

    def test_a_lease_that_ran_out_and_nobody_took_is_renewed(self):
        lease = self.lease("one", SHORT)
        self.run_out()
        lease.ttl = 30
        lease.renew()
        self.assertRaises(errors.LeaseHeld, self.lease, "two")

    def test_a_renewed_lease_does_not_run_out(self):
        lease = self.lease("one", LONGER)
        for _ in range(4):
            time.sleep(LONGER / 3)
            lease.renew()
        self.assertRaises(errors.LeaseHeld, self.lease, "two")

    def test_a_stolen_lease_is_lost_to_its_holder(self):
        old = self.lease("one")
        self.lease("two", steal=True)
        self.assertRaises(errors.LeaseLost, old.renew)

    def test_tokens_grow(self):
        tokens = [self.lease("one").token]
        tokens.append(self.lease("two", steal=True).token)
        stolen = self.lease("two", SHORT, steal=True)
        tokens.append(stolen.token)
        self.run_out()
        taken = self.lease("three")
        tokens.append(taken.token)
        taken.release()
        tokens.append(self.lease("one").token)
        self.assertEqual(sorted(set(tokens)), tokens)

    def test_many_are_renewed_at_once_and_those_that_are_lost_are_told(self):
        leases = [self.store.lease(f"{self.id()}/{number}", "one", LONGER) for number in range(5)]
        self.assertEqual([], self.store.renew([]))
        for _ in range(4):
            time.sleep(LONGER / 3)
            self.assertEqual([], self.store.renew(leases))
        stolen = self.store.lease(leases[1].name, "two", 30, steal=True)
        leases[3].release()
        self.assertEqual([leases[1], leases[3]], self.store.renew(leases))
        held = {each.token for each in self.store.leases(f"{self.id()}/")}
        self.assertEqual({stolen.token, leases[0].token, leases[2].token, leases[4].token}, held)
        for lease in (*leases, stolen):
            lease.release()

    def test_a_stolen_lease_among_many_is_not_renewed(self):
        """As many rows are there as leases are to be renewed; one of them is somebody else's."""
        leases = [self.store.lease(f"{self.id()}/{number}", "one", 30) for number in range(2)]
        stolen = self.store.lease(leases[1].name, "two", LONGER, steal=True)
        self.assertEqual([leases[1]], self.store.renew(leases))
        self.assertRaises(errors.LeaseLost, leases[1].renew)
        time.sleep(LONGER + 0.1)
        with self.store.lease(stolen.name, "three", 30):
            self.assertRaises(errors.LeaseLost, stolen.renew)
        leases[0].release()

    def test_held_leases_are_listed_by_the_beginnings_of_their_names(self):
        prefix = f"{self.id()}/"
        names = [f"{prefix}{end}" for end in ("b", "a", "a_c", "~")]
        leases = [self.store.lease(name, f"holder of {name}", 30) for name in names]
        others = [self.store.lease(name, "x", 30) for name in (self.id(), f"{self.id()}0", f"a{prefix}b")]
        self.addCleanup(lambda: [each.release() for each in leases + others])
        held = self.connect().leases(prefix)
        wanted = sorted((each.name, each.holder, each.token) for each in leases)
        self.assertEqual(wanted, [tuple(each) for each in held])

    def test_only_what_is_held_now_is_listed(self):
        prefix = f"{self.id()}/"
        self.assertEqual([], self.store.leases(prefix))
        released, lost = self.store.lease(f"{prefix}a", "one", 30), self.store.lease(f"{prefix}b", "one", 30)
        dead = self.store.lease(f"{prefix}c", "one", SHORT)
        released.release()
        stolen = self.store.lease(lost.name, "two", 30, steal=True)
        self.run_out()
        self.assertEqual(
            [(stolen.name, "two", stolen.token)], [tuple(each) for each in self.store.leases(prefix)]
        )
        dead.ttl = 30
        dead.renew()
        self.assertEqual(2, len(self.store.leases(prefix)))
        dead.release()
        stolen.release()

    def test_of_many_that_race_exactly_one_wins(self):
        stores = [self.connect() for _ in range(4)]
        for round_number in range(8):
            name = f"{self.id()} {round_number}"
            if round_number % 2:
                self.store.lease(name, "dead", SHORT)
                self.run_out()
            takes = [
                functools.partial(own.lease, name, f"holder {n}", 30) for n, own in enumerate(stores * 2)
            ]
            results = case.together(*takes)
            won = [result for result in results if isinstance(result, store.Lease)]
            lost = [result for result in results if isinstance(result, errors.LeaseHeld)]
            self.assertEqual((1, 7), (len(won), len(lost)), results)
            won[0].release()


class FenceTest(case.ContractCase):
    def commit(self, lease, name="a"):
        return self.store.commit(store.Create(examples.shelf(name)), lease=lease)

    def test_a_commit_under_a_held_lease_counts(self):
        with self.store.lease(self.id(), "one", 30) as lease:
            self.commit(lease)
        self.assertEqual(["a"], self.names())

    def test_a_commit_under_a_lost_lease_writes_nothing(self):
        lease = self.store.lease(self.id(), "one", 30)
        with self.store.lease(self.id(), "two", 30, steal=True):
            error = self.assertRaises(errors.LeaseLost, self.commit, lease)
        self.assertEqual({"name": self.id()}, error.kwargs)
        self.assertEqual([], self.names())

    def test_a_commit_under_a_released_lease_writes_nothing(self):
        lease = self.store.lease(self.id(), "one", 30)
        lease.release()
        self.assertRaises(errors.LeaseLost, self.commit, lease)

    def test_a_commit_under_a_lease_that_ran_out_writes_nothing(self):
        lease = self.store.lease(self.id(), "one", SHORT)
        time.sleep(SHORT + 0.1)
        self.assertRaises(errors.LeaseLost, self.commit, lease)
        lease.ttl = 30
        lease.renew()
        self.commit(lease)
        lease.release()

    def test_a_lease_of_another_store_counts_as_well(self):
        with self.connect().lease(self.id(), "one", 30) as lease:
            self.commit(lease)

    def test_nobody_writes_under_a_lease_after_the_next_holder_began(self):
        (counter,) = self.create(examples.Counter(name="holder"))
        first = self.store.lease(self.id(), "one", 30)
        other = self.connect()
        stolen = []

        def work():
            for number in range(20_000):
                self.store.commit(store.Create(examples.Entry(text=f"one {number}")), lease=first)
                # Who writes to a file without a pause leaves no other process a chance.
                self.store.count(examples.Entry)

        def steal():
            self.wait_for(lambda: other.count(examples.Entry) > 10)
            stolen.append(self.wait_for(take, 30))
            return other.count(examples.Entry)

        def take():
            with contextlib.suppress(errors.StoreUnavailable):
                return other.lease(self.id(), "two", 30, steal=True)
            return None

        failed, seen = case.together(work, steal)
        self.assertIsInstance(failed, errors.LeaseLost)
        self.assertEqual(seen, other.count(examples.Entry))
        stolen[0].release()


class ClockTest(case.ContractCase):
    """Tokens are times of a database's clock, which may be set back."""

    scenarios = databases.SQL

    def test_tokens_grow_when_the_clock_is_behind_them(self):
        old = self.store.lease(self.id(), "one", 30)
        ahead = old.token + 3600 * 1_000_000
        leases = self.store.tables.leases
        set_ahead = sqlalchemy.update(leases).where(leases.c.name == self.id()).values(token=ahead)
        self.store.connections.write(lambda connection: connection.execute(set_ahead))
        with self.store.lease(self.id(), "two", 30, steal=True) as stolen:
            self.assertEqual(ahead + 1, stolen.token)


class LockTest(case.ContractCase):
    """A writer that stands still between the look at its lease and its commit."""

    scenarios = databases.SQL

    def test_nobody_takes_the_lease_of_a_commit_before_it_ends(self):
        lease, other = self.store.lease(self.id(), "one", 30), self.connect()
        stolen, write = threading.Event(), self.store.writer.write

        def write_after_a_pause(*arguments):
            # Nobody gets the lease meanwhile, or the commit comes after the next holder began.
            stolen.wait(0.5)
            return write(*arguments)

        self.store.writer.write = write_after_a_pause

        def work():
            self.store.commit(store.Create(examples.shelf("a")), lease=lease)

        def steal():
            taken = other.lease(self.id(), "two", 30, steal=True)
            stolen.set()
            return taken, other.count(examples.Shelf)

        worked, (taken, seen) = case.together(work, steal)
        if worked is None:
            self.assertEqual(1, seen)
        else:  # the lease was stolen first
            self.assertIsInstance(worked, errors.LeaseLost)
            self.assertEqual(0, other.count(examples.Shelf))
        taken.release()
