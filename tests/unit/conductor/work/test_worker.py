# SPDX-License-Identifier: Apache-2.0
"""Work is found, and done by one conductor at a time."""

import threading
from concurrent import futures

from tests import base
from tests import clock
from tests import embedded
from tests import figures
from valence.common import context
from valence.conductor.cluster import leases
from valence.conductor.inventory import connections
from valence.conductor.work import operations
from valence.conductor.work import pacing
from valence.conductor.work import worker
from valence.db import models
from valence.db import store
from valence.db import types
from valence.podmanagers import base as podmanagers


class WorkerCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.database = self.useFixture(embedded.Database())
        self.simulator = self.useFixture(embedded.Pod()).simulator

    def worker(self, holder="conductor-1", ttl=15):
        keeper = self.database.keeper(holder, ttl)
        keeper.start()
        self.addCleanup(keeper.stop)
        mine = self.database.ownership(holder)
        conf = self.database.configuration(holder)
        one = worker.Worker(conf, self.database.store, keeper, self.database.connections(), mine)
        self.addCleanup(one.stop)
        return one

    def ask(self, uuid):
        operation = operations.new(context.RequestContext(overwrite=False), "sync", "pod_manager", uuid)
        return self.database.store.commit(store.Create(operation))[0].uuid

    def ended(self, uuid):
        operation = self.database.store.get(models.Operation, uuid)
        return operation.ended_at and operation


class WorkerTest(WorkerCase):
    def test_it_does_what_was_asked_for(self):
        pod_manager = self.database.register(self.simulator, next_sync_at=None)
        one = self.worker()
        one.start()
        uuid = self.ask(pod_manager.uuid)
        one.wake()
        self.assertEqual("succeeded", self.wait_for(lambda: self.ended(uuid)).state)

    def test_it_synchronizes_what_is_due(self):
        pod_manager = self.database.register(self.simulator)
        self.worker().start()
        self.wait_for(lambda: self.database.store.get(models.PodManager, pod_manager.uuid).last_synced_at)

    def test_those_that_nobody_serves_keep_no_others_waiting(self):
        self.patch(worker, "LOOK_LIMIT", 1)
        values = {
            "conductor": "conductor-1",
            "conductor_group": "gone",
            "next_sync_at": "2000-01-01T00:00:00Z",
        }
        self.database.register(self.simulator, name="unserved", url="http://127.0.0.1:9/redfish/v1", **values)
        pod_manager = self.database.register(self.simulator, conductor="conductor-1")
        self.worker().start()
        self.wait_for(lambda: self.database.store.get(models.PodManager, pod_manager.uuid).last_synced_at)

    def test_it_leaves_alone_what_another_conductor_works_on(self):
        pod_manager = self.database.register(self.simulator)
        uuid = self.ask(pod_manager.uuid)
        one = self.worker()
        with self.database.keeper("other").hold(worker.lease_name(pod_manager.uuid)):
            one.look()
            one.stop()
        self.assertEqual("pending", self.database.store.get(models.Operation, uuid).state)

    def test_two_do_each_operation_once(self):
        pod_managers = [self.database.register(self.simulator, name=f"p{n}", url=f"{self.simulator.url}/redfish/v1?{n}")
                        for n in range(3)]  # fmt: skip
        uuids = [self.ask(each.uuid) for each in pod_managers]
        for holder in ("one", "two"):
            self.worker(holder).start()
        for uuid in uuids:
            self.wait_for(lambda uuid=uuid: self.ended(uuid), timeout=20)
        began = self.database.events("pod_manager.sync.start")
        self.assertEqual({each.uuid for each in pod_managers}, {each.object_id for each in began})
        self.assertEqual(len(pod_managers), len(began))

    def test_stop_hands_back_what_has_not_begun(self):
        uuid = self.ask(self.database.register(self.simulator).uuid)
        one = self.worker()
        one.stop()
        one.look()
        self.assertEqual("pending", self.database.store.get(models.Operation, uuid).state)


class ReleaseKeeper(leases.LeaseKeeper):
    """A keeper that tells when a lease is no more held and not released yet."""

    releasing = staticmethod(lambda: None)

    def _release(self, lease):
        self.releasing()
        super()._release(lease)


