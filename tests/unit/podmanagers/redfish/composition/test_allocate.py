# SPDX-License-Identifier: Apache-2.0
"""Nodes of Intel RSD on simulated services: as the API says, as older versions have it, and as simulators do it."""

import uuid

from tests.unit.podmanagers.redfish.composition import composer_case
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers import composers

ROOT = "/redfish/v1"
OPTIONS = {"racks": 1, "systems": 3, "nodes": 1, "composition": "allocate", "power_seconds": 0}
SIMULATOR = "other_allocate,unlinked_nodes,targets_of_first_node,stale_nodes,ended_by_text"


class AllocateCase(composer_case.ComposerCase):
    def start(self, quirks="", **options):
        """Start a service, and set ``driver`` and ``composer``."""
        self.connect(**OPTIONS | {"quirks": quirks} | options)

    def plan(self, number=2, **values):
        """Return the plan of a node on a system."""
        before = tuple(self.composer.nodes())
        node, system = str(uuid.uuid4()), (f"{ROOT}/Systems/System{number}",)
        return composers.Plan(node, "web", system, before=before, is_allocated=True)._replace(**values)

    def composed(self, plan):
        """Allocate and assemble a node, and return its path."""
        self.composer.compose(plan)
        (machine,) = self.composer.find(plan)
        self.composer.assemble(machine.resource_url)
        return machine.resource_url

    def nodes(self):
        return {node["path"]: node for node in self.pod.compositions()["nodes"]}


