# SPDX-License-Identifier: Apache-2.0
"""Reports: the history of a job, from what its scheduler and its agent tell."""

from tests.unit.backup import case
from valence.backup import actions
from valence.backup import jobs
from valence.backup import reports
from valence.common import errors
from valence.db import models

START = 1_800_000_000


class ReportsTest(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.register()
        self.add_job(entries=[case.ENTRY, case.ENTRY])

    def run_job(self, result="success", *, start=START, seconds=12, status="scheduled"):
        """Tell what a scheduler tells of a run."""
        begun = {"status": "running", "result": "", "time_started": start, "time_ended": -1}
        ended = {"status": status, "result": result, "time_started": start, "time_ended": start + seconds}
        for schedule in (begun, begun | {"current_pid": 7}, ended, ended):
            jobs.update(self.store, self.demo, "nightly", {"job_schedule": schedule})

    def history(self, collection="jobs", name="nightly", tenant=None, **page):
        return reports.page(self.store, tenant or self.demo, collection, name, **({"limit": 10} | page))

    def test_a_run_is_reported_once_for_each_action(self):
        self.run_job()
        first, second = self.history()
        self.assertEqual(
            ("success", "12", "2027-01-15T08:00:12Z"),
            tuple(first[name] for name in ("result", "time_elapsed", "report_date")),
        )
        self.assertEqual(
            {each["action_id"] for each in self.show("jobs", "nightly")["job_actions"]},
            {first["action_id"], second["action_id"]},
        )
        self.assertEqual([first], self.history("actions", first["action_id"]))

    def test_a_run_is_reported_whose_end_comes_with_the_whole_job(self):
        """As a scheduler sends it of a job that is not scheduled again."""
        whole = self.show("jobs", "nightly")
        about = {name: whole[name] for name in ("client_id", "description", "job_actions", "session_id")}
        ended = {"status": "completed", "result": "success", "time_started": START, "time_ended": START + 7}
        running = {"status": "running", "result": "", "time_started": START, "time_ended": -1}
        jobs.update(self.store, self.demo, "nightly", {"job_schedule": running})
        for _ in range(2):
            jobs.update(self.store, self.demo, "nightly", about | {"job_schedule": ended})
        self.assertEqual(["7"] * 2, [each["time_elapsed"] for each in self.history()])

    def test_the_newest_come_first_page_by_page(self):
        for number in range(3):
            self.run_job("fail" if number == 1 else "success", start=START + number * 100)
        self.assertEqual(
            ["success", "success", "fail", "fail"], [each["result"] for each in self.history(limit=4)]
        )
        last = self.history(limit=4)[-1]["report_id"]
        self.assertEqual(["success", "success"], [each["result"] for each in self.history(marker=last)])

    def test_results_over_time(self):
        for number in range(4):
            self.run_job("fail" if number % 2 else "success", start=START + number * 100)
        first, *_ = self.history(since="2027-01-15T08:05:00Z")
        self.assertEqual(("fail", "2027-01-15T08:05:12Z"), (first["result"], first["report_date"]))
        for expected, wanted in (
            (4, {"result": "fail"}),
            (2, {"result": "fail", "until": "2027-01-15T08:05:12Z"}),
            (4, {"since": "2027-01-15T08:01:52Z", "until": "2027-01-15T08:05:12Z"}),
            (0, {"result": "aborted"}),
        ):
            self.assertEqual(expected, len(self.history(**wanted)), wanted)
        self.assertRaises(errors.BadRequest, self.history, since="yesterday")

    def test_a_report_of_a_run_says_that_it_is_about_the_job(self):
        """Of two actions one may have succeeded before the other one failed."""
        self.run_job("fail")
        self.assertEqual(["job"] * 2, [each["metadata"]["scope"] for each in self.history()])

    def test_an_agent_tells_more(self):
        name = self.show("jobs", "nightly")["job_actions"][1]["action_id"]
        told = {
            "action_id": name,
            "result": "fail",
            "time_elapsed": "3",
            "metadata": {"files": 2},
            "log": "no space",
        }
        reports.create(self.store, self.demo, "nightly", told)
        [shown] = self.history()
        self.assertEqual(told, {each: shown[each] for each in told})
        reports.create(self.store, self.demo, "nightly", told | {"result": "success"})
        self.assertEqual(1, sum("log" in each for each in self.history()))

    def test_a_report_is_about_an_action_of_the_job(self):
        for told in ({}, {"action_id": "ghost"}):
            self.assertRaises(
                errors.Unprocessable,
                reports.create,
                self.store,
                self.demo,
                "nightly",
                {"result": "fail"} | told,
            )

    def test_nobody_sees_what_others_did(self):
        self.assertRaises(errors.NotFound, self.history, tenant=self.other)
        self.assertRaises(
            errors.NotFound, reports.create, self.store, self.other, "nightly", {"result": "fail"}
        )

    def test_reports_outlive_their_actions(self):
        self.run_job()
        before = self.history()
        for name in {each["action_id"] for each in before}:
            actions.delete(self.store, self.demo, name)
        self.assertEqual(before, self.history())

    def test_reports_outlive_a_change_of_the_job(self):
        self.run_job()
        before = self.history()
        jobs.update(self.store, self.demo, "nightly", {"job_actions": [case.ENTRY]})
        self.assertEqual(before, self.history())

    def test_reports_go_with_their_job(self):
        self.run_job()
        jobs.delete(self.store, self.demo, "nightly")
        self.assertEqual(0, self.store.count(models.ActionReport))

    def test_a_time_that_is_none_is_now(self):
        self.run_job(start=2**60)
        self.assertEqual(2, len(self.history()))
