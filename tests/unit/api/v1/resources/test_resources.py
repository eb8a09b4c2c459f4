# SPDX-License-Identifier: Apache-2.0
"""Resources with their live documents."""

from tests.unit.api import case


class DetailTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        pod_manager = self.add_pod_manager(url="http://127.0.0.1:9/redfish/v1")
        self.systems = self.add_resources(pod_manager, "System", "System", "System")
        self.asked = []
        self.backend.conductor.resources.details = self.details

    def details(self, context, uuids, *, pod_manager=None):
        """Answer for the conductor: the first has a document, the second has a problem, the third is gone."""
        self.asked.append(uuids)
        problem = {
            "detail": "It hangs.",
            "hint": "Wait.",
            "status": 502,
            "code": "valence.x",
            "title": "Bad Gateway",
        }
        answers = {self.systems[0]: {"detail": {"Id": "ä"}}, self.systems[1]: {"error": problem}}
        return {uuid: answers[uuid] for uuid in uuids if uuid in answers}

    def test_documents_are_shown_with_their_rows(self):
        rows = self.get("/v1/systems?detail=true").json["systems"]
        found = {row["uuid"]: row for row in rows}
        self.assertEqual({"Id": "ä"}, found[self.systems[0]]["detail"])
        self.assertEqual(
            (None, 502), (found[self.systems[1]]["detail"], found[self.systems[1]]["errors"][0]["status"])
        )
        self.assertEqual(404, found[self.systems[2]]["errors"][0]["status"])

    def test_one_call_a_page(self):
        self.get("/v1/systems?detail=true")
        self.assertEqual([sorted(self.systems)], [sorted(each) for each in self.asked])

    def test_none_for_an_empty_page(self):
        self.assertEqual([], self.get("/v1/racks?detail=true").json["racks"])
        self.assertEqual([], self.asked)

    def test_only_the_fields_that_are_asked_for(self):
        rows = self.get("/v1/systems?detail=true&fields=name&limit=1").json["systems"]
        self.assertEqual(set(), set(rows[0]) - {"name", "detail", "errors"})

    def test_one_document(self):
        shown = self.get(f"/v1/resources/{self.systems[0]}?detail=true").json
        self.assertEqual({"Id": "ä"}, shown["detail"])
        self.assertEqual("System", shown["resource_type"])
        self.assertEqual({"detail": {"Id": "ä"}, "name": "/redfish/v1/0"}, self.get(
            f"/v1/resources/{self.systems[0]}?detail=true&fields=name").json)  # fmt: skip

    def test_a_document_that_cannot_be_read_is_an_error(self):
        self.assert_error(self.get(f"/v1/systems/{self.systems[1]}?detail=true"), 502, "valence.x")
        self.assert_error(self.get(f"/v1/systems/{self.systems[2]}?detail=true"), 404, "valence.not_found")

    def test_without_detail_nobody_is_asked(self):
        self.get("/v1/systems?detail=false")
        self.get(f"/v1/systems/{self.systems[0]}?detail=no")
        self.assertEqual([], self.asked)


class LargePageTest(case.APITestCase):
    options = {"api__default_limit": 500}

    def test_a_page_with_documents_is_shorter_by_itself(self):
        self.assertEqual(200, self.get("/v1/systems?detail=true").status_code)
        self.assert_error(self.get("/v1/systems?detail=true&limit=500"), 400, "valence.validation")
