# SPDX-License-Identifier: Apache-2.0
"""The action CompositionService.Compose."""

from tests.unit.simulator.composition import composition_case

SERVICE = "CompositionService"


class ManifestTest(composition_case.CompositionCase):
    options = {"composition": "manifest"}

    def send(self, *stanzas, request_type="Apply"):
        body = {
            "RequestFormat": "Manifest",
            "RequestType": request_type,
            "Manifest": {"Stanzas": list(stanzas)},
        }
        return self.post(body)

    def post(self, body):
        target = self.document(SERVICE)["Actions"]["#CompositionService.Compose"]["target"]
        return self.call("POST", target.removeprefix("/redfish/v1/"), json=body)

    def stanza(self, *names, **values):
        request = {**self.links(*names), **values}
        return {"StanzaType": "ComposeSystem", "StanzaId": "one", "Request": request}

    def decompose(self, **request):
        return {"StanzaType": "DecomposeSystem", "StanzaId": "two", "Request": request}

    def responses(self, *stanzas, **values):
        answer = self.send(*stanzas, **values)
        self.assertEqual(200, answer.status_code, answer.text)
        return [stanza["Response"] for stanza in answer.json()["Manifest"]["Stanzas"]]

    def code(self, response):
        return response["error"]["code"].rpartition(".")[2]

    def pool(self, name):
        members = self.document(f"{SERVICE}/{name}Pool")["Members"]
        return [link["@odata.id"].rpartition("-")[2] for link in members]

    def test_a_stanza_composes_and_another_takes_apart(self):
        [response] = self.responses(self.stanza("Compute1", "Storage1", Name="mine", Description="for me"))
        path = response["@odata.id"].removeprefix("/redfish/v1/")
        self.assertEqual(response, self.document(path))
        self.assertEqual(("mine", "for me"), (response["Name"], response["Description"]))
        self.assertEqual(["Compute1", "Storage1"], self.pool("Active"))
        self.assertNotIn("Compute1", self.pool("Free"))
        self.assertEqual("Active", self.block("Compute1")["Pool"])
        [response] = self.responses(self.decompose(**{"@odata.id": f"/redfish/v1/{path}"}))
        self.assertEqual("Success", self.code(response))
        self.assertEqual(([], 404), (self.pool("Active"), self.get(path).status_code))

    def test_every_stanza_stands_for_itself(self):
        first, second, third = self.responses(
            self.stanza("Compute1"), self.stanza("Compute1", "Storage1"), self.stanza("Compute2", "Storage1")
        )
        self.assertEqual("ResourceBlockInUse", self.code(second))
        self.assertEqual(["Compute1"], self.blocks_of(first["@odata.id"].removeprefix("/redfish/v1/")))
        self.assertEqual("Composed", self.state("Storage1"))
        self.assertIn("Links", third)

    def test_a_preview_composes_nothing(self):
        good, bad = self.responses(self.stanza("Compute1"), self.stanza("Compute9"), request_type="Preview")
        self.assertEqual(("Success", "ResourceBlockNotFound"), (self.code(good), self.code(bad)))
        self.assertEqual([], self.simulator.compositions()["systems"])
        self.simulator = self.start(quirks="preview_applies")
        self.responses(self.stanza("Compute1"), request_type="Preview")
        self.assertEqual("Composed", self.state("Compute1"))

    def test_a_block_that_is_a_system_is_expanded(self):
        self.simulator = self.start(composition="manifest,expand")
        [response] = self.responses(self.stanza("System1", "Storage1"))
        self.assertEqual("/redfish/v1/Systems/System1", response["@odata.id"])
        self.assertEqual(["System1", "Storage1"], self.blocks_of("Systems/System1"))
        self.responses(self.decompose(**{"@odata.id": "/redfish/v1/Systems/System1"}))
        self.assertEqual("Unused", self.state("Storage1"))

    def test_systems_to_take_apart_are_named_in_two_ways(self):
        for quirks, by_itself in (("", True), ("decompose_by_links", False)):
            self.simulator = self.start(quirks=quirks)
            [response] = self.responses(self.stanza("Compute1"))
            link = {"@odata.id": response["@odata.id"]}
            [response] = self.responses(self.decompose(**link))
            self.assertEqual(by_itself, self.code(response) == "Success", quirks)
            if not by_itself:
                [response] = self.responses(self.decompose(**link, Links={"ComputerSystems": [link]}))
                self.assertEqual("Success", self.code(response))
            self.assertEqual("Unused", self.state("Compute1"))

    def test_the_target_may_be_misspelled_and_works(self):
        self.simulator = self.start(quirks="misspelled_target")
        self.assertIn("Links", self.responses(self.stanza("Compute1"))[0])

    def test_garbage_is_refused(self):
        good = {"RequestFormat": "Manifest", "RequestType": "Apply", "Manifest": {"Stanzas": []}}
        for body in (
            {},
            good,
            {**good, "RequestType": "Explode"},
            {**good, "RequestFormat": "Text"},
            {**good, "Manifest": None},
            {**good, "Manifest": {"Stanzas": "x"}},
            {**good, "Manifest": {"Stanzas": ["x"]}},
        ):
            self.assertEqual(400, self.post(body).status_code, body)
        for stanza in (
            {},
            {"StanzaType": "ComposeSystem"},
            {"StanzaType": "Explode", "Request": {}},
            self.stanza(),
            self.stanza("None1"),
            self.stanza("System1"),
            self.decompose(),
            self.decompose(**{"@odata.id": "/redfish/v1/Systems/System1"}),
            self.decompose(**{"@odata.id": "/redfish/v1/Systems/None"}),
            self.decompose(Links={"ComputerSystems": "x"}),
        ):
            [response] = self.responses(stanza)
            self.assertIn("error", response, stanza)
            self.assertNotEqual("Success", self.code(response), stanza)

    def test_a_manifest_can_be_a_task(self):
        self.simulator = self.start(tasks=True)
        answer = self.send(self.stanza("Compute1"))
        self.assertEqual(202, answer.status_code)
        monitor = answer.headers["Location"].removeprefix("/redfish/v1/")
        [stanza] = self.document(monitor)["Manifest"]["Stanzas"]
        self.assertEqual("Composed", self.state("Compute1"))
        self.assertIn("@odata.id", stanza["Response"])

    def test_without_manifests_there_is_no_action(self):
        self.simulator = self.start(composition="blocks")
        self.assertNotIn("Actions", self.document(SERVICE))
        path = f"{SERVICE}/Actions/CompositionService.Compose"
        self.assertEqual(404, self.call("POST", path, json={}).status_code)
        self.assertEqual(404, self.get(f"{SERVICE}/FreePool").status_code)
