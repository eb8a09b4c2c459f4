# SPDX-License-Identifier: Apache-2.0
"""Nodes of Intel RSD that other clients make meanwhile: they are never taken, and never deleted."""

import fixtures

from tests.unit.conductor.nodes.allocation import test_allocate
from valence.common import composition_errors
from valence.conductor.nodes import hardware
from valence.db import models
from valence.db import store
from valence.podmanagers import base
from valence.podmanagers.redfish.composition import allocate
from valence.simulator.composition import nodes as simulated

POD = test_allocate.POD
#: a service that chooses the system, and keeps no name
OLD = POD | {"quirks": test_allocate.OLD, "name_ignored_rate": 1.0}


class OthersCase(test_allocate.AllocationCase):
    def setUp(self):
        super().setUp()
        self.patch(hardware, "FREE_SECONDS", 0.0)
        self.patch(hardware, "INTERVAL", 0.1)

    def patch(self, place, name, value):
        self.useFixture(fixtures.MonkeyPatch(f"{place.__name__}.{name}", value))

    def patch_requests(self, meanwhile):
        """Call ``meanwhile(request, composer, plan)`` for each request to allocate a node."""
        request = allocate.Allocate.compose
        self.patch(allocate, "Allocate.compose", lambda *each: meanwhile(request, *each))

    def allocate_elsewhere(self, avoided=(), name="kubernetes-7", node_id="77"):
        """Let another client allocate a node, on a system whose path is not to be avoided."""
        pod = self.pod.service.pod
        free = [each for each in pod.systems.values() if pod.nodes.on(each) is None]
        system = next(each for each in free if not any(url.endswith(f"/{each.id}") for url in avoided))
        pod.nodes._nodes[node_id] = simulated.Node(node_id, system, name=name)

    def names(self):
        return {path.rpartition("/")[2]: node["name"] for path, node in self.there().items()}


