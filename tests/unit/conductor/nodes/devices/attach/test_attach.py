# SPDX-License-Identifier: Apache-2.0
"""A machine gets a device once and loses it once, whatever the pod manager answers or loses."""

import fixtures

from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import composing
from tests.unit.conductor.nodes import test_hardware
from valence.common import composition_errors
from valence.conductor.nodes import job
from valence.conductor.nodes import rights
from valence.conductor.nodes.devices import attach
from valence.db import models
from valence.db import store
from valence.podmanagers import base
from valence.podmanagers import composers

OTHER = "/redfish/v1/Systems/other"


class ChangeCase(composing.ComposingCase):
    """A node of two parts; a third one is attached to it, and detached."""

    def setUp(self):
        super().setUp()
        *self.parts, self.part = self.parts
        self.change_node, operation = self.compose()
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.hardware.requests.clear()

    @property
    def url(self):
        return self.part.resource_url

    @property
    def used(self):
        """The parts of the machine."""
        return self.hardware.machines_[self.change_node.resource_url][1]

    def begin(self, kind, *changes, **request):
        """Store an operation on the third part, and return it."""
        node = self.node(self.change_node.uuid)
        handle = {kind: {"device_id": self.part.uuid} | request, "devices": [self.part.uuid]}
        handle |= job.lasting(node.handle)
        operation, *others = rights.change(self.context, node, kind, handle, self.store.at())
        stored = self.store.commit(operation, *others, *changes)
        self.conductor.service._node_worker.wake()
        return stored[0]

    def begin_to_attach(self, *changes, **request):
        claim = models.Claim(
            id=f"{self.part.uuid}/1",
            node_id=self.change_node.uuid,
            device_id=self.part.uuid,
            podm_id=self.podm_id,
            part="storage/0",
        )
        return self.begin("attach", store.Create(claim), *changes, **request)

    def attach(self, **request):
        """Attach the third part, and return the ended operation."""
        return self.ended(self.begin_to_attach(**request).public())

    def detach(self, **request):
        """Detach the third part, and return the ended operation."""
        claim = self.store.get(models.Claim, f"{self.part.uuid}/1")
        detaching = store.Update(claim, {"state": "detaching"})
        return self.ended(self.begin("detach", detaching, **request).public())

    def sweep(self):
        (sweep,) = (
            part for part in self.conductor.service._parts if type(part).__module__.endswith("nodes.sweep")
        )
        sweep.sweep()

    def claim_state(self):
        """Return the state of the claim of the third part, None where it has ended."""
        found = [claim.state for claim in self.claims() if claim.device_id == self.part.uuid]
        return found[0] if found else None

    def assert_ready(self):
        """Check that the node can be used, with the machine that it had."""
        node = self.node(self.change_node.uuid)
        self.assertEqual(("composed", None), (node.state, node.error))
        self.assertEqual([node.resource_url], [url for url in self.hardware.machines_ if url != OTHER])

    def assert_attached(self, operation, requests=1):
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual("attached", self.claim_state())
        self.assertIn(self.url, self.used)
        self.assertEqual(requests, self.hardware.requests.count("attach"))
        (event,) = self.database.events("node.device_attached")
        self.assertEqual((self.part.uuid, "storage/0", "composed"),
                         tuple(event.new[name] for name in ("device_id", "part", "state")))  # fmt: skip
        self.assert_ready()

    def assert_failed(self, operation):
        """Check that the operation has failed, that the machine has no part more, and that the part is free."""
        self.assertEqual("failed", operation.state)
        self.assertIsNone(self.claim_state())
        self.assertNotIn(self.url, self.used)
        (event,) = self.database.events("node.device_failed")
        self.assertEqual(operation.cause, event.new["reason"])
        self.assert_ready()

    def assert_detached(self, operation, requests=1):
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertIsNone(self.claim_state())
        self.assertNotIn(self.url, self.used)
        self.assertEqual(requests, self.hardware.requests.count("detach"))
        self.assertEqual(1, len(self.database.events("node.device_detached")))
        self.assert_ready()


