# SPDX-License-Identifier: Apache-2.0
"""Databases that go away: calls fail soon and recover, and what was acknowledged is there, once and whole."""

import collections
import contextlib
import itertools
import subprocess
import sys
import threading

import fixtures
import testscenarios

from tests import base
from tests import clock
from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from tests.contract import proxy
from tests.contract import writer
from valence.common import errors
from valence.db import store
from valence.db import types
from valence.db.sql import commit

#: seconds within which a call on a database that is away fails, with room for a busy machine
SOON = 4


class Accounts:
    """Checks what writers left: ``tests.contract.writer`` says what they do."""

    def assert_whole(self, database, name, acknowledged):
        """Fail unless each acknowledged commit is there, and every commit that is there is there once and whole."""
        entries = database.list(examples.Entry, filters=[store.Filter("text", "gt", name)])
        found = collections.Counter(
            int(entry.text.split()[1]) for entry in entries if entry.text.startswith(f"{name} ")
        )
        self.assertEqual(set(), set(acknowledged) - set(found))
        self.assertEqual({writer.ENTRIES}, set(found.values()))
        counter = database.get(examples.Counter, name)
        self.assertEqual((counter.value, counter.value), (len(found), counter.revision - 1))

    def assert_gapless(self, database):
        """Fail unless the entries are numbered one after the other."""
        numbers = [row.sequence for row in database.list(examples.Entry, sort=[store.Sort("sequence")])]
        self.assertEqual(list(range(numbers[0], numbers[0] + len(numbers))), numbers)


def is_away(call):
    """Tell whether a call says that the database is away."""
    try:
        call()
    except errors.StoreUnavailable:
        return True
    return False


