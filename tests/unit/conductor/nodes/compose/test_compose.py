# SPDX-License-Identifier: Apache-2.0
"""A machine is made once and taken apart whole, whatever the pod manager answers or loses."""

from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import composing
from valence.common import composition_errors
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.podmanagers import base


class ComposeTest(composing.ComposingCase):
    def assert_composed(self, node, operation, requests=1):
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual("composed", node.state)
        self.assertEqual([node.resource_url], list(self.hardware.machines_))
        self.assertEqual(requests, self.hardware.requests.count("compose"))
        self.assertEqual({"attached"}, {claim.state for claim in self.claims()})

    def assert_undone(self, node, operation):
        self.assertEqual("failed", operation.state)
        self.assertEqual("error", node.state)
        self.assertEqual(operation.cause, node.error)
        self.assertEqual(({}, []), (self.hardware.machines_, self.claims()))

    def test_the_node_gets_a_machine_of_its_parts(self):
        node, operation = self.compose()
        self.assert_composed(node, operation)
        self.assertEqual(["verify", "reserve", "compose", "check"], self.steps(operation))

    def test_a_part_that_somebody_took_fails_before_anything_is_requested(self):
        self.hardware.taken[self.parts[0].resource_url] = "another client has it"
        node, operation = self.compose()
        self.assertIn("another client has it", operation.cause)
        self.assertEqual([], self.hardware.requests)
        self.assert_undone(node, operation)

    def test_a_machine_whose_answer_was_lost_is_found_by_its_mark(self):
        self.hardware.answers = [case.unknown()]
        self.assert_composed(*self.compose())

    def test_a_machine_without_a_mark_is_found_by_its_parts(self):
        self.hardware.answers, self.hardware.names = [case.unknown()], False
        self.assert_composed(*self.compose())

    def test_answers_without_an_address_are_looked_for(self):
        self.hardware.answers = [base.Outcome(base.UNKNOWN)]
        self.assert_composed(*self.compose())

    def test_a_task_is_followed_and_may_be_gone(self):
        def follow(_driver, _url):
            raise errors.ResourceGone(url="http://127.0.0.1", reason="404")

        self.useFixture(case.fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.follow", follow))
        self.hardware.answers = [base.Outcome(base.TASK, task_url="/redfish/v1/Tasks/1", retry_after=0)]
        self.assert_composed(*self.compose())

    def test_what_the_pod_manager_says_against_it_is_the_error(self):
        self.hardware.answers, self.hardware.obeys = [composing.failed()], False
        node, operation = self.compose()
        self.assertIn("not today", operation.cause)
        self.assertEqual(["remove", "gone"], self.steps(operation)[-2:])
        self.assert_undone(node, operation)

    def test_a_machine_that_was_made_in_spite_of_an_error_is_removed(self):
        self.hardware.answers = [composing.failed()]
        self.assert_undone(*self.compose())
        self.assertEqual(["compose", "decompose"], self.hardware.requests)

    def test_what_cannot_be_undone_keeps_its_claims_and_is_taken_apart_later(self):
        node, operation = self.compose()
        self.hardware.obeys = False
        operation = self.decompose(node)
        self.assertEqual("failed", operation.state)
        left = self.node(node.uuid)
        self.assertEqual(("error", "absent"), (left.state, left.goal))
        self.assertEqual(3, len(self.claims()))
        self.hardware.obeys = True
        self.change(left, handle=left.handle | {"next_at": 0})
        self.sweep()
        self.wait_for(lambda: not self.store.list(models.Node))
        self.assertEqual(({}, []), (self.hardware.machines_, self.claims()))

    def sweep(self):
        (sweep,) = (
            part for part in self.conductor.service._parts if type(part).__module__.endswith("nodes.sweep")
        )
        sweep.sweep()


class OthersTest(composing.ComposingCase):
    def test_the_machine_of_a_client_who_was_faster_is_left_alone(self):
        other = "/redfish/v1/Systems/other"

        def faster(plan):
            self.hardware.machines_[other] = (None, plan.resource_urls)
            raise composing.taken()

        self.hardware.compose = faster
        node, operation = self.compose()
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertEqual([other], list(self.hardware.machines_))
        self.assertEqual(([], []), (self.claims(), self.hardware.requests))

    def test_of_several_machines_that_may_be_the_one_none_is_removed(self):
        self.hardware.answers, self.hardware.obeys = [case.unknown()], False
        node, operation = self.request()
        self.wait_for(lambda: self.hardware.requests)
        for name in ("a", "b"):
            urls = tuple(part.resource_url for part in self.parts)
            self.hardware.machines_[f"/redfish/v1/Systems/{name}"] = (None, urls)
        self.hardware.obeys = True
        ended = self.ended(operation.public())
        self.assertEqual("failed", ended.state)
        self.assertIn("several machines", ended.cause)
        self.assertEqual((2, 3), (len(self.hardware.machines_), len(self.claims())))

    def test_a_part_that_is_gone_from_the_inventory_fails_before_anything_is_requested(self):
        gone = self.parts.pop()
        self.parts.append(gone)
        stored = self.store.get(models.Resource, gone.uuid)
        self.conductor.service._node_worker._loop.stop()
        node, operation = self.request()
        self.store.commit(store.Delete(stored))
        worker = self.conductor.service._node_worker
        self.wait_for(lambda: worker.look() or self.store.get(models.Operation, operation.uuid).ended_at)
        ended = self.store.get(models.Operation, operation.uuid)
        self.assertEqual("failed", ended.state)
        self.assertIn(f"The device {gone.uuid} is gone from the inventory", ended.cause)
        self.assertEqual([], self.hardware.requests)


class PatienceTest(composing.ComposingCase):
    options = {"composition__timeout": 20}

    def test_a_request_that_did_not_arrive_is_repeated_after_the_parts_were_free_twice(self):
        self.hardware.answers = [composing.lost()]
        node, operation = self.compose()
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        self.assertEqual(["compose"] * 2, self.hardware.requests)
        self.assertEqual([node.resource_url], list(self.hardware.machines_))

    def test_a_cancelled_composition_is_undone(self):
        self.hardware.answers = [composing.lost()]
        operation = self.cancelled(lambda: self.request()[1])
        self.assertEqual("cancelled", operation.state, operation.cause)
        self.assertEqual(["remove", "gone"], self.steps(operation)[-2:])
        self.assertEqual(("error", []), (self.node(operation.target_id).state, self.claims()))
        self.assertEqual(["compose"], self.hardware.requests)

    def test_a_busy_pod_manager_is_asked_until_it_has_time(self):
        self.hardware.answers = [composing.busy() for _ in range(5)]
        node, operation = self.compose()
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        self.assertEqual(6, self.hardware.requests.count("compose"))

    def test_a_pod_manager_that_does_not_answer_for_a_while_undoes_nothing(self):
        self.hardware.failures = [case.unreachable() for _ in range(3)]
        node, operation = self.compose()
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)

    def test_parts_that_are_being_composed_with_keep_their_claims(self):
        self.hardware.answers, self.hardware.obeys = [case.unknown()], False
        self.hardware.changing = {self.parts[0].resource_url}
        node, operation = self.request()
        self.wait_for(lambda: self.hardware.requests)
        self.conductor.client.operations.cancel(self.context, operation.uuid)
        self.wait_for(lambda: self.operation_step(operation) == "gone")
        self.assertEqual(3, len(self.claims()))
        self.hardware.changing = set()
        self.assertEqual("cancelled", self.ended(operation.public()).state)
        self.assertEqual([], self.claims())

    def test_a_removal_that_was_not_sent_does_not_count(self):
        node, _ = self.compose()
        self.hardware.answers = [case.unreachable()] * 4
        decompose, answer = self.hardware.decompose, self.hardware._answer

        def removed(url, **more):
            return answer(url) if self.hardware.answers else decompose(url, **more)

        self.hardware.decompose = removed
        self.assertEqual("succeeded", self.decompose(node).state)
        self.assertEqual({}, self.hardware.machines_)

    def operation_step(self, operation):
        steps = self.store.get(models.Operation, operation.uuid).steps
        return steps[-1]["name"] if steps else None