class LostTest(OthersCase):
    pod_options = POD
    texts = ("kubernetes-7", simulated.NAME)

    def test_a_node_that_appears_while_a_request_is_lost_is_not_the_nodes(self):
        texts = list(self.texts)

        def lose(request, composer, plan):
            if not texts:
                return request(composer, plan)
            self.allocate_elsewhere(plan.resource_urls, texts.pop(), f"7{len(texts)}")
            raise composition_errors.HardwareOutcomeUnknown(url="x", reason="cut")

        self.patch_requests(lose)
        node, operation = self.create()
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual(1 + len(self.texts), len(self.there()))
        deletion = self.ended(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual("succeeded", deletion.state, deletion.cause)
        self.assertEqual(set(self.texts), set(self.names().values()))


class CancelTest(OthersCase):
    pod_options = OLD

    def test_the_node_of_a_lost_request_is_not_forgotten(self):
        def lose(request, composer, plan):
            request(composer, plan)
            (mine,) = self.store.list(
                models.Operation, filters=[store.Filter("target_id", "eq", plan.node_id)]
            )
            self.conductor.client.operations.cancel(self.context, mine.uuid)
            raise composition_errors.HardwareOutcomeUnknown(url="x", reason="cut")

        self.patch_requests(lose)
        claimed = self.urls

        class Chance:
            def choice(self, systems):
                mine = {url.rpartition("/")[2] for url in claimed().values()}
                return next(each for each in systems if each.id not in mine)

        self.pod.service.pod.random = Chance()
        node, operation = self.create()
        self.assertEqual(("failed", "error", "absent"), (operation.state, node.state, node.goal))
        self.assertIn("/redfish/v1/Nodes/1 may have been made for the node", node.error)
        self.assertEqual([node.uuid], [claim.node_id for claim in self.store.list(models.Claim)])
        # Once somebody deleted it the node can be, too.
        self.pod.service.pod.nodes.remove(self.pod.service.pod.nodes.get("1"))
        deletion = self.ended(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual("succeeded", deletion.state, deletion.cause)
        self.assert_nothing_left()


class ReuseTest(OthersCase):
    pod_options = POD | {"compose_seconds": 0.1}

    def test_the_next_node_at_the_path_of_a_rejected_one_stays(self):
        self.pod.set_faults(compose_fail_rate=1.0, fault_paths="/Nodes/1/Actions/")
        nodes, removed = self.pod.service.pod.nodes, []

        def remove(node):
            removed.append(node.name)
            type(nodes).remove(nodes, node)
            if len(removed) == 1:
                self.allocate_elsewhere([f"/{node.system.id}"], node_id=node.id)

        nodes.remove = remove
        node, operation = self.create()
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual(["web"], removed)
        self.assertEqual({"1": "kubernetes-7", "2": "web"}, self.names())
        self.assertEqual("/redfish/v1/Nodes/2", node.resource_url)


class PathTest(OthersCase):
    """A service forgets a node, and gives its path to the next one, on the same system."""

    pod_options = POD

    def reuse(self, url):
        """Let another client allocate a node at a path, on the system of the node that is there."""
        nodes, node_id = self.pod.service.pod.nodes, url.rpartition("/")[2]
        system = nodes.get(node_id).system
        other = simulated.Node(node_id, system, name="kubernetes-7")
        other.state = simulated.ASSEMBLED
        nodes._nodes[node_id] = other

    def assert_left(self, name="kubernetes-7"):
        (there,) = self.there().values()
        self.assertEqual(name, there["name"])

    def sync(self, node):
        """Synchronize, as if nothing had happened to a node for a while."""
        stored = self.store.get(models.Node, node.uuid)
        self.store.commit(store.Update(stored, {"updated_at": self.store.at(-60)}, touch=False))
        self.ended(self.conductor.client.pod_managers.sync(self.context, self.podm_id))

    def assert_lost(self, node):
        node = self.store.get(models.Node, node.uuid)
        self.assertEqual(("error", "other"), (node.state, node.handle["gone"]))
        self.assertIn("it does not carry the node's mark", node.error)

    def test_the_machine_of_a_node_that_is_being_composed(self):
        assemble = allocate.Allocate.assemble

        def reused(composer, url):
            outcome = assemble(composer, url)
            self.reuse(url)
            return outcome

        self.patch(allocate, "Allocate.assemble", reused)
        node, operation = self.create()
        self.assertEqual(("failed", "error", "present"), (operation.state, node.state, node.goal))
        self.assertIn("it does not carry the node's mark", operation.cause)
        self.assert_left()
        self.assertEqual([], self.store.list(models.Claim))
        self.assertNotIn("sign", node.handle)

    def test_the_machine_of_a_node_that_is_composed(self):
        node, _ = self.create()
        (drive,) = self.devices(device_type="Storage")
        self.assertEqual(node.uuid, node.handle["sign"]["mark"])
        self.reuse(node.resource_url)
        resets = dict(self.pod.service.resets)
        for action in ({"attach": {"device_id": drive.uuid}}, {"power": "force_restart"}):
            operation = self.ended(self.nodes.act(self.context, None, node.uuid, action))
            self.assertEqual("failed", operation.state, action)
            self.assertIn("is another one than the node's", operation.cause)
        self.assertEqual(resets, dict(self.pod.service.resets))
        self.assert_lost(node)
        # Its description is restored, and lost again: synchronizations tell.
        self.pod.service.pod.nodes.get("1").description = f"valence:{node.uuid}"
        self.sync(node)
        found = self.store.get(models.Node, node.uuid)
        self.assertEqual(("composed", None), (found.state, found.error))
        self.reuse(node.resource_url)
        self.sync(node)
        self.assert_lost(node)
        deletion = self.ended(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual("succeeded", deletion.state, deletion.cause)
        self.assertEqual(([], []), (self.store.list(models.Node), self.store.list(models.Claim)))
        self.assert_left()
        self.assertEqual(1, len(self.devices(device_type="System", state="in_use")))


class AssemblyTest(OthersCase):
    pod_options = POD

    def test_a_node_that_stays_allocated_is_given_back(self):
        self.patch(hardware, "Hardware.patience", 2.0)
        for outcome in (base.DONE, base.UNKNOWN):
            sent = []

            def assemble(composer, url, outcome=outcome, sent=sent):
                sent.append(url)
                return base.Outcome(outcome)

            self.patch(allocate, "Allocate.assemble", assemble)
            node, operation = self.create()
            self.assertEqual("failed", operation.state)
            self.assertRegex(operation.cause, "is still Allocated after [123] requests to assemble it")
            self.assertIn(len(sent), (1, 2, 3))
            self.assertEqual({}, self.there())
