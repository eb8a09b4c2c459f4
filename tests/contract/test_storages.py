# SPDX-License-Identifier: Apache-2.0
"""The suite of storages, on every one that Valence comes with."""

import os
import uuid

import requests
import testscenarios
from keystoneauth1 import loading

from tests import base
from tests import servers
from tests.contract import databases
from tests.contract import storage_suite
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.db import types
from valence.introspection.storages import none
from valence.introspection.storages import storage
from valence.introspection.storages import swift_options


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

    def grow_old(self):
        for part in self.rows.list(models.IntrospectionDataPart):
            self.rows.commit(store.Update(part, {"created_at": "2020-01-01T00:00:00Z"}))

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

    def test_a_purge_removes_the_parts_of_what_was_never_finished(self):
        self.storage.save(self.node, bytes(storage_suite.random.Random(4).randbytes(2_000_000)))
        kept = self.rows.count(models.IntrospectionDataPart)
        moments = ("2020-01-01T00:00:00Z", types.now())
        lost = [
            models.IntrospectionDataPart(
                content_id=f"lost at {moment}", number=n, data="x", created_at=moment
            )
            for moment in moments
            for n in (1, 2)
        ]
        self.rows.load(models.IntrospectionDataPart, lost)
        self.storage.purge()
        self.assertEqual(kept + 2, self.rows.count(models.IntrospectionDataPart))
        self._require(len(self.storage.get(self.node.uuid)) == 2_000_000)

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

    def grow_old(self):
        for path in (self._folder / "introspection").iterdir():
            os.utime(path, (1, 1))

    def test_a_purge_removes_what_was_never_finished(self):
        folder = self._folder / "introspection"
        old, new = folder / ".new-old", folder / ".new-new"
        for path in (old, new):
            path.write_text("half")
        os.utime(old, (1, 1))
        self.storage.purge()
        self.assertEqual((False, True), (old.exists(), new.exists()))

    def test_a_folder_that_cannot_be_is_told_at_the_start(self):
        (self._folder / "file").write_text("")
        conf = databases.configuration("sqlite://", str(self._folder))
        conf.set_override("directory", str(self._folder / "file" / "below"), "processing")
        self.assertRaises(introspection_errors.StorageUnusable, storage.load, conf, None, "file")


class SwiftStorageTest(storage_suite.StorageSuite, base.TestCase):
    server = None

    def setUp(self):
        self.container = f"introspection-{uuid.uuid4().hex}"
        self.folder = None
        super().setUp()

    def new_storage(self):
        self.folder = self.folder or self.make_folder()
        return storage.load(swift_configuration(self.folder, self.swift(), self.container), None, "swift")

    def swift(self):
        return self.server or servers.swift()

    def test_objects_are_named_as_ironic_inspector_names_them(self):
        self.storage.save(self.node, b"{}", storage.UNPROCESSED)
        token, url = self.sign_in()
        names = requests.get(f"{url}/{self.container}", headers=token, timeout=60).text.split()
        self.assertEqual([f"inspector_data-{self.node.uuid}-UNPROCESSED"], names)

    def test_objects_end_after_a_time_that_an_operator_sets(self):
        conf = swift_configuration(self.folder, self.swift(), self.container)
        kept = storage.load(conf, None, "swift")
        conf.set_override("delete_after", 3600, "swift")
        kept.save(self.node, b"{}")
        token, url = self.sign_in()
        path = f"{url}/{self.container}/inspector_data-{self.node.uuid}"
        self.assertIn("X-Delete-At", requests.head(path, headers=token, timeout=60).headers)

    def sign_in(self):
        headers = {"X-Auth-User": "test:tester", "X-Auth-Key": "testing"}
        answer = requests.get(self.swift().auth_url, headers=headers, timeout=60).headers
        return {"X-Auth-Token": answer["X-Auth-Token"]}, answer["X-Storage-Url"]

    def test_options_that_make_no_sense_are_told_at_the_start(self):
        conf = databases.configuration("sqlite://", str(self.folder))
        self.assertRaises(introspection_errors.StorageUnusable, storage.load, conf, None, "swift")

    def test_wrong_credentials(self):
        conf = swift_configuration(self.folder, self.swift(), self.container)
        wrong = storage.load(conf, None, "swift")
        wrong._auth = loading.get_plugin_loader("v1password").load_from_options(
            auth_url=self.swift().auth_url, username="test:tester", password="wrong"
        )
        error = self.assertRaises(introspection_errors.StorageUnavailable, wrong.get, self.node.uuid)
        self.assertNotIn("127.0.0.1", error.detail)


class SwiftOutageTest(base.TestCase):
    time_limit = 180

    def test_while_it_is_away_that_is_said_and_it_comes_back_with_everything(self):
        server = self.useFixture(servers.Swift())
        conf = swift_configuration(self.make_folder(), server, "introspection")
        kept = storage.load(conf, None, "swift")
        node = storage_suite.StorageSuite.new_node(None)
        kept.save(node, b"{}")
        server.kill()
        for call in (kept.get, kept.exists, kept.delete):
            error = self.assertRaises(introspection_errors.StorageUnavailable, call, node.uuid)
            self.assertNotIn("127.0.0.1", error.detail)
        server.start()
        self.assertEqual(b"{}", kept.get(node.uuid))


def swift_configuration(folder, server, container):
    """Return a configuration whose [swift] leads to a container of a server."""
    conf = databases.configuration("sqlite://", str(folder))
    set_swift(conf, server, container)
    return conf


def set_swift(conf, server, container):
    """Let [swift] of a configuration lead to a container of a server."""
    swift_options.register(conf)
    conf.set_override("container", container, "swift")
    conf.set_override("auth_type", "v1password", "swift")
    plugin = loading.get_plugin_loader("v1password")
    conf.register_opts(loading.get_auth_plugin_conf_options(plugin), group="swift")
    for name, value in server.options().items():
        conf.set_override(name, value, "swift")


class NoStorageTest(base.TestCase):
    def test_it_keeps_nothing(self):
        nothing = none.NoStorage(None, None)
        nothing.save(None, b"{}")
        self.assertRaises(introspection_errors.NothingKept, nothing.get, "some")
        self.assertEqual((False, []), (nothing.exists("some"), list(nothing.names())))
