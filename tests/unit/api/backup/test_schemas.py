# SPDX-License-Identifier: Apache-2.0
"""What the original takes is taken: empty names, nulls, and what the service says itself whatever a document says."""

from tests.unit.api import case
from tests.unit.backup.case import ACTION

V2 = "/backup/v2/demo"
SCHEDULE = {"schedule": {}}


class LenientTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.created("/clients", client_id="node")

    def created(self, path, **document):
        """Create something and return the name that it got."""
        response = self.send("POST", V2 + path, document)
        self.assertEqual(201, response.status_code, f"{document}: {response.text}")
        return next(iter(response.json.values()))

    def job(self, **about):
        return {"client_id": "node", "job_actions": [{"freezer_action": ACTION}]} | about

    def test_host_names(self):
        for number, host in enumerate(("rack_1.node", "my_host", "fe80::1", "10.0.0.1", "Ä.x", "a b")):
            name = self.created(
                "/clients", client_id=f"host-{number}", hostname=host, uuid="", config_id=None
            )
            shown = self.send("GET", f"{V2}/clients/{name}").json["client"]
            self.assertEqual((host, 32), (shown["hostname"], len(shown["uuid"])))
        self.created("/clients", client_id="my_host")

    def test_empty_names_are_none(self):
        for empty in (None, ""):
            job = self.created("/jobs", **self.job(job_id=empty, action_defaults=None, session_id=empty))
            action = self.created("/actions", freezer_action=ACTION, action_id=empty)
            entry = {"action_id": empty, "freezer_action": ACTION}
            other = self.created("/jobs", **self.job(job_actions=[entry]))
            self.assertEqual([32] * 3, [*map(len, (job, action, other))])

    def test_an_action_that_does_not_say_whether_it_is_mandatory(self):
        action = self.created("/actions", freezer_action=ACTION, mandatory=None)
        changed = self.send("PATCH", f"{V2}/actions/{action}", {"mandatory": None, "max_retries": 7})
        entry = {"action_id": action, "mandatory": None}
        job = self.created("/jobs", **self.job(job_actions=[entry]))
        [shown] = self.send("GET", f"{V2}/jobs/{job}").json["job_actions"]
        self.assertEqual((200, False, 7), (changed.status_code, shown["mandatory"], shown["max_retries"]))

    def test_what_the_service_says_itself_is_ignored(self):
        for odd in (7, None, [], {"a": 1}, "../else"):
            job = self.created("/jobs", **self.job(user_id=odd, project_id=odd))
            session = self.created(
                "/sessions", session_id=odd, status=odd, jobs=odd, user_id=odd, project_id=odd, **SCHEDULE
            )
            self.created("/actions", freezer_action=ACTION, user_id=odd, project_id=odd)
            for url, told in (
                (f"/jobs/{job}", {"job_id": odd, "user_id": odd, "user_credentials": odd}),
                (f"/sessions/{session}", {"session_id": odd, "user_id": odd, "project_id": odd}),
            ):
                self.assertEqual(200, self.send("PATCH", V2 + url, told).status_code, told)
            shown = self.send("GET", f"{V2}/jobs/{job}").json
            self.assertEqual(("demo", job), (shown["project_id"], shown["job_id"]))
            self.assertEqual("active", self.send("GET", f"{V2}/sessions/{session}").json["status"])

    def test_a_problem_has_its_place(self):
        response = self.send("POST", f"{V2}/jobs", self.job(job_schedule={"time_started": "now"}))
        self.assertEqual(
            (400, "job_schedule.time_started: 'now' is not of type 'integer'"),
            (response.status_code, response.json["description"]),
        )

    def test_a_password_in_a_value_of_the_wrong_kind_is_not_repeated(self):
        entry = {"freezer_action": [{"password": "secret"}]}
        response = self.send("POST", f"{V2}/jobs", self.job(job_actions=[entry]))
        self.assertEqual((400, False), (response.status_code, "secret" in response.text))

    def test_a_text_that_may_hold_a_password_or_is_large_is_not_repeated(self):
        large = "secret" * 20
        for about in (
            {"job_actions": [{"freezer_action": "password=secret"}]},
            {"user_credentials": "secret"},
            {"session_tag": large},
            {"job_id": f"{large}!"},
            {"job_actions": [{"freezer_action": ACTION | {"mode": large}}]},
        ):
            response = self.send("POST", f"{V2}/jobs", self.job(**about))
            self.assertEqual((400, False), (response.status_code, "secret" in response.text), response.text)
        response = self.send("POST", f"{V2}/jobs", self.job(**{"x" * 5000: 1}))
        self.assertEqual((400, True), (response.status_code, len(response.text) < 1000))

    def test_a_body_that_is_null_says_nothing(self):
        job = self.created("/jobs", **self.job())
        for method, url in (("PATCH", f"/jobs/{job}"), ("GET", "/jobs")):
            response = self.request(method, V2 + url, data="null", content_type="application/json")
            self.assertEqual(200, response.status_code, response.text)

    def test_times_of_searches_are_of_backups(self):
        for collection in ("clients", "actions", "jobs", "sessions"):
            response = self.send("GET", f"{V2}/{collection}", {"time_after": 1, "time_before": "x"})
            self.assertEqual(200, response.status_code, response.text)
        self.assertEqual(400, self.send("GET", f"{V2}/backups", {"time_after": "x"}).status_code)

    def test_times_of_members_may_be_empty(self):
        session = self.created("/sessions", **SCHEDULE)
        self.created("/jobs", **self.job(job_id="j", session_id=session))
        for empty in ("", None):
            seen = {"status": "running", "result": None, "time_started": 7, "time_ended": empty}
            response = self.send("PATCH", f"{V2}/sessions/{session}", {"jobs": {"j": seen}})
            self.assertEqual(200, response.status_code, response.text)
            shown = self.send("GET", f"{V2}/sessions/{session}").json["jobs"]["j"]
            self.assertEqual(
                ("", 7, -1), tuple(shown[each] for each in ("result", "time_started", "time_ended"))
            )

    def test_members_of_a_session_are_objects(self):
        session = self.created("/sessions", **SCHEDULE)
        for jobs in ({"j": 7}, {"j": {"status": [1]}}, {"j": {"time_started": "now"}}):
            response = self.send("PATCH", f"{V2}/sessions/{session}", {"jobs": jobs})
            self.assertEqual(400, response.status_code, response.text)
