# SPDX-License-Identifier: Apache-2.0
"""The real python-freezerclient at work, without a change to it: over HTTP, a bus and SQLite."""

from freezerclient import exceptions
from freezerclient.v2 import client as freezer
from keystoneauth1 import loading
from keystoneauth1 import session

from tests import base
from tests import embedded
from tests.unit.backup.case import ACTION
from valence.api.http import api_server
from valence.api.http import app


class FreezerClientTest(base.TestCase):
    def setUp(self):
        super().setUp()
        behind = self.useFixture(
            embedded.Conductor(api__port=0, api__host="127.0.0.1", auth_strategy="noauth")
        )
        http = api_server.Server(behind.conf, app.create_app(behind.conf, behind.client))
        http.start()
        self.addCleanup(http.stop)
        self.url = f"{http.url}/backup"
        self.freezer = self.connect("demo")
        self.freezer.clients.create({"client_id": "node-1", "hostname": "node-1"})

    def connect(self, project):
        """Return a client of a project, without authentication."""
        plugin = loading.get_plugin_loader("none").load_from_options(endpoint=self.url)
        return freezer.Client(session=session.Session(auth=plugin), endpoint=self.url, project_id=project)

    def add_job(self, **told):
        entry = {"freezer_action": ACTION, "max_retries": 1, "max_retries_interval": 1, "mandatory": True}
        return self.freezer.jobs.create({"client_id": "node-1", "job_actions": [entry]} | told)

    def test_clients(self):
        self.assertEqual("node-1", self.freezer.clients.get("node-1")["client"]["client_id"])
        self.assertEqual(1, len(self.freezer.clients.list()))
        self.freezer.clients.delete("node-1")
        self.assertIsNone(self.freezer.clients.get("node-1"))

    def test_actions(self):
        name = self.freezer.actions.create({"freezer_action": ACTION})
        self.freezer.actions.update(name, {"max_retries": 2})
        self.assertEqual(2, self.freezer.actions.get(name)["max_retries"])
        self.assertEqual([name], [each["action_id"] for each in self.freezer.actions.list()])
        self.freezer.actions.delete(name)
        self.assertEqual([], self.freezer.actions.list())

    def test_jobs(self):
        name = self.add_job(description="nightly")
        self.freezer.jobs.update(name, {"description": "weekly"})
        self.assertEqual("weekly", self.freezer.jobs.get(name)["description"])
        for event in ("start", "stop", "abort"):
            self.assertEqual({"result": "success"}, getattr(self.freezer.jobs, f"{event}_job")(name))
        self.assertEqual("abort", self.freezer.jobs.get(name)["job_schedule"]["event"])
        self.freezer.jobs.delete(name)
        self.assertEqual([], self.freezer.jobs.list_all())

    def test_what_a_scheduler_polls(self):
        names = {self.add_job() for _ in range(12)}
        search = {"match_not": [{"status": "completed"}]}
        first = self.freezer.jobs.list(limit=10, search=dict(search), client_id="node-1")
        rest = self.freezer.jobs.list(limit=10, offset=10, search=dict(search), client_id="node-1")
        self.assertEqual((10, 2), (len(first), len(rest)))
        self.assertEqual(names, {job["job_id"] for job in (*first, *rest)})

    def test_sessions(self):
        name = self.freezer.sessions.create({"schedule": {"schedule_interval": "1 days"}, "hold_off": 5})
        one, two = self.add_job(), self.add_job()
        for job in (one, two):
            self.freezer.sessions.add_job(name, job)
            self.assertEqual(
                {"result": "success", "session_tag": 1}, self.freezer.sessions.start_session(name, job, "0")
            )
        for job in (one, two):
            self.freezer.sessions.end_session(name, job, 1, "success")
        shown = self.freezer.sessions.get(name)
        self.assertEqual(
            ("completed", "success", {one, two}), (shown["status"], shown["result"], shown["jobs"].keys())
        )
        self.freezer.sessions.remove_job(name, one)
        self.freezer.sessions.update(name, {"description": "b"})
        self.assertEqual(1, len(self.freezer.sessions.list_all()[0]["jobs"]))
        self.freezer.sessions.delete(name)
        self.assertIsNone(self.freezer.sessions.get(name))

    def test_backups(self):
        told = {"backup_name": "etc", "container": "store", "hostname": "node-1", "time_stamp": 1493052022}
        name = self.freezer.backups.create(told)
        self.assertEqual(told, self.freezer.backups.get(name)["backup_metadata"])
        self.assertEqual([name], [each["backup_id"] for each in self.freezer.backups.list()])
        self.freezer.backups.delete(name)
        self.assertIsNone(self.freezer.backups.get(name))

    def test_errors_are_read(self):
        error = self.assertRaises(exceptions.ApiClientException, self.add_job, client_id="ghost")
        self.assertIn("Client not found with ID ghost", str(error))

    def test_a_project_has_its_own_things(self):
        """Without authentication everybody is an administrator, who is shown a job of another project too."""
        name = self.add_job()
        other = self.connect("other")
        self.assertEqual(([], "demo"), (other.jobs.list_all(), other.jobs.get(name)["project_id"]))
        self.assertRaises(exceptions.ApiClientException, other.jobs.delete, name)
        self.assertEqual(1, len(other.jobs.list_all(all_projects=True)))
