# SPDX-License-Identifier: Apache-2.0
"""Claims follow to the devices that a simulated service chose for a node."""

import collections

import fixtures

from tests.unit.conductor.nodes import test_creation
from tests.unit.conductor.nodes.compose import test_crashes
from valence.common import composition_errors
from valence.common import errors
from valence.conductor.nodes import exchange
from valence.conductor.nodes import hardware
from valence.db import models
from valence.db import store
from valence.podmanagers.redfish.composition import constrained

CONSTRAINED = {"composition": "constrained", "compute_blocks": 4, "storage_blocks": 3, "drives": 0}
#: why a node fails whose request was lost
NO_MACHINE = "No machine carries the mark of the node."


class Chosen:
    """A pod whose service chooses the blocks."""

    pod_options = test_creation.POD | CONSTRAINED

    def urls(self, devices):
        """Return the paths of devices, by their rows."""
        return {self.store.get(models.Resource, row.uuid).resource_url for row in devices}

    def assert_claims_are_what_the_service_gave(self, node):
        (system,) = self.composed()
        claimed = [self.store.get(models.Device, claim.device_id) for claim in self.store.list(models.Claim)]
        self.assertEqual(set(system["blocks"]), self.urls(claimed))
        self.assertEqual(set(system["blocks"]), self.urls(self.devices(full=True)))
        self.assertEqual({node.uuid}, {device.node_id for device in claimed})


