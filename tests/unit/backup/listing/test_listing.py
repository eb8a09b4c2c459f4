# SPDX-License-Identifier: Apache-2.0
"""Lists: pages in the order of names, of one tenant."""

from tests.unit.backup import case
from valence.backup import backups
from valence.backup import jobs
from valence.backup import reports
from valence.backup import sessions
from valence.common import errors
from valence.conductor.endpoints import backup

#: collection -> the name of what a document is about
NAMES = {
    "clients": lambda shown: shown["client"]["client_id"],
    "actions": lambda shown: shown["action_id"],
    "jobs": lambda shown: shown["job_id"],
    "sessions": lambda shown: shown["session_id"],
    "backups": lambda shown: shown["backup_id"],
}


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

    def test_in_version_1_nobody_finds_what_is_of_another_user(self):
        """Not to show, to change, to replace, to remove, nor to use in what is their own."""
        alice = self.demo._replace(version="v1")
        carol = alice._replace(user_id="carol")
        self.add_session()
        backups.create(self.store, alice, "b", {"backup_name": "etc", "container": "c", "hostname": "h"})
        action = self.list("jobs", alice)[0]["job_actions"][0]["action_id"]
        names = {"clients": "node-1", "jobs": "job-0", "sessions": "together", "backups": "b"}
        for collection, name in (names | {"actions": action}).items():
            self.assertIsNotNone(self.show(collection, name, alice))
            self.assertRaises(errors.NotFound, self.show, collection, name, carol)
            rules = backup.RULES[collection]
            self.assertRaises(errors.NotFound, rules.delete, self.store, carol, name)
            if collection != "clients":
                self.assertRaises(errors.NotFound, rules.update, self.store, carol, name, {})
        started = {"job_id": "job-0", "current_tag": 0}
        for attempt in (
            lambda: jobs.ask(self.store, carol, "job-0", "start"),
            lambda: sessions.add_job(self.store, carol, "together", "job-0"),
            lambda: sessions.start(self.store, carol, "together", started, 1),
            lambda: reports.page(self.store, carol, "jobs", "job-0", limit=1),
        ):
            self.assertRaises(errors.NotFound, attempt)
        self.assertRaises(errors.Unprocessable, self.add_job, "own", carol)

    def test_a_list_shows_what_is_shown_of_one(self):
        """Lists read fewer columns."""
        backups.create(
            self.store, self.demo, "b", {"backup_name": "etc", "status": "creating", "time_stamp": 1}
        )
        self.add_session(policy="weekly")
        self.register("central", is_central=True, supported_modes=["fs"], config_id="7", description="all")
        sessions.add_job(self.store, self.demo, "together", "job-1")
        jobs.update(self.store, self.demo, "job-1", {"job_schedule": {"current_pid": 7, "event": "start"}})
        for collection, name in NAMES.items():
            for version in ("v1", "v2"):
                tenant = self.demo._replace(version=version)
                listed = self.list(collection, tenant)
                shown = [self.show(collection, name(each), tenant) for each in listed]
                for each in shown:
                    each.pop("_version", None)  # which lists never had
                self.assertEqual(shown, listed)
                self.assertNotEqual([], listed)

    def test_backups_by_time(self):
        for number in (1, 2, 3):
            told = {"backup_name": str(number), "time_stamp": number}
            backups.create(self.store, self.demo, str(number), told)
        found = self.list("backups", after=2, before=2)
        self.assertEqual(["2"], [row["backup_id"] for row in found])
