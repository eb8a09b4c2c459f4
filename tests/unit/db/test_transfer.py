# SPDX-License-Identifier: Apache-2.0
"""Copies of databases: refused, whole, resumed, compared."""

import tracemalloc

import fixtures

from tests import base
from tests import embedded
from tests.contract import databases
from valence.common import errors
from valence.common import secrets
from valence.db import models
from valence.db import store
from valence.db import transfer


class TransferCase(base.TestCase):
    def setUp(self):
        super().setUp()
        # Short pages, so that few rows make many.
        self.useFixture(fixtures.MonkeyPatch("valence.db.transfer.PAGE", 50))
        self.folder, self.steps = self.make_folder(), []
        self.source, self.target = self.database("source"), self.database("target")

    def database(self, name, cipher=None):
        """Return a store on the file ``name``, with its tables; a sealed one without ``cipher``."""
        conf = databases.configuration(f"sqlite:///{self.folder}/{name}.db", self.folder)
        connected = embedded.new_store(conf, cipher or secrets.Sealed())
        self.addCleanup(connected.close)
        return connected

    def transfer(self, source=None, origin="here"):
        return transfer.Transfer(
            source or self.source, self.target, origin, lambda *step: self.steps.append(step)
        )

    def fill(self, count=10, database=None):
        """Store a pod manager with resources and events, and return the pod manager."""
        filled = database or self.source
        pod_manager = models.PodManager(name="a", url="http://a", password="token", revision=7)
        filled.load(models.PodManager, [pod_manager.replace(created_at=AT, updated_at=AT)])
        filled.load(models.Resource, [resource(pod_manager, number) for number in range(count)])
        filled.commit(*(store.Create(event(number)) for number in range(count)))
        return pod_manager

    def copy(self, **options):
        one = self.transfer()
        one.begin(**options)
        one.copy()
        return [each.difference for each in one.compare() if each.difference]


AT = "2020-01-01T00:00:00Z"


def resource(pod_manager, number):
    return models.Resource(
        uuid=f"{number:036}", podm_id=pod_manager.uuid, resource_url=f"/{number}", resource_type="System"
    )


def event(number):
    return models.Event(event_type="x", object_kind="resource", object_id=str(number), new={"b": 1, "a": [2]})


class CopyTest(TransferCase):
    def test_everything_arrives_as_it_is(self):
        pod_manager = self.fill()
        self.assertEqual([], self.copy())
        found = self.target.get(models.PodManager, pod_manager.uuid)
        self.assertEqual((7, AT, AT), (found.revision, found.created_at, found.updated_at))
        self.assertEqual(self.source.list(models.Event), self.target.list(models.Event))

    def test_a_secret_moves_without_being_opened(self):
        cipher = secrets.load(databases.configuration("sqlite://", self.folder))
        database = self.database("source", cipher)
        password = "é" * 1024
        (created,) = database.commit(
            store.Create(models.PodManager(name="a", url="http://a", password=password))
        )
        self.assertEqual([], self.copy())
        self.assertEqual(
            password, self.database("target", cipher).get(models.PodManager, created.uuid).password
        )

    def test_numbers_go_on_after_those_of_events_that_are_gone(self):
        self.fill(count=3)
        self.source.commit(*map(store.Delete, self.source.list(models.Event)))
        self.assertEqual([], self.copy())
        (created,) = self.target.commit(store.Create(event(4)))
        self.assertEqual(4, created.sequence)

    def test_a_copy_of_nothing_is_equal(self):
        self.assertEqual([], self.copy())

    def test_progress_is_told(self):
        self.fill()
        self.copy()
        self.assertIn(("copy resources", 10, 10), self.steps)
        self.assertIn(("compare resources", 10, 10), self.steps)

    def test_memory_does_not_grow_with_the_rows(self):
        self.copy()  # what is loaded once is loaded then
        peaks = []
        for pages in (4, 40):
            self.source, self.target = self.database(f"source {pages}"), self.database(f"target {pages}")
            self.fill(pages * transfer.PAGE)
            tracemalloc.start()
            self.copy()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        self.assertLess(peaks[1], peaks[0] * 1.3)

    def test_rows_that_may_be_long_make_short_pages(self):
        self.assertEqual(transfer.PAGE, transfer.page_limit(models.Resource))
        self.assertLess(transfer.page_limit(models.IntrospectionDataPart), 50)

    def test_every_model_has_a_page_with_a_row(self):
        for model in models.STORED:
            self.assertGreater(transfer.page_limit(model), 0, model)

    def test_long_rows_of_several_pages_arrive(self):
        parts = [
            models.IntrospectionDataPart(content_id="1", number=number, data="x" * 200_000)
            for number in range(transfer.page_limit(models.IntrospectionDataPart) + 5)
        ]
        self.source.commit(*map(store.Create, parts))
        self.assertEqual([], self.copy())


