# SPDX-License-Identifier: Apache-2.0
"""Machines for which a simulated service chooses the blocks."""

import fixtures

from tests.unit.podmanagers.redfish.composition import test_blocks
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base as podmanagers
from valence.podmanagers import composers
from valence.podmanagers.redfish import connection


class ConstrainedCase(test_blocks.BlocksCase):
    def start(self, **options):
        more = {
            "composition": "constrained",
            "compute_blocks": 3,
            "storage_blocks": 3,
            "accelerator_blocks": 1,
        }
        super().start(**more | options)

    def plan(self, number=0):
        return super().plan(number)._replace(may_differ=True)

    def parts(self, urls):
        """Return how many processors, modules of memory and drives some blocks have, by their size."""
        found = {}
        for url in urls:
            block = self.driver.read(url)
            for name, size in (
                ("Processors", "TotalCores"),
                ("Memory", "CapacityMiB"),
                ("Drives", "CapacityBytes"),
            ):
                for link in block.get(name, ()):
                    key = name, self.driver.read(link["@odata.id"]).get(size)
                    found[key] = found.get(key, 0) + 1
        return found


class ConstrainedTest(ConstrainedCase):
    def test_a_machine_has_what_the_devices_of_the_plan_have(self):
        self.start()
        plan = self.plan(2)
        self.composer.reserve(plan.resource_urls, True)
        outcome = self.composer.compose(plan)
        self.assertEqual(podmanagers.DONE, outcome.state)
        (machine,) = self.composer.find(plan)
        self.assertEqual((outcome.resource_url, composers.COMPOSED, True), (
            machine.resource_url, machine.state, machine.is_marked,
        ))  # fmt: skip
        wanted, given = self.parts(plan.resource_urls), self.parts(machine.resource_urls)
        self.assertEqual({"Processors", "Memory", "Drives"}, {name for name, _ in wanted})
        for name, size in wanted:
            needed, found = (
                sum(count for (each, least), count in parts.items() if each == name and least >= size)
                for parts in (wanted, given)
            )
            self.assertGreaterEqual(found, needed, (name, size))
        (system,) = self.pod.compositions()["systems"]
        self.assertEqual(set(system["blocks"]), set(machine.resource_urls))
        self.assertTrue(self.composer.exists(machine.resource_url))
        self.composer.decompose(machine.resource_url)
        self.assert_free(plan)

    def test_a_gpu_is_requested_by_its_model(self):
        self.start()
        gpus = [each["@odata.id"] for each in self.driver.read(test_blocks.BLOCKS)["Members"]]
        (gpu,) = [url for url in gpus if "Accelerator" in url]
        plan = self.plan()
        plan = plan._replace(resource_urls=(plan.resource_urls[0], gpu))
        self.assertIn(gpu, self.composed(plan).resource_urls)

    def test_what_the_node_requires_is_named_where_the_service_lets_it_be(self):
        self.start()
        plan = self.plan(2)
        everything = dict.fromkeys(plan.resource_urls, ("model", "architecture", "media"))
        processor, drive = self.named(plan._replace(required=everything))
        block = self.driver.read(plan.resource_urls[0])
        document = self.driver.read(block["Processors"][0]["@odata.id"])
        named = {"Model": document["Model"], "InstructionSet": "x86-64"}
        self.assertEqual((named, {"MediaType": "SSD"}), (processor, drive))
        (machine,) = self.composer.find(plan)  # the service has chosen accordingly
        own = [self.driver.read(url) for url in machine.resource_urls]
        links = [link["@odata.id"] for each in own for link in each.get("Processors", ())]
        self.assertEqual({document["Model"]}, {self.driver.read(url)["Model"] for url in links})
        self.composer.decompose(machine.resource_url)
        self.assertEqual([{}, {}], self.named(plan), "nothing is required")

    def test_what_the_service_does_not_offer_to_name_is_not_named(self):
        self.useFixture(fixtures.MonkeyPatch("valence.simulator.documents.capabilities.member", lambda _: {}))
        self.start()
        plan = self.plan()
        everything = dict.fromkeys(plan.resource_urls, ("model", "architecture", "media"))
        self.assertEqual([{}, {}], self.named(plan._replace(required=everything)))

    def named(self, plan):
        """Compose a plan; return what its request said of the processors and the drives besides their amounts."""
        sent, exchange = [], connection.Connection.exchange

        def noting(one, method, path, body=None, *more):
            sent.append(body)
            return exchange(one, method, path, body, *more)

        with fixtures.MonkeyPatch(f"{connection.__name__}.Connection.exchange", noting):
            self.composer.compose(plan)
        (processor,), (storage,) = (sent[-1][name]["Members"] for name in ("Processors", "Storage"))
        (drive,) = storage["Drives"]
        amounts = "@Redfish.RequestedCount", "ProcessorType", "TotalCores", "CapacityBytes"
        return [
            {name: value for name, value in each.items() if name not in amounts}
            for each in (processor, drive)
        ]

    def test_nothing_is_requested_where_parts_cannot_be_read(self):
        for faults in (
            {"html_rate": 1.0, "fault_paths": "/Processors"},
            {"dead_rate": 1.0, "fault_paths": "/(Processors|Memory|EthernetInterfaces)"},
            {"html_rate": 1.0, "fault_paths": "Capabilities"},
        ):
            self.start()
            plan = self.plan()
            self.pod.set_faults(**faults)
            self.assertRaises(errors.PodManagerError, self.composer.compose, plan)
            self.assertEqual([], self.pod.compositions()["systems"])

    def test_devices_that_a_client_names_are_not_exchanged(self):
        self.start()
        plan = self.plan()._replace(may_differ=False)
        error = self.assertRaises(introspection_errors.NotOffered, self.composer.compose, plan)
        self.assertIn("the devices that a client names", error.detail)
        self.assertEqual([], self.pod.compositions()["systems"])

    def test_blocks_are_known_from_either_side(self):
        for quirk in ("links_of_blocks_only", "links_of_systems_only"):
            self.start(quirks=quirk)
            self.composed(self.plan())
            plan = self.plan(1)
            machine = self.composed(plan)
            system = self.pod.compositions()["systems"][1]
            self.assertEqual(set(system["blocks"]), set(machine.resource_urls))
            fewer = plan._replace(resource_urls=tuple(system["blocks"])[:1])
            (machine,) = self.composer.find(fewer)
            self.assertEqual(set(system["blocks"]), set(machine.resource_urls), "it has more")

    def test_a_machine_without_the_mark_is_not_taken_for_that_of_the_node(self):
        for rate, found in ((1.0, 0), (0.0, 1)):
            self.start(name_ignored_rate=rate)
            # The service chooses the first blocks, which are not those of the plan.
            plan = self.plan(2)
            self.composer.compose(plan)
            self.assertEqual(1, len(self.pod.compositions()["systems"]))
            self.assertEqual(found, len(self.composer.find(plan)))

    def test_a_machine_without_the_mark_is_known_by_the_answer(self):
        self.start(name_ignored_rate=1.0)
        plan = self.plan(2)
        url = self.composer.compose(plan).resource_url
        (machine,) = self.composer.find(plan._replace(machine_url=url))
        (system,) = self.pod.compositions()["systems"]
        self.assertEqual((url, set(system["blocks"]), False),
                         (machine.resource_url, set(machine.resource_urls), machine.is_marked))  # fmt: skip
        self.assertEqual([], self.composer.find(plan._replace(machine_url=url, before=(*plan.before, url))))

    def test_what_is_not_there_is_taken(self):
        self.start()
        plan = self.plan()
        for url in self.compute:
            self.pod.set_block_health(url.rpartition("/")[2], "Critical")
        self.assertRaises(composition_errors.DeviceTaken, self.composer.compose, plan)