class HintTest(WorkerCase):
    def setUp(self):
        super().setUp()
        self.pod_manager = self.database.register(self.simulator)
        self.keeper = ReleaseKeeper(self.database.store, "conductor-1", 15)
        self.connections = self.database.connections()
        self.one = worker.Worker(
            self.database.conf, self.database.store, self.keeper, self.connections, self.database.ownership()
        )
        self.addCleanup(self.one.stop)
        self.one.start()
        self.wait_for(self.is_synchronized)

    def is_synchronized(self):
        """Whether it was synchronized, and nobody works on it any more."""
        synchronized = self.database.store.get(models.PodManager, self.pod_manager.uuid).last_synced_at
        return synchronized and not self.database.store.leases(worker.lease_name(self.pod_manager.uuid))

    def hint(self, system="System1"):
        self.one.hints.offer(
            self.pod_manager.uuid, [podmanagers.Hint(f"/redfish/v1/Systems/{system}", False)]
        )

    def told(self):
        return [each.new["name"] for each in self.database.events("resource.state_changed")]

    def test_what_a_hint_is_about_is_read_at_once(self):
        self.simulator.set_health("System1", "Warning")
        self.hint()
        self.wait_for(lambda: self.told() == ["System 1"])

    def test_a_hint_is_processed_without_a_look_for_other_work(self):
        self.one._loop.stop(timeout=10)
        self.ask(self.pod_manager.uuid)
        self.simulator.set_health("System1", "Warning")
        self.hint()
        self.wait_for(lambda: self.told() == ["System 1"])
        self.wait_for(self.is_synchronized)
        self.assertEqual([], self.database.events("pod_manager.sync.start"))
        self.one.look()
        self.wait_for(lambda: self.database.events("pod_manager.sync.start"))

    def test_a_hint_that_comes_during_other_work_is_looked_into_after_it(self):
        self.simulator.set_faults(latency=20)
        self.ask(self.pod_manager.uuid)
        self.one.wake()
        self.wait_for(lambda: self.database.events("pod_manager.sync.start"))
        self.simulator.set_faults(latency=0, error_rate=1.0, fault_paths="System1$")  # the crawl misses it
        self.simulator.set_health("System1", "Warning")
        self.hint()
        self.simulator.set_faults()
        self.wait_for(lambda: "System 1" in self.told())

    def test_a_hint_waits_while_somebody_else_works_on_it(self):
        self.simulator.set_health("System1", "Warning")
        with self.database.keeper("other").hold(worker.lease_name(self.pod_manager.uuid), steal=True):
            self.hint()
            self.one.look()
            self.assertEqual([], self.told())
        self.wait_for(lambda: self.told() == ["System 1"])

    def test_a_look_at_the_end_of_work_breaks_nothing_off(self):
        before = self.connections.current(self.pod_manager.uuid, connections.SYNC)
        looked = threading.Event()

        def look():
            self.one.look()
            looked.set()

        self.keeper.releasing = look
        self.hint()
        self.assertTrue(looked.wait(60))
        self.assertIs(before, self.connections.current(self.pod_manager.uuid, connections.SYNC))


