# SPDX-License-Identifier: Apache-2.0
"""Which storages there are, and how contents are named."""

from tests import base
from tests.unit.api import case
from valence.common import introspection_errors
from valence.introspection import storage

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class StorageTest(base.TestCase):
    def load(self, name):
        return storage.load(case.configuration(self.make_folder(), processing__storage_backend=name), None)

    def test_storages_are_found_by_name(self):
        self.assertFalse(self.load("none").keeps)
        self.assertTrue(self.load("database").keeps)

    def test_an_unknown_storage_is_told_at_the_start(self):
        error = self.assertRaises(introspection_errors.StorageUnusable, self.load, "bogus")
        self.assertIn("database", error.detail)

    def test_names(self):
        for suffix in (None, storage.UNPROCESSED):
            self.assertEqual((UUID, suffix), storage.split_name(storage.content_name(UUID, suffix)))
        self.assertRaises(introspection_errors.NoIntrospectionData, storage.content_name, "../x")
