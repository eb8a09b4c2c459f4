# SPDX-License-Identifier: Apache-2.0
"""Blocks that are added to systems and taken from them: actions, PATCH of the list, bases."""

from tests.unit.simulator.composition import composition_case

BASE = "Systems/System1"


class ExpandTest(composition_case.CompositionCase):
    options = {"composition": "expand"}

    def act(self, verb, name, path=BASE, **values):
        body = {"ResourceBlock": self.link(name), **values}
        return self.call("POST", f"{path}/Actions/ComputerSystem.{verb}ResourceBlock", json=body)

    def patch(self, *links, path=BASE, **headers):
        body = {"Links": {"ResourceBlocks": list(links)}}
        return self.call("PATCH", path, json=body, headers=headers)

    def test_a_base_lists_its_own_block_and_its_actions(self):
        document = self.document(BASE)
        self.assertEqual(["System1"], self.blocks_of(BASE))
        self.assertEqual(["ExpandableSystem"], document["Composition"]["UseCases"])
        self.assertIn("#ComputerSystem.AddResourceBlock", document["Actions"])
        block = self.block("System1")
        self.assertEqual([{"@odata.id": f"/redfish/v1/{BASE}"}], block["ComputerSystems"])
        self.assertEqual("Unused", self.state("System1"))
        self.assertNotIn("ResourceBlocks", self.document("Systems/System2")["Links"])

    def test_a_block_is_added_and_removed_by_actions(self):
        before = self.document(BASE)
        self.assertEqual(204, self.act("Add", "Accelerator1").status_code)
        self.assertEqual(["System1", "Accelerator1"], self.blocks_of(BASE))
        processors = self.document(f"{BASE}/Processors")["Members"]
        self.assertEqual(self.block("Accelerator1")["Processors"], processors[2:])
        self.assertEqual(("Composed", "Composed"), (self.state("System1"), self.state("Accelerator1")))
        self.assertEqual(204, self.act("Remove", "Accelerator1").status_code)
        self.assertEqual(("Unused", before), (self.state("Accelerator1"), self.document(BASE)))

    def test_a_patch_sends_the_whole_list(self):
        answer = self.patch(self.link("System1"), self.link("Storage1"), self.link("Compute1"))
        self.assertEqual(200, answer.status_code)
        self.assertEqual(answer.json(), self.document(BASE))
        self.assertEqual(["System1", "Storage1", "Compute1"], self.blocks_of(BASE))
        own, *others = self.document(f"{BASE}/Storage/1")["Drives"]
        self.assertIn("/Systems/System1/", own["@odata.id"])
        self.assertEqual(self.block("Storage1")["Drives"], others)
        self.patch(self.link("System1"), self.link("Compute1"))
        self.assertEqual(("Unused", "Composed"), (self.state("Storage1"), self.state("Compute1")))

    def test_placeholders_keep_and_remove(self):
        self.patch(self.link("System1"), self.link("Storage1"), self.link("Storage2"))
        self.patch({}, None, {}, self.link("Storage3"))
        self.assertEqual(["System1", "Storage2", "Storage3"], self.blocks_of(BASE))

    def test_of_two_changes_of_the_same_list_one_is_refused(self):
        etag = self.get(BASE).headers["ETag"]
        links = [self.link("System1"), self.link("Storage1")]
        statuses = [self.patch(*links, **{"If-Match": etag}).status_code for _ in range(2)]
        self.assertEqual([200, 412], statuses)
        answer = self.act("Add", "Storage2", ComputerSystemETag=etag)
        self.assertEqual("PreconditionFailed", self.message(answer, 412))

    def test_a_taken_block_is_refused(self):
        self.simulator = self.start(composition="expand,blocks")
        self.compose("Compute1", "Storage1")
        self.assertEqual("ResourceBlockInUse", self.message(self.act("Add", "Storage1"), 409))
        answer = self.patch(self.link("System1"), self.link("Storage2"), self.link("Storage1"))
        self.assertEqual("ResourceBlockInUse", self.message(answer, 409))
        self.assertEqual("Unused", self.state("Storage2"))

    def test_the_base_stays(self):
        self.assertEqual(400, self.patch(self.link("Storage1")).status_code)
        self.assertEqual(400, self.act("Remove", "System1").status_code)
        self.assertEqual(405, self.call("DELETE", BASE).status_code)

    def test_a_bad_patch_changes_nothing(self):
        for links in ("x", [5], [self.link("System1"), self.link("None1")], [self.link("System1")] * 2):
            body = {"AssetTag": "x", "Links": {"ResourceBlocks": links}}
            self.assertEqual(400, self.call("PATCH", BASE, json=body).status_code, links)
        self.assertEqual("", self.document(BASE)["AssetTag"])

    def test_a_plain_system_has_no_blocks(self):
        for answer in (
            self.act("Add", "Storage1", path="Systems/System2"),
            self.patch(self.link("Storage1"), path="Systems/System2"),
        ):
            self.assertEqual(400, answer.status_code)

    def test_systems_are_not_made_where_they_are_only_expanded(self):
        self.assertEqual(405, self.compose("Compute1", status=405).status_code)

    def test_a_composed_system_changes_likewise(self):
        self.simulator = self.start(composition="blocks")
        path = self.composed("Compute1", "Storage1")
        self.assertEqual(204, self.act("Add", "Accelerator1", path=path).status_code)
        self.assertEqual(204, self.act("Remove", "Storage1", path=path).status_code)
        self.assertEqual(["Compute1", "Accelerator1"], self.blocks_of(path))
        answer = self.act("Remove", "Compute1", path=path)
        self.assertEqual("PropertyValueOutOfRange", self.message(answer, 400))

    def test_actions_and_patch_can_be_missing(self):
        self.simulator = self.start(block_actions=False)
        self.assertNotIn("#ComputerSystem.AddResourceBlock", self.document(BASE)["Actions"])
        self.assertEqual(400, self.act("Add", "Storage1").status_code)
        self.assertEqual(200, self.patch(self.link("System1"), self.link("Storage1")).status_code)
        self.simulator = self.start(block_patch=False)
        self.assertEqual(400, self.patch(self.link("System1"), self.link("Storage1")).status_code)
        self.assertEqual(204, self.act("Add", "Storage1").status_code)

    def test_some_change_only_while_they_are_off(self):
        self.simulator = self.start(hot_plug=False)
        self.assertEqual(409, self.act("Add", "Storage1").status_code)
        self.simulator.set_power("System1", "Off")
        self.assertEqual(204, self.act("Add", "Storage1").status_code)

    def test_removing_a_base_frees_what_it_had(self):
        self.act("Add", "Storage1")
        self.simulator.remove_system("System1")
        self.assertEqual("Unused", self.state("Storage1"))
        self.assertEqual(404, self.get(f"{composition_case.BLOCKS}/Rack1-System1").status_code)
        self.crawl()
