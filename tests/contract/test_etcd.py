# SPDX-License-Identifier: Apache-2.0
"""What may happen to an etcd: errors are clear, and the stores recover."""

import json
import pathlib
import subprocess

import fixtures
import testscenarios

from tests import base
from tests import servers
from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from tests.servers import ports
from valence.common import errors
from valence.db import store
from valence.db.etcd import index
from valence.db.etcd import keyspace
from valence.db.etcd import plan
from valence.db.etcd.v3 import driver

#: bytes, the smallest that leaves room to begin with
QUOTA = 3_000_000
LARGE = {"text": "x" * 400_000}
MEMBERS = 3


class SmallEtcd3(servers.Etcd3):
    options = (f"--quota-backend-bytes={QUOTA}",)


class FullTest(base.TestCase):
    """The quota of etcd's v3 API; the v2 API has none."""

    def setUp(self):
        super().setUp()
        self.server = self.useFixture(SmallEtcd3())
        self.database = databases.of_own("etcd3", self.server)
        self.database.prepare()
        self.store = self.database.connect()
        self.addCleanup(self.store.close)

    def test_a_full_etcd_says_so_and_goes_on_when_there_is_room(self):
        (kept,) = self.store.commit(store.Create(examples.shelf("kept")))
        error = self.assertRaises(errors.StoreFull, self.fill)
        self.assertIn("space exceeded", error.detail)
        self.assertIn("alarm disarm", error.problems[0]["hint"])
        self.assertEqual(kept, self.store.get(examples.Shelf, kept.uuid))
        self.make_room()
        (changed,) = self.store.commit(store.Update(kept, {"weight": 1}))
        self.assertEqual(changed, self.store.get(examples.Shelf, kept.uuid))
        self.assertEqual(
            ["kept"], [row.name for row in self.store.list(examples.Shelf) if row.name == "kept"]
        )

    def fill(self):
        for number in range(50):
            (shelf,) = self.store.commit(store.Create(examples.shelf(str(number), extra=LARGE)))
            self.store.commit(store.Delete(shelf))

    def make_room(self):
        """Do what an operator does."""
        revision = self.store.keyspace.snapshot().version
        self.server.ctl("compact", str(revision))
        self.server.ctl("defrag")
        self.server.ctl("alarm", "disarm")


class OlderTest(case.ContractCase):
    """Rows of a Valence that did not know a field yet, and neither its index."""

    scenarios = databases.ETCD
    TREE = index.tree_of(examples.Shelf, "weight")
    DIFFERS = "the index contract_shelves/weight differs from the objects, or changes all the time"

    def setUp(self):
        super().setUp()
        self.old, self.new = self.create_shelves("old", "new", weight=0)
        self.addCleanup(self.store.schema.upgrade)

    def forget(self, note=True):
        """Remove the field from the row ``old``, and its index, from what the store says of itself only if ``note``."""
        place, schema = self.store.paths.object(examples.Shelf, self.old.uuid), self.store.paths.schema

        def work(snapshot):
            texts, batch = snapshot.read([place, schema]), keyspace.Batch()
            row, state = json.loads(texts[place]), json.loads(texts[schema])
            row.pop("weight", None)
            if note:
                state["indexes"] = [name for name in state["indexes"] if name != "contract_shelves/weight"]
            batch.texts = {place: json.dumps(row), schema: json.dumps(state)}
            batch.entries = {
                (self.TREE, entry): False for entry in snapshot.scan(self.TREE, index.Range(), False, 9)
            }
            return batch, None

        self.store.commits.run(work)

    def test_a_row_has_the_default_of_a_field_that_it_was_stored_without(self):
        self.forget()
        self.assertEqual(self.old, self.store.get(examples.Shelf, self.old.uuid))
        filters = [store.Filter("weight", "lte", 0), store.Filter("name", "eq", "old")]
        self.assertEqual([self.old], self.store.list(examples.Shelf, filters=filters))

    def test_a_missing_index_is_told_refused_and_built(self):
        self.forget()
        self.assertEqual(["the index contract_shelves/weight is missing"], self.store.schema.differences())
        error = self.assertRaises(errors.SchemaOutdated, self.store.schema.require)
        self.assertIn("contract_shelves/weight", error.detail)
        self.check_healed()

    def test_an_index_that_lacks_what_an_older_conductor_wrote_is_told_and_completed(self):
        self.forget(note=False)
        self.assertEqual([self.DIFFERS], self.store.schema.differences())
        self.check_healed()

    def test_an_index_that_older_conductors_left_as_long_as_it_was_is_told_and_repaired(self):
        known = tuple(each for each in index.trees_of(examples.Shelf) if each != self.TREE)
        with fixtures.MonkeyPatch("valence.db.etcd.index.trees_of", lambda _: known):
            (self.old, _) = self.store.commit(store.Update(self.old, {"weight": 5}), store.Delete(self.new))
            (self.new,) = self.create_shelves("new", weight=3)
        self.assertEqual([], self.names(filters=[store.Filter("weight", "eq", 5)]))
        self.assertEqual([self.DIFFERS], self.store.schema.differences())
        self.check_healed()
        self.assertEqual(["new"], self.names(filters=[store.Filter("weight", "eq", 3)]))

    def check_healed(self):
        self.store.schema.upgrade()
        self.store.schema.require()
        self.assertEqual([], self.store.schema.differences())
        sort = [store.Sort("weight"), store.Sort("name")]
        self.assertEqual({"new", "old"}, set(self.names(sort=sort[:1])))
        (changed,) = self.store.commit(store.Update(self.old, {"weight": 7}))
        self.assertEqual([self.new, changed], self.store.list(examples.Shelf, sort=sort))

    def test_an_index_of_a_model_without_rows_is_built(self):
        self.forget()
        self.store.commit(store.Delete(self.old), store.Delete(self.new))
        self.store.schema.upgrade()
        self.store.schema.require()
        self.assertEqual([], self.store.schema.differences())


