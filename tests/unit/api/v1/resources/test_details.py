# SPDX-License-Identifier: Apache-2.0
"""Requests for documents of a pod manager that hangs cost no call until a conductor is to be asked again."""

from tests.unit.api import case
from valence.api.v1 import resources
from valence.common import bus_errors
from valence.common import errors

HANGS = bus_errors.PodManagerHangs(url="http://hung/redfish/v1", seconds=3)
DOCUMENT = {"detail": {"Id": "1"}}


def problem(error):
    named = {name: getattr(error, name, None) for name in ("code", "status", "title", "retry_after")}
    return {"error": error.problems[0] | named}


class HangingTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.hung = self.add_pod_manager(name="hung", url="http://127.0.0.1:9/hung")
        self.good = self.add_pod_manager(name="good", url="http://127.0.0.1:9/good")
        self.systems = self.add_resources(self.hung, "System", "System")
        (self.other,) = self.add_resources(self.good, "System")
        self.answer = problem(HANGS)
        self.now = 0.0
        hanging = resources.Hanging(clock=lambda: self.now)
        self.application.services.details.hanging = hanging
        self.asked = []
        self.backend.conductor.resources.details = self.details

    def details(self, context, uuids, *, pod_manager=None):
        """Answer for the conductor: what the good pod manager has, and ``answer`` for the other one."""
        self.asked.append(sorted(uuids))
        if isinstance(self.answer, Exception):
            raise self.answer
        return {uuid: DOCUMENT if uuid == self.other else self.answer for uuid in uuids}

    def calls(self, uuid, status):
        """Return the calls that a request for a document makes, which is answered with a status."""
        before = len(self.backend.caller.calls), len(self.asked)
        self.response = self.get(f"/v1/systems/{uuid}?detail=true")
        self.assertEqual(status, self.response.status_code, self.response.text)
        return len(self.backend.caller.calls) - before[0] + len(self.asked) - before[1]

    def test_a_refused_request_makes_no_call_until_its_retry_after(self):
        self.assertEqual(2, self.calls(self.systems[0], 503))
        self.assert_error(self.response, 503, "valence.pod_manager_hangs")
        self.assertEqual("5", self.response.headers["Retry-After"])
        self.now = 3.5
        self.assertEqual(0, self.calls(self.systems[0], 503))
        self.assertEqual("2", self.response.headers["Retry-After"])
        self.now = 5.0
        self.assertEqual(2, self.calls(self.systems[0], 503))
        self.assertEqual(0, self.calls(self.systems[0], 503))

    def test_other_resources_of_it_are_not_asked_for_and_those_of_others_are(self):
        self.calls(self.systems[0], 503)
        self.assertEqual(1, self.calls(self.systems[1], 503))
        self.assertEqual(0, self.calls(self.systems[1], 503))
        self.assertEqual(2, self.calls(self.other, 200))

    def test_what_is_known_of_one_collection_shows_nothing_in_another(self):
        self.calls(self.systems[0], 503)
        self.assertEqual(404, self.get(f"/v1/racks/{self.systems[0]}?detail=true").status_code)
        self.assertEqual(400, self.get(f"/v1/systems/{self.systems[0]}?detail=maybe").status_code)
        self.assertEqual(200, self.get(f"/v1/systems/{self.systems[0]}").status_code)

    def test_pages_leave_it_out_and_show_why(self):
        self.calls(self.systems[0], 503)
        self.asked.clear()
        rows = self.get("/v1/systems?detail=true").json["systems"]
        self.assertEqual([[self.other]], self.asked)
        shown = {row["uuid"]: row for row in rows}
        self.assertEqual({"Id": "1"}, shown[self.other]["detail"])
        for uuid in self.systems:
            self.assertEqual("valence.pod_manager_hangs", shown[uuid]["errors"][0]["code"])

    def test_a_page_finds_out_too(self):
        self.get("/v1/systems?detail=true")
        self.assertEqual(1, self.calls(self.systems[0], 503))
        self.asked.clear()
        self.get(f"/v1/systems?detail=true&podm_id={self.hung['uuid']}")
        self.assertEqual([], self.asked)

    def test_once_it_answers_all_are_asked_for(self):
        for answered in (DOCUMENT, problem(errors.ResourceGone(url="u", reason="r"))):
            self.answer = problem(HANGS)
            self.calls(self.systems[0], 503)
            self.now += 5
            self.answer = answered
            self.assertEqual(2, self.calls(self.systems[0], answered.get("error", {}).get("status", 200)))
            self.assertEqual(2, self.calls(self.systems[1], answered.get("error", {}).get("status", 200)))

    def test_after_a_failure_of_the_bus_the_next_one_asks(self):
        self.calls(self.systems[0], 503)
        self.now = 5.0
        for failure in (bus_errors.Busy(what="for details"), errors.ConductorUnavailable(reason="none")):
            self.answer = failure
            self.assertEqual(2, self.calls(self.systems[0], 503))
        self.answer = DOCUMENT
        self.assertEqual(2, self.calls(self.systems[0], 200))

    def test_one_at_a_time_finds_out(self):
        hanging = resources.Hanging(clock=lambda: self.now)
        hanging.end("a", [problem(HANGS)])
        self.now = 5.0
        self.assertIsNone(hanging.problem("a"))
        self.assertIsNone(hanging.begin("a"))
        self.assertEqual(1, hanging.begin("a")["retry_after"])
        hanging.end("a", [problem(errors.PodManagerUnreachable(url="u", reason="no answer"))])
        self.assertIsNone(hanging.begin("a"))
        hanging.end("a", [DOCUMENT])
        self.assertEqual([None, None], [hanging.begin("a"), hanging.begin("a")])

    def test_memory_is_bounded(self):
        hanging = resources.Hanging()
        for number in range(resources.MOST_HANGING + 1):
            hanging.end(f"pod-{number}", [problem(HANGS)])
        self.assertIsNone(hanging.begin("pod-0"))
        self.assertIsNotNone(hanging.begin(f"pod-{resources.MOST_HANGING}"))
