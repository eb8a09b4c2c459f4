# SPDX-License-Identifier: Apache-2.0
"""Nodes on a simulated pod manager of Intel RSD, which allocates and assembles them."""

from tests.unit.conductor.nodes import test_creation
from tests.unit.conductor.nodes.compose import test_crashes
from valence.common import composition_errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store

POD = {"systems": 3, "nodes": 0, "composition": "allocate", "power_seconds": 0}
#: what a Node.js simulator of Intel does
NODE_JS = "other_allocate,unlinked_nodes,targets_of_first_node,stale_nodes,ended_by_text"
#: a service of RSD 1.2, which chooses the system itself
OLD = "nodes_at_root,chooses_systems,endpoint_actions"


class AllocationCase(test_creation.CreationCase):
    pod_options = POD

    def there(self):
        """Return the nodes that the pod manager has, by path."""
        return {node["path"]: node for node in self.pod.compositions()["nodes"]}

    def urls(self):
        """Return the paths of the claimed systems, by node."""
        paths = {row.uuid: row.resource_url for row in self.store.list(models.Resource)}
        return {claim.node_id: paths[claim.device_id] for claim in self.store.list(models.Claim)}

    def assert_fits(self, *nodes):
        """Check that the pod manager has exactly the nodes, each on the system that it has claimed."""
        there, claimed = self.there(), self.urls()
        self.assertEqual({node.resource_url for node in nodes}, set(there))
        self.assertEqual({node.uuid for node in nodes}, set(claimed))
        for node in nodes:
            found = there[node.resource_url]
            self.assertEqual(("Assembled", claimed[node.uuid]), (found["state"], found["system"]))

    def assert_nothing_left(self):
        """Check that no node, claim or device in use is left."""
        self.assertEqual(([], []), (self.store.list(models.Node), self.store.list(models.Claim)))
        self.assertEqual(([], {}), (self.devices(full=True), self.there()))