class AllocateTest(AllocateCase):
    def test_a_node_stands_on_the_claimed_system_and_is_deleted(self):
        self.start()
        plan = self.plan(3)
        outcome = self.composer.compose(plan)
        self.assertEqual((podmanagers.DONE, f"{ROOT}/Nodes/2"), (outcome.state, outcome.resource_url))
        (machine,) = self.composer.find(plan)
        seen = outcome.resource_url, composers.ALLOCATED, plan.resource_urls
        wanted = composers.Composed(*seen, is_marked=True, power_state="On")
        self.assertEqual(wanted, machine._replace(sign=podmanagers.Sign()))
        self.assertEqual(plan.node_id, machine.sign.mark)
        self.assertTrue(machine.sign.uuid)
        self.assertEqual(machine.sign, self.driver.machine_state(outcome.resource_url).sign)
        self.assertEqual(podmanagers.DONE, self.composer.assemble(machine.resource_url).state)
        self.assertEqual(composers.COMPOSED, self.composer.machine(machine.resource_url, ()).state)
        self.assertEqual(podmanagers.UNKNOWN, self.composer.assemble(machine.resource_url).state)
        (part,) = self.composer.look(plan.resource_urls)
        self.assertEqual((False, (machine.resource_url,)), (part.is_free, part.consumers))
        self.composer.decompose(machine.resource_url)
        self.assertFalse(self.composer.exists(machine.resource_url))
        self.assertEqual(podmanagers.DONE, self.composer.decompose(machine.resource_url).state)
        self.assertTrue(self.composer.look(plan.resource_urls)[0].is_free)

    def test_a_system_is_free_unless_a_node_stands_on_it_or_it_is_broken(self):
        self.start()
        self.pod.set_power("System3", "Off")
        self.pod.set_health("System2", "Critical")
        urls = [f"{ROOT}/Systems/{name}" for name in ("System1", "System2", "System3", "System9")]
        reasons = [part.reason for part in self.composer.look(urls)]
        self.assertEqual(
            [f"the node {ROOT}/Nodes/1 has it", "its health is Critical", None, "it is gone"], reasons
        )
        self.assertEqual([], self.composer.look([]))

    def test_a_system_of_another_node_is_taken(self):
        self.start()
        self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, self.plan(1))
        self.assertEqual(1, len(self.nodes()))

    def test_an_older_service_chooses_a_system_that_has_as_much(self):
        self.start("nodes_at_root,chooses_systems")
        refused = self.assertRaises(introspection_errors.NotOffered, self.composer.compose, self.plan())
        self.assertIn("The property Resource is not known", refused.detail)
        plan = self.plan(may_differ=True)
        outcome = self.composer.compose(plan)
        self.assertEqual(podmanagers.DONE, outcome.state)
        (machine,) = self.composer.find(plan._replace(machine_url=outcome.resource_url))
        self.assertEqual((outcome.resource_url, 1), (machine.resource_url, len(machine.resource_urls)))
        self.assertNotEqual(f"{ROOT}/Systems/System1", machine.resource_urls[0])

    def test_nothing_is_requested_where_the_parts_of_the_system_cannot_be_read(self):
        self.start("chooses_systems", html_rate=1.0, fault_paths="/Processors|/Memory")
        for plan in (self.plan(), self.plan(may_differ=True)):
            self.assertRaises(errors.PodManagerUnreachable, self.composer.compose, plan)
        self.assertEqual(1, len(self.nodes()))

    def test_a_node_whose_answer_was_lost_is_found_by_what_the_service_keeps(self):
        for quirks, ignored, may_differ in (
            ("", 0, False),  # its mark
            ("", 1.0, False),  # its system
            ("unlinked_nodes", 1.0, False),  # nothing: it is the only new one
            ("chooses_systems", 1.0, True),
        ):
            self.start(quirks, name_ignored_rate=ignored, no_location_rate=1.0)
            plan = self.plan(may_differ=may_differ)
            self.assertEqual([], self.composer.find(plan))
            self.composer.compose(plan)
            found = self.composer.find(plan)
            self.assertEqual([f"{ROOT}/Nodes/2"], [each.resource_url for each in found], quirks)
            self.assertEqual([not ignored], [each.is_marked for each in found])
            self.assertEqual(
                [], self.composer.find(plan._replace(before=None, node_id="x", resource_urls=()))
            )

    def test_a_node_of_another_client_is_not_the_one_of_a_plan(self):
        self.start()
        plan = self.plan(2)
        self.composer.compose(self.plan(3))
        self.assertEqual([], self.composer.find(plan))

    def test_a_node_that_somebody_named_is_no_unknown_one(self):
        for quirks, may_differ in (("", True), ("unlinked_nodes", False), ("", False)):
            self.start(quirks)
            # On the claimed system, on another one, or where nobody knows.
            plan = self.plan(2 if may_differ else 3, may_differ=may_differ)
            self.composer.compose(self.plan(3))
            (theirs,) = (node for node in self.pod.service.pod.nodes.all if node.id == "2")
            texts = {("kubernetes-7", ""): False, ("Node 2", "of a client"): False, ("web", ""): True}
            texts |= {("web", "valence:6f2a"): False, ("2", ""): True, ("Composed Node", "A machine"): False}
            texts |= {("Composed Node", "Default node #2"): True}
            for (theirs.name, theirs.description), may_be_ours in texts.items():
                found = [each.resource_url for each in self.composer.find(plan)]
                wanted = [f"{ROOT}/Nodes/2"] if may_be_ours else []
                self.assertEqual(wanted, found, (quirks, theirs.name, theirs.description))
            named = self.composer.find(plan._replace(machine_url=f"{ROOT}/Nodes/2"))
            self.assertEqual([f"{ROOT}/Nodes/2"], [each.resource_url for each in named])

    def test_a_node_that_says_nothing_is_taken_to_stand_on_the_claimed_system(self):
        self.start("unlinked_nodes")
        plan = self.plan()
        url = self.composed(plan)
        self.assertEqual(plan.resource_urls, self.composer.machine(url, plan.resource_urls).resource_urls)

    def test_actions_go_to_the_node_itself_with_a_body(self):
        self.start(SIMULATOR, name_ignored_rate=1.0)
        url = self.composed(self.plan())
        self.driver.power(url, "force_off")
        self.assertEqual("Assembled", self.nodes()[url]["state"])
        self.assertEqual({"System2": {"ForceOff": 1}}, self.pod.stats()["resets"])
        self.composer.decompose(url)
        self.assertFalse(self.composer.exists(url), "its own path is still answered")
        self.assertEqual("Node 1", self.driver.read(f"{ROOT}/Nodes/1")["Name"])
        self.composer.decompose(url)
        self.assertEqual(1, len(self.composer.nodes()))

    def test_a_node_is_deleted_by_force_where_that_is_offered(self):
        for quirks in ("", "endpoint_actions"):
            self.start(quirks, deaf_delete_rate=1.0)
            url = self.composed(self.plan())
            self.composer.decompose(url)
            self.assertTrue(self.composer.exists(url))
            self.composer.decompose(url, force=True)
            self.assertEqual(bool(quirks), self.composer.exists(url))

    def test_drives_are_attached_and_detached(self):
        drive = f"{ROOT}/Chassis/Rack1/Drives/1"
        for quirks in ("", "endpoint_actions"):
            self.start(quirks)
            plan = self.plan()
            url = self.composed(plan)
            self.assertEqual(url, self.composer.attach(url, drive).resource_url)
            self.assertEqual((url,), self.composer.look([drive])[0].consumers)
            urls = [*plan.resource_urls, drive]
            self.assertEqual(tuple(urls), self.composer.machine(url, urls).resource_urls)
            self.assertRaises(composition_errors.DeviceTaken, self.composer.attach, url, drive)
            self.composer.detach(url, drive)
            self.assertEqual(plan.resource_urls, self.composer.machine(url, urls).resource_urls)

    def test_drives_of_no_system_are_offered(self):
        self.start(drives=2, expand=False)
        free, used = (f"{ROOT}/Chassis/Rack1/Drives/{number}" for number in (1, 2))
        url = self.composed(self.plan())
        self.composer.attach(url, used)
        found = self.offers()
        self.assertEqual({free: ("free", ()), used: ("in_use", (url,))}, {
            each.resource_url: (each.state, each.users) for each in found if each.device_type == "Storage"
        })  # fmt: skip
        (drive,) = (each for each in found if each.resource_url == free)
        self.assertEqual(("allocate", True), (drive.method, drive.size > 0))
        self.pod.set_faults(html_rate=1.0, fault_paths="/Nodes/2$")
        states = {each.resource_url: each.state for each in self.offers() if each.device_type == "Storage"}
        self.assertEqual({free: None, used: None}, states, "the node may have either")
        self.start("", composition="blocks", system_blocks=0)
        self.assertEqual([], [each for each in self.offers() if "Chassis" in each.resource_url])

    def offers(self):
        """Return what the service offers after a crawl."""
        list(self.driver.crawl(podmanagers.Etags()))
        return list(self.driver.offers())

    def test_what_is_not_offered_is_not_requested(self):
        self.start()
        self.pod.service.pod.compositions.ways = frozenset()
        self.assertRaises(introspection_errors.NotOffered, self.driver.composer)
        self.assertRaises(introspection_errors.NotOffered, self.composer.compose, self.plan())
        attach = self.composer.attach
        self.assertRaises(introspection_errors.NotOffered, attach, f"{ROOT}/Nodes/1", f"{ROOT}/Chassis/x")

    def test_a_collection_that_cannot_be_read_is_not_empty(self):
        self.start()
        self.pod.set_faults(truncate_rate=1.0, fault_paths="/Nodes$")
        self.assertRaises(errors.PodManagerError, self.composer.nodes)
        self.assertRaises(errors.PodManagerError, self.composer.exists, f"{ROOT}/Nodes/1")

    def test_a_service_may_have_blocks_too(self):
        self.start(composition="blocks,allocate", compute_blocks=1, system_blocks=0)
        plan = self.plan()
        url = self.composed(plan)
        block = f"{ROOT}/CompositionService/ResourceBlocks/Rack1-Compute1"
        machine = composers.Plan(str(uuid.uuid4()), "x", (block,), before=tuple(self.composer.machines()))
        made = self.composer.compose(machine).resource_url
        self.assertTrue(self.composer.look([block])[0].consumers)
        for each in (url, made):
            self.assertTrue(self.composer.exists(each))
            self.composer.decompose(each)
            self.assertFalse(self.composer.exists(each))