class ServerTest(Accounts, testscenarios.WithScenarios, base.TestCase):
    scenarios = databases.WITH_SERVER
    time_limit = 120

    def setUp(self):
        super().setUp()
        self.server = self.useFixture(databases.DATABASES[self.driver][2]())
        self.database = databases.of_own(self.driver, self.server)
        self.database.prepare()
        self.store = self.database.connect()
        self.addCleanup(self.store.close)

    def test_calls_fail_soon_while_the_server_is_away_and_recover_by_themselves(self):
        (shelf,) = self.store.commit(store.Create(examples.shelf("a")))
        lease = self.store.lease("a", "one", 300)
        self.server.kill()
        calls = {
            "ping": self.store.ping,
            "get": lambda: self.store.get(examples.Shelf, shelf.uuid),
            "list": lambda: self.store.list(examples.Shelf),
            "count": lambda: self.store.count(examples.Shelf),
            "commit": lambda: self.store.commit(store.Update(shelf, {"weight": 1})),
            "lease": lambda: self.store.lease("b", "one", 30),
            "renew": lease.renew,
            "version": self.store.schema.version,
            "upgrade": self.store.schema.upgrade,
        }
        # PostgreSQL's processes outlive their killed father by a moment.
        self.wait_for(lambda: is_away(self.store.ping))
        for name, call in calls.items():
            began = clock.seconds()
            self.assertRaises(errors.StoreUnavailable, call)
            self.assert_in_time(clock.seconds() - began, SOON, name)
        self.server.start()
        for call in calls.values():
            call()
        # A restart that no call happened to see leaves connections that are broken.
        self.server.kill()
        self.server.start()
        (changed,) = self.store.commit(
            store.Update(self.store.get(examples.Shelf, shelf.uuid), {"weight": 2})
        )
        self.assertEqual(changed, self.store.get(examples.Shelf, shelf.uuid))

    def test_commits_while_the_server_is_killed_are_acknowledged_or_not_but_whole(self):
        names = ["x", "y", "z"]
        self.store.commit(*(store.Create(examples.Counter(name=name)) for name in names))
        acknowledged, stop = collections.defaultdict(list), threading.Event()

        def write(name):
            for number in writer.commits(self.store, name):
                acknowledged[name].append(number)
                if stop.is_set():
                    return

        threads = [threading.Thread(target=write, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = sum(map(len, acknowledged.values()))
            self.wait_for(lambda before=before: sum(map(len, acknowledged.values())) > before + 60, 30)
            self.server.kill()
            self.server.start()
        stop.set()
        for thread in threads:
            thread.join(60)
        for name in names:
            self.assert_whole(self.store, name, acknowledged[name])
        self.assert_gapless(self.store)


class LostAnswerTest(testscenarios.WithScenarios, base.TestCase):
    """The connection breaks during COMMIT: before the server hears of it, or before its answer arrives."""

    scenarios = testscenarios.multiply_scenarios(
        databases.WITH_SERVER, [("unheard", {"answered": False}), ("unanswered", {"answered": True})]
    )

    def setUp(self):
        super().setUp()
        self.proxy = self.useFixture(proxy.Proxy(databases.DATABASES[self.driver][1]().port))
        shared = databases.shared(self.driver)
        shared.clear()
        self.kind = databases.DATABASES[self.driver][0]
        self.store = self.kind(self.proxy.url(shared.url), shared.folder).connect()
        self.addCleanup(self.store.close)
        self.shelf, self.other = self.commit(*(store.Create(examples.shelf(name)) for name in "ab"))

    def commit(self, *changes):
        return self.store.commit(*changes)

    def commit_and_cut(self, *changes):
        self.proxy.cut(self.kind.commit_word, answered=self.answered)
        stored = self.store.commit(*changes)
        self.assertEqual(1, self.proxy.cuts)
        return stored

    def test_a_creation_is_done_once(self):
        shelf, entry = self.commit_and_cut(store.Create(examples.shelf("c")), store.Create(examples.Entry()))
        self.assertEqual([entry], self.store.list(examples.Entry))
        self.assertEqual(shelf, self.store.get(examples.Shelf, shelf.uuid))
        self.assertEqual(entry.sequence + 1, self.commit(store.Create(examples.Entry()))[0].sequence)

    def test_an_update_is_done_once(self):
        (changed,) = self.commit_and_cut(store.Update(self.shelf, {"weight": 1}))
        self.assertEqual(2, changed.revision)
        self.assertEqual(changed, self.store.get(examples.Shelf, self.shelf.uuid))

    def test_a_deletion_is_done_once(self):
        self.assertEqual([None], self.commit_and_cut(store.Delete(self.shelf)))
        self.assertEqual([self.other], self.store.list(examples.Shelf))

    def test_bookkeeping_is_done(self):
        (book,) = self.commit(store.Create(examples.Book(title="a")))
        (changed,) = self.commit_and_cut(store.Update(book, {"title": "b"}))
        self.assertEqual(changed, self.store.get(examples.Book, book.uuid))

    def test_a_chosen_key_is_created_once(self):
        (counter,) = self.commit_and_cut(store.Create(examples.Counter(name="total")))
        self.assertEqual([counter], self.store.list(examples.Counter))

    def test_a_commit_under_a_lease_is_done_once(self):
        with self.store.lease("a", "one", 30) as lease:
            self.proxy.cut(self.kind.commit_word, answered=self.answered)
            (changed,) = self.store.commit(store.Update(self.shelf, {"weight": 1}), lease=lease)
        self.assertEqual(changed, self.store.get(examples.Shelf, self.shelf.uuid))

    def test_an_error_stays_an_error(self):
        changed = self.commit(store.Update(self.shelf, {"weight": 1}))[0]
        self.proxy.cut(self.kind.earlier_word, answered=self.answered)
        self.assertRaises(errors.RevisionMismatch, self.commit, store.Update(self.shelf, {"weight": 2}))
        self.assertEqual(changed, self.store.get(examples.Shelf, self.shelf.uuid))

    def test_when_the_server_stays_away_the_outcome_is_called_unknown(self):
        self.proxy.cut(self.kind.commit_word, answered=self.answered, refuse=True)
        began = clock.seconds()
        self.assertRaises(errors.OutcomeUnknown, self.commit, store.Update(self.shelf, {"weight": 1}))
        self.assert_in_time(clock.seconds() - began, SOON)

    def test_when_it_is_known_that_nothing_was_committed_that_is_said(self):
        self.proxy.cut(self.kind.earlier_word, answered=self.answered, refuse=True)
        error = self.assertRaises(
            errors.StoreUnavailable, self.commit, store.Update(self.shelf, {"weight": 1})
        )
        self.assertIs(errors.StoreUnavailable, type(error))


class LostAnswerProofTest(testscenarios.WithScenarios, base.TestCase):
    """Between a COMMIT whose answer got lost and the next attempt something else happens."""

    scenarios = testscenarios.multiply_scenarios(
        [each for each in databases.WITH_SERVER if each in databases.SQL],
        [("unheard", {"answered": False}), ("unanswered", {"answered": True})],
    )

    def setUp(self):
        super().setUp()
        # There is a next attempt also where a busy machine takes long for the first one.
        self.useFixture(fixtures.MonkeyPatch("valence.db.sql.connections.PATIENCE", 60))
        self.proxy = self.useFixture(proxy.Proxy(databases.DATABASES[self.driver][1]().port))
        self.database = databases.shared(self.driver)
        self.database.clear()
        kind = databases.DATABASES[self.driver][0]
        self.store = kind(self.proxy.url(self.database.url), self.database.folder).connect()
        self.addCleanup(self.store.close)
        self.other = self.database.connect()
        self.addCleanup(self.other.close)
        (self.shelf,) = self.store.commit(store.Create(examples.shelf("a")))

    def commit_and_cut(self, happens, *changes, **options):
        """Commit, lose the answer, and let something happen before the next attempt."""
        attempts, attempt = itertools.count(), commit.Commit.attempt

        def interrupted(one):
            if next(attempts) == 1:
                happens()
            return attempt(one)

        self.useFixture(fixtures.MonkeyPatch("valence.db.sql.commit.Commit.attempt", interrupted))
        self.proxy.cut(b"COMMIT", answered=self.answered)
        return self.store.commit(*changes, **options)

    def test_a_lease_that_is_lost_meanwhile_takes_nothing_back(self):
        lease = self.store.lease(self.id(), "one", 30)
        taken = []

        def steal():
            taken.append(self.other.lease(self.id(), "two", 30, steal=True))

        changes = store.Update(self.shelf, {"weight": 1}), store.Create(examples.shelf("b"))
        if self.answered:
            self.commit_and_cut(steal, *changes, lease=lease)
        else:
            self.assertRaises(errors.LeaseLost, self.commit_and_cut, steal, *changes, lease=lease)
        self.assertEqual(int(self.answered), self.other.get(examples.Shelf, self.shelf.uuid).weight)
        self.assertEqual(1 + self.answered, self.other.count(examples.Shelf))
        taken[0].release()

    def test_a_marker_of_a_minute_ago_proves_the_commit(self):
        minute = types.moment(self.other.now() + 60)

        def purge():
            self.other.at = lambda: minute
            self.other.commit(store.Update(self.shelf.replace(revision=2), {"weight": 2}))

        def change_first():
            (changed,) = self.other.commit(store.Update(self.shelf, {"weight": 2}))
            return changed

        change = store.Update(self.shelf, {"weight": 1})
        if self.answered:
            self.commit_and_cut(purge, change)
            self.assertEqual(2, self.other.get(examples.Shelf, self.shelf.uuid).weight)
        else:
            self.assertRaises(errors.RevisionMismatch, self.commit_and_cut, change_first, change)


class SilenceTest(testscenarios.WithScenarios, base.TestCase):
    """A server that hangs: it takes connections and says nothing."""

    scenarios = databases.WITH_SERVER

    def test_a_call_gives_up_and_works_again_when_the_server_does(self):
        self.useFixture(fixtures.MonkeyPatch(databases.DATABASES[self.driver][0].silence, 2))
        held = self.useFixture(proxy.Proxy(databases.DATABASES[self.driver][1]().port))
        shared = databases.shared(self.driver)
        shared.clear()
        silent = databases.DATABASES[self.driver][0](held.url(shared.url), shared.folder).connect()
        self.addCleanup(silent.close)
        (shelf,) = silent.commit(store.Create(examples.shelf("a")))
        for call in (silent.ping, lambda: silent.get(examples.Shelf, shelf.uuid)):
            held.hold()
            began = clock.seconds()
            self.assertRaises(errors.StoreUnavailable, call)
            self.assert_in_time(clock.seconds() - began, SOON)
            held.go_on()
            self.assertEqual(shelf, silent.get(examples.Shelf, shelf.uuid))


class WriterTest(Accounts, case.ContractCase):
    """A process that writes is killed."""

    def test_a_killed_writer_leaves_nothing_half_written(self):
        names = ["x", "y"]
        self.create(*(examples.Counter(name=name) for name in names))
        writers = [self.start(name) for name in names]
        for process in writers:
            for _ in range(20):
                process.stdout.readline()
        acknowledged = {}
        for name, process in zip(names, writers, strict=True):
            process.kill()
            acknowledged[name] = [int(line) for line in process.stdout.read().split()]
        for name in names:
            self.assert_whole(self.store, name, acknowledged[name])
        self.assert_gapless(self.store)

    def start(self, name):
        command = [
            sys.executable,
            "-m",
            "tests.contract.writer",
            self.driver,
            self.database.url,
            self.database.folder,
            name,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class FileTest(base.TestCase):
    """SQLite, whose file can be missing or locked."""

    def test_a_folder_that_is_missing_is_unavailable(self):
        database = databases.SQLDatabase(f"sqlite:///{self.make_folder()}/missing/valence.db")
        self.assertRaises(errors.StoreUnavailable, database.connect().ping)

    def test_a_file_that_another_process_writes_to_all_the_time_is_unavailable_in_the_end(self):
        database = databases.of_own("sqlite")
        database.prepare()
        connected = database.connect()
        self.addCleanup(connected.close)
        with contextlib.closing(connected.connections.engine.raw_connection()) as other:
            other.execute("BEGIN IMMEDIATE")
            began = clock.seconds()
            self.assertRaises(errors.StoreUnavailable, connected.commit, store.Create(examples.shelf("a")))
            self.assert_in_time(clock.seconds() - began, 6)
            self.assertEqual([], connected.list(examples.Shelf))
            other.execute("ROLLBACK")
        connected.commit(store.Create(examples.shelf("a")))
