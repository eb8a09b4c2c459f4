# SPDX-License-Identifier: Apache-2.0
"""What the commands for jobs send and show."""

from tests import base
from tests.unit.client import console
from valence.client import rows
from valence.client.commands import jobs

SCHEDULE = {"status": "scheduled", "result": "success", "time_started": 1795232222, "time_ended": 1795232262}
JOB = {"job_id": "nightly", "project_id": "p", "client_id": "node-7", "description": "Nightly"}


class JobTest(base.TestCase):
    def run_command(self, answers, *argv):
        self.console = self.useFixture(console.Console(*answers))
        return self.console.run("job", *argv)

    def test_a_list_has_the_last_run(self):
        pages = [{"jobs": [JOB | {"job_schedule": SCHEDULE}]}, {"jobs": []}]
        printed = self.run_command(pages, "list", "-f", "json")
        run = {
            "status": "scheduled",
            "result": "success",
            "last_ended_at": "2026-11-21T03:37:42Z",
            "seconds": 40,
        }
        self.assertEqual([JOB | run], printed.json)
        printed = self.run_command(pages, "list", "--long", "-f", "json")
        self.assertEqual([JOB | run | {"job_schedule": SCHEDULE}], printed.json)

    def test_a_job_that_has_not_run_or_whose_times_no_date_can_show(self):
        for ended, expected in ((-1, None), (10**17, str(10**17))):
            schedule = SCHEDULE | {"time_started": -1, "time_ended": ended}
            shown = jobs.last_run(rows.Row(JOB | {"job_schedule": schedule}, "job_id"))
            self.assertEqual((expected, None), (shown["last_ended_at"], shown["seconds"]))

    def test_the_runs_of_a_job(self):
        report = {"report_id": "1", "report_date": "2026-11-21T03:37:42Z", "result": "success"}
        answers = [{"reports": [report | {"action_id": "etc", "time_elapsed": "40"}]}, {"reports": []}]
        argv = ("report", "nightly", "--project", "p", "--result", "success")
        printed = self.run_command(answers, *argv, "-f", "value")
        self.assertEqual("2026-11-21T03:37:42Z etc success 40\n", printed.out)
        path = "GET /backup/v2/p/jobs/nightly/reports?result=success&limit=100"
        self.assertEqual(path, self.console.server.paths()[0])

    def test_a_job_that_is_not_there(self):
        printed = self.run_command([(404, None, {})], "show", "nightly", "--project", "p")
        self.assertEqual((1, "", 1), (printed.code, printed.out, printed.err.count("\n")))
        self.assertIn("There is no job nightly. List the jobs", printed.err)