class ExchangeTest(Chosen, test_creation.CreationCase):
    is_drive = store.Filter("device_type", "eq", "Storage")

    def device(self, block):
        """Return the device of a block by the end of its path."""
        return next(row for row in self.store.list(models.Device) if self.urls([row]).pop().endswith(block))

    def promised(self):
        """Return the UUIDs of the devices that a request gets before the service chooses."""
        explained = self.nodes.explain(self.context, {"name": "web", "properties": test_creation.SMALL})
        return {device["device_id"] for device in explained["chosen"]["devices"]}

    def test_the_devices_that_the_service_chose_are_those_of_the_node(self):
        promised = self.promised()
        node, operation = self.create(properties=test_creation.SMALL)
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        self.assert_claims_are_what_the_service_gave(node)
        claims = {claim.device_id: claim.part for claim in self.store.list(models.Claim)}
        self.assertNotEqual(promised, claims.keys(), "the service chose others")
        self.assertEqual({"processor", "storage/0"}, set(claims.values()))
        self.assertEqual("succeeded", self.ended(self.nodes.delete(self.context, None, node.uuid)).state)
        left = self.store.list(models.Claim), self.devices(full=True), len(self.composed())
        self.assertEqual(([], [], 0), left)

    def test_a_machine_that_only_the_answer_names_is_that_of_the_node(self):
        self.pod.set_faults(name_ignored_rate=1.0)
        node, operation = self.create(properties=test_creation.SMALL)
        self.assertEqual(("succeeded", "composed"), (operation.state, node.state), operation.cause)
        self.assert_claims_are_what_the_service_gave(node)
        self.assertEqual("succeeded", self.ended(self.nodes.delete(self.context, None, node.uuid)).state)
        self.assertEqual(([], []), (self.store.list(models.Claim), self.composed()))

    def test_a_device_of_another_node_is_given_back_with_the_machine(self):
        other = models.Node(name="other", podm_id=self.podm_id)
        uuid = self.device("Compute2").uuid
        values = {"node_id": other.uuid, "device_id": uuid, "podm_id": self.podm_id, "part": "processor"}
        self.store.commit(store.Create(other), store.Create(models.Claim(id=f"{uuid}/1", **values)))
        node, operation = self.create(properties=test_creation.SMALL)
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertIn("another node has it", operation.cause)
        self.assertEqual([other.uuid], [claim.node_id for claim in self.store.list(models.Claim)])
        self.assertEqual(0, len(self.composed()))

    def test_machines_that_lack_a_device_or_have_an_unknown_one_are_not_taken(self):
        node, _ = self.create(properties=test_creation.SMALL)
        claims = self.store.list(models.Claim)
        given = self.urls([self.device("Compute2")])
        self.assertIsNone(exchange.exchanging(self.store, node, given), "there is no drive")
        self.assertIsNone(exchange.exchanging(self.store, node, {*given, "/redfish/v1/unknown"}))
        other = self.other_drive(media="SSD")
        changes = exchange.exchanging(self.store, node, self.given(other))
        created = [change.obj.part for change in changes if isinstance(change, store.Create)]
        self.assertEqual(["storage/0"], created, "claims that stay are not made again")
        self.assertEqual(claims, self.store.list(models.Claim))

    def other_drive(self, skip=0, **values):
        """Return a drive that no node has, after ``skip`` others, and after a change of its row."""
        free = [store.Filter("full", "eq", False), self.is_drive]
        drive = self.store.list(models.Device, filters=free)[skip]
        values = {"storage_gib": 10**6} | values
        return self.store.commit(store.Update(drive, {"size": values["storage_gib"]} | values))[0]

    def given(self, *drives):
        """Return the paths of the node's base and of some drives."""
        base = self.devices(device_type="Compute", full=True)
        return self.urls([*base, *drives])

    def test_more_than_was_requested_is_not_taken(self):
        node, _ = self.create(properties=test_creation.SMALL)
        own = self.devices(device_type="Storage", full=True)
        error = self.assertRaises(
            composition_errors.CompositionFailed,
            exchange.exchanging, self.store, node, self.given(*own, self.other_drive()),
        )  # fmt: skip
        self.assertIn("it took 2 devices of the type Storage; 1 requested", error.detail)

    def test_more_than_was_requested_is_not_taken_where_the_claimed_device_is_among_it(self):
        find = constrained.Constrained.find

        def more(composer, plan):
            every = self.urls(self.store.list(models.Device, filters=[self.is_drive]))
            return [
                each._replace(resource_urls=(*{*plan.resource_urls, *every},))
                for each in find(composer, plan)
            ]

        self.useFixture(fixtures.MonkeyPatch(f"{constrained.__name__}.Constrained.find", more))
        node, operation = self.create(properties=test_creation.SMALL)
        self.assertEqual(("failed", "error"), (operation.state, node.state))
        self.assertIn("devices of the type Storage; 1 requested", operation.cause)

    def test_a_store_that_is_away_before_the_request_is_no_lost_request(self):
        required, failures = exchange.required, [errors.Unavailable(reason="the store is away")]

        def failing(*arguments):
            if failures:
                raise failures.pop()
            return required(*arguments)

        self.useFixture(fixtures.MonkeyPatch(f"{exchange.__name__}.required", failing))
        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.worker.AGAIN", 0.05))
        node, operation = self.create(properties=test_creation.SMALL)
        self.assertEqual(
            ([], "succeeded", "composed"), (failures, operation.state, node.state), operation.cause
        )

    def test_a_claimed_device_that_was_given_becomes_another_part_where_only_it_can_be_that(self):
        node, _ = self.create(properties=test_creation.SMALL)
        (own,) = (claim for claim in self.store.list(models.Claim) if claim.part == "storage/0")
        wanted = [{"capacity_gib": 1, "count": 1}, {"capacity_gib": 1, "count": 1, "media": "SSD"}]
        node = node.replace(requirements=test_creation.SMALL | {"storage": wanted})
        first = self.store.get(models.Device, own.device_id)
        first = self.store.commit(store.Update(first, {"media": "SSD"}))[0]
        second, third = (
            self.other_drive(media=media, skip=skip) for skip, media in enumerate(("SSD", "HDD"))
        )
        size = {"storage_gib": first.storage_gib}
        claim = own.replace(id=f"{second.uuid}/1", device_id=second.uuid, part="storage/1")
        self.store.commit(store.Update(second, size), store.Update(third, size), store.Create(claim))
        changes = exchange.exchanging(self.store, node, self.given(first, third))
        self.assertIsNotNone(changes)
        self.store.commit(*changes)
        drives = [claim for claim in self.store.list(models.Claim) if claim.part != "processor"]
        parts = {claim.part: claim.device_id for claim in drives}
        self.assertEqual({"storage/0": third.uuid, "storage/1": first.uuid}, parts)

    def test_a_model_is_required_as_the_claimed_device_has_it(self):
        node, _ = self.create(properties=test_creation.SMALL)
        storage = [{"capacity_gib": 1, "count": 1, "model": "Fast"}]
        node = node.replace(requirements=test_creation.SMALL | {"storage": storage})
        (claim,) = (claim for claim in self.store.list(models.Claim) if claim.part == "storage/0")
        other = self.other_drive()
        for own, model, is_taken in (
            ("Fast", "Fast", True),
            ("Fast", "Fast 2", False),
            ("a fast one", "FASTER", True),
            ("a fast one", "slow", False),
            ("a fast one", None, False),
        ):
            self.change(claim.device_id, model=own)
            self.change(other.uuid, model=model)
            changes = exchange.exchanging(self.store, node, self.given(other))
            self.assertEqual(is_taken, changes is not None, (own, model))

    def change(self, uuid, **values):
        """Store values of a device."""
        self.store.commit(store.Update(self.store.get(models.Device, uuid), values))

    def test_what_requirements_say_of_a_kind_is_required_of_other_devices_too(self):
        wanted = {
            "processor": {"model": "Example", "architecture": "x86-64"},
            "storage": [{"capacity_gib": 1, "count": 1, "media": "SSD"}],
        }
        plans, compose = [], constrained.Constrained.compose

        def noting(composer, plan):
            plans.append(plan)
            return compose(composer, plan)

        self.useFixture(fixtures.MonkeyPatch(f"{constrained.__name__}.Constrained.compose", noting))
        _, operation = self.create(properties=wanted)
        self.assertEqual("succeeded", operation.state, operation.cause)
        (plan,) = plans
        base, drive = plan.resource_urls
        self.assertEqual({base: ("model", "architecture"), drive: ("media",)}, plan.required)

    def test_less_than_was_promised_is_taken_where_it_is_what_was_asked_for(self):
        node, _ = self.create(properties=test_creation.SMALL)
        (drive,) = self.devices(device_type="Storage", full=True)
        (machine,) = self.devices(device_type="Compute", full=True)
        self.assertGreater(drive.size, 100)
        smaller = self.other_drive(storage_gib=100)
        given = self.given(smaller)
        for wanted, is_taken in (
            ({}, True),
            ({"storage": [{"capacity_gib": 100, "count": 1}]}, True),
            ({"storage": [{"capacity_gib": 101, "count": 1}]}, False),
            ({"storage": [{"capacity_gib": 100, "count": 2}]}, False),
            ({"processor": {"total_cores": machine.cores}}, True),
            ({"processor": {"total_cores": machine.cores + 1}}, True),  # it is the claimed one
            ({"memory": {"capacity_mib": machine.memory_mib}}, True),
            ({"memory": {"capacity_mib": machine.memory_mib + 1}}, False),
        ):
            asked = node.replace(requirements=test_creation.SMALL | wanted)
            changes = exchange.exchanging(self.store, asked, given)
            self.assertEqual(is_taken, changes is not None, wanted)

    def test_a_base_has_itself_what_no_device_was_claimed_for(self):
        node, _ = self.create(properties={"processor": {"total_cores": 1}})
        (other,) = self.devices(device_type="Compute", full=False)[:1]
        values = {"cores": 4, "size": 4, "storage_gib": 500, "media": "SSD"}
        other = self.store.commit(store.Update(other, values))[0]
        for wanted, is_taken in (
            ({"processor": {"total_cores": 4}}, True),
            ({"processor": {"total_cores": 5}}, False),
            ({"storage": [{"capacity_gib": 500, "count": 1}]}, True),
            ({"storage": [{"capacity_gib": 501, "count": 1}]}, False),
            ({"storage": [{"capacity_gib": 1, "count": 1, "media": "HDD"}]}, False),
        ):
            changes = exchange.exchanging(self.store, node.replace(requirements=wanted), self.urls([other]))
            self.assertEqual(is_taken, changes is not None, wanted)

    def test_what_several_devices_bring_is_summed(self):
        node, _ = self.create(properties=test_creation.SMALL)
        (claim,) = (claim for claim in self.store.list(models.Claim) if claim.part == "storage/0")
        other = self.other_drive()
        for uuid, number in ((claim.device_id, 8), (other.uuid, 4)):
            self.change(uuid, device_type="Accelerator", accelerators=number, size=number)
        self.store.commit(store.Update(claim, {"part": "accelerator/0"}))
        for count, is_taken in ((4, True), (5, False)):
            asked = node.replace(requirements={"accelerator": [{"count": count}]})
            changes = exchange.exchanging(self.store, asked, self.given(other))
            self.assertEqual(is_taken, changes is not None, count)

    def test_each_device_replaces_one_of_the_kind_that_is_wanted(self):
        wanted = test_creation.SMALL | {"storage": [{"capacity_gib": 1, "count": 1, "media": "SSD"}]}
        node, _ = self.create(properties=test_creation.SMALL)
        node = node.replace(requirements=wanted)
        for values, is_taken in (
            ({"media": "SSD"}, True),
            ({"media": "HDD"}, False),
            ({"media": "SSD", "storage_gib": 0, "cores": 100}, False),
        ):
            given = self.given(self.other_drive(**values))
            self.assertEqual(is_taken, bool(exchange.exchanging(self.store, node, given)), values)
        large = self.devices(device_type="Compute", full=False)[0]
        self.store.commit(store.Update(large, {"device_type": "Memory", "memory_mib": 10**9}))
        swapped = self.urls([large, *self.devices(device_type="Storage", full=True)])
        self.assertRaises(
            composition_errors.CompositionFailed, exchange.exchanging, self.store, node, swapped
        )

    def test_devices_outside_of_the_zone_that_was_requested_are_not_taken(self):
        zone, elsewhere = self.device("Compute2").zones[0], "33333333-0000-4000-8000-000000000003"
        node, operation = self.create(properties=test_creation.SMALL, zone_id=zone)
        self.assertEqual("succeeded", operation.state, operation.cause)
        given = self.urls([self.device("Compute2"), self.device("Storage1")])
        for wanted, refused in ((zone, False), (elsewhere, True)):
            moved = node.replace(handle={"request": {"zone_id": wanted}})
            if refused:
                error = composition_errors.CompositionFailed
                self.assertRaises(error, exchange.exchanging, self.store, moved, given)
            else:
                self.assertEqual([], exchange.exchanging(self.store, moved, given))

    def test_devices_of_other_methods_are_not_exchanged(self):
        node, _ = self.create(properties=test_creation.SMALL)
        self.assertTrue(exchange.is_chosen(self.store, node))
        for zoning in self.store.list(models.Zoning):
            self.store.commit(store.Update(zoning, {"method": "blocks"}))
        self.assertFalse(exchange.is_chosen(self.store, node))