class HangingTest(WorkerCase):
    """A pod manager that takes requests and never answers: work on it ends when it must, not when it times out."""

    def setUp(self):
        super().setUp()
        self.pod_manager = self.database.register(self.simulator)
        self.simulator.set_faults(hang_rate=1.0)
        self.uuid = self.ask(self.pod_manager.uuid)

    def begin(self, **values):
        """Return a worker that waits for the pod manager."""
        one = self.worker(**values)
        one.start()
        self.wait_for(lambda: self.simulator.stats()["requests"])
        return one

    def test_stop_hands_it_back_at_once(self):
        one = self.begin()
        began = clock.seconds()
        one.stop()
        self.assert_in_time(clock.seconds() - began, 5)
        self.assertEqual("pending", self.database.store.get(models.Operation, self.uuid).state)
        self.assertEqual([], self.database.events("pod_manager.sync.error"))

    def test_whoever_lost_the_lease_lets_go(self):
        self.begin(ttl=1)
        with self.database.keeper("other").hold(worker.lease_name(self.pod_manager.uuid), steal=True):
            self.wait_for(lambda: "work failed" in self.log.output)
        self.assertEqual([], self.database.events("pod_manager.sync.error"))

    def test_a_corrected_access_ends_the_contact_with_the_old_one(self):
        other = self.useFixture(embedded.Pod()).simulator
        one = self.begin()
        current = self.database.store.get(models.PodManager, self.pod_manager.uuid)
        corrected = {"url": f"{other.url}/redfish/v1", "next_sync_at": types.now(), "failures": 0}
        self.database.store.commit(store.Update(current, corrected))
        one.wake()
        self.assertEqual("succeeded", self.wait_for(lambda: self.ended(self.uuid)).state)
        now = self.database.store.get(models.PodManager, self.pod_manager.uuid)
        self.assertEqual(("online", 0), (now.status, now.failures))
        self.assertEqual([], self.database.events("pod_manager.sync.error"))

    def test_maintenance_ends_the_contact(self):
        one = self.begin()
        current = self.database.store.get(models.PodManager, self.pod_manager.uuid)
        self.database.store.commit(store.Update(current, {"maintenance": True}))
        one.wake()
        ended = self.wait_for(lambda: self.ended(self.uuid))
        self.assertEqual("failed", ended.state)
        self.assertIn("maintenance", ended.cause)

    def test_cancelling_leaves_other_work_on_the_pod_manager_alone(self):
        one = self.begin()
        with one._connections.use(self.pod_manager, connections.INTROSPECTION) as other:
            self.cancel()
            one.wake()
            self.assertEqual("cancelled", self.wait_for(lambda: self.ended(self.uuid)).state)
            self.simulator.set_faults()
            self.assertTrue(other.root().uuid)

    def test_cancelling_cuts_no_request_of_other_work(self):
        self.simulator.set_faults()
        one = self.worker()
        with (
            one._connections.use(self.pod_manager, connections.INTROSPECTION) as introspection,
            one._connections.use(self.pod_manager, connections.NODES) as nodes,
            futures.ThreadPoolExecutor(2) as executor,
        ):
            url = introspection.read("/redfish/v1/Systems")["Members"][0]["@odata.id"]
            nodes.read(url)
            self.simulator.set_faults(hang_rate=1.0)
            self.begun(one.start)
            self.simulator.set_faults(latency=2000, hang_rate=0)
            inspecting = self.begun(lambda: executor.submit(introspection.read, url))
            powering = self.begun(lambda: executor.submit(nodes.boot, url, target="pxe", enabled="once"))
            self.cancel()
            one.wake()
            self.assertEqual("cancelled", self.wait_for(lambda: self.ended(self.uuid)).state)
            self.assertEqual(url, inspecting.result(timeout=60)["@odata.id"])
            self.assertEqual(podmanagers.DONE, powering.result(timeout=60).state)

    def begun(self, function):
        """Call a function; return its result when a request of it has arrived."""
        before = self.simulator.stats()["requests"]
        result = function()
        self.wait_for(lambda: self.simulator.stats()["requests"] > before)
        return result

    def cancel(self):
        operation = self.database.store.get(models.Operation, self.uuid)
        asked = store.Update(operation, {"cancel_requested_at": types.now()}, touch=False)
        self.database.store.commit(asked)


class MaintenanceTest(WorkerCase):
    def test_its_beginning_signs_out(self):
        pod_manager = self.database.register(self.simulator)
        one = self.worker()
        one.start()
        self.wait_for(lambda: self.simulator.stats()["sessions"])
        self.wait_for(lambda: self.database.store.get(models.PodManager, pod_manager.uuid).last_synced_at)
        current = self.database.store.get(models.PodManager, pod_manager.uuid)
        self.database.store.commit(store.Update(current, {"maintenance": True}))
        one.wake()
        self.wait_for(lambda: self.simulator.stats()["sessions"] == 0)
        requests = self.simulator.stats()["requests"]
        one.look()
        self.assertEqual(requests, self.simulator.stats()["requests"])


class FailureTest(WorkerCase):
    def test_work_that_cannot_record_its_failure_rests_and_is_logged_with_its_traceback_once(self):
        def fail(_keeper, _name):
            raise RuntimeError("broken")

        self.patch(leases.LeaseKeeper, "hold", fail)
        self.patch(pacing, "FIRST", 0.1)
        before = figures.value("valence_conductor_work_failures_total", kind="unexpected") or 0
        pod_manager = self.database.register(self.simulator)
        one = self.worker()
        self.patch(worker, "LOOK_INTERVAL", 0.05)
        one.start()

        def failures():
            one.wake()
            return figures.value("valence_conductor_work_failures_total", kind="unexpected") - before > 2

        self.wait_for(failures)
        self.assertEqual(1, self.log.output.count("Traceback"))
        self.assertIn(pod_manager.uuid, self.log.output)
