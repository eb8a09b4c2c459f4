# SPDX-License-Identifier: Apache-2.0
"""A node is composed of the blocks that its requirements choose, on a simulated service, and taken apart again."""

import json
from concurrent import futures

import fixtures
import requests

from tests import base
from tests import embedded
from tests import message_bus
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.podmanagers.redfish import driver
from valence.podmanagers.redfish.composition import blocks

POD = {"systems": 1, "system_blocks": 0, "compute_blocks": 2, "storage_blocks": 2, "accelerator_blocks": 1}
SMALL = {"processor": {"total_cores": 1}, "storage": [{"capacity_gib": 1, "count": 1}]}


class CreationCase(base.TestCase):
    pod_options = POD

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.hardware.FREE_SECONDS", 0.5))
        self.pod = self.useFixture(embedded.Pod(**self.pod_options)).simulator
        self.conductor = self.useFixture(embedded.Conductor(composition__timeout=10))
        self.store = self.conductor.database.store
        self.nodes = self.conductor.client.nodes
        self.context = message_bus.user_context()
        access = {"url": f"{self.pod.url}/redfish/v1", "username": "admin", "password": "password"}
        made = self.conductor.client.pod_managers.create(self.context, {"name": "pod"} | access)
        self.podm_id = made["pod_manager"]["uuid"]
        self.ended(made["operation"])

    def create(self, **values):
        """Request a node and return it and its operation after the end."""
        answer = self.nodes.create(self.context, {"name": "web"} | values)
        operation = self.ended(answer["operation"])
        return self.store.get(models.Node, answer["node"]["uuid"]), operation

    def ended(self, operation):
        """Return an operation after its end."""

        def stored():
            return self.store.get(models.Operation, operation["uuid"])

        self.wait_for(lambda: stored().ended_at, timeout=30, message=lambda: str(vars(stored())))
        return stored()

    def devices(self, **values):
        """Return the devices with these values."""
        wanted = [store.Filter(name, "eq", value) for name, value in values.items()]
        return self.store.list(models.Device, filters=wanted)

    def composed(self):
        """Return the machines that the service has composed."""
        return self.pod.compositions()["systems"]


