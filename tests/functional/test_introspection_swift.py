# SPDX-License-Identifier: Apache-2.0
"""A real Swift behind introspection, and what if it goes away."""

import types

from tests import servers
from tests.contract import test_storages
from tests.unit.api.introspection import case
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.introspection import migration
from valence.introspection import storage

DOCUMENTS = 60


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

    def migrate(self, source, target, after=lambda number: None):
        """Return the outcomes of a migration; ``after`` is called after each."""
        moving, outcomes = migration.Migration(self.backend.store, source, target), []
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
