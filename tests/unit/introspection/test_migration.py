# SPDX-License-Identifier: Apache-2.0
"""Introspection data on their way from one storage to another."""

import json

from tests.unit.api.introspection import case
from valence.common import introspection_errors
from valence.db import models
from valence.introspection import migration
from valence.introspection import storage

NOBODY = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class MigrationTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        self.conf.set_override("directory", str(self.make_folder()), "processing")
        self.database, self.files = (
            storage.load(self.conf, self.backend.store, name) for name in ("database", "file")
        )

    def migrate(self, source, target, **options):
        """Return what became of everything, by suffix."""
        moving = migration.Migration(self.backend.store, source, target, **options)
        return {suffix: outcome for _, suffix, outcome, _ in moving.run(moving.contents())}

    def save(self, data, suffix=None, uuid=None):
        self.files.save(models.Introspection(uuid=uuid or self.uuid), data, suffix)

    def test_there_and_back_again(self):
        self.introspect(self.document(logs="text"))
        before = {name: self.database.get(*name) for name in self.database.names()}
        copied = dict.fromkeys((None, "UNPROCESSED", "LOGS", "V1", "UNPROCESSED-V1"), "copied")
        self.assertEqual(copied, self.migrate(self.database, self.files))
        for name in before:
            self.database.delete(*name)
        self.assertEqual(copied, self.migrate(self.files, self.database))
        self.assertEqual(before, {name: self.database.get(*name) for name in self.database.names()})
        self.assertEqual(200, self.one("GET", "/data?version=1").status_code)

    def test_what_is_there_already_is_left_alone(self):
        self.introspect()
        self.migrate(self.database, self.files)
        self.files.delete(self.uuid)
        outcomes = self.migrate(self.database, self.files)
        equal = dict.fromkeys(("UNPROCESSED", "V1", "UNPROCESSED-V1"), "equal")
        self.assertEqual({None: "copied"} | equal, outcomes)

    def test_what_changed_meanwhile_is_moved_again(self):
        self.introspect()
        self.migrate(self.database, self.files)
        self.save(b"{}")
        self.assertEqual("copied", self.migrate(self.database, self.files)[None])
        self.assertEqual(self.database.get(self.uuid), self.files.get(self.uuid))

    def test_a_dry_run_does_nothing(self):
        self.introspect()
        self.assertEqual("copied", self.migrate(self.database, self.files, dry_run=True)[None])
        self.assertEqual([], list(self.files.names()))

    def test_what_belongs_to_no_machine_stays_and_is_told(self):
        self.save(b"{}", uuid=NOBODY)
        self.assertEqual({None: "orphaned"}, self.migrate(self.files, self.database))
        self.assertTrue(self.files.exists(NOBODY))

    def test_data_of_another_service_can_be_read_afterwards(self):
        self.save(b'{"a": 1}')
        self.save(b'{"b": 1}', storage.UNPROCESSED)
        self.migrate(self.files, self.database)
        self.assertEqual({"a": 1}, self.one("GET", "/data").json)
        self.assertEqual({"b": 1}, self.one("GET", "/data/unprocessed").json)
        self.assertEqual("finished", self.status()["state"])

    def test_the_two_objects_of_ironic_become_one_document(self):
        self.save(b'{"cpu": 1}', "inventory")
        self.save(b'{"macs": []}', "plugin")
        self.migrate(self.files, self.database)
        self.assertEqual({"inventory": {"cpu": 1}, "macs": []}, json.loads(self.database.get(self.uuid)))

    def test_a_failure_is_told_and_the_rest_goes_on(self):
        self.introspect()
        save, self.files.save = self.files.save, self.fail_for_processed
        self.saved = save
        outcomes = self.migrate(self.database, self.files)
        copied = dict.fromkeys(("UNPROCESSED", "V1", "UNPROCESSED-V1"), "copied")
        self.assertEqual({None: "failed"} | copied, outcomes)

    def fail_for_processed(self, node_info, data, suffix=None):
        if suffix is None:
            raise introspection_errors.StorageUnavailable(storage="file", reason="full")
        self.saved(node_info, data, suffix)

    def test_summary(self):
        told = migration.summary(["copied", "copied", "failed"])
        self.assertEqual("2 copied, 0 equal, 0 orphaned, 1 failed", told)
