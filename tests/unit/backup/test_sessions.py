# SPDX-License-Identifier: Apache-2.0
"""Sessions: runs that jobs start, join and end, by the tag that they saw last."""

from tests.unit.backup import case
from valence.backup import jobs
from valence.backup import sessions
from valence.common import errors

NOW = 1_800_000_000


class SessionCase(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.register()
        self.add_session(hold_off=10)
        for name in ("one", "two"):
            self.add_job(name, job_schedule={"schedule_interval": "5 minutes"})
            self.join(name)

    def join(self, name):
        sessions.add_job(self.store, self.demo, "together", name)

    def start(self, name, tag, at=0):
        told = {"job_id": name, "current_tag": tag}
        return tuple(sessions.start(self.store, self.demo, "together", told, NOW + at).values())

    def end(self, name, result, at=0):
        told = {"job_id": name, "current_tag": 1, "result": result}
        return tuple(sessions.end(self.store, self.demo, "together", told, NOW + at).values())

    def session(self, *names):
        shown = self.show("sessions", "together")
        return tuple(shown[name] for name in names)


class MembershipTest(SessionCase):
    def test_a_job_that_joins_gets_the_schedule_and_waits_anew(self):
        shown = self.show("jobs", "one")
        self.assertEqual(("together", 0), (shown["session_id"], shown["session_tag"]))
        self.assertEqual(
            ("1 days", "", ""),
            tuple(shown["job_schedule"][name] for name in ("schedule_interval", "event", "status")),
        )

    def test_the_session_shows_what_the_job_was(self):
        self.add_job("three", job_schedule={"status": "completed", "result": "fail"})
        self.join("three")
        (members,) = self.session("jobs")
        expected = {
            "client_id": "node-1",
            "status": "completed",
            "result": "fail",
            "time_started": -1,
            "time_ended": -1,
        }
        self.assertEqual(expected, members["three"])

    def test_a_job_that_leaves_stops(self):
        sessions.remove_job(self.store, self.demo, "together", "one")
        shown = self.show("jobs", "one")
        self.assertEqual(
            ("", 0, "stop"), (shown["session_id"], shown["session_tag"], shown["job_schedule"]["event"])
        )
        self.assertNotIn("schedule_interval", shown["job_schedule"])
        self.assertEqual(["two"], list(self.session("jobs")[0]))

    def test_who_is_not_in_it_cannot_leave(self):
        self.add_job("three")
        for name in ("three", "ghost"):
            self.assertRaises(errors.NotFound, sessions.remove_job, self.store, self.demo, "together", name)

    def test_a_job_joins_no_session_of_others(self):
        self.add_session("theirs", self.other)
        self.assertRaises(errors.NotFound, sessions.add_job, self.store, self.other, "theirs", "one")
        self.assertRaises(errors.NotFound, sessions.add_job, self.store, self.demo, "theirs", "one")

    def test_jobs_of_a_removed_session_stop(self):
        sessions.delete(self.store, self.demo, "together")
        shown = self.show("jobs", "two")
        self.assertEqual(("", "stop"), (shown["session_id"], shown["job_schedule"]["event"]))
        self.assertRaises(errors.NotFound, sessions.delete, self.store, self.demo, "together")

    def test_a_job_can_be_made_in_a_session(self):
        self.assertEqual("together", self.add_job("three", session_id="together")["session_id"])
        self.assertRaises(errors.Unprocessable, self.add_job, "four", session_id="ghost")


class RunTest(SessionCase):
    def test_the_first_start_begins_a_run_and_others_join_it(self):
        self.assertEqual(("success", 1), self.start("one", 0))
        self.assertEqual(("success", 1), self.start("two", 0, at=10))
        self.assertEqual(
            (1, "running", "", NOW), self.session("session_tag", "status", "result", "time_start")
        )
        members = self.session("jobs")[0]
        self.assertEqual(
            [("running", NOW), ("running", NOW + 10)],
            [(members[name]["status"], members[name]["time_started"]) for name in ("one", "two")],
        )

    def test_who_was_in_this_run_is_held_off(self):
        self.start("one", 0)
        self.assertEqual(("hold-off", 1), self.start("one", 1, at=10))

    def test_who_comes_too_late_is_out_of_sync(self):
        self.start("one", 0)
        self.assertEqual(("out-of-sync", 1), self.start("two", 0, at=11))

    def test_the_next_run(self):
        self.start("one", 0)
        self.assertEqual(("success", 2), self.start("one", 1, at=11))

    def test_every_start_and_end_counts(self):
        """Also one that changes nothing else of the session: others compare the revision."""
        version = lambda: self.show("sessions", "together", self.demo._replace(version="v1"))["_version"]  # noqa: E731
        before = version()
        self.start("one", 0)
        self.start("two", 0, at=1)
        self.assertEqual(before + 2, version())
        self.end("one", "success")
        self.end("two", "success")
        self.assertEqual(before + 4, version())

    def test_a_tag_that_never_was_is_refused(self):
        error = self.assertRaises(errors.BadRequest, self.start, "one", 9)
        self.assertIn("Session Tag: 0 Job Tag: 9", error.detail)

    def test_who_is_not_in_it_cannot_start_or_end(self):
        self.add_job("three")
        self.assertRaises(errors.BadRequest, self.start, "three", 0)
        self.assertRaises(errors.BadRequest, self.end, "three", "success")

    def test_a_run_is_over_when_all_have_ended(self):
        for name in ("one", "two"):
            self.start(name, 0)
        self.end("one", "success", at=20)
        self.assertEqual(("running", ""), self.session("status", "result"))
        self.end("two", "success", at=30)
        self.assertEqual(("completed", "success", NOW + 30), self.session("status", "result", "time_end"))

    def test_one_failure_fails_the_run_whoever_ends_last(self):
        for order in (("one", "two"), ("two", "one")):
            for name in order:
                self.end(name, "fail" if name == "one" else "success")
            self.assertEqual(("completed", "fail"), self.session("status", "result"))

    def test_an_end_after_the_end_changes_only_its_job(self):
        for name in ("one", "two"):
            self.end(name, "success", at=5)
        self.end("one", "fail", at=50)
        self.assertEqual(("completed", "success", NOW + 5), self.session("status", "result", "time_end"))


class DocumentTest(SessionCase):
    def test_a_new_session(self):
        shown = self.add_session("new")
        times = dict.fromkeys(("time_start", "time_end", "time_started", "time_ended"), -1)
        about = {
            "session_id": "new",
            "project_id": "demo",
            "user_id": "alice",
            "description": None,
            "result": None,
        }
        schedule = {
            "schedule": {"schedule_interval": "1 days"},
            "session_tag": 0,
            "hold_off": 30,
            "status": "active",
        }
        self.assertEqual(times | about | schedule, shown)

    def test_version_1_shows_less_and_a_list(self):
        shown = self.show("sessions", "together", self.demo._replace(version="v1"))
        self.assertEqual(("", {"one", "two"}), (shown["last_start"], shown["jobs"].keys()))
        self.add_session("new")
        shown = self.show("sessions", "new", self.demo._replace(version="v1"))
        self.assertEqual(([], False), (shown["jobs"], "time_start" in shown))

    def test_a_change_leaves_what_it_does_not_name(self):
        sessions.update(
            self.store, self.demo, "together", {"description": "b", "jobs": {"one": {"status": "completed"}}}
        )
        description, hold_off, members = self.session("description", "hold_off", "jobs")
        self.assertEqual(("b", 10, "completed"), (description, hold_off, members["one"]["status"]))
        self.assertRaises(
            errors.BadRequest, sessions.update, self.store, self.demo, "together", {"jobs": {"ghost": {}}}
        )

    def test_replacing_keeps_the_jobs(self):
        sessions.replace(self.store, self.demo, "together", {"schedule": {}, "session_tag": 3})
        tag, hold_off, schedule, members = self.session("session_tag", "hold_off", "schedule", "jobs")
        self.assertEqual((3, 30, {}, 2), (tag, hold_off, schedule, len(members)))
        sessions.replace(self.store, self.demo, "new", {"schedule": {}, "session_tag": 3})
        self.assertEqual(3, self.show("sessions", "new")["session_tag"])

    def test_a_scheduler_tells_the_tag(self):
        jobs.update(self.store, self.demo, "one", {"session_tag": 4, "session_id": "together"})
        shown = self.show("jobs", "one")
        self.assertEqual(("together", 4), (shown["session_id"], shown["session_tag"]))