class ComposeTest(CreationCase):
    def test_an_operation_outlives_the_end_of_its_connection(self):
        # The conductors share the pod managers out anew, while a step is about to ask one of them.
        open_connections = self.conductor.service._node_worker._connections
        composer, drops = driver.RedfishDriver.composer, iter([open_connections.drop])

        def dropping(one):
            for drop in drops:
                drop(self.podm_id)
            return composer(one)

        self.useFixture(fixtures.MonkeyPatch(f"{driver.__name__}.RedfishDriver.composer", dropping))
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)

    def test_a_node_gets_devices_that_satisfy_it_and_gives_them_back(self):
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        claims = self.store.list(models.Claim)
        self.assertEqual({"processor", "storage/0"}, {claim.part for claim in claims})
        self.assertEqual(
            {claim.device_id for claim in claims}, {row.uuid for row in self.devices(node_id=node.uuid)}
        )
        self.assertEqual(1, len(self.composed()))
        shown = self.nodes.devices(self.context, None, node.uuid)
        self.assertEqual({"Compute", "Storage"}, {device["device_type"] for device in shown})
        self.assertEqual([], [device for device in shown if not device["model"]])
        self.wait_for(lambda: self.nodes.get(self.context, None, node.uuid)["resource_id"], timeout=20)
        self.assertEqual("succeeded", self.ended(self.nodes.delete(self.context, None, node.uuid)).state)
        self.assertEqual(([], []), (self.store.list(models.Claim), self.devices(full=True)))
        self.assertEqual(0, len(self.composed()))

    def test_devices_can_be_had_again_before_the_next_synchronization(self):
        uuids = [self.devices(device_type=kind, state="free")[0].uuid for kind in ("Compute", "Storage")]
        node, _ = self.create(resources=uuids)
        self.ended(self.conductor.client.pod_managers.sync(self.context, self.podm_id))
        self.wait_for(lambda: len(self.devices(state="in_use", node_id=node.uuid)) == 2, timeout=20)
        self.conductor.service._node_worker._hint = lambda *hint: None  # nobody synchronizes from now on
        self.ended(self.nodes.delete(self.context, None, node.uuid))
        self.assertEqual(set(), set(uuids) & {row.uuid for row in self.devices(state="in_use")})
        again, _ = self.create(resources=uuids)
        self.assertEqual("composed", again.state)

    def test_a_node_shows_the_power_of_its_machine_before_the_next_synchronization(self):
        self.conductor.service._node_worker._hint = lambda *hint: None  # nobody synchronizes from now on
        node, _ = self.create(properties=SMALL)

        def shown():
            (listed,) = json.loads(self.nodes.list(self.context, None)["rows"])
            own = self.nodes.get(self.context, None, node.uuid)
            self.assertEqual(
                (own["resource_id"], own["power_state"]), (listed["resource_id"], listed["power_state"])
            )
            return own["resource_id"], own["power_state"]

        self.assertEqual((None, "Off"), shown())
        self.ended(self.nodes.act(self.context, None, node.uuid, {"power": "on"}))
        self.assertEqual((None, "On"), shown())

        node, operation = self.create()
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)

    def test_exactly_the_devices_that_are_named(self):
        uuids = [self.devices(device_type=kind, state="free")[0].uuid for kind in ("Compute", "Storage")]
        node, _ = self.create(resources=uuids)
        self.assertEqual("composed", node.state)
        self.assertEqual(set(uuids), {claim.device_id for claim in self.store.list(models.Claim)})
        self.assertRaises(composition_errors.DeviceTaken, self.create, resources=uuids)

    def test_a_flavor_says_what_is_needed(self):
        self.store.commit(store.Create(models.Flavor(name="small", properties=SMALL)))
        node, operation = self.create(flavor_id="small")
        self.assertEqual("succeeded", operation.state, operation.cause)
        self.assertEqual(SMALL, node.requirements)
        self.assertRaises(errors.ValidationFailed, self.create, flavor_id="large")

    def test_what_does_not_fit_is_explained_and_nothing_is_stored(self):
        wanted = {"accelerator": [{"model": "H100", "count": 1}]}
        error = self.assertRaises(composition_errors.NothingFits, self.create, properties=wanted)
        self.assertIn("H100", error.detail)
        explained = self.nodes.explain(self.context, {"name": "web", "properties": wanted})
        self.assertEqual((False, error.detail), (explained["fits"], explained["summary"]))
        self.assertEqual(([], []), (self.store.list(models.Node), self.store.list(models.Claim)))

    def test_a_dry_run_shows_what_would_be_chosen(self):
        explained = self.nodes.explain(self.context, {"name": "web", "properties": SMALL})
        self.assertTrue(explained["fits"])
        self.assertEqual([], self.store.list(models.Node))

    def test_of_requests_at_the_same_time_as_many_are_composed_as_there_is_hardware(self):
        free = len(self.devices(device_type="Compute", state="free"))

        def request(_):
            try:
                return self.nodes.create(self.context, {"name": "web", "properties": SMALL})["operation"]
            except (composition_errors.NothingFits, composition_errors.DeviceTaken):
                return None

        with futures.ThreadPoolExecutor(6) as pool:
            started = [answer for answer in pool.map(request, range(6)) if answer]
        self.assertEqual(free, len(started))
        self.assertEqual(["succeeded"] * free, [self.ended(operation).state for operation in started])
        self.assertEqual(free, len(self.composed()))

    def test_a_machine_that_is_not_offered_leaves_no_reservation(self):
        seen = []

        def refusing(composer, plan):
            seen.extend(self.reserved(plan.resource_urls))
            raise introspection_errors.NotOffered(what="composition")

        self.useFixture(fixtures.MonkeyPatch(f"{blocks.__name__}.Blocks.compose", refusing))
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("failed", "error"), (operation.state, node.state), operation.cause)
        urls = [
            row.resource_url
            for row in self.store.list(models.Resource)
            if "ResourceBlocks/" in row.resource_url
        ]
        self.assertEqual((2, []), (len(seen), self.reserved(urls)))
        self.assertEqual([], self.store.list(models.Claim))

    def reserved(self, urls):
        """Return the paths of the blocks that the service shows as reserved."""
        shown = {
            url: requests.get(f"{self.pod.url}{url}", auth=("admin", "password"), timeout=60).json()
            for url in urls
        }
        return [url for url, block in shown.items() if (block.get("CompositionStatus") or {}).get("Reserved")]

    def test_a_block_that_another_client_took_is_a_failure_that_leaves_nothing(self):
        compute = self.devices(device_type="Compute", state="free")
        for device in compute:
            self.store.commit(store.Update(device, {"state": "unhealthy"}))
        self.store.commit(store.Update(compute[0], {"state": "free"}))
        self.pod.set_faults(compose_fail_rate=1.0)
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertEqual([], self.store.list(models.Claim))
        self.assertEqual(0, len(self.composed()))


