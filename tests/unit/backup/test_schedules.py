# SPDX-License-Identifier: Apache-2.0
"""The parts of a job_schedule."""

from tests import base
from valence.backup import schedules
from valence.db import models

SCHEDULE = {"schedule_interval": "5 minutes", "status": "completed", "result": "success", "current_pid": 7}


class PartsTest(base.TestCase):
    def test_a_schedule_has_times_and_a_state(self):
        self.assertEqual({"schedule_interval": "5 minutes"}, schedules.times(SCHEDULE))
        state = {"status": "completed", "result": "success", "current_pid": 7}
        self.assertEqual(state, schedules.state(SCHEDULE))

    def test_the_end_of_a_run_is_no_fact_of_a_later_schedule(self):
        self.assertEqual({"result": "success", "current_pid": 7}, schedules.facts(SCHEDULE))
        self.assertEqual({"status": "running"}, schedules.facts({"status": "running", "event": "stop"}))


class DocumentTest(base.TestCase):
    def setUp(self):
        super().setUp()
        times = {"schedule_interval": "5 minutes"}
        self.row = models.AttachedJob(scheduling=times, time_created=3, **schedules.STATE)

    def test_a_job_that_never_ran_has_a_process_that_none_has(self):
        shown = {"schedule_interval": "5 minutes", "time_created": 3} | schedules.STATE
        expected = shown | {"current_pid": schedules.NO_PROCESS}
        self.assertEqual(expected, schedules.document(self.row, shows_pid=True))

    def test_a_process_is_not_shown_to_other_projects(self):
        self.row.current_pid = 7
        self.assertNotIn("current_pid", schedules.document(self.row, shows_pid=False))
        self.assertEqual(7, schedules.document(self.row, shows_pid=True)["current_pid"])
