# SPDX-License-Identifier: Apache-2.0
"""The boot and power that a request for a node asks for come after its machine, once, in this order."""

import requests

from tests.unit.conductor.nodes import case
from tests.unit.conductor.nodes import composing
from tests.unit.conductor.nodes import test_creation
from valence.common import composition_errors
from valence.common import errors
from valence.conductor.work import operations
from valence.db import models

PXE = {"target": "pxe", "enabled": "once", "mode": None}


class MakingCase(composing.ComposingCase):
    def make(self, **requested):
        """Compose a node whose request has these values, and return it and its operation after the end."""
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        node, operation = self.request()
        self.change(node, handle={"request": requested})
        stored = None

        def has_ended():
            nonlocal stored
            worker.look()
            stored = self.operation(operation)
            return stored.ended_at

        self.wait_for(has_ended, timeout=20, message=lambda: str(vars(stored)))
        return self.node(node.uuid), stored

    def operation(self, operation):
        return self.store.get(type(operation), operation.uuid)

    def assert_kept(self, node):
        """Check that the machine is the node's, with all its claims."""
        self.assertEqual(("composed", None), (node.state, node.error))
        self.assertEqual([node.resource_url], list(self.hardware.machines_))
        self.assertEqual(["attached"] * 3, [claim.state for claim in self.claims()])


class MakingTest(MakingCase):
    def test_boot_comes_before_power_and_both_after_the_machine(self):
        node, operation = self.make(boot=PXE, power="force_restart")
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result), operation.cause)
        self.assertEqual(["verify", "reserve", "compose", "check", "boot", "power"], self.steps(operation))
        self.assertEqual(["pxe", "force_restart"], self.machines.requests)
        self.assert_kept(node)
        self.assertEqual(set(), node.handle.keys() - {"seen", "created", "sign"})

    def test_only_what_is_asked_for_is_done(self):
        _, operation = self.make(power="force_off")
        self.assertEqual(["verify", "reserve", "compose", "check", "power"], self.steps(operation))
        self.assertEqual(["force_off"], self.machines.requests)

    def test_what_is_so_already_is_not_requested(self):
        _, operation = self.make(power="on")
        self.assertEqual(("succeeded", []), (operation.state, self.machines.requests))

    def test_a_change_that_fails_leaves_the_node_its_machine(self):
        self.machines.answers = [errors.PodManagerError(url="http://127.0.0.1", reason="no such target")]
        node, operation = self.make(boot=PXE, power="force_off")
        self.assertEqual("failed", operation.state)
        self.assertIn("no such target", operation.cause)
        self.assertEqual(["check", "boot"], self.steps(operation)[-2:])
        self.assertEqual(["pxe"], self.machines.requests)
        self.assert_kept(node)

    def test_a_restart_whose_answer_was_lost_is_not_repeated(self):
        self.machines.answers = [case.unknown()]
        node, operation = self.make(power="force_restart")
        self.assertEqual(("failed", ["force_restart"]), (operation.state, self.machines.requests))
        self.assertIn("is not known", operation.cause)
        self.assert_kept(node)

    def test_a_request_that_was_not_sent_is_repeated(self):
        self.machines.answers = [case.unreachable()]
        node, operation = self.make(power="force_restart")
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual(["force_restart"] * 2, self.machines.requests)

    def test_a_busy_pod_manager_is_asked_again(self):
        self.machines.answers = [
            composition_errors.PodManagerBusy(url="http://127.0.0.1", reason="503", seconds=0)
        ]
        _, operation = self.make(power="force_restart")
        self.assertEqual("succeeded", operation.state, operation.cause)

    def test_a_machine_that_does_nothing_is_told_as_unconfirmed(self):
        self.machines.obeys = False
        node, operation = self.make(boot=PXE, power="force_off")
        self.assertEqual(("succeeded", "unconfirmed"), (operation.state, operation.result))
        self.assertEqual(["pxe", "force_off"], self.machines.requests)
        self.assert_kept(node)

    def test_one_that_is_cancelled_then_leaves_the_node_its_machine(self):
        self.machines.obeys = False
        cancel = self.conductor.client.operations.cancel

        def answer(_driver, url, reset_type):
            (operation,) = self.open_operations()
            cancel(self.context, operation.uuid)
            return self.machines.reset(_driver, url, reset_type)

        self.useFixture(case.fixtures.MonkeyPatch(f"{case.driver.__name__}.RedfishDriver.power", answer))
        node, operation = self.make(power="force_off")
        self.assertEqual(
            ("cancelled", ["force_off"]), (operation.state, self.machines.requests), operation.cause
        )
        self.assert_kept(node)

    def open_operations(self):
        node = self.claims()[0].node_id
        return operations.open_for(self.store, node)


class AdoptionTest(test_creation.CreationCase):
    pod_options = test_creation.POD | {"nodes": 0}

    def test_a_machine_as_it_stands_is_changed_too(self):
        system = self.devices(device_type="System", state="free")[0].uuid
        node, operation = self.create(resources=[system], boot=PXE, power="force_off")
        self.assertEqual(("succeeded", "complete"), (operation.state, operation.result), operation.cause)
        self.assertEqual(["read", "boot", "power"], [step["name"] for step in operation.steps])
        self.assertEqual(("composed", "system"), (node.state, node.kind))
        self.assertEqual(["attached"], [claim.state for claim in self.store.list(models.Claim)])
        url = f"{self.pod.url}{node.resource_url}"
        machine = requests.get(url, auth=("admin", "password"), timeout=60).json()
        self.assertEqual(
            ("Off", "Pxe", "Once"),
            (
                machine["PowerState"],
                machine["Boot"]["BootSourceOverrideTarget"],
                machine["Boot"]["BootSourceOverrideEnabled"],
            ),
        )