class ResumptionTest(TransferCase):
    def interrupt(self, pages, **options):
        """Begin a copy that breaks after some pages of all models."""

        def stop(*step):
            self.steps.append(step)
            if len(self.steps) == pages:
                raise KeyboardInterrupt

        one = transfer.Transfer(self.source, self.target, "here", stop)
        self.assertRaises(KeyboardInterrupt, lambda: (one.begin(**options), one.copy()))
        self.steps.clear()

    def test_an_interrupted_copy_goes_on(self):
        self.fill(5 * transfer.PAGE + 3)
        self.interrupt(pages=5)
        self.assertEqual(4 * transfer.PAGE, self.target.count(models.Resource))
        self.assertEqual([], self.copy())
        self.assertNotIn(("copy resources", transfer.PAGE, 5 * transfer.PAGE + 3), self.steps)

    def test_a_last_page_that_was_stored_in_part_is_completed(self):
        self.fill(3 * transfer.PAGE)
        self.interrupt(pages=4)
        half = self.target.list(
            models.Resource, filters=[store.Filter("uuid", "gt", f"{transfer.PAGE:036}")]
        )[::2]
        self.target.commit(*map(store.Delete, half))
        self.assertEqual([], self.copy())

    def test_a_finished_copy_is_no_unfinished_one(self):
        self.fill()
        one = self.transfer()
        one.begin()
        one.copy()
        self.assertIsNotNone(transfer.marker(self.target))
        one.end()
        self.assertRaises(errors.CopyRefused, self.copy)

    def test_the_unfinished_copy_of_another_source_is_not_gone_on_with(self):
        self.transfer(origin="elsewhere").begin()
        error = self.assertRaises(errors.CopyRefused, self.copy)
        self.assertIn("elsewhere", error.detail)

    def test_an_interrupted_removal_goes_on(self):
        self.fill(2 * transfer.PAGE, database=self.target)
        self.fill(3)
        self.interrupt(pages=3, replace=True)
        self.assertEqual(transfer.PAGE, self.target.count(models.Resource))
        self.assertEqual([], self.copy())


class RefusalTest(TransferCase):
    def test_a_target_that_has_rows_is_refused_and_left_alone(self):
        self.fill(database=self.target)
        error = self.assertRaises(errors.CopyRefused, self.copy)
        self.assertIn("pod_managers, resources, events", error.detail)
        self.assertIsNone(transfer.marker(self.target))

    def test_a_target_that_has_rows_is_replaced_when_told(self):
        self.fill(database=self.target)
        self.fill(3)
        self.assertEqual([], self.copy(replace=True))
        self.assertEqual(3, self.target.last_number(models.Event))

    def test_an_unfinished_copy_is_no_source(self):
        one = transfer.Transfer(self.database("other"), self.source, "other", print)
        one.begin()
        self.assertRaises(errors.CopyRefused, self.copy)

    def test_a_database_is_not_replaced_by_itself(self):
        self.fill()
        self.target = self.database("source")
        self.assertRaises(errors.CopyRefused, self.copy, replace=True)
        self.assertEqual(10, self.source.count(models.Resource))
        self.assertIsNone(transfer.marker(self.source))


class ComparisonTest(TransferCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.fill()
        self.copy()

    def differences(self):
        return [each.difference for each in self.transfer().compare() if each.difference]

    def test_equal_databases_have_equal_digests(self):
        for comparison in self.transfer().compare():
            self.assertEqual(1, len(set(comparison.digests)))

    def test_a_changed_row_is_named(self):
        row = self.target.get(models.PodManager, self.pod_manager.uuid)
        self.target.commit(store.Update(row, {"description": "x"}, touch=False))
        self.assertEqual([f"{row.uuid} differs in description"], self.differences())
        (first, *_) = self.transfer().compare()
        self.assertEqual(2, len(set(first.digests)))

    def test_the_order_of_a_documents_keys_counts(self):
        row = self.target.list(models.Event)[0]
        self.target.commit(store.Update(row, {"new": {"a": [2], "b": 1}}))
        (comparison,) = (each for each in self.transfer().compare() if each.model is models.Event)
        self.assertIsNotNone(comparison.difference)

    def test_a_missing_row_is_named(self):
        self.target.commit(store.Delete(self.target.get(models.Resource, f"{4:036}")))
        self.assertEqual([f"{4:036} is only in the source"], self.differences())

    def test_an_added_row_is_named(self):
        self.target.commit(store.Create(resource(self.pod_manager, 99)))
        self.assertEqual([f"{99:036} is only in the target"], self.differences())

    def test_a_number_that_would_be_given_twice_is_a_difference(self):
        self.target.load(models.Event, [], last_number=9)
        self.assertEqual(["the last number is 10 in the source, 9 in the target"], self.differences())
