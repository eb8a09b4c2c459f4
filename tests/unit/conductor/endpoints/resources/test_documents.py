# SPDX-License-Identifier: Apache-2.0
"""Documents are read over kept connections where the pod manager is served, and without a trace elsewhere."""

import threading
import time
from concurrent import futures

import cachetools
import fixtures

from tests import base
from tests import embedded
from valence.common import secrets
from valence.conductor.endpoints import resources
from valence.conductor.work import contact
from valence.conductor.work import pacing
from valence.db import models
from valence.db import store


class DocumentsTest(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.pod = self.useFixture(embedded.Pod()).simulator
        self.pod_manager = self.database.register(self.pod)
        self.connections = self.database.connections()
        self.synchronize()
        named = [store.Filter("resource_type", "eq", "System")]
        self.rows = self.database.store.list(models.Resource, filters=named)

    def synchronize(self):
        mine = self.database.connections()
        with self.database.keeper().hold("work") as lease:
            conf, never = self.database.conf, threading.Event().is_set
            one = contact.PodManagerJob(
                conf, self.database.store, mine, lease, must_end=never, pace=pacing.Pace(conf.sync)
            )
            one.run(self.pod_manager.uuid)
        mine.close()

    def reader(self, *groups):
        """Return what reads documents on a conductor of some groups."""
        mine = self.database.ownership(groups=groups or ["default"])
        one = resources.Documents(self.database.conf, self.database.store, self.connections, mine)
        self.addCleanup(one.stop)
        return one

    def sessions(self):
        return self.pod.stats()["sessions"]

    def test_they_are_read_over_the_kept_connection_where_the_pod_manager_is_served(self):
        found = self.reader().read(self.rows)
        self.assertEqual({row.uuid for row in self.rows}, set(found))
        self.assertEqual({"System 1", "System 2"}, {each["detail"]["Name"] for each in found.values()})
        self.assertEqual(1, self.sessions())

    def test_elsewhere_no_connection_stays(self):
        found = self.reader("far").read(self.rows)
        self.assertEqual({"System 1", "System 2"}, {each["detail"]["Name"] for each in found.values()})
        self.assertEqual(0, self.sessions())

    def test_they_are_kept_for_seconds(self):
        one = self.reader()
        one.read(self.rows)
        before = self.pod.stats()["requests"]
        one.read(self.rows)
        self.assertEqual(before, self.pod.stats()["requests"])

    def test_one_may_expire_while_it_is_looked_for(self):
        one, now = self.reader(), iter(range(0, 1000, 3))
        one._cache = cachetools.TTLCache(10, 4, timer=lambda: next(now))  # each look at the clock takes 3 s
        for _ in range(6):
            self.assertEqual({"detail"}, {name for each in one.read(self.rows).values() for name in each})

    def test_one_that_cannot_be_read_says_why(self):
        self.pod.set_faults(error_rate=1.0)
        codes = {each["error"]["code"] for each in self.reader().read(self.rows).values()}
        self.assertEqual({"valence.pod_manager_error"}, codes)

    def test_of_one_that_hangs_nothing_more_is_read_and_when_to_try_again_is_said(self):
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.endpoints.resources.PATIENCE", 0.1))
        self.pod.set_faults(latency=2000.0)
        one = self.reader()
        with futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(one.read, self.rows[:1])
            self.wait_for(lambda: one._pool._running)
            self.wait_for(lambda: one._pool._hung(time.monotonic()))
            found = one.read(self.rows[1:])
            self.assertFalse(first.done())
        (error,) = (each["error"] for each in found.values())
        self.assertEqual(
            ("valence.pod_manager_hangs", 503, 5), (error["code"], error["status"], error["retry_after"])
        )
        self.assertIn("detail", first.result()[self.rows[0].uuid])

    def test_in_maintenance_nothing_is_read_and_that_is_said(self):
        current = self.database.store.get(models.PodManager, self.pod_manager.uuid)
        self.database.store.commit(store.Update(current, {"maintenance": True}))
        for groups in ([], ["far"]):
            before = self.pod.stats()["requests"]
            found = self.reader(*groups).read(self.rows)
            self.assertEqual({"valence.in_maintenance"}, {each["error"]["code"] for each in found.values()})
            self.assertEqual(before, self.pod.stats()["requests"])

    def test_one_whose_password_cannot_be_decrypted_says_so_and_others_are_read(self):
        other = self.useFixture(embedded.Pod()).simulator
        path = secrets.key_file(self.database.conf)
        path.unlink()
        secrets.create(path)
        readable = self.database.register(other, name="other")
        row = models.Resource(
            podm_id=readable.uuid, resource_url="/redfish/v1/Systems/System1", resource_type="System"
        )
        self.database.store.commit(store.Create(row))
        found = self.reader().read([*self.rows, row])
        self.assertEqual("System 1", found[row.uuid]["detail"]["Name"])
        self.assertEqual(
            {"valence.secret_unreadable"}, {found[each.uuid]["error"]["code"] for each in self.rows}
        )

    def test_nothing_is_read_of_a_pod_manager_that_is_gone(self):
        one = self.reader()
        self.database.store.commit(
            store.Delete(self.database.store.get(models.PodManager, self.pod_manager.uuid))
        )
        self.assertEqual({404}, {each["error"]["status"] for each in one.read(self.rows).values()})
