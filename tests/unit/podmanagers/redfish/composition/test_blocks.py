# SPDX-License-Identifier: Apache-2.0
"""Machines of resource blocks, on a simulated service that composes as the standard says, and on some that do not."""

import contextlib
import uuid

from tests.unit.podmanagers import case
from tests.unit.podmanagers.redfish.composition import composer_case
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers import composers

BLOCKS = "/redfish/v1/CompositionService/ResourceBlocks"
OPTIONS = {"racks": 1, "systems": 1, "system_blocks": 0, "compute_blocks": 2, "storage_blocks": 2}


class BlocksCase(composer_case.ComposerCase):
    def start(self, **options):
        """Start a service, and set ``driver``, ``composer`` and ``blocks``, the paths of its free blocks."""
        self.connect(**OPTIONS | options)
        members = self.driver.read(BLOCKS)["Members"]
        parts = self.composer.look([member["@odata.id"] for member in members])
        self.compute = [part.resource_url for part in parts if part.is_free and "Compute" in self.kinds(part)]
        self.storage = [part.resource_url for part in parts if part.is_free and "Storage" in self.kinds(part)]

    def kinds(self, part):
        """Return the types of a block."""
        return self.driver.read(part.resource_url)["ResourceBlockType"]

    def plan(self, number=0):
        """Return the plan of a machine with one compute and one storage block."""
        before = tuple(self.composer.machines())
        node = str(uuid.uuid4())
        return composers.Plan(node, "web", (self.compute[number], self.storage[number]), before=before)

    def composed(self, plan):
        """Compose a plan, follow its task, and return the one machine that is found."""
        with contextlib.suppress(composition_errors.HardwareOutcomeUnknown):
            outcome = self.composer.compose(plan)
            while outcome.state == podmanagers.TASK:
                outcome = self.driver.follow(outcome.task_url)
        (machine,) = self.composer.find(plan)
        return machine

    def assert_free(self, plan):
        """Check that nothing of a plan is left."""
        self.assertEqual(list(plan.before), self.composer.machines())
        self.assertEqual([], self.pod.compositions()["systems"])
        self.assertEqual([True, True], [part.is_free for part in self.composer.look(plan.resource_urls)])


class ComposeTest(BlocksCase):
    def test_a_machine_is_made_of_its_blocks_and_taken_apart(self):
        self.start()
        plan = self.plan()
        outcome = self.composer.compose(plan)
        self.assertEqual(podmanagers.DONE, outcome.state)
        (machine,) = self.composer.find(plan)
        self.assertEqual(outcome.resource_url, machine.resource_url)
        self.assertEqual((composers.COMPOSED, set(plan.resource_urls)),
                         (machine.state, set(machine.resource_urls)))  # fmt: skip
        busy = self.composer.look(plan.resource_urls)
        self.assertEqual(
            [(False, (machine.resource_url,))] * 2, [(part.is_free, part.consumers) for part in busy]
        )
        self.assertEqual(podmanagers.DONE, self.composer.decompose(machine.resource_url).state)
        self.assertFalse(self.composer.exists(machine.resource_url))
        self.assert_free(plan)
        self.assertEqual(podmanagers.DONE, self.composer.decompose(machine.resource_url).state)

    def test_a_machine_has_the_mark_of_its_node_alone(self):
        self.start()
        plan = self.plan()
        url = self.composed(plan).resource_url
        for node, is_marked in ((plan.node_id, True), (str(uuid.uuid4()), False), (None, False)):
            self.assertEqual(is_marked, self.composer.machine(url, [], node).is_marked)

    def test_a_block_of_another_machine_is_taken(self):
        self.start()
        first = self.plan()
        self.composer.compose(first)
        second = self.plan(1)._replace(resource_urls=(self.compute[1], self.storage[0]))
        error = self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, second)
        self.assertIn(self.storage[0], error.detail)
        self.assertEqual([], self.composer.find(second))

    def test_a_block_that_is_gone_is_not_free(self):
        self.start()
        (part,) = self.composer.look([f"{BLOCKS}/nobody"])
        self.assertEqual((False, "it is gone"), (part.is_free, part.reason))

    def test_a_machine_is_not_gone_where_the_collection_cannot_be_read(self):
        self.start(html_rate=1.0, fault_paths="/Systems$")
        machine_url = "/redfish/v1/Systems/Composed1"
        self.assertRaises(errors.PodManagerError, self.composer.exists, machine_url)

    def test_a_block_is_attached_to_a_machine_and_detached(self):
        for lacking in ({}, {"block_actions": False}, {"block_patch": False}):
            self.start(**lacking)
            machine = self.composed(self.plan()).resource_url
            for _ in range(2):
                self.assertEqual(podmanagers.DONE, self.composer.attach(machine, self.storage[1]).state)
            (part,) = self.composer.look(self.storage[1:2])
            self.assertEqual((False, (machine,)), (part.is_free, part.consumers))
            for _ in range(2):
                self.assertEqual(podmanagers.DONE, self.composer.detach(machine, self.storage[1]).state)
            self.assertTrue(self.composer.look(self.storage[1:2])[0].is_free)

    def test_a_machine_whose_blocks_cannot_change_gets_none(self):
        self.start(block_actions=False, quirks="links_of_blocks_only")
        machine = self.composed(self.plan()).resource_url
        for change in (self.composer.attach, self.composer.detach):
            self.assertRaises(introspection_errors.NotOffered, change, machine, self.storage[1])

    def test_a_machine_that_has_to_be_off_is_not_a_block_that_is_taken(self):
        for lacking in ({}, {"block_actions": False}):
            self.start(hot_plug=False, power_seconds=0, **lacking)
            machine = self.composed(self.plan()).resource_url
            self.driver.power(machine, "on")
            error = self.assertRaises(errors.PodManagerError, self.composer.attach, machine, self.storage[1])
            self.assertIn("must be off", error.detail)
            self.driver.power(machine, "force_off")
            self.assertEqual(podmanagers.DONE, self.composer.attach(machine, self.storage[1]).state)

    def test_a_reservation_is_set_and_cleared_and_hides_a_block_from_others_alone(self):
        self.start()
        for wanted in (True, False):
            self.composer.reserve(self.compute[:1], wanted)
            status = self.driver.read(self.compute[0])["CompositionStatus"]
            self.assertEqual(wanted, status["Reserved"])
            self.assertTrue(self.composer.look(self.compute[:1])[0].is_free)