class CrashTest(Chosen, test_crashes.CrashCase):
    def setUp(self):
        super().setUp()
        again = hardware.Hardware.again

        def at_once(steps, reason, seconds=None):
            # The service has made the machine when it answers: another search finds no other.
            if reason == NO_MACHINE:
                raise composition_errors.CompositionFailed(url=steps.job.node.podm_id, reason=reason)
            return again(steps, reason, seconds)

        self.useFixture(fixtures.MonkeyPatch("valence.conductor.nodes.hardware.Hardware.again", at_once))

    def test_claims_are_what_the_service_gave_wherever_a_conductor_dies(self):
        died, states = 0, collections.Counter()
        for point in self.each_point():
            answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
            self.fuse.arm(point)
            ended, deaths = self.run_to_its_end(answer["operation"])
            died += deaths
            states[ended.state] += 1
            left, node = self.fuse.at, self.store.get(models.Node, answer["node"]["uuid"])
            self.fuse.arm(None)
            if ended.state == "succeeded":
                self.assert_claims_are_what_the_service_gave(node)
                self.run_to_its_end(self.nodes.delete(self.context, None, node.uuid))
            else:  # the conductor died before the request, and nobody knows whether it left
                self.nodes.delete(self.context, None, node.uuid)
            self.assert_nothing_left()
            self.fuse.at = left
        self.assertGreater(died, 5)
        self.assertLessEqual(states["failed"], 1, states)

    def test_a_request_without_an_answer_is_not_repeated(self):
        self.pod.set_faults(name_ignored_rate=1.0, no_location_rate=1.0, no_body_rate=1.0)
        answer = self.nodes.create(self.context, {"name": "web", "properties": test_creation.SMALL})
        self.fuse.arm(None)
        ended, _ = self.run_to_its_end(answer["operation"])
        self.assertIn(NO_MACHINE, ended.cause)
        self.assertEqual(1, len(self.composed()))
        self.assertEqual([], self.store.list(models.Claim))
