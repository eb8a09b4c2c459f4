# SPDX-License-Identifier: Apache-2.0
"""Who works on a node, and when: synchronization and other nodes do not wait for each other."""

import fixtures
from oslo_utils import uuidutils

from tests.unit.conductor.nodes import case
from valence.common import errors
from valence.conductor.work import operations
from valence.db import models
from valence.db import store


class WorkerTest(case.NodesCase):
    def test_a_synchronization_that_hangs_delays_no_power_button(self):
        node = self.adopt()
        self.pod.set_faults(hang_rate=1.0)
        sync = self.conductor.client.pod_managers.sync(self.context, self.podm_id)
        operation = self.act(node, power="force_off")
        self.assertEqual("succeeded", operation.state)
        self.assertFalse(self.store.get(models.Operation, sync["uuid"]).ended_at)
        self.conductor.client.operations.cancel(self.context, sync["uuid"])
        self.pod.set_faults(hang_rate=0.0)

    def test_an_operation_on_a_node_that_is_gone_ends(self):
        gone = operations.new(self.context, "power", "node", uuidutils.generate_uuid())
        stored = self.store.commit(store.Create(gone))[0]
        self.assertEqual("cancelled", self.ended(stored.public()).state)

    def test_an_operation_that_ended_with_its_node_stays_as_it_ended(self):
        done = operations.new(self.context, "decompose", "node", uuidutils.generate_uuid())
        done.state, done.ended_at = "succeeded", self.store.at()
        stored = self.store.commit(store.Create(done))[0]
        # Another conductor ended it between this one's reads of operations and of nodes.
        self.conductor.service._node_worker._end_orphan(stored.uuid)
        self.assertEqual("succeeded", self.store.get(models.Operation, stored.uuid).state)

    def test_an_operation_whose_beginning_was_not_stored_is_counted_once(self):
        node = self.adopt()
        begin, failures = operations.Recorder.begin, [errors.Unavailable(reason="the store is away")]

        def failing(recorder, **first):
            if failures:
                raise failures.pop()
            begin(recorder, **first)

        self.useFixture(fixtures.MonkeyPatch("valence.conductor.work.operations.Recorder.begin", failing))
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.worker.AGAIN", 0.05))
        operation = self.act(node, power="force_off")
        self.assertEqual([], failures)
        self.assertEqual(("succeeded", 1), (operation.state, operation.attempts))
        self.assertEqual("conductor-1", operation.conductor)
        self.assertLessEqual(operation.started_at, operation.ended_at)

    def test_an_operation_that_comes_back_from_another_conductor_begins_again(self):
        node = self.adopt()
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        worker._begun[operation["uuid"]] = "conductor-1"
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.cluster.ownership.Ownership.owns", _no))
        worker.look()
        self.assertEqual({}, worker._begun)

    def test_an_operation_that_another_conductor_handed_back_meanwhile_begins_again(self):
        node = self.adopt()
        self.machines.obeys = False
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        uuid = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})["uuid"]
        worker._advance(uuid, node.uuid)
        self.assertIn(uuid, worker._begun)
        begun = self.store.get(models.Operation, uuid)
        self.change(begun, state="pending", conductor=None, attempts=0)
        worker._advance(uuid, node.uuid)
        again = self.store.get(models.Operation, uuid)
        self.assertEqual(("running", "conductor-1", 1), (again.state, again.conductor, again.attempts))

    def test_an_operation_that_has_not_begun_is_handed_back_without_an_attempt(self):
        node = self.adopt()
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        uuid = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})["uuid"]
        self.conductor.client.operations.cancel(self.context, uuid)
        with self.database.keeper().hold("work") as lease:
            operation = self.store.get(models.Operation, uuid)
            operations.Recorder(self.store, operation, lease, "conductor-1").hand_back()
        self.assertEqual(0, self.store.get(models.Operation, uuid).attempts)

    def test_a_request_for_work_that_this_conductor_does_wakes_nobody_else(self):
        node, woken = self.adopt(), []
        peers = "valence.conductor.cluster.ownership.Peers"
        self.useFixture(fixtures.MonkeyPatch(f"{peers}.wake_all", lambda _: woken.append("all")))
        self.assertEqual("succeeded", self.act(node, power="force_off").state)
        self.assertEqual([], woken)
        self.conductor.service._node_worker._loop.stop()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.cluster.ownership.Ownership.owns", _no))
        self.nodes.act(self.context, None, node.uuid, {"power": "on"})
        self.assertEqual(["all"], woken)

    def test_nodes_of_one_pod_manager_are_worked_on_at_the_same_time(self):
        nodes = [self.adopt(system) for system in self.systems()]
        started = [self.nodes.act(self.context, None, node.uuid, {"power": "force_off"}) for node in nodes]
        for operation in started:
            self.assertEqual("succeeded", self.ended(operation).state)

    def test_another_conductor_goes_on_where_one_stopped(self):
        node = self.adopt()
        self.machines.obeys = False
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.wait_for(lambda: self.machines.requests)
        self.conductor.service.stop()
        stored = self.store.get(models.Operation, operation["uuid"])
        self.assertFalse(stored.ended_at)
        self.machines.power[node.resource_url] = "Off"
        self.conductor.start()
        ended = self.ended(operation)
        self.assertEqual(("succeeded", None), (ended.state, ended.cause))

    def test_a_pod_manager_in_maintenance_is_left_alone(self):
        node = self.adopt()
        self.machines.obeys = False
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.wait_for(lambda: self.machines.requests)
        self.conductor.client.pod_managers.update(self.context, self.podm_id, {"maintenance": True})
        self.refused(errors.InMaintenance, self.adopt, self.systems()[1])
        self.conductor.client.operations.cancel(self.context, operation["uuid"])
        self.assertEqual("cancelled", self.ended(operation).state)

    def test_nodes_follow_machines_that_change_their_places(self):
        nodes = [self.adopt(system) for system in self.systems()]
        urls = [node.resource_url for node in nodes]
        # As if the inventory was from before the service numbered its systems in another order.
        rows = [self.store.get(models.Resource, claim.device_id) for claim in self.claims()]
        other = dict(zip(urls, reversed(urls), strict=True))
        swapped = [store.Update(row, {"resource_url": other[row.resource_url]}) for row in [*rows, *nodes]]
        self.store.commit(*swapped)
        self.ended(self.conductor.client.pod_managers.sync(self.context, self.podm_id))
        self.assertEqual(2, len(self.database.events("resource.moved")))
        self.assertEqual(urls, [self.node(node.uuid).resource_url for node in nodes])


def _no(*_):
    return False
