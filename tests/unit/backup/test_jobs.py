# SPDX-License-Identifier: Apache-2.0
"""Jobs: what a change changes, what is asked of schedulers, and what stays in its project."""

from tests.unit.backup import case
from valence.backup import jobs
from valence.common import errors
from valence.db import models

INTERVAL = {"schedule_interval": "5 minutes"}


class JobsTest(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.register()

    def schedule(self, name="nightly"):
        return self.show("jobs", name)["job_schedule"]

    def update(self, **told):
        return jobs.update(self.store, self.demo, "nightly", told)

    def ask(self, event):
        return jobs.ask(self.store, self.demo, "nightly", event)

    def test_a_new_job(self):
        shown = self.add_job(job_schedule=INTERVAL, description="nightly")
        created = shown["job_schedule"].pop("time_created")
        self.assertGreater(created, 1_700_000_000)
        state = {"event": "", "status": "", "result": "", "time_started": -1, "time_ended": -1}
        self.assertEqual(INTERVAL | state, shown["job_schedule"])
        expected = {"job_id": "nightly", "project_id": "demo", "user_id": "alice", "client_id": "node-1"}
        self.assertEqual(
            expected | {"session_id": "", "session_tag": 0},
            {name: shown[name] for name in (*expected, "session_id", "session_tag")},
        )

    def test_a_taken_name_is_refused(self):
        self.add_job()
        self.assertRaises(errors.Duplicate, self.add_job)

    def test_a_job_needs_a_client_of_its_project_or_a_central_one(self):
        self.register("theirs", tenant=self.other)
        self.assertRaises(errors.Unprocessable, self.add_job, client="theirs")
        self.register("centre", tenant=self.other, is_central=True)
        self.assertEqual("centre", self.add_job(client="centre")["client_id"])

    def test_a_change_leaves_what_it_does_not_name(self):
        self.add_job(job_schedule=INTERVAL, description="a")
        self.update(description="b")
        shown = self.show("jobs", "nightly")
        self.assertEqual(
            ("b", "5 minutes", 1),
            (shown["description"], shown["job_schedule"]["schedule_interval"], len(shown["job_actions"])),
        )

    def test_a_scheduler_tells_where_a_job_stands(self):
        self.add_job(job_schedule=INTERVAL)
        self.update(
            job_schedule={
                "status": "running",
                "event": "",
                "current_pid": 42,
                "time_started": 7,
                "time_ended": -1,
            }
        )
        shown = self.schedule()
        self.assertEqual(
            ("running", 42, 7, "5 minutes"),
            tuple(shown[name] for name in ("status", "current_pid", "time_started", "schedule_interval")),
        )

    def test_a_schedule_is_replaced_as_a_whole(self):
        self.add_job(job_schedule=INTERVAL)
        self.update(job_schedule={"schedule_date": "2030-06-01T10:00:00Z"})
        self.assertNotIn("schedule_interval", self.schedule())

    def test_a_scheduler_cannot_undo_a_session(self):
        self.add_job()
        self.add_session()
        self.update(session_id="together")
        self.assertEqual("", self.show("jobs", "nightly")["session_id"])

    def test_a_change_takes_nothing_into_another_project(self):
        self.add_job()
        self.update(project_id="other", user_id="bob", job_id="else")
        self.assertEqual(
            ("demo", "alice"), tuple(self.show("jobs", "nightly")[name] for name in ("project_id", "user_id"))
        )

    def test_a_change_of_another_version_is_refused(self):
        self.add_job()
        self.assertEqual(2, self.update(_version=1, description="b").revision)
        self.assertRaises(errors.Conflict, self.update, _version=1, description="c")

    def test_another_client(self):
        self.add_job()
        self.register("node-2")
        self.update(client_id="node-2")
        self.assertEqual("node-2", self.show("jobs", "nightly")["client_id"])
        self.assertRaises(errors.Unprocessable, self.update, client_id="ghost")

    def test_every_change_counts(self):
        self.add_job()
        self.ask("start")
        self.assertEqual(3, self.update(job_schedule={"status": "running"}).revision)

    def test_start_begins_anew_once(self):
        self.add_job(job_schedule={"status": "completed", "result": "success"})
        self.assertEqual(["success", "start already requested"], [self.ask("start"), self.ask("start")])
        self.assertEqual(
            ("start", "", ""), tuple(self.schedule()[name] for name in ("event", "status", "result"))
        )

    def test_stop_and_abort_leave_the_status(self):
        self.add_job(job_schedule={"status": "running"})
        for event in ("stop", "abort"):
            self.assertEqual("success", self.ask(event))
            self.assertEqual((event, "running"), tuple(self.schedule()[name] for name in ("event", "status")))

    def test_replacing_makes_what_is_not_there_and_keeps_when_it_was_created(self):
        document = {"client_id": "node-1", "job_actions": [case.ENTRY], "job_schedule": INTERVAL}
        jobs.replace(self.store, self.demo, "nightly", document | {"description": "a"})
        self.update(job_schedule={"status": "running"})
        created = self.schedule()["time_created"]
        jobs.replace(self.store, self.demo, "nightly", document | {"job_schedule": {}})
        shown = self.show("jobs", "nightly")
        self.assertEqual(
            ("", "", created),
            (shown["description"], shown["job_schedule"]["status"], shown["job_schedule"]["time_created"]),
        )

    def test_a_removed_job_takes_its_attachments_along(self):
        self.add_job()
        jobs.delete(self.store, self.demo, "nightly")
        for model in (models.JobAttachment, models.ActionAttachment):
            self.assertEqual([], self.store.list(model))
        self.assertRaises(errors.NotFound, jobs.delete, self.store, self.demo, "nightly")

    def test_a_job_of_others_is_not_there(self):
        self.add_job()
        for attempt in (
            lambda: jobs.update(self.store, self.other, "nightly", {}),
            lambda: jobs.ask(self.store, self.other, "nightly", "start"),
            lambda: jobs.delete(self.store, self.other, "nightly"),
        ):
            self.assertRaises(errors.NotFound, attempt)

    def test_the_process_at_a_central_client_is_nobody_elses_business(self):
        self.register("centre", tenant=self.other, is_central=True)
        self.add_job(client="centre", job_schedule={"current_pid": 7})
        self.assertNotIn("current_pid", self.schedule())
        (seen,) = self.list("jobs", self.other._replace(everywhere=True))
        self.assertEqual(7, seen["job_schedule"]["current_pid"])

    def test_version_1_shows_less(self):
        self.add_job()
        shown = self.show("jobs", "nightly", self.demo._replace(version="v1"))
        self.assertEqual(set(), {"project_id", "description", "session_id", "session_tag"} & shown.keys())
        self.assertEqual(1, shown["_version"])


class TrustTest(case.BackupCase):
    """Central clients work under trusts, where there are any."""

    CREDENTIALS = {"trust_id": "t", "trustor_user_id": "alice"}

    def setUp(self):
        super().setUp()
        self.register("centre", tenant=self.other, is_central=True)
        self.trusting = self.demo._replace(trusts=True)

    def add(self, name, **told):
        return self.add_job(name, tenant=self.trusting, client="centre", **told)

    def test_a_job_at_a_central_client_needs_one(self):
        self.assertRaises(errors.TrustNeeded, self.add, "one")
        shown = self.add("one", user_credentials=self.CREDENTIALS)
        self.assertEqual(self.CREDENTIALS, shown["user_credentials"])
        jobs.update(self.store, self.trusting, "one", {"description": "b"})
        jobs.replace(self.store, self.trusting, "one", {"client_id": "centre", "job_actions": []})
        self.assertEqual(self.CREDENTIALS, self.show("jobs", "one")["user_credentials"])

    def test_one_that_moves_there_needs_one(self):
        self.register()
        self.add_job("one", tenant=self.trusting)
        move = {"client_id": "centre"}
        self.assertRaises(errors.TrustNeeded, jobs.update, self.store, self.trusting, "one", move)
        jobs.update(self.store, self.trusting, "one", move | {"user_credentials": self.CREDENTIALS})

    def test_the_last_job_gives_it_back(self):
        for name in ("one", "two"):
            self.add(name, user_credentials=self.CREDENTIALS)
        self.assertIsNone(jobs.delete(self.store, self.demo, "one"))
        self.assertEqual("t", jobs.delete(self.store, self.demo, "two"))
