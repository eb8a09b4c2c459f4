# SPDX-License-Identifier: Apache-2.0
"""A database that was restored from an older backup: every event of the new epoch is published and read."""

import shutil

import testscenarios

from tests import base
from tests import restoring
from tests.contract import case
from tests.contract import databases
from tests.contract import examples
from tests.unit.conductor.events.outbox import test_outbox
from valence.common import context
from valence.conductor.cluster import leases
from valence.conductor.cluster import ownership
from valence.conductor.events import outbox
from valence.conductor.events import restores
from valence.db import models
from valence.db import store

MINE = context.RequestContext(request_id="req-1", overwrite=False)


class RestoreTest(case.ContractCase):
    def setUp(self):
        super().setUp()
        self.empty()
        self.addCleanup(self.empty)
        self.bus = test_outbox.Bus()
        keeper = leases.LeaseKeeper(self.store, "one", 15)
        self.relay = outbox.Relay(self.store, keeper, self.bus, lambda: outbox.PARTITIONS)
        self.addCleanup(self.relay.stop)

    def empty(self):
        for model in restoring.MODELS:
            self.store.commit(*map(store.Delete, self.store.list(model)))
        self.store.load(models.Event, [], last_number=0)

    def store_events(self, number, hour=1):
        """Store events of as many objects, and return their UUIDs."""
        pod_managers = [models.PodManager(name="p", url=f"http://p{each}") for each in range(number)]
        changes = [
            outbox.event("pod_manager", MINE, "create", new=pod_manager) for pod_manager in pod_managers
        ]
        for change in changes:
            change.obj.created_at = f"2026-01-01T{hour:02}:00:00Z"
        return [event.uuid for event in self.store.commit(*changes)]

    def published(self):
        return [message_id for _, _, message_id, _ in self.bus.published]

    def after(self):
        return [epoch.after for epoch in restores.read(self.store).all]

    def test_a_relay_that_goes_on_publishes_what_comes_after_a_restore(self):
        self.store_events(3)
        self.relay.relay()
        backup = restoring.Backup(self.store)
        self.store_events(5)
        self.relay.relay()
        backup.restore()
        new = self.store_events(3)
        self.relay.relay()
        self.assertEqual(set(new), set(self.published()[8:]))
        self.assertEqual([3], self.after())
        [newest] = restores.read(self.store).all
        self.assertEqual({newest.id}, set(self.bus.epochs[8:]))

    def test_the_first_events_after_a_noticed_restore_are_published(self):
        """A conductor may notice the restore, and poll all partitions, before the first event of the new epoch."""
        self.store_events(3)
        self.relay.relay()
        backup = restoring.Backup(self.store)
        self.store_events(5)
        self.relay.relay()
        backup.restore()
        self.relay.relay()
        new = self.store_events(3)
        self.relay.relay()
        self.assertEqual(set(new), set(self.published()[8:]))

    def test_numbers_that_are_as_high_again_are_noticed_too(self):
        self.store_events(3)
        self.relay.relay()
        backup = restoring.Backup(self.store)
        self.store_events(2)
        self.relay.relay()
        backup.restore()
        new = self.store_events(6)
        self.relay.relay()
        self.assertEqual(set(new), set(self.published()[5:]))
        self.assertEqual([3], self.after())

    def test_a_restore_to_a_time_before_the_start_is_found_by_the_time(self):
        self.store_events(3)
        backup = restoring.Backup(self.store)
        self.store_events(2, hour=2)
        self.relay.relay()
        backup.restore()
        new = self.store_events(2, hour=3)
        self.relay.relay()
        self.assertEqual([3], self.after())
        self.assertLessEqual(set(new), set(self.published()))

    def test_what_is_purged_begins_no_epoch(self):
        self.store_events(3)
        self.relay.relay()
        self.store.commit(*map(store.Delete, self.store.list(models.Event)))
        self.relay.relay()
        new = self.store_events(2)
        self.relay.relay()
        self.assertEqual([], self.after())
        self.assertEqual(set(new), set(self.published()[3:]))

    def test_a_cursor_ahead_of_all_numbers_is_set_back(self):
        self.store_events(2)
        self.store.commit(
            *(store.Create(models.Cursor(name=partition.name, sequence=9)) for partition in outbox.PARTITIONS)
        )
        self.relay.relay()
        self.assertEqual(2, len(self.published()))

    def test_a_cursor_that_moved_before_the_restore_was_noticed_is_set_back(self):
        """A batch that is published while the database is restored is marked in the restored database."""
        self.store_events(3)
        self.relay.relay()
        backup = restoring.Backup(self.store)
        self.store_events(5)
        self.relay.relay()
        backup.restore()
        new = self.store_events(6)
        known = {cursor.name: cursor for cursor in self.store.list(models.Cursor)}
        marks = [
            store.Update(known[partition.name], {"sequence": 8})
            if partition.name in known
            else store.Create(models.Cursor(name=partition.name, sequence=8))
            for partition in outbox.PARTITIONS
        ]
        self.store.commit(*marks)
        self.relay.relay()
        self.assertLessEqual(set(new), set(self.published()))

    def test_a_start_begins_an_epoch_unless_others_run(self):
        self.store_events(3)
        restores.begin_at_start(self.store)
        with self.store.lease(f"{ownership.PREFIX}two", "two", 60):
            restores.begin_at_start(self.store)
            self.assertEqual([3], self.after())
        restores.begin_at_start(self.store)
        self.assertEqual([3, 3], self.after())

    def test_only_the_newest_epochs_are_kept(self):
        for number in range(restores.MOST + 3):
            restores.begin(self.store, number)
        self.assertEqual(list(range(2, restores.MOST + 3)), self.after())

    def test_a_watch_notices_where_nothing_is_published(self):
        watch = restores.Watch(self.store)
        self.store_events(3)
        watch.look()
        backup = restoring.Backup(self.store)
        self.store_events(restores.BATCH + 20)
        watch.look()
        backup.restore()
        self.store_events(1)
        watch.look()
        self.assertEqual([3], self.after())
        watch.look()
        self.assertEqual([3], self.after())


