# SPDX-License-Identifier: Apache-2.0
"""What happens to a document, and what if something fails on the way."""

import threading

import fixtures

from tests.unit.api.introspection import case
from valence.common import context
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.storages import storage


class Failing(storage.StorageBackend):
    """A storage that is away for the calls that a test names."""

    def __init__(self, behind):
        self._behind, self.away, self.broken = behind, set(), set()

    def _check(self, *call):
        if call in self.broken:
            raise KeyError("password=secret")
        if call in self.away:
            raise introspection_errors.StorageUnavailable(storage="test", reason="away")

    def get(self, node_id, suffix=None):
        self._check("get", suffix)
        return self._behind.get(node_id, suffix)

    def save(self, node_info, data, suffix=None):
        self._check("save", suffix)
        self._behind.save(node_info, data, suffix)

    def delete(self, node_id, suffix=None):
        self._check("delete", suffix)
        self._behind.delete(node_id, suffix)

    def exists(self, node_id, suffix=None):
        return self._behind.exists(node_id, suffix)

    def names(self):
        return self._behind.names()


def away(*_, **__):
    """Fail as every call does while the database is away."""
    raise errors.StoreUnavailable(reason="away")


class IntakeTest(case.IntrospectionCase):
    def setUp(self):
        super().setUp()
        history = self.backend.introspecting.history
        self.storage = history.backend = Failing(history.backend)

    def ramdisk_sends(self, **values):
        return self.call("POST", "/v1/continue", json=self.document(**values))

    def leases(self):
        return self.backend.store.lease(f"introspection/{self.uuid}", "another", 60)

    def test_while_the_storage_is_away_nothing_is_lost(self):
        for suffix in (None, storage.UNPROCESSED):
            self.start()
            self.storage.away = {("save", suffix)}
            self.assert_refused(503, self.ramdisk_sends())
            self.assertEqual(("waiting", False), (self.status()["state"], self.status()["finished"]))
            self.storage.away = set()
            self.assertEqual(200, self.ramdisk_sends().status_code)
            self.assertEqual(self.document(), self.one("GET", "/data/unprocessed").json)

    def test_logs_that_cannot_be_stored_do_not_keep_the_rest_away(self):
        self.storage.away = {("save", storage.LOGS)}
        self.introspect(self.document(logs="text"))
        self.assert_refused(404, self.one("GET", "/logs"))

    def test_the_logs_of_a_failed_ramdisk_are_kept(self):
        self.start()
        self.assert_refused(400, self.ramdisk_sends(error="no disk", logs="what happened"), "no disk")
        self.assertEqual("what happened", self.one("GET", "/logs").text)
        self.assertIn("no disk", self.status()["error"])
        self.assert_refused(404, self.one("GET", "/data"))
        self.assertEqual("no disk", self.one("GET", "/data/unprocessed").json["error"])

    def test_a_document_that_a_hook_refuses_is_kept_for_whoever_wants_to_know(self):
        self.start()
        document = self.document()
        document["inventory"]["interfaces"] = []
        self.assert_refused(400, self.call("POST", "/v1/continue", json=document), "validate_interfaces")
        self.assertEqual("error", self.status()["state"])
        self.assertEqual(document, self.one("GET", "/data/unprocessed").json)

    def test_a_ramdisk_that_sends_twice_at_a_time_is_asked_to_try_again(self):
        self.start()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.introspection.intake.PATIENCE", 0.1))
        with self.leases():
            self.assert_refused(409, self.ramdisk_sends())
        self.assertEqual(200, self.ramdisk_sends().status_code)

    def test_a_document_waits_until_the_start_has_ended(self):
        self.start()
        lease = self.leases()
        end = threading.Timer(0.3, lease.release)
        end.start()
        self.addCleanup(end.join)
        self.assertEqual(200, self.ramdisk_sends().status_code)

    def test_what_a_dead_conductor_left_behind_can_be_sent_again(self):
        self.start()
        row = self.backend.store.get(models.Introspection, self.uuid)
        self.backend.store.commit(store.Update(row, {"state": "processing"}))
        self.assertEqual(200, self.ramdisk_sends().status_code)

    def test_nobody_waits_for_a_second_document(self):
        self.introspect()
        self.assert_refused(400, self.ramdisk_sends(), "Look-up failed")

    def test_a_conductor_that_lost_its_lease_stores_nothing(self):
        self.introspect()
        processing = self.backend.introspecting.introspector._intake._processing
        complete = processing.complete

        def complete_slowly(*arguments):
            self.backend.store.lease(f"introspection/{self.uuid}", "another", 60, steal=True)
            return complete(*arguments)

        processing.complete = complete_slowly
        before = {name: self.storage.get(*name) for name in self.storage.names()}
        other = self.document(extra={"a": 1})
        self.assert_refused(409, self.one("POST", "/data/unprocessed", json=other), "lease")
        self.assertEqual(before, {name: self.storage.get(*name) for name in self.storage.names()})
        self.assertEqual("reapplying", self.status()["state"], "the holder of the lease ends it")

    def test_a_reapplication_is_finished_when_the_database_was_away_at_its_end(self):
        self.introspect()
        intake = self.backend.introspecting.introspector._intake
        other = self.document(extra={"a": 1})
        with fixtures.MonkeyPatch("valence.conductor.introspection.states.Introspections.end", away):
            self.assert_refused(503, self.one("POST", "/data/unprocessed", json=other))
        self.assertEqual("reapplying", self.status()["state"])
        row = self.backend.store.get(models.Introspection, self.uuid)
        with self.leases() as lease:
            intake.resume(context.service_context(), row, lease)
        self.assertEqual("finished", self.status()["state"])
        self.assertEqual(other, self.one("GET", "/data/unprocessed").json)
        self.assertEqual({"a": 1}, self.one("GET", "/data").json["extra"])

    def test_reapplying_with_a_body_is_all_or_nothing(self):
        self.introspect()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.introspection.intake.PATIENCE", 0.1))
        with self.leases():
            self.assert_refused(
                409, self.one("POST", "/data/unprocessed", json=self.document(extra={"a": 1}))
            )
        self.assertEqual(self.document(), self.one("GET", "/data/unprocessed").json)
        self.storage.away = {("save", storage.UNPROCESSED)}
        self.assert_refused(503, self.one("POST", "/data/unprocessed", json=self.document(extra={"a": 1})))
        self.assertEqual("finished", self.status()["state"])
        self.assertEqual(self.document(), self.one("GET", "/data/unprocessed").json)

    def test_reapplying_with_a_body_replaces(self):
        self.introspect()
        document = self.document(root_disk={"size": 100 * 1024**3})
        self.assertEqual(202, self.one("POST", "/data/unprocessed", json=document).status_code)
        self.assertEqual(document, self.one("GET", "/data/unprocessed").json)
        self.assertEqual(99, self.one("GET", "/data").json["local_gb"])

    def test_a_body_that_is_refused_changes_nothing(self):
        self.introspect()
        before = self.status()
        contents = [self.one("GET", path).json for path in ("/data", "/data/unprocessed")]
        for refused in ({"inventory": {}}, {"inventory": None, "logs": "x"}):
            self.assert_refused(400, self.one("POST", "/data/unprocessed", json=refused))
            self.assertEqual(before, self.status())
            self.assertEqual(
                contents, [self.one("GET", path).json for path in ("/data", "/data/unprocessed")]
            )

    def test_a_stored_document_that_is_refused_says_why_and_stays(self):
        self.introspect()
        contents = [self.one("GET", path).json for path in ("/data", "/data/unprocessed")]
        self.add_rule(action="fail", message="too small")
        self.assert_refused(400, self.one("POST", "/data/unprocessed"), "too small")
        self.assertEqual(("error", "too small"), (self.status()["state"], self.status()["error"]))
        self.assertEqual(contents, [self.one("GET", path).json for path in ("/data", "/data/unprocessed")])
        self.call("DELETE", "/v1/rules")
        self.assertEqual(202, self.one("POST", "/data/unprocessed").status_code)
        self.assertEqual(("finished", None), (self.status()["state"], self.status()["error"]))

    def test_a_body_keeps_no_logs_in_documents(self):
        self.introspect()
        document = self.document(logs="c2VjcmV0")
        self.assertEqual(202, self.one("POST", "/data/unprocessed", json=document).status_code)
        for path in ("/data", "/data/unprocessed"):
            self.assertNotIn("logs", self.one("GET", path).json)

    def assert_ended(self):
        """Check that the introspection failed with a reason, and can be started and removed at once."""
        status = self.status()
        self.assertEqual(("error", True), (status["state"], status["finished"]))
        self.assertIn("unexpected error", status["error"])
        self.assertNotIn("secret", status["error"])
        self.assertEqual(204, self.one("DELETE", "/data").status_code)
        self.start()
        self.assertEqual(202, self.one("POST", "/abort").status_code)

    def test_an_unexpected_error_of_a_storage_ends_the_introspection(self):
        for call in (("save", None), ("save", storage.UNPROCESSED), ("save", storage.LOGS)):
            self.start()
            self.storage.broken = {call}
            self.assert_refused(500, self.ramdisk_sends(logs="text"))
            self.storage.broken = set()
            self.assert_ended()

    def test_an_unexpected_error_while_a_failure_is_stored_ends_the_introspection(self):
        for call in (("save", storage.UNPROCESSED), ("delete", None)):
            self.start()
            self.storage.broken = {call}
            self.assert_refused(500, self.ramdisk_sends(error="no disk"))
            self.storage.broken = set()
            self.assert_ended()

    def test_an_unexpected_error_of_a_storage_ends_a_reapplication(self):
        self.introspect()
        for body in ({}, {"json": self.document()}):
            self.storage.broken = {("save", None)}
            self.assert_refused(500, self.one("POST", "/data/unprocessed", **body))
            self.storage.broken = set()
            self.assertEqual("error", self.status()["state"])
            self.assertEqual(202, self.one("POST", "/data/unprocessed").status_code)
        self.assertEqual("finished", self.status()["state"])

    def test_what_is_finished_stays_so_when_an_old_version_cannot_be_removed(self):
        self.conf.set_override("keep", 2, "processing")
        for _ in range(2):
            self.introspect()
        for name in ("broken", "away"):
            self.start()
            setattr(self.storage, name, {("delete", storage.UNPROCESSED + "-V1")})
            self.assertEqual(200, self.ramdisk_sends().status_code)
            setattr(self.storage, name, set())
            self.assertEqual(("finished", None), (self.status()["state"], self.status()["error"]))

    def test_a_lease_that_is_lost_after_the_end_takes_nothing_back(self):
        self.conf.set_override("keep", 2, "processing")
        for _ in range(2):
            self.introspect()
        self.start()
        delete = self.storage.delete

        def delete_slowly(*name):
            self.backend.store.lease(f"introspection/{self.uuid}", "another", 60, steal=True)
            delete(*name)

        self.storage.delete = delete_slowly
        self.assertEqual(200, self.ramdisk_sends().status_code)
        self.assertEqual("finished", self.status()["state"])

    def test_an_unexpected_error_of_processing_ends_the_introspection(self):
        def broken(*_):
            raise ZeroDivisionError

        self.add_rule(action="add-trait", name="CUSTOM_A")
        self.start()
        with fixtures.MonkeyPatch("valence.introspection.rules.rules.apply", broken):
            self.assert_refused(500, self.ramdisk_sends())
        self.assert_ended()

    def test_while_the_database_is_away_the_introspection_goes_back_to_where_it_was(self):
        self.start()

        def away(*_):
            raise errors.StoreUnavailable(reason="away")

        with fixtures.MonkeyPatch("valence.introspection.rules.rules.Rules.every", away):
            self.assert_refused(503, self.ramdisk_sends())
        self.assertEqual("waiting", self.status()["state"])
        self.assertEqual(200, self.ramdisk_sends().status_code)
        with fixtures.MonkeyPatch("valence.introspection.rules.rules.Rules.every", away):
            self.assert_refused(503, self.one("POST", "/data/unprocessed"))
        self.assertEqual("finished", self.status()["state"])

    def add_rule(self, **action):
        self.assertEqual(201, self.call("POST", "/v1/rules", json={"actions": [action]}).status_code)

    def test_reapplying_needs_something_that_has_ended(self):
        self.start()
        self.assert_refused(409, self.one("POST", "/data/unprocessed"))