class AttachTest(ChangeCase):
    def test_a_part_that_is_gone_from_the_inventory_is_named(self):
        resource = self.store.get(models.Resource, self.part.uuid)
        operation = self.ended(self.begin_to_attach(store.Delete(resource)).public())
        self.assert_failed(operation)
        self.assertIn(f"The device {resource.uuid} is gone from the inventory", operation.cause)
        self.assertEqual([], self.hardware.requests)

    def test_a_part_that_is_gone_while_the_machine_gets_it_is_not_attached(self):
        self.hardware.state = composers.COMPOSING
        operation = self.begin_to_attach()
        steps = lambda: self.steps(self.store.get(models.Operation, operation.uuid))  # noqa: E731
        self.wait_for(lambda: "check" in steps(), timeout=20)
        self.store.commit(store.Delete(self.store.get(models.Resource, self.part.uuid)))
        self.hardware.state = composers.COMPOSED
        ended = self.ended(operation.public())
        self.assertEqual("failed", ended.state)
        self.assertIn("is gone from the inventory", ended.cause)

    def test_the_machine_gets_the_part(self):
        operation = self.attach()
        self.assert_attached(operation)
        self.assertEqual(["verify", "power_off", "attach", "check"], self.steps(operation))
        self.assertEqual([], self.machines.requests)

    def test_the_machine_is_switched_off_first_where_that_is_wanted(self):
        self.assert_attached(self.attach(power_off=True))
        self.assertEqual(["force_off"], self.machines.requests)

    def test_a_part_that_somebody_took_fails_before_anything_is_requested(self):
        self.hardware.taken[self.url] = "another client has it"
        operation = self.attach()
        self.assertIn("another client has it", operation.cause)
        self.assertEqual([], self.hardware.requests)
        self.assert_failed(operation)

    def test_a_part_that_somebody_takes_at_that_moment(self):
        self.hardware.answers = [composing.taken()]
        operation = self.attach()
        self.assert_failed(operation)
        self.assertEqual(["attach"], self.hardware.requests)

    def test_an_answer_that_was_lost_is_no_second_request(self):
        self.hardware.answers = [case.unknown()]
        self.assert_attached(self.attach())

    def test_a_busy_pod_manager_is_asked_again(self):
        self.hardware.answers = [composing.busy(), composing.busy()]
        self.assert_attached(self.attach(), requests=3)

    def test_a_refusal_gives_the_part_back(self):
        self.hardware.answers, self.hardware.obeys = [composing.failed()], False
        operation = self.attach()
        self.assertIn("not today", operation.cause)
        self.assertEqual(["detach", "gone", "erase"], self.steps(operation)[-3:])
        self.assert_failed(operation)

    def test_a_part_that_was_added_in_spite_of_an_error_is_removed(self):
        self.hardware.answers = [composing.failed()]
        self.assert_failed(self.attach())
        self.assertEqual(["attach", "detach"], self.hardware.requests)

    def test_a_part_that_fails_in_the_machine_is_removed(self):
        self.hardware.state = composers.FAILED
        self.assert_failed(self.attach())
        self.assertEqual(["attach", "detach"], self.hardware.requests)

    def test_requests_without_effect_end_with_a_failure(self):
        self.hardware.obeys = False
        operation = self.attach()
        self.assert_failed(operation)
        self.assertLessEqual(self.hardware.requests.count("attach"), 3)

    def test_a_task_is_followed(self):
        self.follow(base.Outcome(base.DONE))
        self.hardware.answers = [base.Outcome(base.TASK, task_url="/redfish/v1/Tasks/1", retry_after=0)]
        self.assert_attached(self.attach())

    def test_a_task_that_fails_is_undone(self):
        self.follow(composing.failed())
        self.hardware.answers = [base.Outcome(base.TASK, task_url="/redfish/v1/Tasks/1", retry_after=0)]
        self.assert_failed(self.attach())

    def test_what_cannot_be_undone_keeps_its_claim_and_is_removed_later(self):
        self.hardware.answers = [composing.failed(), *(case.unknown() for _ in range(3))]
        detach, self.hardware.detach = self.hardware.detach, self.deaf
        operation = self.attach()
        self.assertEqual("failed", operation.state)
        self.assertEqual("detaching", self.claim_state())
        self.assertEqual(1, len(self.database.events("node.device_failed")))
        self.assert_ready()
        self.hardware.detach, self.hardware.answers = detach, []
        left = self.node(self.change_node.uuid)
        self.assertEqual(1, left.handle["again"]["tries"])
        self.change(left, handle=left.handle | {"again": {"tries": 1, "next_at": 0}})
        self.sweep()
        self.wait_for(lambda: not self.claim_state(), message=lambda: str(self.claims()))
        self.assertNotIn(self.url, self.used)
        self.assertNotIn("again", self.node(self.change_node.uuid).handle)
        self.assert_ready()

    def deaf(self, machine_url, resource_url, *, force=False):
        """Accept a removal and do nothing."""
        raise case.unknown()

    def follow(self, outcome):
        """Let tasks end with an outcome, or an error."""

        def follow(_driver, _url):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        self.useFixture(fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.follow", follow))


class PatienceTest(ChangeCase):
    options = {"composition__timeout": 20}

    def test_a_request_that_did_not_arrive_is_repeated_after_the_part_was_free_twice(self):
        self.hardware.answers = [composing.lost()]
        self.assert_attached(self.attach(), requests=2)

    def test_a_cancelled_one_is_undone(self):
        self.hardware.answers = [composing.lost()]
        operation = self.cancelled(self.begin_to_attach)
        self.assertEqual("cancelled", operation.state, operation.cause)
        self.assertEqual(["detach", "gone", "erase"], self.steps(operation)[-3:])
        self.assertIsNone(self.claim_state())
        self.assertEqual(["attach"], self.hardware.requests)
        self.assert_ready()


class RepeatTest(case.base.TestCase):
    def test_a_removal_that_the_sweep_repeats_holds_the_node_for_a_short_time(self):
        for handle, seconds in (({}, attach.REPEAT_SECONDS), ({"detach": {"device_id": "1"}}, 600)):
            one = test_hardware.Job()
            one.options.timeout, one.handle = 600, handle | {"devices": ["1"]}
            steps = attach.Detach(one)
            steps.again("not yet")
            one.time += seconds
            steps.again("not yet")
            one.time += 1
            self.assertRaises(composition_errors.CompositionFailed, steps.again, "not yet")

    def test_it_is_no_longer_than_any_operation(self):
        one = test_hardware.Job()
        one.options.timeout = 5
        self.assertEqual(5, attach.Detach(one).patience)


class DetachTest(ChangeCase):
    def setUp(self):
        super().setUp()
        self.assert_attached(self.attach())
        self.hardware.requests.clear()

    def test_the_machine_loses_the_part(self):
        operation = self.detach()
        self.assert_detached(operation)
        self.assertEqual(["power_off", "detach", "gone", "erase"], self.steps(operation))

    def test_the_part_can_be_had_again_before_the_next_synchronization(self):
        self.hardware.drives = {self.url: [f"{self.url}/Drives/1"]}
        seen = models.Device(
            uuid=self.part.uuid, podm_id=self.podm_id, device_type="Storage", state="in_use", reason="Used."
        )
        self.store.commit(store.Create(seen))
        self.assert_detached(self.detach())
        device = self.store.get(models.Device, self.part.uuid)
        self.assertEqual(("free", None, None), (device.state, device.reason, device.node_id))

    def test_the_machine_is_switched_off_first_where_that_is_wanted(self):
        self.assert_detached(self.detach(power_off=True))
        self.assertEqual(["force_off"], self.machines.requests)

    def test_an_answer_that_was_lost_is_no_second_request(self):
        self.hardware.answers = [case.unknown()]
        self.assert_detached(self.detach())

    def test_a_part_that_is_gone_from_the_machine_already_is_free(self):
        mark, used = self.hardware.machines_[self.change_node.resource_url]
        left = tuple(url for url in used if url != self.url)
        self.hardware.machines_[self.change_node.resource_url] = (mark, left)
        self.assert_detached(self.detach(), requests=0)

    def test_a_part_that_another_client_got_at_once_is_given_back_too(self):
        mark, used = self.hardware.machines_[self.change_node.resource_url]
        left = tuple(url for url in used if url != self.url)
        self.hardware.machines_[self.change_node.resource_url] = (mark, left)
        self.hardware.machines_[OTHER] = (None, (self.url,))
        self.assert_detached(self.detach(), requests=0)

    def test_a_refusal_leaves_the_part_in_the_node(self):
        self.hardware.answers, self.hardware.obeys = [composing.failed()], False
        operation = self.detach()
        self.assertEqual("failed", operation.state)
        self.assertIn("not today", operation.cause)
        self.assertEqual("attached", self.claim_state())
        self.assertEqual([], self.database.events("node.device_detached"))
        self.assert_ready()

    def test_a_service_that_accepts_and_does_nothing(self):
        self.hardware.obeys = False
        operation = self.detach()
        self.assertEqual(("failed", "attached"), (operation.state, self.claim_state()))
        self.assertEqual(["detach"], self.hardware.requests)
        self.assert_ready()

    def test_a_part_that_does_not_become_free_keeps_its_claim_and_is_looked_at_again(self):
        self.hardware.changing = {self.url}
        operation = self.detach()
        self.assertEqual(("failed", "detaching"), (operation.state, self.claim_state()))
        self.assertIn("is not free", operation.cause)
        self.assertEqual(1, self.node(self.change_node.uuid).handle["again"]["tries"])
        self.assert_ready()

    def test_a_part_that_is_gone_from_the_inventory_keeps_its_claim_until_that_was_noted(self):
        self.hardware.changing = {self.url}
        self.assertEqual("failed", self.detach().state)
        self.hardware.changing = set()
        mark, used = self.hardware.machines_[self.change_node.resource_url]
        self.hardware.machines_[self.change_node.resource_url] = (mark, (*used, self.url))
        resource = self.store.get(models.Resource, self.part.uuid)
        self.store.commit(store.Delete(resource))
        self.repeat(2)
        self.assertEqual(
            ([], "detaching"), (self.database.events("node.device_detached"), self.claim_state())
        )
        self.repeat(None)
        self.assertEqual((1, None), (len(self.database.events("node.device_detached")), self.claim_state()))

    def test_a_part_that_is_found_again_is_removed_from_the_machine(self):
        self.hardware.changing = {self.url}
        self.assertEqual("failed", self.detach().state)
        self.hardware.changing = set()
        mark, used = self.hardware.machines_[self.change_node.resource_url]
        self.hardware.machines_[self.change_node.resource_url] = (mark, (*used, self.url))
        self.repeat(None)
        self.assertNotIn(self.url, self.used)

    def repeat(self, tries):
        """Sweep, and wait until the removal was tried so often, None for a success."""
        left = self.node(self.change_node.uuid)
        self.change(left, handle=left.handle | {"again": left.handle["again"] | {"next_at": 0}})
        self.sweep()

        def is_over():
            node = self.node(left.uuid)
            return node.state == "composed" and node.handle.get("again", {}).get("tries") == tries

        self.wait_for(is_over, message=lambda: str(self.node(left.uuid).handle))

    def test_a_machine_is_not_switched_off_for_a_part_that_nobody_can_reach(self):
        claim = self.store.get(models.Claim, f"{self.part.uuid}/1")
        gone = store.Delete(self.store.get(models.Resource, self.part.uuid))
        detaching = store.Update(claim, {"state": "detaching"})
        self.assertEqual(
            "failed", self.ended(self.begin("detach", detaching, gone, power_off=True).public()).state
        )
        self.assertEqual([], self.machines.requests)

    def test_a_part_that_is_gone_since_the_request_keeps_its_claim(self):
        claim = self.store.get(models.Claim, f"{self.part.uuid}/1")
        gone = store.Delete(self.store.get(models.Resource, self.part.uuid))
        operation = self.ended(
            self.begin("detach", store.Update(claim, {"state": "detaching"}), gone).public()
        )
        self.assertEqual(("failed", "detaching"), (operation.state, self.claim_state()))
        self.assertIn("is gone from the inventory", operation.cause)
        self.assertEqual([], self.hardware.requests)
        self.assertEqual(1, self.node(self.change_node.uuid).handle["again"]["tries"])

    def test_its_event_says_which_other_devices_of_the_node_have_failed(self):
        claim = self.store.get(models.Claim, f"{self.parts[-1].uuid}/1")
        self.change(claim, state="failed", error="Its health is Critical.")
        self.change(self.node(self.change_node.uuid), error="It failed.")
        self.assertEqual("succeeded", self.detach().state)
        (event,) = self.database.events("node.device_detached")
        self.assertIn("Its health is Critical.", event.new["error"])
        self.assertEqual(self.node(self.change_node.uuid).error, event.new["error"])

    def test_cancelling_is_not_heard_once_the_machine_was_asked(self):
        self.hardware.changing = {self.url}
        claim = self.store.get(models.Claim, f"{self.part.uuid}/1")
        operation = self.begin("detach", store.Update(claim, {"state": "detaching"}))
        self.wait_for(lambda: "gone" in self.steps(self.store.get(models.Operation, operation.uuid)))
        self.conductor.client.operations.cancel(self.context, operation.uuid)
        self.hardware.changing = set()
        self.assert_detached(self.ended(operation.public()))

    def test_a_pod_manager_that_is_away_before_the_request_fails_it(self):
        self.hardware.answers, self.hardware.obeys = [case.unreachable()] * 30, False
        operation = self.detach()
        self.assertEqual(("failed", "attached"), (operation.state, self.claim_state()))
        self.assert_ready()

    def test_one_that_is_cancelled_in_time_leaves_the_part_while_another_removal_is_due(self):
        node, other = self.node(self.change_node.uuid), self.parts[-1]
        due = {"again": {"tries": 1, "next_at": self.store.now() + 3600, "devices": [other.uuid]}}
        self.change(node, handle=node.handle | due)
        left = self.store.get(models.Claim, f"{other.uuid}/1")
        self.store.commit(store.Update(left, {"state": "detaching"}))
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        claim = self.store.get(models.Claim, f"{self.part.uuid}/1")
        operation = self.begin("detach", store.Update(claim, {"state": "detaching"}))
        self.conductor.client.operations.cancel(self.context, operation.uuid)
        self.wait_for(lambda: worker.look() or self.store.get(models.Operation, operation.uuid).ended_at)
        ended = self.store.get(models.Operation, operation.uuid)
        self.assertEqual(("cancelled", "attached"), (ended.state, self.claim_state()))
        states = {claim.device_id: claim.state for claim in self.claims()}
        self.assertEqual("detaching", states[other.uuid])
        self.assertEqual(due["again"], self.node(self.change_node.uuid).handle["again"])
        self.assertEqual([], self.hardware.requests)

    def test_the_node_is_taken_apart_with_what_it_has_got(self):
        node = self.node(self.change_node.uuid)
        self.assertEqual("succeeded", self.decompose(node).state)
        self.assertEqual(({}, []), (self.hardware.machines_, self.claims()))
