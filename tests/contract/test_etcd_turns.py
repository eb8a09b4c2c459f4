# SPDX-License-Identifier: Apache-2.0
"""Commits on etcd that queue in the head: each has its turn, however long it is planned; dead writers lose theirs."""

import threading
import time

import fixtures

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from valence.common import errors
from valence.db import store
from valence.db.etcd import commits
from valence.db.etcd import keyspace
from valence.db.etcd import plan


class TurnTest(case.ContractCase):
    """A turn whose owner is gone, and one that nobody needs."""

    scenarios = databases.ETCD

    def setUp(self):
        super().setUp()
        self.keyspace = self.database.inspected.keyspace

    def test_a_turn_whose_owner_is_gone_is_passed_over(self):
        snapshot = self.keyspace.snapshot()
        self.keyspace.note(snapshot, snapshot.head.with_last("nobody"))
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.TURN_SECONDS", 0.3))
        self.create_shelves("a")
        self.assertEqual((), self.keyspace.snapshot().head.queue)

    def test_a_refused_commit_leaves_the_queue(self):
        self.create_shelves("a")
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.UNLUCKY", 0))
        self.assertRaises(errors.Duplicate, self.create_shelves, "a")
        self.assertEqual((), self.keyspace.snapshot().head.queue)

    def test_a_commit_with_nothing_to_write_writes_nothing(self):
        before = self.keyspace.snapshot()
        (shelf,) = self.create_shelves("a")
        one = commits.Commits(self.keyspace)
        self.assertEqual(shelf.name, self.store.commit(store.Update(shelf, {}, touch=False))[0].name)
        self.assertEqual(before.head.number + 1, one.run(lambda snapshot: ((), snapshot.head.number)))


class PlannedLongTest(case.ContractCase):
    """A large commit that takes long to plan, while another process makes a small one."""

    scenarios = databases.ETCD

    def setUp(self):
        super().setUp()
        for name, seconds in (("TURN_SECONDS", 0.5), ("BEAT_SECONDS", 0.1)):
            self.useFixture(fixtures.MonkeyPatch(f"valence.db.etcd.commits.{name}", seconds))
        self.planned, self.others = 0, self.connect()
        self.other = threading.Thread(target=self.others.commit, args=[store.Create(examples.shelf("small"))])

    def plan(self, snapshot):
        """Read for three turns, from the moment on when the other one queues, and write something."""
        self.planned += 1
        if self.planned == 1:
            self.other.start()
            self.addCleanup(self.other.join)
            self.wait_for(lambda: len(self.others.keyspace.snapshot().head.queue) == 2)
        end, place = time.monotonic() + 1.5, self.store.paths.sequence(examples.Entry)
        while time.monotonic() < end:
            snapshot.read([place])
        batch = keyspace.Batch()
        batch.texts[place] = "7"
        return batch, self.planned

    def test_it_keeps_its_turn_and_is_planned_once(self):
        self.addCleanup(self.database.restart_sequences)
        self.assertEqual(1, self.store.commits.run(self.plan, is_large=True))
        self.assertEqual(7, self.store.last_number(examples.Entry))
        self.wait_for(lambda: self.names() == ["small"])

    def test_a_commit_with_many_changes_queues_at_once(self):
        queues = []
        make = plan.Plan.make

        def planned(this):
            queues.append(len(self.others.keyspace.snapshot().head.queue))
            return make(this)

        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.plan.Plan.make", planned))
        self.create(*(examples.shelf(str(number)) for number in range(60)))
        self.create(examples.shelf("one"))
        self.assertEqual([1, 0], queues)