class ChooseAgainTest(CreationCase):
    def take(self, device):
        """Compose a system of a device as another client does."""
        url = self.store.get(models.Resource, device.uuid).resource_url
        body = {"Name": "other", "Links": {"ResourceBlocks": [{"@odata.id": url}]}}
        systems = f"{self.pod.url}/redfish/v1/Systems"
        answer = requests.post(systems, json=body, auth=("admin", "password"), timeout=60)
        self.assertEqual(201, answer.status_code, answer.text)

    def change(self, device, **values):
        self.store.commit(store.Update(device, values))

    def create_meanwhile(self, properties, free):
        """Request a node, free devices before its conductor looks at those that were chosen, and return its end."""
        worker = self.conductor.service._node_worker
        worker._loop.stop()
        answer = self.nodes.create(self.context, {"name": "web", "properties": properties})
        for device in free:
            self.change(device, state="free")
        operation = answer["operation"]["uuid"]
        self.wait_for(
            lambda: worker.look() or self.store.get(models.Operation, operation).ended_at, timeout=30
        )
        return self.store.get(models.Operation, operation)

    def test_a_block_that_was_taken_meanwhile_is_replaced(self):
        one, other = self.devices(device_type="Compute", state="free")
        self.take(one)
        self.change(other, state="unhealthy")
        ended = self.create_meanwhile(SMALL, [other])
        self.assertEqual("succeeded", ended.state, ended.cause)
        claimed = {claim.device_id for claim in self.store.list(models.Claim)}
        self.assertIn(other.uuid, claimed)
        self.assertNotIn(one.uuid, claimed)
        (taken,) = self.devices(uuid=one.uuid)
        self.assertEqual(("in_use", None, False), (taken.state, taken.node_id, taken.full))

    def take_at_the_request(self):
        """Let another client compose a block of each first request's machine just before; return what was taken."""
        compose, taken = blocks.Blocks.compose, []

        def late(one, plan):
            if not taken:
                (row,) = self.store.list(
                    models.Resource, filters=[store.Filter("resource_url", "eq", plan.resource_urls[0])]
                )
                taken.append(row)
                self.take(row)
            return compose(one, plan)

        self.useFixture(fixtures.MonkeyPatch(f"{blocks.__name__}.Blocks.compose", late))
        return taken

    def test_a_block_that_is_taken_at_the_request_is_replaced(self):
        taken = self.take_at_the_request()
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        steps = [step["name"] for step in operation.steps]
        again = ["verify", "reserve", "compose"]
        self.assertEqual([*again, *again, "check"], [each for each in steps if each in (*again, "check")])
        claimed = {claim.device_id for claim in self.store.list(models.Claim)}
        self.assertEqual((1, set()), (len(taken), claimed & {taken[0].uuid}))
        self.assertEqual(2, len(self.composed()))
        (device,) = self.devices(uuid=taken[0].uuid)
        self.assertEqual(("in_use", None, False), (device.state, device.node_id, device.full))

    def test_a_named_device_that_is_taken_at_the_request_is_not_replaced(self):
        taken = self.take_at_the_request()
        one, _ = self.devices(device_type="Compute", state="free")
        node, operation = self.create(resources=[one.uuid])
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertEqual(([one.uuid], 1), ([row.uuid for row in taken], len(self.composed())))
        self.assertEqual([], self.store.list(models.Claim))

    def test_a_whole_system_replaces_a_block_where_no_other_is_free(self):
        one, other = self.devices(device_type="Compute", state="free")
        (system,) = self.devices(device_type="System", state="in_use")
        self.take(one)
        self.change(other, state="unhealthy")
        ended = self.create_meanwhile({"processor": {"total_cores": 1}}, [system])
        self.assertEqual(("compose", "succeeded"), (ended.operation_kind, ended.state), ended.cause)
        node = self.store.get(models.Node, ended.target_id)
        path = self.store.get(models.Resource, system.uuid).resource_url
        self.assertEqual(("system", "composed", path), (node.kind, node.state, node.resource_url))
        (claim,) = self.store.list(models.Claim)
        self.assertEqual((system.uuid, "attached"), (claim.device_id, claim.state))
        self.assertEqual(1, len(self.composed()), "only the other client's")
        self.nodes.delete(self.context, None, node.uuid)
        self.assertEqual([], self.store.list(models.Claim))

    def test_without_a_block_or_a_system_the_refusal_names_the_blocks(self):
        one, other = self.devices(device_type="Compute", state="free")
        self.take(one)
        self.change(other, state="unhealthy")
        ended = self.create_meanwhile({"processor": {"total_cores": 1}}, [])
        self.assertEqual(("compose", "failed"), (ended.operation_kind, ended.state), ended.cause)
        self.assertIn("No machines are free", ended.cause)
        self.assertEqual([], self.store.list(models.Claim))

    def test_named_devices_are_not_replaced(self):
        one, _ = self.devices(device_type="Compute", state="free")
        self.take(one)
        node, operation = self.create(resources=[one.uuid])
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertEqual([], self.store.list(models.Claim))


