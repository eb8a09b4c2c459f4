# SPDX-License-Identifier: Apache-2.0
"""Who lives is told by leases; rows say what they are."""

from tests import base
from tests import embedded
from valence.common import errors
from valence.conductor.cluster import ownership
from valence.db import models
from valence.db import store


class MembershipTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.changes = []

    def member(self, host="one", groups=("default",), ttl=30):
        """Return a conductor that looks only when it is told to."""
        conf = self.database.configuration(host)
        conf.set_override("groups", list(groups), "conductor")
        conf.set_override("lease_seconds", ttl, "conductor")
        mine = ownership.Membership(
            conf,
            self.database.store,
            changed=lambda: self.changes.append(host),
            figures=lambda: {"pod_managers": 7},
        )
        self.addCleanup(mine.leave)
        return mine

    def join(self, *arguments, **options):
        mine = self.member(*arguments, **options)
        mine.start()
        return mine

    def row(self, host="one"):
        return self.database.store.get(models.Conductor, host)

    def pause(self, mine):
        """Let time pass as if the process had stood still until its lease ran out and was cleared away."""
        for held in self.database.store.leases("conductor/"):
            if held.holder == mine._host:
                self.database.store.lease(held.name, "clock", 1, steal=True).release()
        mine._renewed_at -= 1000

    def test_who_joins_is_registered_and_seen_by_the_others(self):
        one, two = self.join("one"), self.join("two", ["far", "near"])
        self.wait_for(lambda: one.members == {"one": ["default"], "two": ["far", "near"]})
        self.assertEqual(one.members, two.members)
        row = self.row("two")
        self.assertEqual((True, ["far", "near"], 7), (row.alive, row.conductor_groups, row.pod_managers))
        self.assertTrue(row.version and row.started_at and row.heartbeat_at)

    def test_who_leaves_is_gone_at_the_next_look(self):
        one, two = self.join("one"), self.join("two")
        two.leave()
        one.look()
        self.assertEqual({"one": ["default"]}, one.members)
        self.assertEqual((False, False, True), (two.is_member, self.row("two").alive, self.row("one").alive))

    def test_who_dies_is_noted_as_dead_by_the_others(self):
        one, two = self.join("one"), self.member("two")
        dead = self.database.store.lease("conductor/two", "two", 30)
        two._record(alive=True)
        one.look()
        self.assertIn("two", one.members)
        dead.release()  # as when it runs out
        one.look()
        self.assertEqual(({"one"}, False), (set(one.members), self.row("two").alive))

    def test_who_has_a_lease_and_no_row_yet_is_seen_as_soon_as_it_has_one(self):
        one, two = self.join("one"), self.member("two")
        self.database.store.lease("conductor/two", "two", 30)
        one.look()
        self.assertEqual({"one"}, set(one.members))
        two._record(alive=True)
        one.look()
        self.assertEqual({"one", "two"}, set(one.members))

    def test_change_is_told_once(self):
        one = self.join("one")
        one.look()
        self.assertEqual(["one"], self.changes)

    def test_who_was_paused_for_too_long_is_no_member_until_it_joined_again(self):
        one = self.member("one")
        one.start()
        one._loop.stop(5)
        self.pause(one)
        self.assertFalse(one.is_member)
        one.look()
        self.assertTrue(one.is_member)
        self.assertEqual({"one"}, set(one.members))

    def test_a_successor_takes_the_place_of_its_predecessor_at_once(self):
        self.database.store.lease("conductor/one", "one", 30)  # of a process that was killed
        self.assertTrue(self.join("one").is_member)

    def test_of_two_of_one_name_the_later_is_a_member(self):
        first = self.join("one")
        first._loop.stop(5)
        second = self.join("one")
        first._renewed_at -= 1000
        first.look()
        self.assertEqual((False, True), (first.is_member, second.is_member))

    def test_heartbeats_are_no_change_that_clients_wait_for(self):
        one = self.join("one")
        before = self.row().revision
        one._beat()
        self.assertEqual(before, self.row().revision)

    def test_a_store_that_is_away_is_told_of(self):
        one = self.member("one")
        self.database.conf.set_override("connection", f"sqlite:///{self.make_folder()}/none/x.db", "database")
        one._store = self.database.connect()
        self.assertRaises(errors.StoreUnavailable, one.start)
        one.lease = None

    def test_its_lease_is_renewed(self):
        self.join("one", ttl=3)
        clock = self.database.store.lease("clock", "x", 4)
        self.wait_for(lambda: not self.database.store.leases("clock"), timeout=8)
        self.assertEqual(["conductor/one"], [each.name for each in self.database.store.leases("conductor/")])
        clock.release()

    def test_rows_of_the_dead_stay_for_a_while(self):
        self.join("one").leave()
        dead = self.database.store.list(models.Conductor, filters=[store.Filter("alive", "eq", False)])
        self.assertEqual(["one"], [row.hostname for row in dead])
