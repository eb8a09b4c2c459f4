# SPDX-License-Identifier: Apache-2.0
"""Which storages there are, and how contents are named."""

import subprocess
import sys

from tests import base
from tests.unit.api import case
from valence.common import introspection_errors
from valence.introspection import storage

UUID = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


#: what a process does that keeps introspection data in its database
PROCESS = """
import sys
from valence.common import config
from valence.introspection import storage
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

    def test_a_storage_that_is_not_chosen_takes_no_memory(self):
        ended = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True)
        self.assertEqual("[]\n", ended.stdout)

    def test_names(self):
        for suffix in (None, storage.UNPROCESSED):
            self.assertEqual((UUID, suffix), storage.split_name(storage.content_name(UUID, suffix)))
        self.assertRaises(introspection_errors.NoIntrospectionData, storage.content_name, "../x")
