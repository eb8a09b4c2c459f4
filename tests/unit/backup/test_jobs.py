# SPDX-License-Identifier: Apache-2.0
"""Jobs: what a change changes, what is asked of schedulers, and what stays in its project."""

import functools

from tests.contract import case as case_of_contract
from tests.unit.backup import case
from valence.backup import jobs
from valence.backup import sessions
from valence.common import errors
from valence.db import models
from valence.db import store

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
        state["current_pid"] = -1  # what a scheduler needs that aborts it
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

    def test_a_report_that_has_not_seen_the_session_keeps_the_schedule(self):
        """A scheduler sends back the schedule, the event and the session that it saw last."""
        seen = self.add_job(job_schedule=INTERVAL)
        self.add_session()
        sessions.add_job(self.store, self.demo, "together", "nightly")
        stale = {each: seen[each] for each in ("session_id", "session_tag")}
        for status in ("running", "completed"):
            ended = {"status": status, "result": "success", "time_started": 7, "time_ended": 9}
            self.update(job_schedule=seen["job_schedule"] | ended, **stale)
        self.assertEqual(
            ("1 days", "running", "success", 9),
            tuple(self.schedule()[name] for name in ("schedule_interval", "status", "result", "time_ended")),
        )
        seen = self.show("jobs", "nightly")
        sessions.remove_job(self.store, self.demo, "together", "nightly")
        stale = {each: seen[each] for each in ("session_id", "session_tag")}
        self.update(job_schedule=seen["job_schedule"] | {"status": "scheduled"}, **stale)
        self.assertEqual(("stop", False), (self.schedule()["event"], "schedule_interval" in self.schedule()))

    def test_an_empty_schedule_clears_it(self):
        self.add_job(job_schedule=INTERVAL | {"status": "scheduled"})
        self.update(job_schedule={})
        shown = self.schedule()
        self.assertEqual(("scheduled", False), (shown["status"], "schedule_interval" in shown))

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

    def test_a_name_is_unique_at_a_central_client(self):
        """Its scheduler knows jobs by their names alone."""
        self.register("centre", tenant=self.other, is_central=True)
        self.add_job("one", client="centre")
        self.add_job("one", tenant=self.other, client=self.register("own", tenant=self.other).id[6:])
        for attempt in (
            lambda: self.add_job("one", tenant=self.demo._replace(project_id="third"), client="centre"),
            lambda: jobs.update(self.store, self.other, "one", {"client_id": "centre"}),
            lambda: jobs.replace(self.store, self.other, "one", {"client_id": "centre", "job_actions": []}),
        ):
            self.assertRaises(errors.Conflict, attempt)
        jobs.update(self.store, self.demo, "one", {"client_id": "centre", "description": "b"})
        self.add_job("two", tenant=self.other, client="centre")

    def test_jobs_that_have_one_name_at_a_central_client_already_can_be_changed(self):
        """Versions before allowed it, and the scheduler names the client in its reports."""
        centre = self.register("centre", tenant=self.other, is_central=True)
        self.add_job("one", client="centre")
        self.register("own", tenant=self.other)
        self.add_job("one", tenant=self.other, client="own")
        attachment = self.store.get(models.JobAttachment, "other:one")
        self.store.commit(store.Update(attachment, {"client_id": centre.id, "client_name": "centre"}))
        report = {"client_id": "centre", "job_schedule": {"result": "success"}}
        jobs.update(self.store, self.demo, "one", report)
        jobs.replace(self.store, self.other, "one", report | {"job_actions": []})
        for tenant in (self.demo, self.other):
            self.assertEqual("success", self.show("jobs", "one", tenant)["job_schedule"]["result"])

    def test_of_two_that_come_to_a_central_client_at_once_one_is_refused(self):
        self.register("centre", tenant=self.other, is_central=True)
        tenants = [self.demo._replace(project_id=f"p{number}") for number in range(6)]
        results = case_of_contract.together(
            *(functools.partial(self.add_job, "one", tenant=each, client="centre") for each in tenants)
        )
        self.assertEqual(5, sum(isinstance(each, errors.Conflict) for each in results), results)

    def test_a_job_that_was_stored_without_its_name_gets_it_with_the_next_change(self):
        """Versions before stored none, and do so until the last of their conductors has stopped."""
        self.register("centre", tenant=self.other, is_central=True)
        for name in ("one", "two"):
            self.add_job(name, client="centre")
            attachment = self.store.get(models.JobAttachment, f"demo:{name}")
            self.store.commit(store.Update(attachment, {"name": ""}))
        jobs.update(self.store, self.demo, "one", {"client_id": "centre", "description": "b"})
        jobs.ask(self.store, self.demo, "two", "start")
        everywhere = self.other._replace(everywhere=True)
        self.assertEqual(
            ["demo"] * 2, [self.show("jobs", name, everywhere)["project_id"] for name in ("one", "two")]
        )

    def test_who_sees_all_projects_finds_a_job_of_another_one(self):
        everywhere = self.other._replace(everywhere=True)
        self.add_job()
        self.assertEqual("demo", self.show("jobs", "nightly", everywhere)["project_id"])
        self.assertRaises(errors.NotFound, self.show, "jobs", "nightly", self.other)
        self.assertRaises(errors.NotFound, self.show, "jobs", "ghost", everywhere)
        third = self.demo._replace(project_id="third")
        self.register(tenant=third)
        self.add_job(tenant=third)
        self.assertRaises(errors.Conflict, self.show, "jobs", "nightly", everywhere)
        self.assertEqual("third", self.show("jobs", "nightly", third._replace(everywhere=True))["project_id"])

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