class DecomposeTest(composing.ComposingCase):
    def test_a_machine_that_refuses_to_shut_down_is_switched_off(self):
        node, _ = self.compose()
        self.machines.answers = [errors.PodManagerError(url="http://127.0.0.1", reason="not now")]
        self.assertEqual("succeeded", self.decompose(node).state)
        self.assertEqual(["force_off"] * 2, self.machines.requests)

    def test_a_cancellation_that_comes_too_late_changes_nothing(self):
        node, _ = self.compose()
        self.hardware.obeys = False
        self.assertEqual("failed", self.decompose(node).state)
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        self.hardware.obeys = True
        operation = self.nodes.delete(self.context, None, node.uuid)
        self.conductor.client.operations.cancel(self.context, operation["uuid"])
        self.wait_for(
            lambda: worker.look() or self.store.get(models.Operation, operation["uuid"]).ended_at, timeout=20
        )
        self.assertEqual("succeeded", self.store.get(models.Operation, operation["uuid"]).state)
        self.assertEqual(({}, []), (self.hardware.machines_, self.claims()))

    def test_nothing_of_the_node_is_left(self):
        node, _ = self.compose()
        operation = self.decompose(node)
        self.assertEqual(
            ("succeeded", ["power_off", "erase", "remove", "gone"]), (operation.state, self.steps(operation))
        )
        self.assertEqual(({}, []), (self.hardware.machines_, self.claims()))
        self.assertEqual([], self.store.list(models.Node))
        self.assertEqual("Off", self.machines.power[node.resource_url])
        self.assertEqual(1, len(self.database.events("node.delete")))

    def test_an_answer_that_was_lost_is_no_failure(self):
        node, _ = self.compose()
        self.hardware.answers = [case.unknown()]
        self.assertEqual("succeeded", self.decompose(node).state)

    def test_a_removal_that_is_accepted_without_effect_ends(self):
        node, _ = self.compose()
        self.hardware.requests.clear()
        self.hardware.answers, self.hardware.obeys = [base.Outcome(base.UNKNOWN)] * 1000, False
        operation = self.decompose(node)
        self.assertEqual(("failed", 3), (operation.state, len(self.hardware.requests)))
        self.assertIn("still there", operation.cause)
        self.assertEqual(("error", "absent"), (self.node(node.uuid).state, self.node(node.uuid).goal))

    def test_a_machine_that_is_gone_already_is_no_failure(self):
        node, _ = self.compose()
        self.hardware.machines_.clear()
        self.assertEqual("succeeded", self.decompose(node).state)

    def test_a_machine_of_another_client_at_the_path_of_one_that_is_gone_is_left_alone(self):
        node, _ = self.compose()
        self.hardware.requests.clear()
        self.hardware.machines_[node.resource_url] = (None, ("/redfish/v1/Chassis/of-somebody-else",))
        operation = self.decompose(node)
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual(([], []), (self.hardware.requests, self.machines.requests))
        self.assertEqual([node.resource_url], list(self.hardware.machines_))
        self.assertEqual([], self.claims())

    def test_a_machine_is_the_nodes_by_its_mark_or_a_part_or_where_nothing_tells(self):
        part, other = self.parts[0].resource_url, "/redfish/v1/Chassis/of-somebody-else"
        for mark, used in ((True, (other,)), (None, (part, other)), (None, ())):
            node, _ = self.compose()
            self.hardware.machines_[node.resource_url] = (mark and node.uuid, used)
            self.hardware.requests.clear()
            self.assertEqual("succeeded", self.decompose(node).state)
            self.assertEqual((["decompose"], {}), (self.hardware.requests, self.hardware.machines_))

    def test_a_machine_of_the_same_parts_that_carries_the_mark_of_another_node_is_left_alone(self):
        other = "6f0c5c3e-5a6e-4c5e-9d0e-0f6b7c1d2e3f"
        for known in (True, False):
            node, _ = self.compose()
            if not known:  # as the commit before stored it
                node = self.change(node, handle=node.handle | {"sign": None})
            used = self.hardware.machines_[node.resource_url][1]
            self.hardware.machines_[node.resource_url] = (other, used)
            self.hardware.requests.clear()
            operation = self.decompose(node)
            self.assertEqual("succeeded", operation.state, operation.cause)
            self.assertEqual([], self.hardware.requests)
            self.assertEqual((other, used), self.hardware.machines_.pop(node.resource_url))
            self.assertEqual([], self.claims())

    def test_parts_that_other_clients_got_at_once_are_given_back_too(self):
        node, _ = self.compose()
        self.hardware.machines_.clear()
        for part in self.parts:
            self.hardware.taken[part.resource_url] = "another client has it"
        self.assertEqual("succeeded", self.decompose(node).state)
        self.assertEqual([], self.claims())

    def test_a_node_that_is_being_composed_is_busy(self):
        self.hardware.answers, self.hardware.obeys = [case.unknown()], False
        node, operation = self.request()
        self.refused(
            composition_errors.NodeBusy, self.nodes.delete, self.context, None, node.uuid, force=True
        )
        self.ended(operation.public())

    def test_a_node_without_claims_is_gone_at_once(self):
        self.hardware.taken[self.parts[0].resource_url] = "another client has it"
        node, _ = self.compose()
        self.assertIsNone(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual([], self.store.list(models.Node))
