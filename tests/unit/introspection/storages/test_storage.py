# SPDX-License-Identifier: Apache-2.0
"""Which storages there are, how contents are named, and storages with ``get`` and ``save`` only."""

import json
import subprocess
import sys
import types

import fixtures
import testscenarios

from tests import base
from tests.unit.api import case
from tests.unit.api.introspection import case as introspection_case
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.storages import storage

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


#: what a process does that keeps introspection data in its database
PROCESS = """
import sys
from valence.common.configuration import config
from valence.introspection.storages import storage
storage.load(config.load([], "process", config_files=[]), None)
print([each for each in ("openstack", "keystoneauth1") if each in sys.modules])
"""


class StorageTest(base.TestCase):
    def load(self, name):
        return storage.load(case.configuration(self.make_folder(), processing__storage_backend=name), None)

    def test_storages_are_found_by_name(self):
        self.assertFalse(self.load("none").keeps)
        self.assertTrue(self.load("database").keeps)

    def test_an_unknown_storage_is_told_at_the_start(self):
        error = self.assertRaises(introspection_errors.StorageUnusable, self.load, "bogus")
        self.assertIn("database", error.detail)

    def test_plug_ins_that_cannot_be_used_are_told_at_the_start(self):
        class NothingToCall:
            save = None

        class Incomplete(storage.StorageBackend):
            def save(self, node_info, data, suffix=None):
                """Forget it."""

        def failing():
            raise RuntimeError("no such host")

        for plugin, words in (
            (NothingToCall, "no method get and no save"),
            (Incomplete, "TypeError"),
            (failing, "RuntimeError: no such host"),
            ("text", "TypeError"),
        ):
            self.useFixture(
                fixtures.MonkeyPatch(
                    "valence.introspection.storages.storage._plugin", lambda name, p=plugin: p
                )
            )
            error = self.assertRaises(introspection_errors.StorageUnusable, self.load, "shelf")
            self.assertIn(words, error.detail)

    def test_a_storage_that_is_not_chosen_takes_no_memory(self):
        ended = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True)
        self.assertEqual("[]\n", ended.stdout)

    def test_names(self):
        for suffix in (None, storage.UNPROCESSED):
            self.assertEqual((UUID, suffix), storage.split_name(storage.content_name(UUID, suffix)))
        self.assertRaises(introspection_errors.NoIntrospectionData, storage.content_name, "../x")


class Shelf:
    """Keeps data as they come."""

    def __init__(self):
        self.contents = {}

    def get(self, node_id, suffix=None):
        return self.contents[node_id, suffix]

    def save(self, node_info, data, suffix=None):
        self.contents[node_info.uuid, suffix] = data


class DerivedShelf(storage.StorageBackend):
    """The same on the base class, with neither ``delete`` nor ``names``."""

    contents: dict = {}

    def get(self, node_id, suffix=None):
        return self.contents.get((node_id, suffix))

    def save(self, node_info, data, suffix=None):
        self.contents = self.contents | {(node_info.uuid, suffix): data}


class ObjectShelf(Shelf):
    """Keeps objects, as a column of JSON does, their names in another order; has one flag instead of a suffix."""

    def save(self, node_info, data, suffix=None):
        super().save(node_info, json.dumps(dict(reversed(data.items()))), suffix is None)

    def get(self, node_id, suffix=None):
        return json.loads(super().get(node_id, suffix is None))


class TextShelf(Shelf):
    """Keeps texts in files."""

    def __init__(self, folder):
        self._folder = folder

    def _path(self, node_id, suffix):
        return self._folder / f"{node_id}{suffix or ''}"

    def get(self, node_id, suffix=None):
        return self._path(node_id, suffix).read_text()

    def save(self, node_info, data, suffix=None):
        with self._path(node_info.uuid, suffix).open("w") as file:
            file.write(data)


