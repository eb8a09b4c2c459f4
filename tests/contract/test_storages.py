# SPDX-License-Identifier: Apache-2.0
"""The suite of storages, on every one that Valence comes with."""

import testscenarios

from tests import base
from tests.contract import databases
from tests.contract import storage_suite
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import no_storage
from valence.introspection import storage


class DatabaseStorageTest(testscenarios.WithScenarios, storage_suite.StorageSuite, base.TestCase):
    scenarios = databases.SCENARIOS

    def new_storage(self):
        self.database = databases.shared(self.driver)
        connected = self.database.connect()
        self.addCleanup(connected.close)
        return storage.load(self.database.conf, connected, "database")

    def setUp(self):
        database = databases.shared(self.driver).connect()
        self.addCleanup(database.close)
        for model in (models.IntrospectionDataPart, models.Introspection):
            while rows := database.list(model, limit=100):
                database.commit(*map(store.Delete, rows))
        self.rows = database
        super().setUp()

    def new_node(self):
        return self.rows.commit(store.Create(models.Introspection(uuid=super().new_node().uuid)))[0]

    def test_a_document_is_compressed(self):
        self.storage.save(self.node, b'{"a": "%s"}' % (b"long" * 1000))
        (row,) = self.rows.list(models.IntrospectionData)
        self.assertTrue(row.processed)
        self.assertLess(len(row.data), 400)

    def test_no_part_stays_of_what_was_replaced(self):
        for content in (bytes(storage_suite.random.Random(4).randbytes(2_000_000)), b"{}"):
            self.storage.save(self.node, content)
            (row,) = self.rows.list(models.IntrospectionData)
            self.assertEqual(row.parts, self.rows.count(models.IntrospectionDataPart))

    def test_data_go_with_their_introspection(self):
        self.storage.save(self.node, b"{}")
        self.rows.commit(store.Delete(self.node))
        self.assert_missing()

    def test_who_has_no_introspection_has_no_data(self):
        self.rows.commit(store.Delete(self.node))
        self.assertRaises(errors.NotFound, self.storage.save, self.node, b"{}")


class FileStorageTest(storage_suite.StorageSuite, base.TestCase):
    def setUp(self):
        self._folder = None
        super().setUp()

    def new_storage(self):
        self._folder = self._folder or self.make_folder()
        conf = databases.configuration("sqlite://", str(self._folder))
        conf.set_override("directory", str(self._folder / "introspection"), "processing")
        return storage.load(conf, None, "file")

    def test_a_folder_that_cannot_be_is_told_at_the_start(self):
        (self._folder / "file").write_text("")
        conf = databases.configuration("sqlite://", str(self._folder))
        conf.set_override("directory", str(self._folder / "file" / "below"), "processing")
        self.assertRaises(introspection_errors.StorageUnusable, storage.load, conf, None, "file")


class NoStorageTest(base.TestCase):
    def test_it_keeps_nothing(self):
        nothing = no_storage.NoStorage(None, None)
        nothing.save(None, b"{}")
        self.assertRaises(introspection_errors.NothingKept, nothing.get, "some")
        self.assertEqual((False, []), (nothing.exists("some"), list(nothing.names())))
