# SPDX-License-Identifier: Apache-2.0
"""Events: what jobs and sessions come to is told, once, with who caused it."""

from tests.unit.backup import case
from valence.backup import jobs
from valence.backup import sessions
from valence.db import models
from valence.db import store


class EventsTest(case.BackupCase):
    def setUp(self):
        super().setUp()
        self.demo = self.demo._replace(request_id="req-1")
        self.register()

    def told(self):
        """Return the events since the last call, without what stands before each name."""
        every = self.store.list(models.Event, sort=[store.Sort("sequence")])
        self.store.commit(*map(store.Delete, every))
        return every

    def names(self):
        return [each.event_type.removeprefix("valence.backup.") for each in self.told()]

    def test_the_life_of_a_job(self):
        self.add_job()
        jobs.ask(self.store, self.demo, "nightly", "start")
        for schedule in (
            {"status": "running", "event": ""},
            {"current_pid": 7},
            {"status": "completed", "result": "fail"},
        ):
            jobs.update(self.store, self.demo, "nightly", {"job_schedule": schedule})
        jobs.delete(self.store, self.demo, "nightly")
        self.assertEqual(["job.create", *["job.state_changed"] * 3, "job.delete"], self.names())

    def test_an_event_tells_what_was_and_what_is(self):
        self.add_job()
        self.told()
        jobs.ask(self.store, self.demo, "nightly", "stop")
        [event] = self.told()
        self.assertEqual(("nightly", "alice", "req-1"), (event.object_id, event.actor, event.request_id))
        about = {"job_id": "nightly", "project_id": "demo", "client_name": "node-1", "session_id": ""}
        self.assertEqual(about | {"event": "stop"}, {name: event.new[name] for name in (*about, "event")})
        self.assertEqual("", event.old["event"])

    def test_the_life_of_a_session(self):
        self.add_job()
        self.add_session()
        sessions.add_job(self.store, self.demo, "together", "nightly")
        told = {"job_id": "nightly", "current_tag": 0, "result": "success"}
        sessions.start(self.store, self.demo, "together", told, 100)
        sessions.end(self.store, self.demo, "together", told, 200)
        sessions.delete(self.store, self.demo, "together")
        expected = ["job.create", "session.create", "job.state_changed", "session.start", "session.end"]
        self.assertEqual([*expected, "job.state_changed", "session.delete"], self.names())

    def test_a_long_name_has_an_identifier(self):
        for name in ("x" * 100, "y" * 100):
            self.add_job(name)
        first, second = self.told()
        self.assertEqual((36, "x" * 100), (len(first.object_id), first.new["job_id"]))
        self.assertNotEqual(first.object_id, second.object_id)
