# SPDX-License-Identifier: Apache-2.0
"""Offers of DMTF's mockups, and of services that say things in their own ways."""

from tests import redfish_mockup
from tests.unit.podmanagers import case
from valence.db.models import device
from valence.podmanagers import base
from valence.podmanagers.redfish import offers
from valence.podmanagers.redfish.crawl import facts as crawled
from valence.podmanagers.redfish.crawl import measures

SERVICE, BLOCKS, ZONES = (f"{case.ROOT}{path}" for path in (
    "CompositionService", "CompositionService/ResourceBlocks", "CompositionService/ResourceZones",
))  # fmt: skip
SYSTEMS = f"{case.ROOT}Systems"
CREATE = {
    "Capabilities": [
        {"UseCase": "ComputerSystemComposition", "CapabilitiesObject": {"@odata.id": f"{SYSTEMS}/Limits"}}
    ]
}


def link(path):
    return {"@odata.id": path}


def links(*paths):
    return [link(path) for path in paths]


class OffersTestCase(case.RedfishTestCase):
    def offers(self, url, driver=None):
        """Return the offers after a crawl by the last part of their path."""
        driver = driver or self.connect(url)
        list(driver.crawl(base.Etags()))
        return {offer.resource_url.rpartition("/")[2]: offer for offer in driver.offers()}

    def of_mockup(self, name):
        return self.offers(self.useFixture(redfish_mockup.RedfishMockup(f"dmtf/{name}")).url)

    def states(self, found):
        return {name: offer.state for name, offer in found.items()}


class MockupsTest(OffersTestCase):
    def test_blocks_of_the_composability_mockup(self):
        found = self.of_mockup("public-composability")
        compute, drive, tray = (found[name] for name in ("ComputeBlock1", "DriveBlock3", "DriveBlock7"))
        self.assertEqual((16, 32768), compute.measures[:2])
        self.assertEqual(100, compute.measures.speed_mbps)
        self.assertEqual(("Compute", 16, "x86-64"), (compute.device_type, compute.size, compute.measures[6]))
        self.assertEqual((256, 8, 2), (drive.size, drive.slots, drive.consumers))
        self.assertEqual(("Storage", "SSD"), (drive.device_type, drive.measures.media))
        self.assertEqual(("Storage", 4096), (tray.device_type, tray.size))
        gpu = found["OffloadBlock9"]
        self.assertEqual(("Accelerator", 1, "GPU"), (gpu.device_type, gpu.size, gpu.measures.architecture))
        self.assertEqual(("Network", 100), (found["NetworkBlock8"].device_type, found["NetworkBlock8"].size))
        self.assertEqual((f"{SYSTEMS}/ComposedSystem",), compute.users)
        self.assertEqual({None}, {offer.fault for offer in found.values()})

    def test_states_zones_and_methods_of_the_composability_mockup(self):
        found = self.of_mockup("public-composability")
        in_use = {"ComputeBlock1", "ComputeBlock2", "NetworkBlock8", "DriveBlock10", "SystemBlock12"}
        self.assertEqual(in_use, {name for name, state in self.states(found).items() if state != device.FREE})
        self.assertEqual((f"{ZONES}/1", f"{ZONES}/2"), found["DriveBlock3"].zones)
        methods = {"DriveBlock3": "blocks", "SystemBlock11": "expand", "SystemPreResourceBlock": "none"}
        self.assertEqual(methods, {name: found[name].method for name in methods})
        limits = (("MaxCompute", 1), ("MaxStorage", 8), ("MinCompute", 1))
        self.assertEqual(limits, found["DriveBlock3"].limits)

    def test_hardware_of_a_block_is_offered_once(self):
        found = self.of_mockup("public-composability")
        systems = {name for name, offer in found.items() if offer.device_type == "System"}
        self.assertEqual({"SystemPreResourceBlock"}, systems)
        self.assertEqual(8, found["SystemBlock11"].measures.cores)

    def test_a_service_that_chooses_by_constraints(self):
        found = self.of_mockup("public-constrained-composition")
        self.assertEqual({"constrained"}, {offer.method for offer in found.values()})
        self.assertEqual((16, 32768, 0, 0, 100), found["ComputeBlock1"].measures[:5])
        self.assertEqual(
            (256, 8, 2),
            (found["DriveBlock3"].size, found["DriveBlock3"].slots, found["DriveBlock3"].consumers),
        )

    def test_the_compose_action_mockup(self):
        found = self.of_mockup("public-compose-action")
        servers = {found[f"RackServer-{number}"] for number in (1, 2, 4, 5)}
        self.assertEqual({(4, 8192, 1489)}, {offer.measures[:3] for offer in servers})
        self.assertEqual({("Compute", device.FREE)}, {offer[1:3] for offer in servers})
        self.assertEqual(device.IN_USE, found["BladeServer-1"].state)
        self.assertEqual(
            1489, found["BladeServer-1"].measures.storage_gib, "the drive of a sled is the sled's"
        )
        self.assertEqual(279, found["SASSled-1"].size)

    def test_blocks_without_a_composition_service_are_unavailable(self):
        found = self.of_mockup("public-expansion-box")
        self.assertEqual(10, len(found))
        self.assertEqual(
            {(device.UNAVAILABLE, "No way to compose it is offered.")},
            {offer[2:4] for offer in found.values()},
        )
        self.assertEqual(("Memory", 32768), (found["Tray3-Memory"].device_type, found["Tray3-Memory"].size))

    def test_a_plain_system_is_offered_as_it_stands(self):
        found = self.of_mockup("public-rackmount1")
        self.assertEqual(["437XR1138R2"], list(found))
        offer = found["437XR1138R2"]
        self.assertEqual(("System", device.FREE, "none"), (offer.device_type, offer.state, offer.method))
        self.assertEqual((8, 98304), offer.measures[:2])

    def test_the_first_answer_and_the_same_answer_again_offer_the_same(self):
        for features in ((), ("etags",), ("expand", "etags")):
            with self.subTest(features=features):
                mockup = redfish_mockup.RedfishMockup("dmtf/public-composability", features=features)
                url = self.useFixture(mockup).url
                driver = self.connect(url)
                first = self.offers(url, driver)
                known = base.Etags(
                    {
                        each.resource_url: each.etag
                        for each in self.crawl(mockup)
                        if isinstance(each, base.Seen)
                    }
                )
                for _ in range(2):
                    list(driver.crawl(known))
                    again = {each.resource_url.rpartition("/")[2]: each for each in driver.offers()}
                    self.assertEqual(first, again)


