# SPDX-License-Identifier: Apache-2.0
"""Several writers and readers at the same time, each with a store of its own."""

import contextlib
import threading

import sqlalchemy

from tests.contract import case
from tests.contract import examples
from valence.common import errors
from valence.db import store

WRITERS = 6
ROUNDS = 15
#: statements that let new connections to a database see the past, and that undo this; MariaDB's do so anyway
REPEATABLE = {
    "mariadb": ("DO 0", "DO 0"),
    "postgresql": (
        "ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'",
        "ALTER DATABASE {name} RESET default_transaction_isolation",
    ),
}


class RaceTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.stores = [self.connect() for _ in range(WRITERS)]

    def race(self, act):
        """Call ``act(store, number)`` in as many threads as there are stores and return the results."""
        return case.together(*(lambda s=s, n=n: act(s, n) for n, s in enumerate(self.stores)))

    def assert_one(self, results, refusal):
        won = [result for result in results if not isinstance(result, Exception)]
        lost = [result for result in results if isinstance(result, refusal)]
        self.assertEqual((1, WRITERS - 1), (len(won), len(lost)), results)

    def test_of_many_updates_of_one_state_one_wins(self):
        (shelf,) = self.create_shelves("a")
        for _ in range(ROUNDS):
            before = shelf
            results = self.race(lambda s, n, row=before: s.commit(store.Update(row, {"weight": n}))[0])
            self.assert_one(results, errors.RevisionMismatch)
            shelf = self.store.get(examples.Shelf, before.uuid)
            self.assertIn(shelf, results)
            self.assertEqual(before.revision + 1, shelf.revision)

    def test_of_many_creations_of_one_unique_value_one_wins(self):
        for number in range(ROUNDS):
            name = f"name {number}"
            results = self.race(lambda s, n, name=name: s.commit(store.Create(examples.shelf(name)))[0])
            self.assert_one(results, errors.Duplicate)
            self.assertEqual(1, self.store.count(examples.Shelf, filters=[store.Filter("name", "eq", name)]))

    def test_of_many_creations_of_one_key_one_wins(self):
        for number in range(ROUNDS):
            name = f"name {number}"
            results = self.race(lambda s, n, name=name: s.commit(store.Create(examples.Counter(name=name))))
            self.assert_one(results, errors.Duplicate)

    def test_of_many_deletions_one_wins(self):
        for number in range(ROUNDS):
            (shelf,) = self.create_shelves(f"name {number}")
            results = self.race(lambda s, n, row=shelf: s.commit(store.Delete(row)))
            self.assert_one(results, errors.NotFound)

    def test_a_reference_and_the_removal_of_what_it_needs_do_not_both_win(self):
        for number in range(ROUNDS):
            (shelf,) = self.create_shelves(f"name {number}")
            removed, placed = case.together(
                lambda row=shelf: self.stores[0].commit(store.Delete(row)),
                lambda row=shelf: self.stores[1].commit(store.Create(examples.Book(shelf_id=row.uuid))),
            )
            outcome = (type(removed), type(placed))
            self.assertIn(outcome, [(list, errors.NotFound), (errors.InUse, list)])

    def test_many_count_together_and_lose_none(self):
        self.create(examples.Counter(name="total"))

        def count(own, number):
            for _ in range(ROUNDS):
                while not self.add_one(own):
                    pass

        self.assertEqual([None] * WRITERS, self.race(count))
        self.assertEqual(WRITERS * ROUNDS, self.store.get(examples.Counter, "total").value)

    def add_one(self, own):
        counter = own.get(examples.Counter, "total")
        try:
            own.commit(store.Update(counter, {"value": counter.value + 1}))
        except errors.RevisionMismatch:
            return False
        return True

    def test_writers_of_the_same_rows_in_another_order_all_get_through(self):
        books = self.create(*(examples.Book(title="0") for _ in range(40)))

        def write(own, number):
            ordered = books if number % 2 else books[::-1]
            for _ in range(ROUNDS):
                own.commit(*(store.Update(book, {"title": str(number)}) for book in ordered))

        self.assertEqual([None] * WRITERS, self.race(write))
        self.assertEqual(1, len({book.title for book in self.store.list(examples.Book)}))


class SequenceRaceTest(case.ContractCase):
    def test_a_reader_that_goes_on_from_the_last_number_misses_none(self):
        writing = threading.Event()
        writing.set()
        seen, readers = [], [[] for _ in range(2)]

        def write(own, number):
            for turn in range(40):
                rows = [examples.Entry(text=f"{number}.{turn}.{each}") for each in range(1 + turn % 3)]
                # Who writes to a file without a pause may leave another one no chance.
                seen.append(self.wait_for(lambda rows=rows: attempt(own, rows), 60))

        def attempt(own, rows):
            with contextlib.suppress(errors.StoreUnavailable):
                return own.commit(*map(store.Create, rows))
            return None

        def read(own, found):
            more = True
            while more:
                more = writing.is_set()
                last = found[-1].sequence if found else 0
                newer = [store.Filter("sequence", "gt", last)]
                found += own.list(examples.Entry, filters=newer, sort=[store.Sort("sequence")], limit=7)
                more = more or len(found) < self.store.count(examples.Entry)

        following = [threading.Thread(target=read, args=(self.connect(), found)) for found in readers]
        for thread in following:
            thread.start()
        stores = [self.connect() for _ in range(4)]
        results = case.together(*(lambda s=s, n=n: write(s, n) for n, s in enumerate(stores)))
        writing.clear()
        for thread in following:
            thread.join(60)
        self.assertEqual([None] * 4, results)
        written = sorted(row.sequence for rows in seen for row in rows)
        self.assertEqual(list(range(written[0], written[0] + len(written))), written)
        for found in readers:
            self.assertEqual(written, [row.sequence for row in found])


class IsolationTest(case.ContractCase):
    """A transaction sees what others commit while it runs, whatever the database does by default."""

    scenarios = [(name, {"driver": name}) for name in REPEATABLE]

    def execute(self, statement):
        statement = statement.format(name=self.database.url.rpartition("/")[2])
        self.database.inspected.connections.run(lambda connection: connection.exec_driver_sql(statement))

    def test_a_transaction_sees_what_was_committed_meanwhile(self):
        before, after = REPEATABLE[self.driver]
        self.execute(before)
        self.addCleanup(self.execute, after)
        first, second = self.connect(), self.connect()
        counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(first.tables[examples.Counter])

        def read_twice(connection):
            numbers = [connection.execute(counted).scalar()]
            second.commit(store.Create(examples.Counter(name="a")))
            return [*numbers, connection.execute(counted).scalar()]

        self.assertEqual([0, 1], first.connections.transact(read_twice))
