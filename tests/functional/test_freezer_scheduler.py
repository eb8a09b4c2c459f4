# SPDX-License-Identifier: Apache-2.0
"""The real freezer-scheduler and its agent at work, with a Keystone: what they were told to back up is backed up."""

import os
import tarfile

from freezerclient.v2 import client as freezer

from tests import base
from tests import freezer as installation

NODE = "node-1"


class SchedulerTest(base.TestCase):
    time_limit = 600

    def setUp(self):
        super().setUp()
        self.folder = self.make_folder()
        self.site = self.useFixture(installation.Site(self.folder))
        self.freezer = self.connect("alice")
        self.data, self.stored = self.folder / "data", self.folder / "stored"
        self.data.mkdir()
        (self.data / "file").write_text("kept")
        self.scheduler = self.useFixture(self.start_scheduler())
        self.wait_for(lambda: self.freezer.clients.get(NODE), 60, self.scheduler.log)

    def connect(self, name):
        """Return the client of a user."""
        user = self.site.identity.users[name]
        return freezer.Client(
            username=name,
            password=name,
            project_name=user.project,
            auth_url=self.site.identity.url,
            endpoint=self.site.url,
            user_domain_name="Default",
            project_domain_name="Default",
        )

    def start_scheduler(self):
        arguments = ("--client-id", NODE, "--interval", 1, "--no-daemon", "--conf", self.folder / "jobs")
        log = ("--log-file", self.folder / "freezer-scheduler.own.log")
        return installation.Command(
            "freezer-scheduler",
            *arguments,
            *log,
            "start",
            folder=self.folder,
            environment=os.environ | self.site.environment("alice"),
        )

    def add_job(self, name, *, schedule=None, retries=0, **told):
        """Store a job that backs the data up under a name; return its id."""
        action = {"action": "backup", "mode": "fs", "storage": "local", "path_to_backup": str(self.data)}
        action |= {
            "container": str(self.stored),
            "backup_name": name,
            "log_file": str(self.folder / f"{name}.log"),
        }
        entry = {"freezer_action": action | told, "max_retries": retries, "max_retries_interval": 1}
        document = {
            "client_id": NODE,
            "description": name,
            "job_schedule": schedule or {},
            "job_actions": [entry],
        }
        return self.freezer.jobs.create(document)

    def schedule(self, job):
        return self.freezer.jobs.get(job)["job_schedule"]

    def wait_for_status(self, job, *statuses, seconds=90):
        """Wait until a job has one of the statuses; return its schedule."""
        return self.wait_for(
            lambda: (shown := self.schedule(job))["status"] in statuses and shown,
            seconds,
            lambda: f"{self.schedule(job)}\n{self.scheduler.log()[-3000:]}",
        )

    def test_a_backup_to_local_storage(self):
        job = self.add_job("whole")
        ended = self.wait_for_status(job, "completed")
        self.assertEqual("success", ended["result"], self.scheduler.log())
        self.assertGreaterEqual(ended["time_ended"], ended["time_started"])
        [archive] = [path for path in self.stored.rglob("data") if path.is_file()]
        with tarfile.open(archive) as tar:
            [member] = [each for each in tar.getmembers() if each.name.endswith("/file")]
            self.assertEqual(b"kept", tar.extractfile(member).read())
        [backup] = self.wait_for(self.freezer.backups.list, 20)
        self.assertEqual(("whole", "available"), (backup["backup_metadata"]["backup_name"], backup["status"]))

    def test_what_fails_is_tried_again_and_told(self):
        job = self.add_job("fails", retries=2, path_to_backup="/nowhere/at/all")
        ended = self.wait_for_status(job, "completed")
        self.assertEqual("fail", ended["result"])
        self.assertGreaterEqual(ended["time_ended"] - ended["time_started"], 2)

    def test_stop_and_start(self):
        job = self.add_job("often", schedule={"schedule_interval": "2 seconds"})
        self.wait_for(lambda: self.schedule(job)["result"] == "success", 90, self.scheduler.log)
        self.freezer.jobs.stop_job(job)
        self.wait_for_status(job, "stop", "completed")  # the latter where the next run had begun
        before = self.schedule(job)["time_started"]
        self.freezer.jobs.start_job(job)
        self.wait_for(lambda: self.schedule(job)["time_started"] > before, 60, self.scheduler.log)
        self.assertEqual("2 seconds", self.schedule(job)["schedule_interval"])

    def test_a_session_over_two_jobs(self):
        session = self.freezer.sessions.create(
            {"schedule": {"schedule_interval": "4 seconds"}, "hold_off": 3}
        )
        jobs = [self.add_job(name, schedule={"event": "stop"}) for name in ("one", "two")]
        for job in jobs:
            self.wait_for_status(job, "stop")
            self.freezer.sessions.add_job(session, job)
            self.freezer.jobs.start_job(job)
        shown = self.wait_for(lambda: self.is_over(session), 120, self.scheduler.log)
        self.assertEqual(("success", set(jobs)), (shown["result"], shown["jobs"].keys()))
        self.assertTrue(all(self.freezer.jobs.get(job)["session_id"] == session for job in jobs))

    def is_over(self, name):
        shown = self.freezer.sessions.get(name)
        return shown["status"] == "completed" and shown["session_tag"] >= 1 and shown
