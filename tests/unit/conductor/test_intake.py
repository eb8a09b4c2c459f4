# SPDX-License-Identifier: Apache-2.0
"""What happens to a document, and what if something fails on the way."""

import threading

import fixtures

from tests.unit.api.introspection import case
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import storage


class Failing(storage.StorageBackend):
    """A storage that is away for the calls that a test names."""

    def __init__(self, behind):
        self._behind, self.away = behind, set()

    def _check(self, *call):
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
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.intake.PATIENCE", 0.1))
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

    def test_reapplying_with_a_body_is_all_or_nothing(self):
        self.introspect()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.intake.PATIENCE", 0.1))
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

    def test_reapplying_what_fails_says_why(self):
        self.introspect()
        self.assert_refused(400, self.one("POST", "/data/unprocessed", json={"inventory": {}}))
        self.assertEqual((True, "error"), (self.status()["finished"], self.status()["state"]))
        self.assert_refused(404, self.one("GET", "/data"))

    def test_reapplying_needs_something_that_has_ended(self):
        self.start()
        self.assert_refused(409, self.one("POST", "/data/unprocessed"))
