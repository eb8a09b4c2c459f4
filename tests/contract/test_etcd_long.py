# SPDX-License-Identifier: Apache-2.0
"""A commit on etcd that takes longer to be written than its writer may be silent."""

import threading
import time

import fixtures

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from valence.db import store
from valence.db.etcd import commits
from valence.db.etcd.v2 import client
from valence.db.etcd.v3 import gateway

BOOKS = 300


class LongCommitTest(case.ContractCase):
    scenarios = databases.ETCD

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v2.driver.PORTION", 16))
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v3.driver.MOST_OPERATIONS", 40))
        write, exchange = client.Client.write, gateway.Gateway.exchange
        self.writer = None

        def write_slowly(this, *arguments, **options):
            self.slow_down(0.1)
            return write(this, *arguments, **options)

        def exchange_slowly(this, *arguments):
            self.slow_down(0.08)
            return exchange(this, *arguments)

        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v2.client.Client.write", write_slowly))
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v3.gateway.Gateway.exchange", exchange_slowly))

    def slow_down(self, seconds):
        """Let an etcd that is busy take its time for what the writer writes; readers write nothing."""
        if self.writer:
            time.sleep(seconds)

    def test_others_read_meanwhile_and_leave_it_to_its_writer(self):
        (shelf,) = self.create_shelves("a")
        reader, completed, seen = self.connect(), [], []
        complete = reader.keyspace.complete
        reader.keyspace.complete = lambda snapshot: completed.append(snapshot.version) or complete(snapshot)
        books = [store.Create(examples.Book(shelf_id=shelf.uuid)) for _ in range(BOOKS)]
        began = time.monotonic()
        self.writer = threading.Thread(target=self.store.commit, args=books)
        self.writer.start()
        while self.writer.is_alive():
            seen.append(reader.count(examples.Book))
        self.assertLess(commits.LEASE_SECONDS, time.monotonic() - began)
        self.assertEqual([], completed)
        self.assertLessEqual(set(seen), {0, BOOKS})
        self.assertIn(0, seen)
        self.assertEqual(BOOKS, reader.count(examples.Book))
        self.assertEqual([], self.database.journals())