class AdoptionTest(CreationCase):
    def test_the_machine_of_a_node_cannot_be_adopted(self):
        node, _ = self.create(properties=SMALL)
        self.wait_for(lambda: self.nodes.get(self.context, None, node.uuid)["resource_id"], timeout=20)
        system = self.nodes.get(self.context, None, node.uuid)["resource_id"]
        error = self.assertRaises(
            composition_errors.DeviceTaken, self.nodes.manage, self.context, {"resource_id": system}
        )
        self.assertIn(node.uuid, error.detail)

    def test_a_system_of_blocks_that_another_client_composed_cannot_be_adopted(self):
        (system,) = self.foreign()
        self.assertRaises(
            composition_errors.DeviceTaken, self.nodes.manage, self.context, {"resource_id": system.uuid}
        )

    def foreign(self):
        """Let another client compose a system, and return it once the inventory has it."""
        one, _ = self.devices(device_type="Compute", state="free")
        url = self.store.get(models.Resource, one.uuid).resource_url
        body = {"Name": "other", "Links": {"ResourceBlocks": [{"@odata.id": url}]}}
        made = requests.post(
            f"{self.pod.url}/redfish/v1/Systems", json=body, auth=("admin", "password"), timeout=10
        ).json()["@odata.id"]
        self.ended(self.conductor.client.pod_managers.sync(self.context, self.podm_id))
        return self.store.list(models.Resource, filters=[store.Filter("resource_url", "eq", made)])


class FaultsTest(CreationCase):
    def assert_composes(self, **faults):
        self.pod.set_faults(**faults)
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        self.assertEqual(1, len(self.composed()))

    def test_an_answer_that_was_cut_after_doing_it(self):
        self.assert_composes(compose_cut_rate=1.0)

    def test_an_answer_without_an_address_and_a_machine_without_its_name(self):
        self.assert_composes(no_location_rate=1.0, no_body_rate=1.0, name_ignored_rate=1.0)

    def test_blocks_that_are_said_to_be_unused_for_ever(self):
        self.assert_composes(stale_state_rate=1.0)


class UnknownTest(CreationCase):
    """A service whose machines do not say that they were composed, nor keep what a request says of them."""

    pod_options = POD | {"quirks": "no_system_type", "name_ignored_rate": 1.0}

    def test_a_machine_that_looks_like_a_base_is_removed(self):
        for wanted in (SMALL, {"processor": {"total_cores": 1}}):
            node, operation = self.create(properties=wanted)
            self.assertEqual("succeeded", operation.state, operation.cause)
            self.assertEqual(1, len(self.composed()))
            # A later operation does not forget that the machine was created.
            self.ended(self.nodes.act(self.context, None, node.uuid, {"power": "on"}))
            self.assertEqual("succeeded", self.ended(self.nodes.delete(self.context, None, node.uuid)).state)
            self.assertEqual(([], []), (self.composed(), self.store.list(models.Claim)))

    def test_what_was_made_is_removed_where_the_composition_fails(self):
        self.pod.set_faults(name_ignored_rate=1.0, block_fail_rate=1.0)
        node, operation = self.create(properties=SMALL)
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertEqual(([], []), (self.composed(), self.store.list(models.Claim)))
