# SPDX-License-Identifier: Apache-2.0
"""``valence-manage db copy`` between real databases: byte-equal, killed in the middle, refused.

``VALENCE_TEST_COPY_RESOURCES`` says how many resources are copied around, 1,000 without it.
"""

import itertools
import os
import sqlite3
import sys
import time
import uuid

import testscenarios
from testtools import content

from tests import base
from tests import process
from tests import zygote
from tests.contract import databases
from valence.common import secrets
from valence.db import models
from valence.db import store
from valence.db import transfer
from valence.db import types

RESOURCES = int(os.environ.get("VALENCE_TEST_COPY_RESOURCES", "1000"))
#: the stores that a copy passes, between two files of SQLite
ROUTE = ("etcd3", "etcd", "mariadb", "postgresql")
EVENTS, PURGED = 200, 30
#: rows of a copy that is killed: several pages of every large model
KILLED = 2 * transfer.PAGE + 1
#: what each database has for itself
OWN_TABLES = {"leases", "commit_markers"}
OTHERS = [(name, {"driver": name}) for name in databases.DATABASES if name != "sqlite"]


class CopyCase(base.TestCase):
    time_limit = 240 + RESOURCES // 20

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.conf = databases.configuration(f"sqlite:///{self.folder}/valence.db", self.folder)
        self.file = self.folder / "valence.conf"
        self.file.write_text(f"[DEFAULT]\nstate_dir = {self.folder}\n")
        self.origin = self.new_sqlite("origin")

    def new_sqlite(self, name):
        return f"sqlite:///{self.folder}/{name}.db"

    def new_database(self, name):
        """Return the URL of an empty database on the server that all tests share."""
        _, server, _ = databases.DATABASES[name]
        return server().new_database()

    def connect(self, url):
        conf = databases.configuration(url, str(self.folder))
        connected = store.connect(conf, secrets.load(conf))
        self.addCleanup(connected.close)
        return connected

    def fill(self, resources):
        """Fill the origin with something of every model, and a number of resources."""
        database = self.connect(self.origin)
        database.schema.upgrade()
        invented = {}
        for model in models.STORED:
            invented[model] = invent(model, invented)
            last = 1 if model is models.Event else None
            database.load(model, [invented[model]], last_number=last)
        pod_managers = [
            models.PodManager(name=f"pod {number}", url=f"http://{number}", password=f"pässword {number}")
            for number in range(3)
        ]
        stored = database.commit(*map(store.Create, pod_managers))
        database.commit(*(store.Update(each, {"description": "changed"}) for each in stored[:2]))
        for start in range(0, resources, transfer.PAGE):
            keys = [str(uuid.uuid4()) for _ in range(min(transfer.PAGE, resources - start))]
            database.load(models.Resource, [resource(key, pod_managers[0].uuid) for key in keys])
            database.load(models.ResourceState, [state(key) for key in keys])
        database.commit(*(store.Create(event(number)) for number in range(EVENTS)))
        newest_first = [store.Sort("sequence", descending=True)]
        database.commit(*map(store.Delete, database.list(models.Event, sort=newest_first, limit=PURGED)))

    def command(self, source, target, *options):
        program = str(process.BIN / "valence-manage")
        places = ("--from", source, "--to", target)
        return [program, "--config-file", str(self.file), "db", "copy", *places, *options]

    def copy(self, source, target, *options, expected=0):
        """Run a copy to its end; return what it printed, errors included."""
        log = self.folder / f"{uuid.uuid4()}.log"
        status = zygote.run(self.command(source, target, *options), log)
        self.assertEqual(expected, status, log.read_text())
        return log.read_text()

    def dump(self, url):
        """Return every row of a SQLite database by table, as its file has it."""
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        self.addCleanup(connection.close)
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
            for name in tables
            if name not in OWN_TABLES
        }

    def assert_same_dump(self, url):
        ours, theirs = self.dump(self.origin), self.dump(url)
        self.assertEqual(set(ours), set(theirs))
        for name in ours:
            self.assertTrue(ours[name] == theirs[name], f"{name} differs")


def invent(model, others):
    """Return an object with a value in every field; ``others`` has one of each model that it may refer to."""
    return model(**{name: invent_value(name, field, others) for name, field in model.fields.items()})


