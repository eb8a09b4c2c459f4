# SPDX-License-Identifier: Apache-2.0
"""Commits on etcd that are cut off in the middle: what readers see, what is left behind, and whose outcome is known."""

import fixtures

from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from valence.db import store
from valence.db.etcd import endpoints
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import plan
from valence.db.etcd.v2 import client
from valence.db.etcd.v2 import driver as driver2
from valence.db.etcd.v3 import driver as driver3
from valence.db.etcd.v3 import gateway

KEYSPACES = {"etcd": "valence.db.etcd.v2.driver", "etcd3": "valence.db.etcd.v3.driver"}
BOOKS = 100


class Killed(BaseException):
    """The end of a process in the middle of a commit."""


class OutcomeCase(case.ContractCase):
    scenarios = databases.ETCD

    def replace(self, name, value):
        """Replace what the module of the driver's keyspace has."""
        self.useFixture(fixtures.MonkeyPatch(f"{KEYSPACES[self.driver]}.{name}", value))


class HalfAppliedTest(OutcomeCase):
    """A writer that is killed when it has written a half of what it decided."""

    def setUp(self):
        super().setUp()
        self.before = self.create_shelves("a", "b")
        self.replace("Keyspace._finish", {"etcd": _write_half_2, "etcd3": _write_half_3}[self.driver])
        changes = [store.Update(self.before[0], {"name": "c"}), store.Delete(self.before[1])]
        books = [store.Create(examples.Book(shelf_id=self.before[0].uuid, title="new")) for _ in range(BOOKS)]
        self.store.commit(*books, *changes)

    def seen(self, reader):
        """Return what lists by several ways, counts and reads of single rows show."""
        titled = [store.Filter("title", "eq", "new")]
        return {
            (
                tuple(self.names(sort=[store.Sort("name")])),
                reader.get(examples.Shelf, self.before[0].uuid).name,
                reader.count(examples.Book),
                len(reader.list(examples.Book)),
                len(reader.list(examples.Book, filters=titled)),
            )
        }

    def test_readers_see_nothing_of_it_or_all(self):
        whole = (("c",), "c", BOOKS, BOOKS, BOOKS)
        self.assertLessEqual(self.seen(self.connect()), {(("a", "b"), "a", 0, 0, 0), whole})
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.LEASE_SECONDS", 0.2))
        self.connect().commit(store.Create(examples.Counter(name="next")))
        self.assertEqual({whole}, self.seen(self.connect()))


def _write_half_2(this, _snapshot, head, version, operations):
    application = driver2.Application(this._etcd, this._paths, head, version, operations)
    for operation in operations[::2]:
        application._apply(operation)


def _write_half_3(this, _name):
    snapshot = this.snapshot()
    name, count = snapshot.head.journal
    places = [this._paths.journal(name, part) for part in range(count)]
    operations = keyspace.join_parts(snapshot.at(snapshot.version).read(places).values())
    for portion in keyspace.portions(operations[::2], driver3.MOST_OPERATIONS, driver3.MOST_CHARACTERS):
        this._gateway.exchange([], [*map(gateway.operation, portion)])


class UndecidedTest(OutcomeCase):
    """A writer that is killed when its journal is there, before the commit is decided."""

    def test_its_journal_vanishes(self):
        self.replace(*{"etcd": ("SWEEP", 1), "etcd3": ("JOURNAL_SECONDS", 1)}[self.driver])
        with fixtures.MonkeyPatch(f"{KEYSPACES[self.driver]}.Keyspace._decide", _kill):
            shelf = examples.shelf("never", extra={"text": "x" * 400_000})
            self.assertRaises(Killed, self.store.commit, store.Create(shelf))
        self.assertTrue(self.database.journals())
        others = self.connect()
        others.commit(*[store.Create(examples.Book()) for _ in range(BOOKS)])
        self.wait_for(lambda: not self.database.journals())
        self.assertEqual(([], BOOKS), (self.names(), others.count(examples.Book)))


def _kill(*_):
    raise Killed


class OthersMeanwhileTest(OutcomeCase):
    """A commit whose answer is lost; others commit before the request is repeated, which is refused then."""

    def lose_one(self, owner, name, others, is_decision):
        """Let the answer of a decision be lost once, and ``others()`` be done before it is asked for again."""
        request, lost = getattr(owner, name), []

        def losing(this, *args, **options):
            answer = request(this, *args, **options)
            if lost or not is_decision(this, args):
                return answer
            lost.append(answer)
            others()
            return (False if self.driver == "etcd3" else None), True

        self.patch(owner, name, losing)
        return lost

    def test_it_is_known_to_be_made(self):
        one, two = self.connect(), self.connect()
        made, make = [], plan.Plan.make
        mine = self.store._etcd

        def planned(this):
            made.append(this)
            return make(this)

        def others():
            one.commit(store.Create(examples.shelf("one")))
            two.commit(store.Create(examples.shelf("two")), store.Create(examples.Counter(name="c")))

        owner, name = {"etcd": (client.Client, "write"), "etcd3": (gateway.Gateway, "exchange")}[self.driver]
        lost = self.lose_one(owner, name, others, lambda this, args: this is mine and self.is_decision(args))
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.plan.Plan.make", planned))
        (shelf,) = self.store.commit(store.Create(examples.shelf("mine")))
        self.assertEqual((1, 3), (len(lost), len(made)))
        self.assertEqual(["mine", "one", "two"], sorted(self.names()))
        self.assertEqual(shelf, one.get(examples.Shelf, shelf.uuid))

    def is_decision(self, args):
        return args[0] == self.store.paths.head if self.driver == "etcd" else bool(args[0])


