# SPDX-License-Identifier: Apache-2.0
"""The store as the conductor uses it: timed, and counting what is written."""

from tests import base
from tests import embedded
from tests import figures
from valence.common import context
from valence.common import errors
from valence.conductor.monitoring import work_metrics
from valence.conductor.work import operations
from valence.db import models
from valence.db import store
from valence.db.sql import driver


class Accepting(driver.SQLAlchemyStore):
    """A store that takes everything, for rows that would need many others."""

    def __init__(self):
        """Connect to nothing."""

    def commit(self, *changes, lease=None, before=None):
        return [change.obj for change in changes]


class MeteredStoreTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store = work_metrics.MeteredStore(self.database.store)

    def test_it_is_the_store(self):
        [stored] = self.store.commit(store.Create(models.Cursor(name="c")))
        self.assertEqual(stored.revision, self.store.get(models.Cursor, "c").revision)
        self.assertEqual(1, self.store.count(models.Cursor))
        self.assertIs(self.database.store.schema, self.store.schema)
        self.store.ping()

    def test_every_access_is_timed_the_one_that_fails_too(self):
        with figures.growth("valence_conductor_store_seconds_count", access="get") as count:
            self.assertRaises(errors.NotFound, self.store.get, models.Cursor, "none")
        self.assertEqual(1, count())

    def test_an_operation_is_counted_when_its_end_is_stored(self):
        [operation] = self.store.commit(
            store.Create(operations.new(context.service_context(), "sync", "pod_manager", "p"))
        )
        name = "valence_conductor_operations_total"
        with (
            figures.growth(name, kind="sync", result="running") as running,
            figures.growth(name, kind="sync", result="failed") as failed,
        ):
            [operation] = self.store.commit(store.Update(operation, {"state": "running"}))
            self.store.commit(store.Update(operation, {"state": "failed"}))
            # that one is stale and not stored
            self.assertRaises(
                errors.RevisionMismatch, self.store.commit, store.Update(operation, {"state": "failed"})
            )
        self.assertEqual((0, 1), (running(), failed()))

    def test_events_and_reports_of_backups_are_counted(self):
        event = models.Event(
            event_type="valence.backup.job.create",
            object_kind="job",
            object_id="j",
            actor="a",
            request_id="r",
        )
        report = models.ActionReport(id="r", result="fail")
        with (
            figures.growth("valence_conductor_events_total", event_type=event.event_type) as events,
            figures.growth("valence_conductor_backup_runs_total", result="fail") as failed,
        ):
            self.store.commit(store.Create(event))
            reporting = work_metrics.MeteredStore(Accepting())
            reporting.commit(store.Create(report))
        self.assertEqual((1, 1), (events(), failed()))

    def test_a_lease_that_a_commit_finds_lost_is_counted(self):
        one, two = self.database.keeper("one"), self.database.keeper("two")
        creation = store.Create(models.Cursor(name="c"))
        with (
            figures.growth("valence_conductor_lease_losses_total", noticed_by="commit") as losses,
            one.hold("work") as lost,
            two.hold("work", steal=True),
        ):
            self.assertRaises(errors.LeaseLost, self.store.commit, creation, lease=lost)
        self.assertEqual(1, losses())
