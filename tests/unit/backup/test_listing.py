# SPDX-License-Identifier: Apache-2.0
"""Lists: pages in the order of names, of one tenant."""

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

    def test_backups_by_time(self):
        for number in (1, 2, 3):
            told = {"backup_name": str(number), "time_stamp": number}
            backups.create(self.store, self.demo, str(number), told)
        found = self.list("backups", after=2, before=2)
        self.assertEqual(["2"], [row["backup_id"] for row in found])