class LeftEntryTest(OutcomeCase):
    """An index entry that a broken write left behind: rows are shown by what they hold."""

    TREE = index.tree_of(examples.Shelf, "weight")

    def test_it_shows_no_row_that_has_another_value(self):
        self.create_shelves("a", weight=1)
        (gone,) = self.create_shelves("gone", weight=5)
        self.store.commit(store.Delete(gone))
        (kept,) = self.store.list(examples.Shelf)
        batch = keyspace.Batch()
        batch.entries = {(self.TREE, index.prefix(5) + key): True for key in (kept.uuid, gone.uuid)}
        self.addCleanup(self.store.schema.upgrade)
        self.store.commits.run(lambda snapshot: (batch, None))
        self.assertEqual([], self.names(filters=[store.Filter("weight", "eq", 5)]))
        self.assertEqual(["a"], self.names(sort=[store.Sort("weight")]))


class LaggingMemberTest(OutcomeCase):
    """A member of a cluster that answers with what was stored before, unless it is asked for a quorum."""

    scenarios = [each for each in databases.ETCD if each[0] == "etcd"]

    def setUp(self):
        super().setUp()
        self.read, self.answers = client.Client.read, {}
        (self.old,) = self.create_shelves("a", weight=1)

    def look(self, reader):
        return reader.list(examples.Shelf, sort=[store.Sort("weight")])

    def lag(self, keys):
        """Read everything, change it, and let the member answer with what was read before to reads of ``keys``."""
        reader = self.connect()

        def remembering(this, key, **options):
            self.answers[key] = self.read(this, key, **options)
            return self.answers[key]

        with fixtures.MonkeyPatch("valence.db.etcd.v2.client.Client.read", remembering):
            self.assertEqual([self.old], self.look(reader))
        (changed,) = self.store.commit(store.Update(self.old, {"weight": 2}))
        behind = {key for key in self.answers if keys(key)}

        def lagging(this, key, **options):
            if key in behind and not options.get("quorum"):
                if key != self.store.paths.head:
                    behind.discard(key)
                return self.answers[key]
            return self.read(this, key, **options)

        with fixtures.MonkeyPatch("valence.db.etcd.v2.client.Client.read", lagging):
            self.assertEqual([changed], self.look(self.connect()))

    def test_the_head_is_read_from_a_quorum(self):
        self.lag(lambda key: True)

    def test_an_object_that_is_older_than_the_head_is_not_believed(self):
        self.lag(lambda key: key == self.store.paths.object(examples.Shelf, self.old.uuid))

    def test_a_page_of_an_index_that_is_older_than_the_head_is_not_believed(self):
        self.lag(lambda key: key.startswith(self.store.paths.index(LeftEntryTest.TREE)))


class ChangedMeanwhileTest(OutcomeCase):
    """On the v2 API, which has no history: what is changed after the head was read is not part of the snapshot."""

    scenarios = [each for each in databases.ETCD if each[0] == "etcd"]

    def test_a_newer_object_is_not_believed(self):
        (old,) = self.create_shelves("a", weight=1)
        place = self.store.paths.object(examples.Shelf, old.uuid)
        snapshot = self.connect().keyspace.snapshot()
        self.store.commit(store.Update(old, {"weight": 2}))
        self.assertRaises(endpoints.Stale, snapshot.read, [place])


class WaitingTest(OutcomeCase):
    """On the v2 API: whoever waits until a long commit is written looks at the head, and not at all that it writes."""

    scenarios = [each for each in databases.ETCD if each[0] == "etcd"]

    def test_a_look_costs_one_request(self):
        (shelf,) = self.create_shelves("a", extra={"text": "before"})
        waiting, text, asked, read = self.connect(), "x" * 400_000, [], client.Client.read
        with fixtures.MonkeyPatch("valence.db.etcd.v2.driver.Keyspace._finish", lambda *_: None):
            self.store.commit(store.Update(shelf, {"extra": {"text": text}}))

        def noting(this, key, **options):
            asked.append(key)
            return read(this, key, **options)

        with fixtures.MonkeyPatch("valence.db.etcd.v2.client.Client.read", noting):
            snapshot = waiting.keyspace.snapshot()
            self.assertEqual([waiting.paths.head], asked)
        self.assertIn("parts", snapshot.head.journal)
        self.assertEqual(text, waiting.get(examples.Shelf, shelf.uuid).extra["text"])


class TakenOverTest(OutcomeCase):
    """A slow writer whose commit another process took over, and that finishes before that process."""

    scenarios = [each for each in databases.ETCD if each[0] == "etcd"]

    def test_readers_still_have_the_journal_that_the_head_names(self):
        (shelf,) = self.create_shelves("a", extra={"text": "before"})
        other, settled = self.connect(), driver2.Application._exchange

        def exchange(this, head):
            if head.journal:
                return settled(this, head)
            # Just before this writer settles the head, the other process notes in it that it is writing.
            snapshot = other.keyspace.snapshot()
            other._etcd.write(other.paths.head, snapshot.head.dump(), prevIndex=snapshot.version)
            return settled(this, head)

        text = "x" * 400_000
        with fixtures.MonkeyPatch("valence.db.etcd.v2.driver.Application._exchange", exchange):
            self.store.commit(store.Update(shelf, {"extra": {"text": text}}))
        reader = self.connect()
        self.assertIn("parts", reader.keyspace.snapshot().head.journal)
        self.assertEqual(text, reader.get(examples.Shelf, shelf.uuid).extra["text"])
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.LEASE_SECONDS", 0.2))
        reader.commit(store.Create(examples.Counter(name="next")))
        self.assertEqual([], self.database.journals())
