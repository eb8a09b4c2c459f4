# SPDX-License-Identifier: Apache-2.0
"""Power and boot of a node: done once, also where an answer is lost or a conductor dies."""

import types

import fixtures

from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import test_hardware
from valence.common import composition_errors
from valence.common import errors
from valence.conductor.nodes import machine
from valence.db import store
from valence.podmanagers import base


class PaceTest(case.base.TestCase):
    def test_machines_are_polled_and_asked_as_often_as_other_hardware(self):
        for name, value in (("INTERVAL", 0.25), ("LONGEST_PAUSE", 0.5), ("MOST_REQUESTS", 2)):
            self.useFixture(fixtures.MonkeyPatch(f"valence.conductor.nodes.hardware.{name}", value))
        busy = composition_errors.PodManagerBusy(url="http://127.0.0.1", reason="503", seconds=20)
        driver = test_hardware.Driver("On", answers=[busy, case.unknown(), case.unknown()])
        one = test_hardware.Job(driver)
        one.options.power_timeout = 60
        power = machine.Power(one, "/redfish/v1/Systems/1", "force_off")
        self.assertEqual([0.5, 0.25], [power.act(), power.act()])
        self.assertRaises(composition_errors.HardwareOutcomeUnknown, power.act)


class PowerTest(case.NodesCase):
    options = {"composition__power_timeout": 2}

    def test_a_machine_is_switched_off(self):
        node = self.adopt()
        operation = self.act(node, power="force_off")
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result))
        self.assertEqual(["act", "confirm"], [step["name"] for step in operation.steps])
        self.assertEqual(["force_off"], self.machines.requests)
        self.assertEqual("composed", self.node(node.uuid).state)

    def test_what_is_done_already_is_not_asked_for(self):
        self.act(self.adopt(), power="on")
        self.assertEqual([], self.machines.requests)

    def test_a_repeatable_action_whose_answer_was_lost_is_looked_for(self):
        node = self.adopt()
        self.machines.answers = [case.unknown()]
        self.assertEqual("succeeded", self.act(node, power="force_off").state)
        self.assertEqual(["force_off"], self.machines.requests)

    def test_a_repeatable_action_that_did_not_arrive_is_asked_for_again(self):
        node = self.adopt()
        self.machines.obeys, self.machines.answers = False, [case.unknown(), case.unknown(), case.unknown()]
        operation = self.act(node, power="force_off")
        self.assertEqual("failed", operation.state)
        self.assertEqual(["force_off"] * 3, self.machines.requests)
        self.assertEqual("composed", self.node(node.uuid).state)

    def test_a_restart_whose_answer_was_lost_is_never_repeated(self):
        node = self.adopt()
        self.machines.answers = [case.unknown()]
        operation = self.act(node, power="force_restart")
        self.assertEqual("failed", operation.state)
        self.assertIn("is not known", operation.cause)
        self.assertEqual(["force_restart"], self.machines.requests)

    def test_a_machine_that_accepts_and_does_nothing_is_told_as_unconfirmed(self):
        node = self.adopt()
        self.machines.obeys = False
        operation = self.act(node, power="force_off")
        self.assertEqual(("succeeded", "unconfirmed"), (operation.state, operation.result))
        self.assertEqual(["force_off"], self.machines.requests)

    def test_a_machine_without_a_power_state_is_told_as_unconfirmed(self):
        node = self.adopt()
        self.machines.obeys, self.machines.power = False, types.SimpleNamespace(get=lambda url, default: None)
        operation = self.act(node, power="force_off")
        self.assertEqual(("succeeded", "unconfirmed"), (operation.state, operation.result))
        self.assertEqual(["force_off"], self.machines.requests)

    def test_what_was_done_and_is_undone_meanwhile_ends_as_unconfirmed(self):
        node, states = self.adopt(), iter(["Off"])
        self.machines.power = types.SimpleNamespace(get=lambda url, default: next(states, "On"))
        operation = self.act(node, power="force_off")
        self.assertEqual(("succeeded", "unconfirmed"), (operation.state, operation.result))
        self.assertEqual([], self.machines.requests)

    def test_a_busy_pod_manager_is_asked_again(self):
        node = self.adopt()
        busy = composition_errors.PodManagerBusy(url="http://127.0.0.1", reason="503", seconds=0)
        self.machines.answers, self.machines.obeys = [busy], True
        self.assertEqual("succeeded", self.act(node, power="force_restart").state)
        self.assertEqual(["force_restart"] * 2, self.machines.requests)

    def test_a_request_that_was_not_sent_fails(self):
        node = self.adopt()
        self.machines.answers, self.machines.obeys = [case.unreachable()], False
        operation = self.act(node, power="force_off")
        self.assertEqual(("failed", case.unreachable().detail), (operation.state, operation.cause))
        self.assertEqual("composed", self.node(node.uuid).state)

    def test_a_machine_that_neither_the_pod_manager_nor_the_inventory_has_is_gone(self):
        for is_known, expected in ((True, "composed"), (False, "error")):
            node = self.adopt()
            self.machines.answers = [errors.ResourceGone(url="http://127.0.0.1", reason="404")]
            if not is_known:
                (resource,) = (row for row in self.systems() if row.resource_url == node.resource_url)
                self.store.commit(store.Delete(self.store.get(case.models.Resource, resource.uuid)))
            self.assertEqual("failed", self.act(node, power="force_restart").state)
            stored = self.node(node.uuid)
            self.assertEqual((expected, not is_known), (stored.state, "is gone from" in (stored.error or "")))
            self.store.commit(*map(store.Delete, self.claims()), store.Delete(stored))

    def test_a_node_in_error_says_what_helps(self):
        node = self.change(self.adopt(), state="error", error="Its machine is gone.")
        error = self.assertRaises(composition_errors.NodeInError, self.act, node, power="on")
        (problem,) = error.problems
        self.assertTrue(problem["detail"].endswith(" Its machine is gone."), problem)
        self.assertIn("Delete the node", problem["hint"])

    def test_a_task_is_followed_to_its_end(self):
        node = self.adopt()
        followed = self.follow_tasks(base.TASK, base.DONE)
        self.assertEqual("succeeded", self.act(node, power="force_off").state)
        self.assertEqual(["/redfish/v1/Tasks/1"] * 2, followed)

    def test_a_task_that_does_not_end_is_unconfirmed(self):
        node = self.adopt()
        self.follow_tasks(*[base.TASK] * 30)
        operation = self.act(node, power="force_off")
        self.assertEqual(("succeeded", "unconfirmed"), (operation.state, operation.result))

    def follow_tasks(self, *states):
        """Let the next action be a task that has these states; return the list of its URL each time it is read."""
        followed, url = [], "/redfish/v1/Tasks/1"

        def follow(_driver, task_url):
            followed.append(task_url)
            return base.Outcome(states[len(followed) - 1], task_url=task_url, retry_after=0)

        self.useFixture(case.fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.follow", follow))
        self.machines.answers = [base.Outcome(base.TASK, task_url=url)]
        return followed


class BootTest(case.NodesCase):
    def test_a_boot_target_is_chosen_once(self):
        node = self.adopt()
        operation = self.act(node, boot={"target": "pxe", "enabled": "once", "mode": None})
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result))
        self.assertEqual(["pxe"], self.machines.requests)
        self.act(node, boot={"target": "pxe", "enabled": "once", "mode": None})
        self.assertEqual(["pxe"], self.machines.requests)

    def test_it_is_removed_again(self):
        node = self.adopt()
        self.act(node, boot={"target": "pxe", "enabled": "once", "mode": None})
        self.act(node, boot={"target": "none", "enabled": "disabled", "mode": None})
        self.act(node, boot={"target": "none", "enabled": "disabled", "mode": None})
        self.assertEqual(["pxe", "none"], self.machines.requests)
