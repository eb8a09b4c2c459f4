# SPDX-License-Identifier: Apache-2.0
"""Jobs: which project their requests are about, pages, and what is not there."""

import fixtures

from tests import base
from tests.unit.client import server
from valence.client import errors

AT = "/backup/v2"


def job(name="nightly", project="p"):
    return {"job_id": name, "project_id": project, "job_schedule": {}}


class JobsTest(base.TestCase):
    def client(self, *answers, project=None):
        self.api = server.Server(*answers)
        rack = self.api.client()
        self.useFixture(fixtures.MockPatchObject(rack.session, "get_project_id", lambda auth=None: project))
        return rack.jobs

    def test_the_project_is_that_of_the_session(self):
        jobs = self.client({"jobs": []}, {"jobs": []}, {"jobs": []}, project="p/1")
        for given in ({}, {"project": "q"}, {"all_projects": True}):
            self.assertEqual([], list(jobs(**given)))
        expected = [f"GET {AT}/p%2F1/jobs?limit=100&offset=0", f"GET {AT}/q/jobs?limit=100&offset=0"]
        expected.append(f"GET {AT}/p%2F1/jobs?all_projects=true&limit=100&offset=0")
        self.assertEqual(expected, self.api.paths())

    def test_without_a_project_there_are_the_jobs_of_all(self):
        jobs = self.client({"jobs": [job("a"), job("b")]}, {"jobs": [job("c")]}, {"jobs": []})
        found = jobs(sort="job_id:desc", filters=[("status", "running")])
        self.assertEqual(["a", "b", "c"], [each.id for each in found])
        query = "status=running&sort=job_id%3Adesc&all_projects=true&limit=100&offset="
        self.assertEqual([f"GET {AT}/default/jobs?{query}{number}" for number in (0, 2, 3)], self.api.paths())

    def test_a_limit_is_of_all_pages(self):
        jobs = self.client({"jobs": [job("a"), job("b")]}, {"jobs": [job("c")]})
        self.assertEqual(3, len(list(jobs(limit=3))))
        self.assertTrue(self.api.paths()[1].endswith("limit=1&offset=2"))

    def test_reports_are_in_the_project_of_the_job(self):
        reports = [{"report_id": "1"}, {"report_id": "2"}]
        jobs = self.client(job(project="q"), {"reports": reports}, {"reports": []})
        found = list(jobs.reports("nightly", result="fail", since="2026-11-01T00:00:00Z"))
        self.assertEqual(["1", "2"], [each.id for each in found])
        query = "result=fail&since=2026-11-01T00%3A00%3A00Z&limit=100"
        page = f"GET {AT}/q/jobs/nightly/reports?{query}"
        self.assertEqual([f"GET {AT}/default/jobs/nightly", page, f"{page}&marker=2"], self.api.paths())

    def test_reports_have_a_limit(self):
        jobs = self.client({"reports": [{"report_id": "1"}]}, {"reports": [{"report_id": "2"}]}, project="p")
        self.assertEqual(2, len(list(jobs.reports("nightly", limit=2))))
        self.assertTrue(self.api.paths()[1].endswith("limit=1&marker=1"))

    def test_a_job_that_is_not_there(self):
        """Freezer answers 404 with an empty body."""
        jobs = self.client((404, None, {}), (404, None, {}), project="p")
        for request in (lambda: jobs.get("nightly"), lambda: list(jobs.reports("nightly"))):
            error = self.assertRaises(errors.NotFound, request)
            self.assertEqual("There is no job nightly.", error.detail)

    def test_an_empty_name(self):
        self.assertRaises(errors.BadRequest, self.client(project="p").get, "")
