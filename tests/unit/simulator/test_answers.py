# SPDX-License-Identifier: Apache-2.0
"""$expand and pages of collections."""

from tests.unit.simulator import case


class ExpandTest(case.SimulatorTestCase):
    def test_a_dot_expands_the_members_of_a_collection(self):
        members = self.get("Systems?$expand=.").json()["Members"]
        self.assertEqual([self.system(f"System{number}") for number in range(1, 9)], members)

    def test_levels_go_deeper(self):
        members = self.get("Systems?$expand=.($levels=4)").json()["Members"]
        self.assertEqual("CPU", members[0]["Processors"]["Members"][0]["ProcessorType"])
        self.assertEqual("NVMe", members[0]["Storage"]["Members"][0]["Drives"][0]["Protocol"])

    def test_a_dot_leaves_the_links_alone_and_a_tilde_expands_only_them(self):
        subordinate = self.get("Systems/System1?$expand=.($levels=1)").json()
        dependent = self.get("Systems/System1?$expand=~").json()
        self.assertIn("Members", subordinate["Processors"])
        self.assertEqual(["@odata.id"], list(subordinate["Links"]["Chassis"][0]))
        self.assertEqual(["@odata.id"], list(dependent["Processors"]))
        self.assertEqual("Sled", dependent["Links"]["Chassis"][0]["ChassisType"])

    def test_a_star_expands_both(self):
        both = self.get("Systems/System1?%24expand=*").json()
        self.assertEqual("Sled", both["Links"]["Chassis"][0]["ChassisType"])
        self.assertIn("Members", both["Processors"])

    def test_text_that_looks_like_a_link_stays_text(self):
        tag = '{"@odata.id":"/redfish/v1/Managers"} "Links":{'
        self.call("PATCH", "Systems/System1", json={"AssetTag": tag})
        self.assertEqual(tag, self.get("Systems/System1?$expand=*").json()["AssetTag"])

    def test_a_bad_option_is_refused(self):
        for option in ("", "x", ".($levels=0)", ".($levels=7)", ".($levels=x)"):
            self.assertEqual(400, self.get(f"Systems?$expand={option}").status_code, option)

    def test_the_root_says_that_it_is_offered(self):
        feature = self.get("").json()["ProtocolFeaturesSupported"]["ExpandQuery"]
        self.assertEqual((True, 6), (feature["ExpandAll"], feature["MaxLevels"]))

    def test_a_dead_link_stays_a_link(self):
        self.simulator.set_faults(dead_rate=1.0, fault_paths="System1/Memory")
        document = self.get("Systems/System1?$expand=.").json()
        self.assertEqual(["@odata.id"], list(document["Memory"]))
        self.assertIn("Members", document["Processors"])


class NoExpandTest(case.SimulatorTestCase):
    options = {"expand": False}

    def test_it_is_ignored_in_silence(self):
        self.assertEqual(self.get("Systems").json(), self.get("Systems?$expand=.($levels=1)").json())
        self.assertFalse(self.get("").json()["ProtocolFeaturesSupported"]["ExpandQuery"]["ExpandAll"])

    def test_or_refused(self):
        self.simulator = self.start(expand=False, refuse_queries=True)
        self.assertEqual(501, self.get("Systems?$expand=.").status_code)
        self.assertEqual(501, self.get("Systems?$select=Id").status_code)
        self.assertEqual(200, self.get("Systems?foo=bar").status_code)


class PageTest(case.SimulatorTestCase):
    options = {"page_size": 3}

    def pages(self, path):
        while path:
            document = self.get(path).json()
            yield document
            path = document.get("Members@odata.nextLink", "").removeprefix("/redfish/v1/")

    def test_links_lead_through_all_pages(self):
        pages = list(self.pages("Systems"))
        self.assertEqual([3, 3, 2], [len(page["Members"]) for page in pages])
        self.assertEqual({8}, {page["Members@odata.count"] for page in pages})
        self.assertEqual(8, len({member["@odata.id"] for page in pages for member in page["Members"]}))

    def test_pages_stay_expanded(self):
        members = [
            member for page in self.pages("Systems?$expand=.($levels=2)") for member in page["Members"]
        ]
        self.assertEqual(8, len(members))
        self.assertTrue(all("Members" in member["Memory"] for member in members))

    def test_top_bounds_the_whole(self):
        self.assertEqual([3, 1], [len(page["Members"]) for page in self.pages("Systems?$top=4")])
        self.assertEqual([2], [len(page["Members"]) for page in self.pages("Systems?$skip=1&$top=2")])

    def test_a_skip_past_the_end_is_empty(self):
        self.assertEqual([0], [len(page["Members"]) for page in self.pages("Systems?$skip=50")])

    def test_a_number_that_is_none_is_refused(self):
        for text in ("x", "-1", "", "1" * 30):
            self.assertEqual(400, self.get(f"Systems?$skip={text}").status_code, text)

    def test_a_single_resource_has_no_pages(self):
        self.assertEqual(self.system(), self.get("Systems/System1?$skip=1").json())
