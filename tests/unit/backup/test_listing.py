# SPDX-License-Identifier: Apache-2.0
"""Lists: pages in the order of names, of one tenant, in a few statements."""

import sqlalchemy

from tests.unit.backup import case
from valence.backup import backups
from valence.common import errors


class ListingTest(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.register()
        for number in range(5):
            self.add_job(f"job-{number}", description=str(9 - number))

    def names(self, **wanted):
        return [row["job_id"] for row in self.list("jobs", **wanted)]

    def statements(self, read):
        counted = []
        engine = self.store.connections.engine
        note = lambda *arguments: counted.append(arguments[2])  # noqa: E731
        sqlalchemy.event.listen(engine, "before_cursor_execute", note)
        self.addCleanup(sqlalchemy.event.remove, engine, "before_cursor_execute", note)
        read()
        return len(counted)

    def test_pages(self):
        self.assertEqual(["job-0", "job-1"], self.names(limit=2))
        self.assertEqual(["job-3", "job-4"], self.names(limit=2, offset=3))
        self.assertEqual([], self.names(offset=5))
        self.assertEqual([], self.names(offset=99))

    def test_markers_and_sorting(self):
        self.assertEqual(["job-3", "job-4"], self.names(marker="job-2"))
        self.assertEqual(["job-4", "job-3"], self.names(sort=["job_id", True], limit=2))
        self.assertRaises(errors.BadRequest, self.names, sort=["nothing", False])

    def test_a_tenant_sees_its_own(self):
        self.assertEqual([], self.list("jobs", self.other))
        self.assertEqual(5, len(self.list("jobs", self.other._replace(everywhere=True))))
        self.assertEqual([], self.list("jobs", self.demo._replace(version="v1", user_id="carol")))
        self.assertEqual(5, len(self.list("jobs", self.demo._replace(version="v1"))))

    def test_jobs_take_three_statements_however_many(self):
        for limit in (1, 5):
            self.assertEqual(3, self.statements(lambda limit=limit: self.names(limit=limit)))

    def test_sessions_take_two_statements(self):
        self.add_session()
        self.assertEqual(2, self.statements(lambda: self.list("sessions")))

    def test_backups_by_time(self):
        for number in (1, 2, 3):
            told = {"backup_name": str(number), "time_stamp": number}
            backups.create(self.store, self.demo, str(number), told)
        found = self.list("backups", after=2, before=2)
        self.assertEqual(["2"], [row["backup_id"] for row in found])