class AllocateTest(AllocationCase):
    def test_a_node_is_allocated_on_its_system_and_deleted(self):
        self.assertEqual({"allocate"}, {row.method for row in self.store.list(models.Zoning)})
        node, operation = self.create()
        self.assertEqual(("succeeded", "composed", "allocated"), (operation.state, node.state, node.kind))
        self.assert_fits(node)
        (found,) = self.there().values()
        self.assertEqual(("web", f"valence:{node.uuid}"), (found["name"], found["description"]))
        self.assertEqual("succeeded", self.ended(self.nodes.delete(self.context, None, node.uuid)).state)
        self.assert_nothing_left()
        self.assertEqual(3, len(self.devices(device_type="System", state="free")))

    def test_a_drive_is_attached_and_detached_and_given_back_with_its_node(self):
        node, _ = self.create()
        (drive,) = self.devices(device_type="Storage")
        system = self.devices(device_type="System", state="free", full=False)[0]
        self.assertRaises(introspection_errors.NotOffered, self.create, resources=[system.uuid, drive.uuid])
        url = self.store.get(models.Resource, drive.uuid).resource_url
        for action in ({"attach": {"storage": [{"capacity_gib": 1, "count": 1}]}},
                       {"detach": {"device_id": drive.uuid}},
                       {"attach": {"device_id": drive.uuid}}):  # fmt: skip
            operation = self.ended(self.nodes.act(self.context, None, node.uuid, action))
            self.assertEqual("succeeded", operation.state, (action, operation.cause))
            (there,) = self.there().values()
            self.assertEqual([url] if "attach" in action else [], there["resources"])
        claims = {(claim.part, claim.state) for claim in self.store.list(models.Claim)}
        self.assertEqual({("processor", "attached"), ("storage/0", "attached")}, claims)
        sync = self.conductor.client.pod_managers.sync(self.context, self.podm_id)
        self.ended(sync)
        self.assertEqual(["in_use"], [device.state for device in self.devices(device_type="Storage")])
        self.assertIsNone(self.store.get(models.Node, node.uuid).error)
        deletion = self.ended(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual("succeeded", deletion.state, deletion.cause)
        self.assert_nothing_left()
        self.assertEqual(["free"], [device.state for device in self.devices(device_type="Storage")])

    def test_a_system_can_be_named(self):
        wanted = self.devices(device_type="System")[1]
        values = {"name": "other", "podm_id": self.podm_id, "kind": "allocated", "handle": {"requests": 1}}
        (other,) = self.store.commit(store.Create(models.Node(**values)))
        answer = self.nodes.create(self.context, {"name": "web", "resources": [wanted.uuid]})

        def stored():
            return self.store.get(models.Operation, answer["operation"]["uuid"])

        self.wait_for(lambda: stored().steps and stored().steps[-1]["name"] == "compose", timeout=30)
        self.assertEqual({}, self.there(), "the outcome of the other request is open")
        self.store.commit(store.Delete(other))
        operation, node = self.ended(answer["operation"]), self.store.get(models.Node, answer["node"]["uuid"])
        self.assertEqual("succeeded", operation.state, operation.cause)
        (claim,) = self.store.list(models.Claim)
        self.assertEqual(wanted.uuid, claim.device_id)
        self.assert_fits(node)


class AdoptTest(AllocationCase):
    pod_options = POD | {"nodes": 1}

    def test_a_node_that_exists_is_adopted_with_its_system_and_deleted_by_force(self):
        resources = {row.resource_url: row for row in self.store.list(models.Resource)}
        found, system = (resources[f"/redfish/v1/{name}"] for name in ("Nodes/1", "Systems/System1"))
        answer = self.nodes.manage(self.context, {"resource_id": found.uuid})
        taken = self.assertRaises(
            composition_errors.DeviceTaken, self.nodes.manage, self.context, {"resource_id": found.uuid}
        )
        self.assertIn(answer["node"]["uuid"], taken.detail)
        operation = self.ended(answer["operation"])
        node = self.store.get(models.Node, answer["node"]["uuid"])
        self.assertEqual(("succeeded", "allocated"), (operation.state, node.kind), operation.cause)
        self.assert_fits(node)
        (claim,) = self.store.list(models.Claim)
        self.assertEqual((system.uuid, "attached"), (claim.device_id, claim.state))
        self.assertRaises(
            composition_errors.DeviceTaken, self.nodes.manage, self.context, {"resource_id": system.uuid}
        )
        self.pod.set_faults(deaf_delete_rate=1.0)
        deletion = self.ended(self.nodes.delete(self.context, None, node.uuid, force=True))
        self.assertEqual("succeeded", deletion.state, deletion.cause)
        self.assert_nothing_left()


class AssemblyTest(AllocationCase):
    pod_options = POD | {"compose_seconds": 0.1}

    def test_a_node_that_cannot_be_assembled_is_deleted_and_another_system_is_taken(self):
        self.pod.set_faults(compose_fail_rate=1.0, fault_paths="/Nodes/1/Actions/")
        node, operation = self.create()
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual("/redfish/v1/Nodes/2", node.resource_url)
        self.assert_fits(node)
        broken = self.pod.service.pod.nodes.deleted["1"].system
        self.assertNotEqual(f"/redfish/v1/Systems/{broken.id}", self.urls()[node.uuid])
        self.pod.set_faults(compose_fail_rate=1.0, fault_paths="/Nodes/.*/Actions/")
        wanted = self.devices(device_type="System", state="free", full=False)[0].uuid
        _, operation = self.create(resources=[wanted])
        self.assertEqual("failed", operation.state)
        self.assert_fits(node)


class NodeJsTest(AllocationCase):
    """Simultaneous requests where nothing but the difference says which node is whose, and answers are lost."""

    lost = {"name_ignored_rate": 1.0, "tasks": True, "monitor_gone_rate": 0.5, "compose_seconds": 0.3}
    pod_options = POD | {"quirks": NODE_JS} | lost

    def test_each_node_gets_its_own(self):
        made = [self.nodes.create(self.context, {"name": "web"}) for _ in range(3)]
        ended = [self.ended(answer["operation"]) for answer in made]
        self.assertEqual(["succeeded"] * 3, [each.state for each in ended], [each.cause for each in ended])
        nodes = [self.store.get(models.Node, answer["node"]["uuid"]) for answer in made]
        self.assert_fits(*nodes)
        for number, node in enumerate(nodes, start=1):
            deletion = self.ended(self.nodes.delete(self.context, None, node.uuid))
            self.assertEqual("succeeded", deletion.state, deletion.cause)
            self.assert_fits(*nodes[number:])
        self.assert_nothing_left()


class OldTest(AllocationCase):
    pod_options = POD | {"quirks": OLD}

    def test_the_claims_follow_to_the_systems_that_are_chosen(self):
        made = [self.create() for _ in range(3)]
        self.assertEqual(["succeeded"] * 3, [operation.state for _, operation in made])
        self.assert_fits(*(node for node, _ in made))
        self.assertRaises(composition_errors.NothingFits, self.create)

    def test_a_system_that_another_node_was_promised_is_not_taken(self):
        # It is claimed, and the pod manager does not know that.
        promised, *_ = self.devices(device_type="System")
        other = models.Node(name="other", podm_id=self.podm_id, kind="allocated", state="error")
        claim = models.Claim(
            id=f"{promised.uuid}/1",
            node_id=other.uuid,
            device_id=promised.uuid,
            podm_id=self.podm_id,
            part="x",
        )
        self.commit(other, claim)
        self.choose_first(promised)
        node, operation = self.create()
        self.assertEqual("failed", operation.state)
        self.assertIn(f"The device {promised.uuid} is in use: another node has it.", operation.cause)
        self.assertEqual({}, self.there())
        self.assertEqual([other.uuid], list(self.urls()))
        self.assertEqual("error", self.store.get(models.Node, node.uuid).state)

    def commit(self, *rows):
        self.store.commit(*map(store.Create, rows))

    def choose_first(self, device):
        """Let the pod manager choose the system of a device, whatever is requested."""
        url = self.store.get(models.Resource, device.uuid).resource_url
        pod = self.pod.service.pod

        class Chance:
            def choice(self, systems):
                return next(each for each in systems if url.endswith(f"/{each.id}"))

        pod.random = Chance()


class CrashTest(AllocationCase, test_crashes.CrashCase):
    """A conductor dies before each commit and each request."""

    pod_options = POD | {"quirks": NODE_JS, "name_ignored_rate": 1.0, "no_location_rate": 1.0}

    def test_one_node_is_there_wherever_a_conductor_dies(self):
        died = 0
        for point in self.each_point():
            answer = self.nodes.create(self.context, {"name": "web"})
            self.fuse.arm(point)
            ended, deaths = self.run_to_its_end(answer["operation"])
            died += deaths
            self.assertEqual("succeeded", ended.state, (point, ended.cause))
            node = self.store.get(models.Node, answer["node"]["uuid"])
            self.assert_fits(node)
            left = self.fuse.at
            self.fuse.arm(None)
            self.run_to_its_end(self.nodes.delete(self.context, None, node.uuid))
            self.assert_nothing_left()
            self.fuse.at = left
        self.assertGreater(died, 5)