class RenewedMeanwhileTest(case.ContractCase):
    """A commit that takes longer than leases are renewed."""

    scenarios = [each for each in databases.ETCD if each[0] == "etcd3"]

    def setUp(self):
        super().setUp()
        self.lease = self.store.lease(self.id(), "one", 30)
        self.addCleanup(self.lease.release)
        self.made = []

    def commit(self, meanwhile):
        """Commit under the lease; after it is planned, and before it is written, ``meanwhile`` is called."""
        make = plan.Plan.make

        def planned(this):
            self.made.append(make(this))
            meanwhile()
            return self.made[-1]

        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.plan.Plan.make", planned))
        self.store.commit(store.Create(examples.shelf("a")), lease=self.lease)

    def test_it_is_planned_once(self):
        self.commit(self.lease.renew)
        self.assertEqual((["a"], 1), (self.names(), len(self.made)))

    def test_it_is_not_written_after_the_lease_was_taken(self):
        thief = self.connect()
        self.assertRaises(
            errors.LeaseLost, self.commit, lambda: thief.lease(self.lease.name, "two", 30, steal=True)
        )
        self.assertEqual(([], 1), (self.names(), len(self.made)))


class VanishedJournalTest(case.ContractCase):
    """A writer that was stopped for longer than the parts of its journal last, before it decided."""

    scenarios = [each for each in databases.ETCD if each[0] == "etcd3"]

    def test_it_is_written_again(self):
        attempts, decide = [], driver.Keyspace._decide

        def stopped(this, snapshot, identity, decided, operations):
            attempts.append(decided)
            if len(attempts) == 1:
                journals = self.database.journals()
                servers.etcd3().ctl("del", *journals[:1])
            return decide(this, snapshot, identity, decided, operations)

        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v3.driver.Keyspace._decide", stopped))
        shelves = self.create_shelves(*map(str, range(40)))
        self.assertEqual(2, len(attempts))
        self.assertEqual({each.name for each in shelves}, set(self.names()))
        self.assertEqual([], self.database.journals())


class CompactionTest(case.ContractCase):
    scenarios = [each for each in databases.ETCD if each[0] == "etcd3"]

    def test_a_list_whose_revision_is_compacted_is_begun_anew(self):
        self.create_shelves(*map(str, range(5)))
        seen = []

        def look(snapshot):
            seen.append(snapshot.version)
            if len(seen) == 1:
                self.create_shelves("5")
                newest = self.database.inspected.keyspace.snapshot().version
                servers.etcd3().ctl("compact", str(newest))
            tree = index.tree_of(examples.Shelf, "uuid")
            return len([*snapshot.scan(tree, index.Range(), False, 100)])

        self.assertEqual(6, self.store.read(look))
        self.assertEqual(2, len(set(seen)))