def processor(**more):
    return {"Id": "CPU", "ProcessorType": "CPU", "TotalCores": 8, "InstructionSet": "x86-64"} | more


def drive(gib=512, **more):
    return {"Id": "Drive", "CapacityBytes": gib * 1024**3, "MediaType": "SSD"} | more


class QuirksTest(OffersTestCase):
    """Services as public emulators are; each block has a processor unless a test says otherwise."""

    def setUp(self):
        super().setUp()
        self.documents = {
            SERVICE: {
                "Id": "CompositionService",
                "ResourceBlocks": link(BLOCKS),
                "ResourceZones": link(ZONES),
            },
            SYSTEMS: case.collection(**{"@Redfish.CollectionCapabilities": CREATE}),
            f"{SYSTEMS}/Limits": {
                "Id": "Limits",
                "@Redfish.ResourceBlockLimits": {"MinCompute": 1, "MaxStorage": 8},
            },
            BLOCKS: case.collection(),
            ZONES: case.collection(),
        }

    def block(self, name, *, parts=None, **document):
        """Add a block with its parts: link -> document, or a list of them."""
        path = f"{BLOCKS}/{name}"
        document = {"Id": name, "Links": {}} | document
        for place, given in (parts if parts is not None else {"Processors": [processor()]}).items():
            paths = [f"{path}/{place}/{number}" for number, _ in enumerate(given)]
            self.documents |= dict(zip(paths, given, strict=True))
            document[place] = links(*paths)
        self.documents[BLOCKS]["Members"].append(link(path))
        self.documents[path] = document
        return path

    def system(self, name, *blocks, **document):
        path = f"{SYSTEMS}/{name}"
        self.documents[SYSTEMS]["Members"].append(link(path))
        self.documents[path] = {"Id": name, "Links": {"ResourceBlocks": links(*blocks)}} | document
        return path

    def zone(self, name, *blocks, **document):
        path = f"{ZONES}/{name}"
        self.documents[ZONES]["Members"].append(link(path))
        self.documents[path] = {"Id": name, "Links": {"ResourceBlocks": links(*blocks)}} | document
        return path

    def found(self):
        return self.offers(self.serve(self.documents).url)

    def composition(self, state="Unused", **more):
        return {"CompositionStatus": {"CompositionState": state} | more}

    def test_types_follow_from_parts_where_none_is_given(self):
        self.block("a", ResourceBlockType=[])
        self.block("b", ResourceBlockType="Storage", parts={"Drives": [drive()]})
        self.block("c", parts={"Memory": [{"Id": "DIMM", "CapacityMiB": 4096}]})
        self.block("d", parts={"Processors": [processor(ProcessorType="GPU")]})
        self.block("e", parts={"EthernetInterfaces": [{"Id": "NIC", "SpeedMbps": 1000}]})
        self.block("f", parts={}, ResourceBlockType=["Memory"])
        self.block("g", parts={})
        types = {name: (offer.device_type, offer.size) for name, offer in self.found().items()}
        expected = {
            "a": ("Compute", 8), "b": ("Storage", 512), "c": ("Memory", 4096), "d": ("Accelerator", 1),
            "e": ("Network", 1000), "f": ("Memory", 0),
        }  # fmt: skip
        self.assertEqual(expected, types)

    def test_parts_that_are_absent_or_disabled_do_not_count(self):
        gone = [{"Status": {"State": state}} for state in ("Absent", "Disabled")]
        self.block("a", parts={"Processors": [processor(), *(processor(**each) for each in gone)]})
        self.assertEqual(8, self.found()["a"].measures.cores)

    def test_a_summary_counts_only_where_there_are_no_parts(self):
        summary = {
            "MemorySummary": {"TotalSystemMemoryGiB": 65536},
            "ProcessorSummary": {"Count": 2, "CoreCount": 64},
        }
        self.system(
            "with",
            **summary,
            Memory=link(f"{SYSTEMS}/with/Memory"),
            Processors=link(f"{SYSTEMS}/with/Processors"),
        )
        self.system("without", **summary)
        self.documents |= {
            f"{SYSTEMS}/with/Memory": case.collection(f"{SYSTEMS}/with/Memory/1"),
            f"{SYSTEMS}/with/Memory/1": {"Id": "1", "CapacityMiB": 65536},
            f"{SYSTEMS}/with/Processors": case.collection(f"{SYSTEMS}/with/Processors/1"),
            f"{SYSTEMS}/with/Processors/1": processor(),
        }
        found = self.found()
        self.assertEqual((8, 65536), found["with"].measures[:2])
        self.assertEqual((64, 65536 * 1024), found["without"].measures[:2])

    def test_a_block_that_says_unused_for_ever_is_in_use_by_the_system_that_names_it(self):
        self.system("one", self.block("a", **self.composition()), SystemType="Composed")
        found = self.found()
        self.assertEqual(["a"], list(found))
        self.assertEqual((device.IN_USE, 1), (found["a"].state, found["a"].consumers))

    def test_a_reservation_may_be_a_text(self):
        self.block("a", **self.composition(Reserved="true"))
        self.block("b", **self.composition(Reserved="false"))
        self.assertEqual({"a": device.RESERVED, "b": device.FREE}, self.states(self.found()))

    def test_a_machine_of_one_block_that_is_no_composed_one_is_free(self):
        base_block = self.block("base", **self.composition("Composed"))
        self.system("machine", base_block, SystemType="Physical")
        self.documents[base_block]["Links"] = {"ComputerSystems": links(f"{SYSTEMS}/machine")}
        self.assertEqual({"base": device.FREE}, self.states(self.found()))
        self.documents[f"{SYSTEMS}/machine"]["Links"]["ResourceBlocks"] += links(
            self.block("drive", parts={"Drives": [drive()]})
        )
        self.assertEqual({"base": device.IN_USE, "drive": device.IN_USE}, self.states(self.found()))

    def test_a_machine_whose_processors_a_block_has_is_offered_once(self):
        block = self.block("base")
        self.system("machine", Processors=link(f"{SYSTEMS}/machine/Processors"))
        self.documents[f"{SYSTEMS}/machine/Processors"] = case.collection(f"{block}/Processors/0")
        self.assertEqual({"base": 8}, {name: offer.size for name, offer in self.found().items()})

    def test_states_in_the_order_of_their_weight(self):
        critical, disabled = (
            {"Health": "Critical", "State": "Disabled"},
            {"Health": "OK", "State": "Disabled"},
        )
        self.block("a", Status=critical, **self.composition("Failed"))
        self.block("b", Status=disabled, **self.composition("Failed"))
        self.block("c", **self.composition("Failed", Reserved=True))
        self.block("d", **self.composition("Composing", Reserved=True))
        self.block("e", **self.composition("Composed"))
        self.block("f", Status={"Health": "Warning"}, **self.composition("Unused"))
        states = [offer.state for _, offer in sorted(self.found().items())]
        unavailable, in_use = [device.UNAVAILABLE] * 2, [device.IN_USE] * 2
        self.assertEqual([device.UNHEALTHY, *unavailable, *in_use, device.FREE], states)

    def test_what_a_machine_cannot_use_any_more_has_a_fault(self):
        self.block("a", Status={"Health": "Critical"}, **self.composition("Composed"))
        self.block("b", Status={"State": "Absent"}, **self.composition("Composed"))
        self.block("c", **self.composition("Failed"))
        self.block("d", Status={"State": "Starting"}, **self.composition("Composed"))
        faults = [offer.fault for _, offer in sorted(self.found().items())]
        expected = [
            "Its health is Critical.",
            "Its state is Absent.",
            "Its composition state is Failed.",
            None,
        ]
        self.assertEqual(expected, faults)

    def test_users_are_known_from_either_side(self):
        one, two = self.block("one"), self.block("two")
        self.system("one", one, SystemType="Composed")
        self.system("two", SystemType="Composed")
        self.documents[two]["Links"] = {"ComputerSystems": links(f"{SYSTEMS}/two")}
        users = {name: offer.users for name, offer in self.found().items()}
        self.assertEqual({name: (f"{SYSTEMS}/{name}",) for name in ("one", "two")}, users)

    def test_zones_are_known_from_either_side(self):
        one, both = self.block("one"), self.block("both")
        self.zone("1", one, both)
        self.zone("2")
        self.documents[both]["Links"] = {"Zones": links(f"{ZONES}/2")}
        found = self.found()
        self.assertEqual((f"{ZONES}/1",), found["one"].zones)
        self.assertEqual((f"{ZONES}/1", f"{ZONES}/2"), found["both"].zones)

    def test_methods_are_found_by_what_is_offered(self):
        a = self.block("a")
        self.zone("1", a)
        self.assertEqual(
            ("blocks", (("MaxStorage", 8), ("MinCompute", 1))),
            (self.found()["a"].method, self.found()["a"].limits),
        )
        self.documents[SYSTEMS].pop("@Redfish.CollectionCapabilities")
        self.assertEqual(("none", device.UNAVAILABLE), (self.found()["a"].method, self.found()["a"].state))
        self.documents[SERVICE]["Actions"] = {"#CompositionService.Compose": {"target": "/compose"}}
        self.assertEqual("manifest", self.found()["a"].method)
        self.documents[f"{ZONES}/1"]["@Redfish.CollectionCapabilities"] = CREATE
        self.assertEqual("blocks", self.found()["a"].method)
        self.documents[SERVICE]["ServiceEnabled"] = False
        self.assertEqual("none", self.found()["a"].method)

    def test_limits_are_those_of_the_use_case_that_composes(self):
        chosen = {
            "UseCase": "ComputerSystemConstrainedComposition",
            "CapabilitiesObject": link(f"{SYSTEMS}/Chosen"),
        }
        self.documents[f"{SYSTEMS}/Chosen"] = {"@Redfish.ResourceBlockLimits": {"MaxStorage": 2}}
        self.block("a")
        for capabilities, expected in (
            ([chosen], ("constrained", (("MaxStorage", 2),))),
            ([chosen, *CREATE["Capabilities"]], ("blocks", (("MaxStorage", 8), ("MinCompute", 1)))),
        ):
            self.documents[SYSTEMS]["@Redfish.CollectionCapabilities"] = {"Capabilities": capabilities}
            offer = self.found()["a"]
            self.assertEqual(expected, (offer.method, offer.limits))

    def test_what_says_how_a_block_is_composed_may_be_unread(self):
        a, b = self.block("a"), self.block("b")
        self.zone("1", a, b)
        self.zone("2")
        self.documents[a]["Links"] = {"Zones": links(f"{ZONES}/1")}
        service = self.serve(self.documents)
        expected = {
            SERVICE: {"a", "b"},
            SYSTEMS: {"a", "b"},
            ZONES: {"a", "b"},
            f"{ZONES}/1": {"a", "b"},
            f"{ZONES}/2": {"b"},
            f"{SYSTEMS}/Limits": set(),
        }
        service.documents[case.ROOT]["ResourceBlocks"] = link(BLOCKS)
        for path, unplaced in expected.items():
            with self.subTest(path=path):
                service.answers = {f"GET {path}": lambda handler: handler.answer(500, {})}
                found = self.offers(service.url)
                self.assertEqual(unplaced, {name for name, offer in found.items() if offer.unplaced})
                self.assertEqual({device.FREE}, {offer.state for offer in found.values()})
                is_unlimited = path == f"{SYSTEMS}/Limits"
                self.assertEqual(is_unlimited, any(offer.limits is None for offer in found.values()))

    def test_capabilities_of_systems_may_say_more_than_those_of_a_zone(self):
        del self.documents[SYSTEMS]["@Redfish.CollectionCapabilities"]
        self.zone("1", self.block("a"), **{"@Redfish.CollectionCapabilities": CREATE})
        service = self.serve(self.documents)
        offer = self.offers(service.url)["a"]
        self.assertEqual(("blocks", False), (offer.method, offer.unplaced))
        service.answers = {f"GET {SYSTEMS}": lambda handler: handler.answer(500, {})}
        self.assertTrue(self.offers(service.url)["a"].unplaced)

    def test_what_is_gone_is_not_unread(self):
        self.zone("1", self.block("a"))
        service = self.serve(self.documents)
        for path in (f"{SYSTEMS}/Limits", f"{ZONES}/1", ZONES):
            del service.documents[path]
            found = self.offers(service.url)["a"]
            self.assertEqual((False, (), "blocks"), (found.unplaced, found.limits, found.method))

    def test_a_machine_that_is_unread_may_be_what_blocks_are_added_to(self):
        self.documents[SYSTEMS].pop("@Redfish.CollectionCapabilities")
        machine = self.system("machine", self.block("base"))
        self.documents[f"{BLOCKS}/base"]["Links"] = {"ComputerSystems": links(machine)}
        service = self.serve(self.documents)
        self.assertEqual("expand", self.offers(service.url)["base"].method)
        service.answers = {f"GET {machine}": lambda handler: handler.answer(500, {})}
        self.assertTrue(self.offers(service.url)["base"].unplaced)

    def test_a_block_without_a_machine_is_no_base_where_machines_are_only_expanded(self):
        of_systems = self.documents[SYSTEMS].pop("@Redfish.CollectionCapabilities")
        for name in ("base", "lone"):
            self.block(name, parts={"Processors": [processor()]})
        self.block("drive", parts={"Drives": [{"CapacityBytes": 2**40}]})
        machine = self.system("machine", f"{BLOCKS}/base")
        service = self.serve(self.documents)
        free = dict.fromkeys(("base", "lone", "drive"), device.FREE)
        found = self.offers(service.url)
        self.assertEqual(free | {"lone": device.UNAVAILABLE}, self.states(found))
        self.assertIn("No machine is in it", found["lone"].reason)
        # It may be in a machine that could not be read, or be of use for one that the service makes of blocks.
        service.answers = {f"GET {machine}": lambda handler: handler.answer(500, {})}
        self.assertEqual(free, self.states(self.offers(service.url)))
        service.answers = {}
        limited = of_systems["Capabilities"][0] | {"UseCase": measures.CONSTRAINED}
        service.documents[SYSTEMS]["@Redfish.CollectionCapabilities"] = {"Capabilities": [limited]}
        self.assertEqual(free, self.states(self.offers(service.url)))

    def test_a_block_is_not_free_while_the_machine_that_may_use_it_is_unread(self):
        blocks = [self.block(name, **self.composition()) for name in "abc"]
        machines = [self.system(f"m{number}", block) for number, block in enumerate(blocks[:2])]
        for machine in machines:
            self.documents[machine]["SystemType"] = "Composed"
        service = self.serve(self.documents)
        service.answers = {f"GET {machines[0]}": lambda handler: handler.answer(500, {})}
        self.assertEqual({"a": None, "b": device.IN_USE, "c": None}, self.states(self.offers(service.url)))
        # Where blocks tell who uses them, they are believed.
        service.documents[blocks[1]]["Links"] = {"ComputerSystems": links(machines[1])}
        found = self.states(self.offers(service.url))
        self.assertEqual({"a": device.FREE, "b": device.IN_USE, "c": device.FREE}, found)

    def test_whether_nodes_are_allocated_may_be_unread(self):
        self.system("machine")
        service = self.serve(self.documents)
        service.documents[case.ROOT]["Nodes"] = link(f"{case.ROOT}Nodes")
        self.assertFalse(self.offers(service.url)["machine"].unplaced, "there are none")
        service.answers = {f"GET {case.ROOT}Nodes": lambda handler: handler.answer(500, {})}
        self.assertTrue(self.offers(service.url)["machine"].unplaced)

    def test_capabilities_of_the_wrong_form_are_none(self):
        wrong = {"Capabilities": {"useCase": "ComputerSystemComposition"}}
        self.documents[SYSTEMS]["@Redfish.CollectionCapabilities"] = wrong
        self.system("machine", self.block("base"))
        self.assertEqual("expand", self.found()["base"].method)

    def test_a_part_that_cannot_be_read_is_noted(self):
        broken = self.block("a", parts={"Processors": [processor(), processor()]})
        self.block("b")
        service = self.serve(self.documents)
        service.answers[f"GET {broken}/Processors/0"] = lambda handler: handler.send_error(500)
        found = self.offers(service.url)
        self.assertEqual({"a": True, "b": False}, {name: offer.unread for name, offer in found.items()})

    def test_a_system_of_a_node_is_in_use(self):
        nodes = f"{case.ROOT}Nodes"
        self.documents |= {
            nodes: case.collection(
                f"{nodes}/1", Actions={"#ComposedNodesCollection.Allocate": {"target": "/a"}}
            ),
            f"{nodes}/1": {"Id": "1", "Links": {"ComputerSystem": link(self.system("taken"))}},
        }
        self.system("left")
        found = self.found()
        self.assertEqual({"taken": device.IN_USE, "left": device.FREE}, self.states(found))
        self.assertEqual({"allocate"}, {offer.method for offer in found.values()})
        service = self.serve(self.documents)
        service.answers = {f"GET {nodes}/1": lambda handler: handler.answer(500, {})}
        unread = self.offers(service.url)
        self.assertEqual({None}, {offer.state for offer in unread.values()}, "it may stand on each of them")

    def test_a_drive_that_is_broken_is_not_free(self):
        facts = crawled.Facts(has_nodes=True)
        facts.has_allocation = True
        wanted = {
            ("Enabled", "OK"): (device.FREE, None),
            ("Enabled", "Critical"): (device.UNHEALTHY, "Its health is Critical."),
            ("UnavailableOffline", "OK"): (device.UNAVAILABLE, None),
            (None, None): (device.FREE, None),
        }
        for state, health in wanted:
            document = {"CapacityBytes": 2**40, "Status": {"State": state, "Health": health}}
            drive = measures.of("Drive", document, "/chassis", lambda link: None)
            facts.drives[f"/drives/{state}/{health}"] = drive
        found = {offer.resource_url: (offer.state, offer.fault) for offer in offers.Offering(facts)}
        self.assertEqual(
            {f"/drives/{state}/{health}": each for (state, health), each in wanted.items()}, found
        )
        facts.has_unread_nodes = True
        self.assertEqual(
            {None, device.UNHEALTHY, device.UNAVAILABLE}, {each.state for each in offers.Offering(facts)}
        )

    def test_a_system_that_is_off_can_be_used_whatever_it_calls_itself(self):
        for name, power in (("off", "Off"), ("disabled", "On")):
            self.system(name, PowerState=power, Status={"State": "Disabled", "Health": "OK"})
        self.assertEqual({"off": device.FREE, "disabled": device.UNAVAILABLE}, self.states(self.found()))

    def test_values_of_the_wrong_kind_do_no_harm(self):
        wrong = [None, 1, "x", [1], {"a": 1}, [None], -5, True]
        names = (
            "ResourceBlockType",
            "CompositionStatus",
            "Processors",
            "Drives",
            "Links",
            "Status",
            "ComputerSystems",
        )
        for number, value in enumerate(wrong):
            self.block(f"b{number}", **dict.fromkeys(names, value), parts={})
            self.block(
                f"p{number}", parts={"Processors": [processor(TotalCores=value, Model=value, Status=value)]}
            )
            self.system(f"s{number}", MemorySummary=value, ProcessorSummary={"CoreCount": value})
            self.zone(f"z{number}", **{"@Redfish.CollectionCapabilities": value, "Links": value})
        found = self.found()
        self.assertLessEqual({f"p{number}" for number, _ in enumerate(wrong)}, found.keys())
        self.assertEqual(
            [0, 1, 0, 0, 0, 0, 0, 0], [found[f"p{number}"].size for number, _ in enumerate(wrong)]
        )

    def test_offers_are_given_once_after_a_whole_crawl(self):
        self.block("a")
        driver = self.connect(self.serve(self.documents).url)
        self.assertEqual([], list(driver.offers()))
        list(driver.crawl(base.Etags()))
        self.assertEqual(1, len(list(driver.offers())))
        self.assertEqual([], list(driver.offers()))
