# SPDX-License-Identifier: Apache-2.0
"""What a store on etcd's v2 API knows of the state that it read last: no key is read twice, and nothing is outdated."""

import collections

import fixtures

from tests.contract import case
from tests.contract import examples
from valence.common import errors
from valence.db import store
from valence.db.etcd.v2 import client
from valence.db.etcd.v2 import snapshots

ROWS = 30


class KnownTest(case.ContractCase):
    """Lists and commits of one process, with another process beside it."""

    scenarios = [("etcd", {"driver": "etcd"})]

    def setUp(self):
        super().setUp()
        self.others, self.reads, read = self.connect(), collections.Counter(), client.Client.read

        def counted(this, key, **options):
            self.reads[key] += 1
            return read(this, key, **options)

        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v2.client.Client.read", counted))

    def rows(self):
        """Let another process store shelves, and list them."""
        self.others.commit(*(store.Create(examples.shelf(str(number))) for number in range(ROWS)))
        self.reads.clear()
        return self.store.list(examples.Shelf)

    def read_again(self):
        """Return the keys that were read more than once; the head tells whether what was read is outdated."""
        return [key for key, number in self.reads.items() if number > 1 and not key.endswith("/head")]

    def test_a_commit_reads_nothing_again_that_a_list_has_read(self):
        self.store.commit(*map(store.Delete, self.rows()))
        self.assertEqual([], self.read_again())
        self.assertEqual(0, self.others.count(examples.Shelf))

    def test_a_commit_reads_nothing_again_that_the_one_before_wrote(self):
        for row in self.rows()[: ROWS // 2]:
            self.store.commit(store.Update(row, {"weight": 7}))
        self.assertEqual([], self.read_again())
        self.assertEqual(
            ROWS // 2, self.others.count(examples.Shelf, filters=[store.Filter("weight", "eq", 7)])
        )

    def test_what_others_changed_since_is_read(self):
        rows = self.rows()
        self.others.commit(store.Update(rows[0], {"weight": 7}), store.Delete(rows[1]))
        self.assertEqual(7, self.store.get(examples.Shelf, rows[0].uuid).weight)
        self.assertEqual(ROWS - 1, self.store.count(examples.Shelf))
        self.assertRaises(errors.RevisionMismatch, self.store.commit, store.Update(rows[0], {"weight": 8}))
        self.assertRaises(errors.NotFound, self.store.commit, store.Update(rows[1], {"weight": 8}))

    def test_a_row_that_was_removed_is_stored_again(self):
        row = self.rows()[0]
        for weight in range(3):
            self.store.commit(store.Delete(row))
            (row,) = self.store.commit(store.Create(row.replace(weight=weight)))
            self.assertEqual(weight, self.others.get(examples.Shelf, row.uuid).weight)

    def test_a_bulk_load_is_not_planned_on_what_was_known_before_it(self):
        self.rows()
        loaded = [examples.shelf(f"loaded-{number}") for number in range(ROWS)]
        self.store.load(examples.Shelf, loaded)
        self.store.commit(*map(store.Delete, self.store.list(examples.Shelf)[::2]))
        self.assertEqual(ROWS, self.others.count(examples.Shelf))
        self.assertEqual(ROWS, len(self.others.list(examples.Shelf, sort=[store.Sort("name")])))

    def test_only_so_much_is_known(self):
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v2.snapshots.MOST_KNOWN", ROWS // 2))
        rows = self.rows()
        self.store.commit(*map(store.Delete, rows[:5]))
        known = self.store.keyspace.snapshot().known
        self.assertLessEqual(len(known.texts), ROWS // 2)
        self.assertEqual(ROWS - 5, self.store.count(examples.Shelf))

    def test_what_is_known_is_soon_forgotten(self):
        self.rows()
        known = self.store.keyspace.snapshot().known
        self.assertIs(known, self.store.keyspace.snapshot().known)
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v2.snapshots.KNOWN_SECONDS", 0))
        self.others.commit(store.Create(examples.shelf("another")))
        self.assertIsNot(self.store.keyspace.snapshot().known, self.store.keyspace.snapshot().known)
        self.assertEqual({}, snapshots.Known(None).texts)