def invent_value(name, field, others):
    if isinstance(field, types.Reference):
        return getattr(others[field.model], field.model.key)
    if isinstance(field, types.Choice):
        return field.choices[-1]
    if isinstance(field, types.DateTime):
        return "2020-02-29T12:00:00Z"
    if isinstance(field, types.Text):
        return f"{name} \u00e9"[: field.max]
    if isinstance(field, types.JSON):
        return [{"z": None, "a": "é"}] if field.json_type == "array" else {"z": None, "a": ["é"]}
    return 1 if isinstance(field, types.Integer) else True


def resource(key, podm_id):
    return models.Resource(
        uuid=key, podm_id=podm_id, resource_url=f"/redfish/v1/Systems/{key}", resource_type="System"
    )


def state(key):
    return models.ResourceState(uuid=key, name=f"Systém {key[:3]}", health="OK", etag=f'W/"{key}"', parent="")


def event(number):
    new = {"uuid": str(number), "name": "b", "health": None}
    return models.Event(
        event_type="valence.resource.added", object_kind="resource", object_id=str(number), new=new
    )


class RoundTripTest(CopyCase):
    def test_a_copy_through_every_database_ends_byte_equal(self):
        self.fill(RESOURCES)
        stops = map(self.new_database, ROUTE)
        urls = [self.origin, *stops, self.new_sqlite("end")]
        for source, target in itertools.pairwise(urls):
            began = time.monotonic()
            printed = self.copy(source, target)
            kinds = " -> ".join(url.partition(":")[0] for url in (source, target))
            told = f"{RESOURCES:,} resources, {kinds}: {time.monotonic() - began:.1f} s"
            self.addDetail(kinds, content.text_content(f"{told}\n{printed}"))
            if "VALENCE_TEST_COPY_RESOURCES" in os.environ:
                print(told, file=sys.__stderr__, flush=True)
        self.assert_same_dump(urls[-1])


class TargetTest(testscenarios.WithScenarios, CopyCase):
    """Copies to each kind of database, and back."""

    scenarios = OTHERS

    def test_a_copy_that_was_killed_is_completed(self):
        self.fill(KILLED)
        target = self.new_database(self.driver)
        self.kill_in_the_middle(target)
        copied = self.connect(target).count(models.ResourceState)
        self.assertLess(copied, KILLED)
        self.assertIn("unfinished copy", self.copy(target, self.new_sqlite("other"), expected=1))
        self.assertIn("They are not equal", self.copy(self.origin, target, "--verify", expected=1))
        self.assertIn("Both are equal", self.copy(self.origin, target))
        self.copy(target, self.new_sqlite("end"))
        self.assert_same_dump(self.new_sqlite("end"))

    def kill_in_the_middle(self, target):
        """Start a copy and end it with SIGKILL when all resources are there, but not what was last seen of them."""
        log = self.folder / "killed.log"
        os.mkfifo(log)  # each line is read when it is written
        copying = zygote.running().fork(self.command(self.origin, target), log, dict(os.environ))
        with open(log) as printed:
            for row in printed:
                if row.startswith("copy resources"):
                    copying.kill()
                    break
        self.assertEqual(-9, copying.wait())

    def test_a_verification_finds_a_changed_row(self):
        self.fill(10)
        target = self.new_database(self.driver)
        self.copy(self.origin, target)
        self.assertIn("Both are equal", self.copy(self.origin, target, "--verify"))
        database = self.connect(target)
        (row, *_) = database.list(models.ResourceState)
        database.commit(store.Update(row, {"health": "Critical"}))
        printed = self.copy(self.origin, target, "--verify", expected=1)
        self.assertIn(f"{row.uuid} differs in health", printed)

    def test_a_target_that_is_not_empty_is_refused_unless_told(self):
        self.fill(10)
        target = self.new_database(self.driver)
        self.copy(self.origin, target)
        self.assertIn("not empty", self.copy(self.origin, target, expected=1))
        self.assertIn("Both are equal", self.copy(self.origin, target, "--replace"))
        database = self.connect(target)
        (created,) = database.commit(store.Create(event(1)))
        self.assertEqual(EVENTS + 2, created.sequence)
