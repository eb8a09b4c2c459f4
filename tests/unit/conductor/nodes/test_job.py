# SPDX-License-Identifier: Apache-2.0
"""An operation on a node ends once, whatever happens while it is under way."""

import fixtures

from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import composing
from valence.common import errors
from valence.conductor.nodes import job
from valence.conductor.nodes import worker
from valence.conductor.work import operations
from valence.db import models
from valence.db import store


class JobTest(case.NodesCase):
    options = {"composition__power_timeout": 2}

    def test_a_cancelled_action_ends_before_the_machine_is_confirmed(self):
        node = self.adopt()
        self.machines.obeys = False
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.wait_for(lambda: self.machines.requests)
        self.conductor.client.operations.cancel(self.context, operation["uuid"])
        self.assertEqual("cancelled", self.ended(operation).state)
        self.assertEqual("composed", self.node(node.uuid).state)

    def test_a_name_that_changes_meanwhile_is_kept(self):
        node = self.adopt()
        self.machines.obeys = False
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.nodes.update(self.context, None, node.uuid, {"name": "db"})
        self.ended(operation)
        self.assertEqual(("db", "composed"), (self.node(node.uuid).name, self.node(node.uuid).state))

    def test_a_restart_that_another_conductor_asked_for_is_never_repeated(self):
        node = self.adopt()
        self.pause()
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_restart"})
        stored = self.node(node.uuid)
        self.change(stored, handle=stored.handle | {"requests": 1})
        self.resume()
        ended = self.ended(operation)
        self.assertEqual(("failed", []), (ended.state, self.machines.requests))
        self.assertIn("is not known", ended.cause)

    def pause(self):
        """Stop the only conductor's work on nodes, while it still answers calls."""
        self.conductor.service._node_worker._loop.stop()

    def resume(self):
        """Let another conductor work on nodes."""
        self.conductor.join("conductor-2")
        self.conductor.service._ownership.leave()

    def test_an_error_of_valence_itself_ends_it_and_the_node_is_as_before(self):
        node = self.adopt()
        self.machines.answers = [ValueError("a fault")]
        operation = self.act(node, power="force_off")
        self.assertEqual("failed", operation.state)
        self.assertIn("unexpected error", operation.cause)
        self.assertEqual("composed", self.node(node.uuid).state)

    def test_an_operation_of_a_newer_version_waits_for_a_conductor_that_knows_it(self):
        node, known = self.adopt(), self.conductor.service._node_worker._kinds
        power = known.pop("power")
        self.useFixture(fixtures.MonkeyPatch(f"{worker.__name__}.AFTER_FAULT", 0.01))
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.wait_for(lambda: "waits for a conductor of a newer version: it is power" in self.log.output)
        self.assertEqual("pending", self.store.get(models.Operation, operation["uuid"]).state)
        known["power"] = power
        self.assertEqual("succeeded", self.ended(operation).state)

    def test_an_operation_that_conductors_die_of_is_abandoned(self):
        node = self.adopt()
        self.pause()
        operation = self.nodes.act(self.context, None, node.uuid, {"power": "force_off"})
        self.change(self.store.get(models.Operation, operation["uuid"]), attempts=5)
        self.resume()
        self.assertEqual("failed", self.ended(operation).state)
        self.assertEqual([], self.machines.requests)

    def test_an_abandoned_operation_does_nothing_though_its_end_is_not_stored_at_once(self):
        fail, failures = operations.Recorder.fail, [errors.Unavailable(reason="the store is away")]

        def failing(recorder, *arguments):
            if failures:
                raise failures.pop()
            fail(recorder, *arguments)

        node = self.adopt()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.work.operations.Recorder.fail", failing))
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.work.operations.MOST_ATTEMPTS", 0))
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.worker.AGAIN", 0.05))
        operation = self.act(node, power="force_off")
        self.assertEqual(([], "failed", []), (failures, operation.state, self.machines.requests))

    def test_the_synchronization_sees_the_new_state(self):
        node = self.adopt()
        self.act(node, power="force_off")
        system = store.Filter("resource_url", "eq", node.resource_url)
        self.wait_for(lambda: self.pod.stats()["requests"])
        self.assertEqual(1, self.store.count(models.Resource, filters=[system]))


class PollsTest(composing.ComposingCase):
    def setUp(self):
        super().setUp()
        self.worker = self.conductor.service._node_worker
        self.worker._loop.stop()
        self.hardware.obeys, self.hardware.answers = False, [case.unknown()]
        self.composed, self.operation = self.request()
        self.advance("compose")
        self.hardware.taken = {self.parts[0].resource_url: "it is being composed with"}
        self.assertLess(self.since(), self.store.now() - 1000)

    def advance(self, step):
        """Work on the operation until it polls in a step, which it has done for long after that."""
        self.wait_for(lambda: self.work() is not None and self.since())
        node = self.node(self.composed.uuid)
        self.assertEqual(step, node.handle["since"]["step"])
        long_ago = self.store.now() - 3600
        times = {"since": {"step": step, "at": long_ago}, "watched": {"1": long_ago}}
        self.change(node, handle=node.handle | times)

    def work(self):
        """Run the steps that can run now."""
        return self.worker._advance(self.operation.uuid, self.composed.uuid)

    def since(self):
        """Return since when the step polls, None if it does not."""
        return (self.node(self.composed.uuid).handle.get("since") or {}).get("at")

    def assert_goes_on(self):
        """Check that the step has its whole time again."""
        self.work()
        self.assertIsNone(self.store.get(models.Operation, self.operation.uuid).ended_at)
        handle = self.node(self.composed.uuid).handle
        self.assertNotIn("failure", handle)
        self.assertIsNone(handle["watched"])

    def test_the_time_in_which_no_conductor_polled_does_not_count(self):
        self.worker._begun.clear()
        self.assert_goes_on()

    def test_that_time_does_not_count_if_the_store_fails_as_the_operation_begins(self):
        self.worker._begun.clear()
        error = errors.Unavailable(reason="the store is away")
        with fixtures.MonkeyPatch("valence.conductor.nodes.job.Job._forget_polls", raising(error)):
            self.assertRaises(errors.Unavailable, self.work)
        self.assert_goes_on()

    def test_an_abandoned_operation_of_another_conductor_is_undone(self):
        operation = self.store.get(models.Operation, self.operation.uuid)
        self.change(operation, conductor="dead", attempts=operations.MOST_ATTEMPTS)
        self.assertEqual(0.0, self.work())
        self.assertIn("failure", self.node(self.composed.uuid).handle)
        self.assertIsNotNone(self.work())
        operation = self.store.get(models.Operation, self.operation.uuid)
        self.assertEqual((None, "gone"), (operation.ended_at, self.steps(operation)[-1]))

    def test_the_time_of_maintenance_does_not_count(self):
        pod_manager = self.store.get(models.PodManager, self.podm_id)
        pod_manager = self.change(pod_manager, maintenance=True)
        self.assertEqual(job.MAINTENANCE_PAUSE, self.work())
        self.change(pod_manager, maintenance=False)
        self.assert_goes_on()

    def test_the_time_of_polls_ends(self):
        self.work()
        self.assertIn("failure", self.node(self.composed.uuid).handle)


def raising(error):
    """Return a function that raises an error."""

    def function(*_):
        raise error

    return function