class RemovedMeanwhileTest(case.ContractCase):
    """What is read in several steps, while others remove a part of it: all is as it was, or it is begun anew."""

    scenarios = databases.ETCD

    def begun_anew_or_whole(self, look):
        """Return what a look finds that ``yield``s where others change something."""
        others, done = self.connect(), []

        def interrupted(snapshot):
            steps = look(snapshot)
            change = next(steps)
            if not done:
                done.append(change(others))
            return next(steps)

        return self.store.read(interrupted)

    def test_the_parts_of_a_long_object(self):
        [long] = self.create(examples.shelf("long", extra={"text": "x" * 250_000}))
        pair = examples.Shelf, long.uuid

        def look(snapshot):
            read, removal = snapshot.read, lambda others: others.commit(store.Delete(long))
            names = iter([read([self.store.paths.object(*pair)])])
            yield removal
            # The text of the object was read before, its parts are read now.
            snapshot.read = lambda keys: next(names, None) or read(keys)
            yield self.store.objects.read(snapshot, [pair])[pair]

        found = self.begun_anew_or_whole(look)
        self.assertIn(found and found["extra"], [None, {"text": "x" * 250_000}])

    def test_the_pages_of_an_index(self):
        shelves = self.create(*(examples.shelf(f"name {number:03}") for number in range(150)))
        tree = index.tree_of(examples.Shelf, "name")

        def change(others):
            removed = [store.Delete(each) for each in shelves[75:]]
            others.commit(store.Create(examples.shelf("a first one")), *removed)

        def look(snapshot):
            entries = snapshot.scan(tree, index.Range(), False, 10)
            first = next(entries)
            yield change
            yield len([first, *entries])

        self.assertIn(self.begun_anew_or_whole(look), [150, 76])


class HalfWrittenTest(case.ContractCase):
    """A writer that is gone after its commit was decided, before everything was written."""

    scenarios = databases.ETCD

    def begin(self):
        """Leave a commit half-written that replaces the shelves a and b by c with 100 books."""
        before = self.create_shelves("a", "b")
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v2.driver.Keyspace._finish", _stop))
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.v3.driver.Keyspace._finish", _stop))
        changes = [store.Update(before[0], {"name": "c"}), store.Delete(before[1])]
        books = [store.Create(examples.Book(shelf_id=before[0].uuid)) for _ in range(100)]
        self.store.commit(*changes, *books)
        self.assertTrue(self.database.journals())

    def test_readers_see_nothing_of_it_or_all_and_writers_complete_it(self):
        self.begin()
        seen = self.connect()
        state = (sorted(self.names(sort=[store.Sort("name")])), seen.count(examples.Book))
        self.assertIn(state, [(["a", "b"], 0), (["c"], 100)])
        self.assertEqual(state[1], len(seen.list(examples.Book)))
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.LEASE_SECONDS", 0.2))
        seen.commit(store.Create(examples.Counter(name="next")))
        self.assertEqual((["c"], 100), (self.names(), seen.count(examples.Book)))

    def test_readers_complete_it_when_nobody_else_does(self):
        self.begin()
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.LEASE_SECONDS", 0.2))
        seen = self.connect()
        self.wait_for(lambda: seen.count(examples.Book) == 100 and not self.database.journals())
        self.assertEqual(["c"], self.names())

    def test_whoever_takes_a_lease_sees_all_of_it(self):
        self.begin()
        self.useFixture(fixtures.MonkeyPatch("valence.db.etcd.commits.LEASE_SECONDS", 0.2))
        with self.connect().lease(self.id(), "one", 30):
            self.assertEqual((["c"], 100), (self.names(), self.connect().count(examples.Book)))


class ClusterTest(testscenarios.WithScenarios, base.TestCase):
    """Three members, of which one, the leader, goes away, and then a second one."""

    scenarios = databases.ETCD
    time_limit = 120

    def setUp(self):
        super().setUp()
        self.members = self.useFixture(Cluster()).members
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        self.database = databases.DATABASES[self.driver][0](f"{self.driver}://{hosts}/valence")
        self.database.prepare()
        self.store = self.database.connect()
        self.addCleanup(self.store.close)

    def test_the_next_member_is_asked_when_one_is_gone(self):
        (shelf,) = self.store.commit(store.Create(examples.shelf("a")))
        self.members[0].kill()
        changed = self.wait_for(lambda: self.attempt(shelf), 20)
        self.assertEqual(changed, self.store.get(examples.Shelf, shelf.uuid))
        self.members[1].kill()
        self.assertRaises(errors.StoreUnavailable, self.store.commit, store.Update(changed, {"weight": 2}))
        self.members[1].start()
        self.wait_for(self.is_there, 20)
        self.assertLessEqual({self.store.get(examples.Shelf, shelf.uuid).weight}, {1, 2})

    def attempt(self, shelf):
        """Return what an update stores, None while the cluster has no leader."""
        try:
            return self.store.commit(store.Update(self.store.get(examples.Shelf, shelf.uuid), {"weight": 1}))[
                0
            ]
        except errors.StoreUnavailable:
            return None

    def is_there(self):
        try:
            self.store.ping()
        except errors.StoreUnavailable:
            return False
        return True


