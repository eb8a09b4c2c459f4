# SPDX-License-Identifier: Apache-2.0
"""A restored database is noticed wherever the backup ends; tests/contract/test_restores.py shows it on each store."""

import fixtures

from tests import restoring
from tests.unit.conductor.events.outbox import test_outbox
from valence.conductor.events import restores
from valence.db import models
from valence.db import store


class HistoryTest(test_outbox.RelayCase):
    def setUp(self):
        super().setUp()
        self.history = restores.History(self.database.store)

    def read(self):
        """Return the numbers of all events that are new to the history."""
        numbers = []
        while rows := self.history.read():
            numbers += [row.sequence for row in rows]
        return numbers

    def restored_after(self):
        return self.assertRaises(restores.Restored, self.history.read).after

    def test_new_events_are_read_once(self):
        self.store_events(2)
        self.assertEqual([], self.read())
        self.store_events(restores.BATCH + 3)
        self.assertEqual(list(range(3, restores.BATCH + 6)), self.read())
        self.assertEqual([], self.read())

    def test_a_restore_is_found_wherever_its_backup_ends(self):
        self.read()
        backups = []
        for _ in range(4):
            backups.append(restoring.Backup(self.database.store))
            self.store_events(2)
        self.read()
        for number in (3, 1, 2):
            backups[number].restore()
            self.assertEqual(2 * number, self.restored_after())
            self.store_events(9)
            self.assertEqual(2 * number, self.restored_after())

    def test_only_so_many_events_are_remembered(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.events.restores.KEPT", 2))
        self.store_events(1)
        self.read()
        backup = restoring.Backup(self.database.store)
        self.store_events(5)
        self.read()
        backup.restore()
        self.assertEqual(1, self.database.store.last_number(models.Event))
        # All events are of one second, so the time tells that none of them is surely older than the restore.
        self.assertEqual(0, self.restored_after())

    def test_a_purge_in_the_middle_is_no_restore(self):
        self.read()
        self.store_events(4)
        self.read()
        backup = restoring.Backup(self.database.store)
        first = self.database.events()[:2]
        self.database.store.commit(*map(store.Delete, first))
        self.assertEqual([], self.read())
        backup.restore()
        self.assertEqual([], self.read())