class AnswersTest(BlocksCase):
    def assert_composes(self, **options):
        self.start(**options)
        plan = self.plan()
        machine = self.composed(plan)
        self.assertEqual(set(plan.resource_urls), set(machine.resource_urls))
        return plan, machine

    def test_a_task_is_followed(self):
        self.assert_composes(tasks=True, compose_seconds=0)

    def test_an_answer_that_was_cut_is_looked_for(self):
        self.assert_composes(compose_cut_rate=1.0)

    def test_an_answer_without_address_is_looked_for(self):
        self.assert_composes(no_location_rate=1.0, no_body_rate=1.0)

    def test_a_machine_without_its_name_is_known_by_its_blocks(self):
        self.assert_composes(name_ignored_rate=1.0, compose_cut_rate=1.0)

    def test_an_id_is_given_where_the_service_wants_one(self):
        for place, requests in (("collection", 1), ("", 2)):
            self.start(quirks="requires_id", capabilities=place)
            plan, before = self.plan(), self.pod.stats()["by_method"]["POST"]
            machine = self.composed(plan)
            self.assertTrue(machine.resource_url.endswith(f"valence-{plan.node_id}"))
            self.assertEqual(before + requests, self.pod.stats()["by_method"]["POST"], "capabilities say so")

    def test_each_side_of_the_links_is_enough(self):
        for quirk in ("links_of_blocks_only", "links_of_systems_only"):
            self.assert_composes(quirks=quirk)

    def test_blocks_that_always_say_unused_are_seen_in_the_machine(self):
        self.assert_composes(stale_state_rate=1.0)

    def test_a_removal_that_is_accepted_and_not_done_is_seen(self):
        _, machine = self.assert_composes(deaf_delete_rate=1.0)
        self.composer.decompose(machine.resource_url)
        self.assertTrue(self.composer.exists(machine.resource_url))

    def test_what_cannot_be_read_is_neither_gone_nor_free(self):
        plan, machine = self.assert_composes()
        self.pod.set_faults(error_rate=1.0, fault_paths="Systems/|ResourceBlocks/")
        self.assertRaises(errors.PodManagerError, self.composer.find, plan)
        self.assertRaises(errors.PodManagerError, self.composer.look, plan.resource_urls)
        self.pod.set_faults(error_rate=1.0, fault_paths="Systems/?$")
        self.assertRaises(errors.PodManagerError, self.composer.exists, machine.resource_url)


SYSTEMS, CAPABILITIES = "/redfish/v1/Systems", "/redfish/v1/Systems/Capabilities"


class CapabilitiesTest(case.RedfishTestCase):
    """Requests as a capabilities object wants them."""

    def requested(self, capabilities):
        """Return what a service with these capabilities is asked for, None where that is nothing."""
        use = {"UseCase": "ComputerSystemComposition", "CapabilitiesObject": {"@odata.id": CAPABILITIES}}
        documents = {
            SYSTEMS: case.collection(**{"@Redfish.CollectionCapabilities": {"Capabilities": [use]}}),
            CAPABILITIES: {"Id": "Capabilities", **capabilities},
            "/redfish/v1/CompositionService": {"Id": "CompositionService"},
        }
        service, bodies = self.serve(documents), []

        def take(handler):
            bodies.append(handler.body)
            handler.answer(201, {}, Location=f"{SYSTEMS}/1")

        service.answers[f"POST {SYSTEMS}"] = take
        plan = composers.Plan("node", "web", (f"{BLOCKS}/1",))
        with contextlib.suppress(introspection_errors.NotOffered):
            self.connect(service.url).composer().compose(plan)
        return bodies[0] if bodies else None

    def test_only_what_is_allowed_is_sent(self):
        usual = {"Name", "Description", "Links"}
        for marked, expected in (
            ((), usual),
            (("Name@Redfish.RequiredOnCreate", "Links@Redfish.RequiredOnCreate"), {"Name", "Links"}),
            (("Name@Redfish.RequiredOnCreate", "Description@Redfish.OptionalOnCreate"), usual),
            (("HostName@Redfish.OptionalOnCreate", "Description@Redfish.OptionalOnCreate"), usual - {"Name"}),
            (
                ("Id@Redfish.RequiredOnCreate", "HostName@Redfish.RequiredOnCreate"),
                {"Id", "HostName", "Links"},
            ),
        ):
            self.assertEqual(expected, self.requested(dict.fromkeys(marked, True)).keys(), marked)
        self.assertEqual(usual, self.requested({"Name@Redfish.RequiredOnCreate": "yes"}).keys())

    def test_what_requires_more_is_not_requested(self):
        required = {"BiosVersion@Redfish.RequiredOnCreate": True, "Name@Redfish.RequiredOnCreate": True}
        self.assertIsNone(self.requested(required))