class DataTest(testscenarios.WithScenarios, base.TestCase):
    """The data of a server are replaced by those of a backup, while a process goes on that knows what came since."""

    scenarios = databases.ETCD
    #: rows of one commit, more than a page of an index holds
    NUMBER = 150

    def setUp(self):
        super().setUp()
        self.server = self.useFixture(databases.DATABASES[self.driver][2]())
        self.database = databases.of_own(self.driver, self.server)
        self.database.prepare()

    def connect(self):
        connected = self.database.connect()
        self.addCleanup(connected.close)
        return connected

    def copy(self, source, target):
        """Copy the data of the server while it is stopped."""
        self.server.stop()
        shutil.rmtree(self.server.folder / target, ignore_errors=True)
        shutil.copytree(self.server.folder / source, self.server.folder / target)
        self.server.start()

    def create(self, database, word):
        shelves = (examples.shelf(f"{word} {number}", colour=word) for number in range(self.NUMBER))
        database.commit(*map(store.Create, shelves))

    def names(self, database):
        listed = database.list(examples.Shelf, sort=[store.Sort("name")])
        self.assertEqual(len(listed), database.count(examples.Shelf))
        return [shelf.name for shelf in listed]

    def test_a_process_that_goes_on_reads_what_is_stored_now(self):
        going_on = self.connect()
        self.create(going_on, "k")
        self.copy("data", "backup")
        self.create(going_on, "z")
        self.assertEqual(2 * self.NUMBER, len(self.names(going_on)))
        self.copy("backup", "data")
        other = self.connect()
        self.create(other, "a")
        self.assertEqual(self.names(other), self.names(going_on))
        for name in self.names(other)[::10]:
            found = going_on.list(examples.Shelf, filters=[store.Filter("name", "eq", name)])
            self.assertEqual([name], [shelf.name for shelf in found])
        self.create(going_on, "m")
        self.assertEqual(3 * self.NUMBER, len(self.names(going_on)))
        self.assertEqual(self.names(other), self.names(going_on))
