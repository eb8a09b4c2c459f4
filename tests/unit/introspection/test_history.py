# SPDX-License-Identifier: Apache-2.0
"""Versions of documents, on a storage that is not the database."""

import threading

import fixtures

from tests import base
from tests import embedded
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import documents
from valence.introspection import history
from valence.introspection.storages import storage


class Fragile(storage.StorageBackend):
    """A storage in memory that can be away."""

    def __init__(self):
        self.contents, self.is_away = {}, False

    def _check(self):
        if self.is_away:
            raise introspection_errors.StorageUnavailable(storage="test", reason="away")

    def get(self, node_id, suffix=None):
        self._check()
        try:
            return self.contents[node_id, suffix]
        except KeyError:
            raise introspection_errors.NoIntrospectionData(key=node_id, what=suffix) from None

    def save(self, node_info, data, suffix=None):
        self._check()
        self.contents[node_info.uuid, suffix] = data

    def delete(self, node_id, suffix=None):
        self._check()
        self.contents.pop((node_id, suffix), None)

    def exists(self, node_id, suffix=None):
        return (node_id, suffix) in self.contents

    def names(self):
        return iter(self.contents)


class HistoryTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.store, self.conf = self.database.store, self.database.conf
        self.row = self.new_row(state="finished")
        self.storage = Fragile()
        self.history = history.History(self.conf, self.store, self.storage)

    def new_row(self, **values):
        return self.store.commit(store.Create(models.Introspection(uuid="machine-1", **values)))[0]

    def read(self, kind, number=None):
        return self.history.read("machine-1", kind, number).data

    def add(self, data, processed=b"{}", again=False):
        changes = self.history.add(self.row, data, processed, again)
        if changes:
            self.store.commit(*changes)
        self.history.trim(self.row.uuid)

    def numbers(self):
        return [version.number for version in self.history.versions(self.row.uuid)]

    def suffixes(self):
        return sorted(suffix or "present" for _, suffix in self.storage.contents)

    def test_as_many_as_are_asked_for_are_kept(self):
        for number in range(5):
            self.add(b"%d" % number)
        self.assertEqual([5, 4, 3], self.numbers())
        versions = ["UNPROCESSED-V3", "UNPROCESSED-V4", "UNPROCESSED-V5", "V3", "V4", "V5"]
        self.assertEqual(["UNPROCESSED", *versions, "present"], self.suffixes())
        self.assertEqual(b"4", self.storage.get("machine-1", storage.UNPROCESSED))
        self.assertEqual(b"3", self.read("unprocessed", 4))

    def test_one_is_no_version(self):
        self.add(b"1")
        self.conf.set_override("keep", 1, "processing")
        self.add(b"2")
        self.assertEqual(([], ["UNPROCESSED", "present"]), (self.numbers(), self.suffixes()))
        self.assertEqual(b"2", self.storage.get("machine-1", storage.UNPROCESSED))

    def test_what_is_processed_anew_stays_the_same_version(self):
        self.add(b"1", b'{"a": 1}')
        self.add(b"1", b'{"a": 2}', again=True)
        (version,) = self.history.versions("machine-1")
        self.assertEqual((1, documents.digest(b'{"a": 2}')), (version.number, version.processed))
        self.assertEqual(b'{"a": 2}', self.read("processed", 1))
        self.add(b"1", b'{"a": 2}')
        self.assertEqual([2, 1], self.numbers())

    def test_which_two_are_compared(self):
        self.assertRaises(introspection_errors.NoIntrospectionData, self.history.pair, "machine-1")
        for number in range(3):
            self.add(b"%d" % number)
        for given, expected in (
            ((None, None), (2, 3)),
            ((1, None), (1, 3)),
            ((None, 2), (1, 2)),
            ((3, 1), (3, 1)),
        ):
            pair = self.history.pair("machine-1", *given)
            self.assertEqual(expected, tuple(version.number for version in pair), given)
        for given in ((None, 1), (7, None), (None, 7)):
            self.assertRaises(
                introspection_errors.NoIntrospectionData, self.history.pair, "machine-1", *given
            )

    def test_a_version_too_many_is_removed_when_the_storage_is_back(self):
        for number in range(3):
            self.add(b"%d" % number)
        self.conf.set_override("keep", 2, "processing")
        self.storage.is_away = True
        self.history.trim("machine-1")
        self.assertEqual(([3, 2], True), (self.numbers(), "V1" in self.suffixes()))
        self.storage.is_away = False
        self.history.trim("machine-1")
        self.assertEqual(([3, 2], False), (self.numbers(), "V1" in self.suffixes()))
        self.assertEqual(2, self.store.count(models.IntrospectionVersion))

    def test_everything_goes_what_a_dead_conductor_left_too(self):
        self.storage.save(self.row, b"present")
        self.add(b"1")
        self.history.add(self.row, b"2", b"{}")  # and no commit
        self.history.clear("machine-1")
        self.assertEqual(([], []), (self.numbers(), self.suffixes()))

    def test_a_removal_that_was_cut_off_hides_everything_and_can_be_repeated(self):
        for number in range(3):
            self.add(b"%d" % number)
        self.storage.is_away = True
        self.store.commit(*self.history.hide("machine-1"))
        self.assertRaises(introspection_errors.StorageUnavailable, self.history.clear, "machine-1")
        self.assertEqual([], self.numbers())
        self.storage.is_away = False
        self.history.clear("machine-1")
        self.assertEqual(([], 0), (self.suffixes(), self.store.count(models.IntrospectionVersion)))

    def test_numbers_go_on_after_versions_whose_removal_was_cut_off(self):
        self.add(b"1")
        self.store.commit(*self.history.hide("machine-1"))
        self.add(b"1", again=True)
        self.assertEqual([2], self.numbers())
        self.assertEqual(["UNPROCESSED", "UNPROCESSED-V2", "V2", "present"], self.suffixes())

    def change(self, **values):
        self.row = self.store.commit(store.Update(self.row, values))[0]

    def test_what_is_read_is_what_was_stored(self):
        self.add(b"1", b'{"a": 1}')
        self.change(processed=documents.digest(b'{"a": 1}'), unprocessed=documents.digest(b"1"))
        for damaged in (b"{}", None):
            self.storage.contents["machine-1", None] = damaged
            if damaged is None:
                del self.storage.contents["machine-1", None]
            self.assertEqual(b'{"a": 1}', self.read("processed"), "the version has it")
            self.assertIsNone(self.history.read("machine-1", "processed", known=self.row.processed))
        self.storage.contents["machine-1", "V1"] = b"[]"
        for number in (None, 1):
            error = self.assertRaises(introspection_errors.DataDamaged, self.read, "processed", number)
            self.assertIn("machine-1", error.detail)
        self.assertEqual(b"1", self.read("unprocessed"))

    def test_a_reader_waits_while_contents_are_replaced(self):
        self.storage.save(self.row, b"new")
        self.change(state="reapplying", processed=documents.digest(b"old"))
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.history.READ_PATIENCE", 0.1))
        self.assertRaises(introspection_errors.DataChanging, self.read, "processed")
        self.useFixture(fixtures.MonkeyPatch("valence.introspection.history.READ_PATIENCE", 20))
        values = {"state": "finished", "processed": documents.digest(b"new")}
        end = threading.Timer(0.2, self.change, kwargs=values)
        end.start()
        self.addCleanup(end.join)
        self.assertEqual(b"new", self.read("processed"))

    def test_versions_go_with_their_introspection(self):
        self.add(b"1")
        self.store.commit(store.Delete(self.row))
        self.assertEqual(0, self.store.count(models.IntrospectionVersion))