class PlainStorageTest(testscenarios.WithScenarios, introspection_case.IntrospectionCase):
    scenarios = [(kind.__name__, {"kind": kind}) for kind in (Shelf, DerivedShelf, ObjectShelf, TextShelf)]

    def setUp(self):
        super().setUp()
        self.plugin = self.kind(self.make_folder()) if self.kind is TextShelf else self.kind()
        self.history = self.backend.introspecting.history
        self.history.backend = storage.PlainStorage("shelf", self.plugin)
        self.conf.set_override("storage_backend", "shelf", "processing")

    def test_a_machine_is_introspected(self):
        self.introspect(self.document(logs="text"))
        self.assertEqual(self.document(), self.one("GET", "/data/unprocessed").json)
        self.assertEqual(self.document()["inventory"], self.one("GET", "/data").json["inventory"])
        self.assertEqual(202, self.one("POST", "/data/unprocessed").status_code)
        self.assertEqual("finished", self.status()["state"])
        self.start()
        self.assert_refused(404, self.one("GET", "/data"))


class WhatItLacksTest(introspection_case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.backend.introspecting.history.backend = storage.PlainStorage("shelf", Shelf())
        self.conf.set_override("storage_backend", "shelf", "processing")

    def test_logs_and_versions_are_not_kept_and_the_answer_says_so(self):
        self.introspect(self.document(logs="text"))
        self.assertEqual([], self.one("GET", "/data/versions").json["versions"])
        for path in ("/logs", "/data?version=1", "/data/unprocessed?version=1", "/data/difference"):
            self.assert_refused(404, self.one("GET", path), "shelf", "keeps no")

    def test_removal_is_refused_and_changes_nothing(self):
        self.introspect()
        self.assert_refused(409, self.one("DELETE", "/data"), "shelf", "cannot remove data")
        self.assertEqual(200, self.one("GET", "/data").status_code)

    def test_a_failed_introspection_hides_the_processed_document(self):
        self.introspect()
        self.start()
        self.assert_refused(400, self.call("POST", "/v1/continue", json=self.document(error="no disk")))
        self.assertEqual("error", self.status()["state"])
        self.assert_refused(404, self.one("GET", "/data"))
        self.assertEqual("no disk", self.one("GET", "/data/unprocessed").json["error"])

    def test_a_machine_that_is_gone_is_forgotten(self):
        self.introspect()
        self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, self.uuid)))
        self.backend.introspecting.sweep.sweep()
        self.assertEqual(0, self.backend.store.count(models.Introspection))


class Broken:
    """Fails at each call, as a test wants."""

    def __init__(self, error):
        self.error = error

    def get(self, node_id, suffix=None):
        raise self.error

    def save(self, node_info, data, suffix=None):
        raise self.error

    def delete(self, node_id, suffix=None):
        raise self.error


class BrokenPlugInTest(introspection_case.IntrospectionCase):
    def test_what_it_raises_is_an_outage_and_says_no_secret(self):
        kept = storage.PlainStorage("shelf", Broken(RuntimeError("password=1")))
        calls = (
            lambda: kept.get(self.uuid),
            lambda: kept.save(types.SimpleNamespace(uuid=self.uuid), b"{}"),
            lambda: kept.delete(self.uuid),
        )
        for call in calls:
            error = self.assertRaises(introspection_errors.StorageUnavailable, call)
            self.assertIn("RuntimeError", error.detail)
            self.assertNotIn("password", error.detail)

    def test_what_is_missing_is_not_found_whatever_says_so(self):
        for error in (KeyError("x"), FileNotFoundError(), errors.NotFound(kind="shelf", key="x")):
            kept = storage.PlainStorage("shelf", Broken(error))
            self.assertFalse(kept.exists(self.uuid))
            self.assertRaises(introspection_errors.NoIntrospectionData, kept.get, self.uuid)

    def test_a_plug_in_that_takes_no_form_of_the_data(self):
        for error in (TypeError("no"), AttributeError("no")):
            kept = storage.PlainStorage("shelf", Broken(error))
            row = types.SimpleNamespace(uuid=self.uuid)
            self.assertRaises(introspection_errors.StorageUnavailable, kept.save, row, b"{}")

    def test_a_failing_plug_in_stops_no_introspection_for_ever(self):
        broken = Broken(RuntimeError("away"))
        self.backend.introspecting.history.backend = storage.PlainStorage("shelf", broken)
        self.start()
        document = self.document()
        self.assert_refused(503, self.call("POST", "/v1/continue", json=document), "shelf", "RuntimeError")
        self.assertEqual("waiting", self.status()["state"])
        self.assertEqual(202, self.one("POST", "/abort").status_code)
