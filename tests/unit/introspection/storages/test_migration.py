# SPDX-License-Identifier: Apache-2.0
"""Introspection data on their way from one storage to another."""

import contextlib
import json
import sys

import fixtures

from tests.unit.api.introspection import case
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.storages import migration
from valence.introspection.storages import storage

NOBODY = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class Killed(BaseException):
    """The end of a process that can do nothing more."""


class MigrationTest(case.IntrospectionCase):
    time_limit = 180

    def setUp(self):
        super().setUp()
        self.conf.set_override("directory", str(self.make_folder()), "processing")
        self.database, self.files = (
            storage.load(self.conf, self.backend.store, name) for name in ("database", "file")
        )

    def migrate(self, source, target, **options):
        """Return what became of everything, by suffix."""
        moving = migration.Migration(self.backend.store, source, target, self.hold, **options)
        return {suffix: outcome for _, suffix, outcome, _ in moving.run(moving.contents())}

    @contextlib.contextmanager
    def hold(self, node_id):
        """Hold the lease of a machine; a migration that is killed gives nothing back."""
        lease = self.backend.store.lease(f"introspection/{node_id}", "migration", 60, steal=True)
        try:
            yield lease
        except errors.ValenceError:
            lease.release()
            raise
        lease.release()

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

    def test_a_content_that_is_not_the_recorded_one_replaces_nothing(self):
        self.introspect()
        self.migrate(self.database, self.files)
        for suffix in (None, "UNPROCESSED", "V1"):
            good = self.database.get(self.uuid, suffix)
            self.save(good[:-1], suffix)
            self.assertEqual("equal", self.migrate(self.files, self.database)[suffix])
            self.assertEqual(good, self.database.get(self.uuid, suffix))
            self.database.delete(self.uuid, suffix)
            for options in ({"dry_run": True}, {}):
                self.assertEqual("failed", self.migrate(self.files, self.database, **options)[suffix])
            self.assertFalse(self.database.exists(self.uuid, suffix))
            self.save(good, suffix)
            self.assertEqual("copied", self.migrate(self.files, self.database)[suffix])

    def test_a_target_that_does_not_keep_what_it_gets_is_a_failure(self):
        self.save(b'{"a": 1}')
        save = self.database.save
        self.database.save = lambda row, data, suffix=None: save(row, data[:-1], suffix)
        self.assertEqual({None: "failed"}, self.migrate(self.files, self.database))
        self.assert_refused(404, self.one("GET", "/data"))

    def test_what_was_moved_can_be_read_whatever_the_introspection_came_to(self):
        self.introspect()
        self.migrate(self.database, self.files)
        self.one("DELETE", "/data")
        self.migrate(self.files, self.database)
        for path in ("/data", "/data/unprocessed", "/data?version=1", "/data/unprocessed?version=1"):
            self.assertEqual(200, self.one("GET", path).status_code, path)
        self.start()
        self.one("POST", "/abort")
        self.assert_refused(404, self.one("GET", "/data"))
        self.assertEqual("equal", self.migrate(self.files, self.database)[None])
        self.assertEqual(200, self.one("GET", "/data").status_code)

    def test_documents_of_a_machine_that_is_being_introspected_are_left_alone(self):
        self.introspect()
        self.migrate(self.database, self.files)
        self.start()
        self.save(b"[]")
        outcomes = self.migrate(self.files, self.database)
        self.assertEqual(("failed", "equal"), (outcomes[None], outcomes["V1"]))
        self.assertNotEqual(b"[]", self.database.get(self.uuid))

    def test_of_two_names_of_one_document_one_is_moved(self):
        self.save(b'{"cpu": 1}', "inventory")
        self.save(b"{}", "plugin")
        self.save(b'{"cpu": 2}')
        self.assertEqual({None: "copied"}, self.migrate(self.files, self.database))
        self.assertEqual({None: "equal"}, self.migrate(self.files, self.database))

    def test_a_source_that_cannot_list_its_contents(self):
        plain = storage.PlainStorage("shelf", self.files)
        plain.lists = False
        self.save(b'{"a": 1}')
        self.assertEqual({None: "copied"}, self.migrate(plain, self.database))
        self.assertEqual({"a": 1}, self.one("GET", "/data").json)

    def test_after_a_kill_at_each_statement_a_repeat_makes_everything_readable(self):
        for contents in ([None], ["V1", "UNPROCESSED-V1"]):
            for suffix in contents:
                self.save(str(suffix).encode(), suffix)
            killed, statement = True, 0
            while killed:
                killed = self.is_killed_at(statement)
                self.assertNotIn("failed", self.migrate(self.files, self.database).values())
                for suffix in contents:
                    self.assertEqual(str(suffix).encode(), self.read(suffix), statement)
                row = self.backend.store.get(models.Introspection, self.uuid)
                self.backend.store.commit(store.Delete(row))
                statement += 1
            self.assertGreater(statement, 30)
            for suffix in contents:
                self.files.delete(self.uuid, suffix)

    def read(self, suffix):
        """Return a document, or one of the first version, as clients get it."""
        kind = "unprocessed" if suffix and suffix.startswith(storage.UNPROCESSED) else "processed"
        return self.backend.introspecting.history.read(self.uuid, kind, suffix and 1).data

    def is_killed_at(self, statement):
        """Run a migration that ends, as by a signal, before a statement; return whether it came so far."""
        begun = 0

        def trace(frame, event, _):
            nonlocal begun
            if frame.f_code.co_filename != migration.__file__:
                return None
            if event == "line":
                begun += 1
                if begun > statement:
                    raise Killed
            return trace

        sys.settrace(trace)
        try:
            self.migrate(self.files, self.database)
        except Killed:
            return True
        finally:
            sys.settrace(None)
        return False

    def test_a_dry_run_does_nothing(self):
        self.introspect()
        self.assertEqual("copied", self.migrate(self.database, self.files, dry_run=True)[None])
        self.assertEqual([], list(self.files.names()))

    def test_what_belongs_to_no_machine_stays_and_is_told(self):
        self.save(b"{}", uuid=NOBODY)
        self.assertEqual({None: "orphaned"}, self.migrate(self.files, self.database))
        self.assertTrue(self.files.exists(NOBODY))

    def test_a_machine_that_is_removed_meanwhile_is_a_failure(self):
        self.save(b"{}", uuid=NOBODY)
        with fixtures.MonkeyPatch(
            "valence.introspection.storages.migration.Migration._is_machine", lambda *_: True
        ):
            self.assertEqual({None: "failed"}, self.migrate(self.files, self.database))

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