class Cluster(fixtures.Fixture):
    """Three members, ``members``; they elect a new leader within a second."""

    def _setUp(self):
        places = [(ports.free_port(), ports.free_port()) for _ in range(MEMBERS)]
        self.members = [Member(number, places) for number in range(MEMBERS)]
        for member in self.members:
            self.useFixture(member)
        for member in self.members:
            member.wait_until_ready()


class Member(servers.Etcd):
    """A member of a cluster of several; ``places`` are the ports for clients and members of each."""

    def __init__(self, number, places):
        super().__init__(wait=False)
        self._number, self._places = number, places
        self.options = ("--heartbeat-interval=50", "--election-timeout=500")

    def prepare(self):
        self.address |= dict(zip(self.port_names, self._places[self._number], strict=True))
        super().prepare()

    @property
    def name(self):
        return f"m{self._number}"

    @property
    def cluster(self):
        return ",".join(f"m{number}=http://127.0.0.1:{peer}" for number, (_, peer) in enumerate(self._places))


def _stop(*_):
    """Be killed: nothing further is written."""


def openssl(folder, *arguments):
    """Run openssl in a folder."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class SafeTest(testscenarios.WithScenarios, base.TestCase):
    """TLS with certificates on both sides, and users with passwords."""

    scenarios = databases.ETCD

    def test_a_client_with_the_right_certificate_gets_in(self):
        folder = self.make_folder()
        certify(folder)
        server = self.useFixture(SafeEtcd(folder))
        kind = databases.DATABASES[self.driver][0]
        database = kind(f"{self.driver}+https://127.0.0.1:{server.port}/valence")
        for name, file in (("ca", "ca.crt"), ("cert", "host.crt"), ("key", "host.key")):
            database.conf.set_override(f"etcd_{name}_file", str(folder / file), "database")
        database.prepare()
        (shelf,) = database.inspected.commit(store.Create(examples.shelf("a")))
        self.assertEqual(shelf, database.inspected.get(examples.Shelf, shelf.uuid))
        stranger = kind(f"{self.driver}+https://127.0.0.1:{server.port}/valence").connect()
        self.assertRaises(errors.StoreUnavailable, stranger.ping)

    def test_a_client_with_the_right_password_gets_in(self):
        server = self.useFixture(databases.DATABASES[self.driver][2]())
        sign_up(server, self.driver)
        kind = databases.DATABASES[self.driver][0]
        database = kind(f"{self.driver}://root:p%40ss@127.0.0.1:{server.port}/valence")
        database.prepare()
        (shelf,) = database.inspected.commit(store.Create(examples.shelf("a")))
        self.assertEqual(shelf, database.inspected.get(examples.Shelf, shelf.uuid))
        for sign_in in ("", "root:wrong@"):
            stranger = kind(f"{self.driver}://{sign_in}127.0.0.1:{server.port}/valence").connect()
            error = self.assertRaises(errors.StoreUnavailable, stranger.get, examples.Shelf, shelf.uuid)
            self.assertIn("etcd refused", error.detail)


class SafeEtcd(servers.Etcd):
    """A member that shows a certificate, and asks for one."""

    def __init__(self, folder):
        super().__init__()
        self._certificates = folder
        self.options = (
            "--client-cert-auth",
            f"--trusted-ca-file={folder}/ca.crt",
            f"--cert-file={folder}/host.crt",
            f"--key-file={folder}/host.key",
        )

    @property
    def endpoint(self):
        return f"https://127.0.0.1:{self.port}"

    def is_ready(self):
        files = ("--cacert", "ca.crt", "--cert", "host.crt", "--key", "host.key")
        command = ["curl", "--silent", *files, f"{self.endpoint}/health"]
        return b'"true"' in subprocess.run(command, cwd=self._certificates, capture_output=True).stdout


def certify(folder: pathlib.Path):
    """Make an authority, ca.crt, and a certificate of 127.0.0.1 for servers and clients, host.crt."""
    name = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n"
    (folder / "extensions").write_text(name)
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        folder,
        "req",
        "-x509",
        *new,
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-subj",
        "/CN=tests",
        "-days",
        "2",
    )
    openssl(folder, "req", *new, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=host")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
    openssl(folder, "x509", "-req", "-in", "host.csr", "-out", "host.crt", *signed)


def sign_up(server, driver):
    """Make the user root and let nobody in without a password."""
    if driver == "etcd3":
        server.ctl("user", "add", "root:p@ss")
        server.ctl("user", "grant-role", "root", "root")
        server.ctl("auth", "enable")
        return
    server.ctl2("user", "add", "root:p@ss")
    server.ctl2("auth", "enable")
    server.ctl2("--username", "root:p@ss", "role", "remove", "guest")
