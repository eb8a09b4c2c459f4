# SPDX-License-Identifier: Apache-2.0
"""A real Swift behind introspection, and what if it goes away."""

import concurrent.futures
import functools
import threading
import time
import types

from tests import base
from tests import live
from tests import ramdisk
from tests import servers
from tests.contract import test_storages
from tests.unit.api.introspection import case
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection.storages import migration
from valence.introspection.storages import storage

DOCUMENTS = 60
MACHINES, RAMDISKS = 200, 4


class SwiftCase(case.IntrospectionCase):
    time_limit = 240

    def setUp(self):
        super().setUp()
        self.server = self.useFixture(servers.Swift())
        conf = test_storages.swift_configuration(self.make_folder(), self.server, "introspection")
        self.swift = storage.load(conf, None, "swift")
        self.backend.introspecting.history.backend = self.swift


class SwiftTest(SwiftCase):
    def test_an_introspection_with_an_outage_in_each_step(self):
        document = self.document("large")
        self.start()
        self.server.kill()
        self.assert_refused(503, self.call("POST", "/v1/continue", json=document), "swift")
        self.assertEqual("waiting", self.status()["state"])
        self.server.start()
        self.assertEqual(200, self.call("POST", "/v1/continue", json=document).status_code)
        del document["logs"]
        self.assertEqual(document, self.one("GET", "/data/unprocessed").json)
        etag = self.one("GET", "/data").headers["ETag"]
        self.server.kill()
        self.assert_refused(503, self.one("GET", "/data"), "swift")
        self.assertEqual(304, self.one("GET", "/data", headers={"If-None-Match": etag}).status_code)
        self.assert_refused(503, self.one("POST", "/data/unprocessed"), "swift")
        self.assertEqual("finished", self.status()["state"])
        self.assertEqual(202, self.one("POST", "?manage_boot=0").status_code)
        self.assert_refused(404, self.one("GET", "/data"))
        self.server.start()
        self.assert_refused(404, self.one("GET", "/data"))

    def test_the_data_of_a_removed_machine_are_removed_when_swift_is_back(self):
        self.introspect()
        self.backend.store.commit(store.Delete(self.backend.store.get(models.Resource, self.uuid)))
        self.server.kill()
        sweep = self.backend.introspecting.sweep.sweep
        self.assertRaises(introspection_errors.StorageUnavailable, sweep)
        self.assert_refused(404, self.one("GET", "/data"))
        self.server.start()
        sweep()
        self.assertEqual([], list(self.swift.names()))


class ManyTest(base.TestCase):
    """Swift stops in the middle of 200 saves; ramdisks try again when they are told to."""

    time_limit = 480

    def setUp(self):
        super().setUp()
        self.server = self.useFixture(servers.Swift())
        self.site = self.useFixture(
            live.Site(
                systems=MACHINES,
                prepare=functools.partial(test_storages.set_swift, server=self.server, container="many"),
                processing__storage_backend="swift",
                processing__documents_per_minute=1_000_000,
            )
        )
        self.site.register()
        self.wait_for(lambda: len(self.site.systems()) == MACHINES, timeout=60)
        self.macs = {system["uuid"]: self.site.mac(system) for system in self.site.systems()}
        for uuid in self.macs:
            self.site.client.post(f"/introspection/v1/introspection/{uuid}?manage_boot=0")
        self.wait_for(lambda: self.states() == {"waiting"}, timeout=120, message=self.states)
        self.lock, self.saved, self.refusals = threading.Lock(), 0, []

    def states(self):
        return {self.one(uuid)["state"] for uuid in self.macs}

    def one(self, uuid, path=""):
        return self.site.client.get(f"/introspection/v1/introspection/{uuid}{path}")

    def test_everybody_is_told_and_nothing_is_lost(self):
        with concurrent.futures.ThreadPoolExecutor(RAMDISKS) as pool:
            ramdisks = [pool.submit(self.hand_over, uuid) for uuid in self.macs]
            self.wait_for(lambda: len(self.refusals) > 2 * RAMDISKS, timeout=300)
            self.server.start()
        for each in ramdisks:
            each.result()
        for status, message in self.refusals:
            self.assertEqual(503, status, message)
            self.assertIn("storage swift of introspection data is not reachable", message)
            self.assertNotIn("127.0.0.1", message)
        self.assertEqual({"finished"}, self.states())
        for uuid, mac in self.macs.items():
            self.assertEqual(ramdisk.document("small", mac), self.one(uuid, "/data/unprocessed"))
            self.assertEqual([mac.lower()], self.one(uuid, "/data")["macs"])

    def hand_over(self, uuid):
        document = ramdisk.document("small", self.macs[uuid])
        while (answer := ramdisk.post(self.site.introspection, document)).status_code != 200:
            self.note_refusal(answer)
            time.sleep(0.1)
        self.note_save()

    def note_save(self):
        with self.lock:
            self.saved += 1
            if self.saved == MACHINES // 2:
                self.server.kill()

    def note_refusal(self, answer):
        with self.lock:
            self.refusals.append((answer.status_code, answer.json()["error"]["message"]))


class MigrationTest(SwiftCase):
    def setUp(self):
        super().setUp()
        self.files = storage.load(self.conf, None, "file")
        (pod_manager,) = self.backend.store.list(models.PodManager)
        rows = [
            models.Resource(podm_id=pod_manager.uuid, resource_url=f"/{number}", resource_type="System")
            for number in range(DOCUMENTS // 2)
        ]
        self.backend.store.commit(*map(store.Create, rows))
        for number, row in enumerate(rows):
            for suffix in (None, storage.UNPROCESSED):
                data = b'{"%d": "%s"}' % (number, str(suffix).encode() * 100)
                self.files.save(types.SimpleNamespace(uuid=row.uuid), data, suffix)

    def hold(self, node_id):
        return self.backend.store.lease(f"introspection/{node_id}", "migration", 60)

    def migrate(self, source, target, after=lambda number: None):
        """Return the outcomes of a migration; ``after`` is called after each."""
        moving, outcomes = migration.Migration(self.backend.store, source, target, self.hold), []
        for *_, outcome, _ in moving.run(moving.contents()):
            outcomes.append(outcome)
            after(len(outcomes))
        return outcomes

    def test_an_outage_in_the_middle_and_a_second_run(self):
        outcomes = self.migrate(
            self.files, self.swift, lambda number: number == DOCUMENTS // 3 and self.server.kill()
        )
        self.assertEqual(DOCUMENTS // 3, outcomes.count("copied"))
        self.assertEqual(DOCUMENTS - DOCUMENTS // 3, outcomes.count("failed"))
        self.server.start()
        outcomes = self.migrate(self.files, self.swift)
        self.assertEqual(DOCUMENTS // 3, outcomes.count("equal"))
        self.assertEqual(DOCUMENTS - DOCUMENTS // 3, outcomes.count("copied"))
        for name in self.files.names():
            self.assertEqual(self.files.get(*name), self.swift.get(*name))
        database = storage.load(self.conf, self.backend.store, "database")
        self.assertEqual(DOCUMENTS, self.migrate(self.swift, database).count("copied"))
        for name in self.files.names():
            self.assertEqual(self.files.get(*name), database.get(*name))
