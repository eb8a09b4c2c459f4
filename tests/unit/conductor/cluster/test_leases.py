# SPDX-License-Identifier: Apache-2.0
"""Leases that are kept alive while somebody works under them."""

import contextlib
import threading

from tests import base
from tests import embedded
from tests import figures
from valence.common import errors
from valence.conductor.cluster import leases
from valence.db import models
from valence.db import store


class LeaseKeeperTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())

    def test_one_holder_at_a_time(self):
        one, two = self.database.keeper("one"), self.database.keeper("two")
        with one.hold("work"), self.assertRaises(errors.LeaseHeld) as raised, two.hold("work"):
            pass
        self.assertEqual({"name": "work", "holder": "one"}, raised.exception.kwargs)

    def test_the_patient_wait_for_their_turn(self):
        one, two = self.database.keeper("one"), self.database.keeper("two")
        block = contextlib.ExitStack()
        block.enter_context(one.hold("work"))
        end = threading.Timer(0.3, block.close)
        end.start()
        self.addCleanup(end.join)
        with two.hold("work", patience=10) as lease:
            self.assertEqual("two", lease.holder)

    def test_patience_ends(self):
        one, two = self.database.keeper("one"), self.database.keeper("two")
        with one.hold("work"), self.assertRaises(errors.LeaseHeld), two.hold("work", patience=0.2):
            pass

    def test_it_is_free_after_the_block_even_when_that_failed(self):
        keeper = self.database.keeper()
        try:
            with keeper.hold("work"):
                raise ValueError
        except ValueError:
            pass
        with keeper.hold("work") as lease:
            self.assertEqual("work", lease.name)

    def test_whoever_was_stolen_from_writes_nothing_any_more(self):
        one, two, creation = (
            self.database.keeper("one"),
            self.database.keeper("two"),
            store.Create(models.Cursor(name="c")),
        )
        with one.hold("work") as lost, two.hold("work", steal=True):
            self.assertRaises(errors.LeaseLost, self.database.store.commit, creation, lease=lost)
        self.assertEqual([], self.database.store.list(models.Cursor))

    def test_what_was_released_is_not_taken_for_lost(self):
        keeper = self.database.keeper("one")
        with figures.growth("valence_conductor_lease_losses_total", noticed_by="renewal") as losses:
            with keeper.hold("work") as released:
                pass
            keeper._note_loss(released)  # as a renewal does that began before and ended after
            self.assertEqual(0, losses())
            with keeper.hold("work") as lost, self.database.keeper("two").hold("work", steal=True):
                keeper._renew()
                self.assertFalse(keeper.holds(lost))
            self.assertEqual(1, losses())

    def test_it_renews_what_is_held_beyond_its_time(self):
        keeper = leases.LeaseKeeper(self.database.store, "one", ttl=3)
        keeper.start()
        self.addCleanup(keeper.stop)
        with keeper.hold("work") as lease, self.database.keeper("two", ttl=3).hold("clock"):
            # Once an unrenewed lease of the same length has run out, this one would have too.
            self.wait_for(lambda: self._is_free("clock"), timeout=10)
            self.database.store.commit(store.Create(models.Cursor(name="c")), lease=lease)

    def test_what_a_predecessor_of_the_same_name_held_is_free(self):
        dead, other = self.database.keeper("one"), self.database.keeper("two")
        with dead.hold("work") as lost, other.hold("other") as kept:
            self.database.keeper("one").inherit()
            with other.hold("work"):
                creation = store.Create(models.Cursor(name="c"))
                self.assertRaises(errors.LeaseLost, self.database.store.commit, creation, lease=lost)
            kept.renew()

    def test_all_can_be_given_back_while_somebody_works_under_them(self):
        one = self.database.keeper("one")
        with one.hold("work") as lease:
            one.release_all()
            self.assertFalse(one.holds(lease))
            with self.database.keeper("two").hold("work"):
                self.assertRaises(errors.LeaseLost, lease.renew)

    def _is_free(self, name):
        try:
            with self.database.keeper("three").hold(name):
                return True
        except errors.LeaseHeld:
            return False
