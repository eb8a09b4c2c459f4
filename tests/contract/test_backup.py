# SPDX-License-Identifier: Apache-2.0
"""Twelve clients of the backup service at the same moment, on every driver: nothing is lost, nobody is refused.

VALENCE_BACKUP_ROUNDS says how often; a hundred rounds take minutes.
"""

import os
import uuid

import sqlalchemy

from tests.contract import case
from tests.contract import databases
from tests.unit.backup.case import ENTRY
from valence.backup import changes
from valence.backup import clients
from valence.backup import jobs
from valence.backup import listing
from valence.backup import schedules
from valence.backup import sessions

ROUNDS = int(os.environ.get("VALENCE_BACKUP_ROUNDS", "3"))
TOGETHER = 12
NOW = 1_800_000_000


class BackupAtOnceTest(case.ContractCase):
    """Each round is a project of its own; its clients come by way of two conductors."""

    time_limit = 60 + ROUNDS * 12

    def setUp(self):
        super().setUp()
        self.stores = [self.store, self.connect()]

    def rounds(self):
        """Yield a tenant for each round."""
        for _ in range(ROUNDS):
            yield changes.Scope("v2", uuid.uuid4().hex, "alice")

    def together(self, do):
        """Do ``do(store, number)`` twelve times at once; return the results, fail if one is an error."""
        calls = [lambda number=number: do(self.stores[number % 2], number) for number in range(TOGETHER)]
        results = case.together(*calls)
        self.assertEqual([], [repr(each) for each in results if isinstance(each, Exception)])
        return results

    def prepare(self, tenant, *, members=False):
        """Store a client, a session and twelve jobs; in the session or not."""
        clients.create(self.store, tenant, {"client_id": "node"})
        sessions.create(
            self.store, tenant, "s", {"schedule": {"schedule_interval": "1 days"}, "hold_off": 60}
        )
        for number in range(TOGETHER):
            about = {"client_id": "node", "job_actions": [ENTRY]} | ({"session_id": "s"} if members else {})
            jobs.create(self.store, tenant, f"job-{number}", about)

    def session(self, tenant):
        return listing.find(self.store, tenant, "sessions", "s")

    def test_registrations_make_one_client(self):
        for tenant in self.rounds():
            rows = self.together(lambda store, number, of=tenant: _register(store, of, number))
            self.assertEqual(1, len({row.uuid for row in rows}))
            self.assertEqual(1, len(listing.page(self.store, tenant, "clients", listing.Search())))

    def test_jobs_join(self):
        for tenant in self.rounds():
            self.prepare(tenant)
            self.together(lambda store, number, of=tenant: sessions.add_job(store, of, "s", f"job-{number}"))
            self.assertEqual(TOGETHER, len(self.session(tenant)["jobs"]))
            shown = listing.page(self.store, tenant, "jobs", listing.Search(limit=100))
            self.assertEqual([("s", "1 days")] * TOGETHER, [_joined(job) for job in shown])

    def test_jobs_start_one_run(self):
        for tenant in self.rounds():
            self.prepare(tenant, members=True)
            results = self.together(lambda store, number, of=tenant: _start(store, of, number))
            self.assertEqual([{"result": "success", "session_tag": 1}] * TOGETHER, results)
            shown = self.session(tenant)
            self.assertEqual((1, "running"), (shown["session_tag"], shown["status"]))
            self.assertEqual({"running"}, {job["status"] for job in shown["jobs"].values()})

    def test_jobs_end_a_run(self):
        for tenant in self.rounds():
            self.prepare(tenant, members=True)
            self.together(lambda store, number, of=tenant: _end(store, of, number))
            shown = self.session(tenant)
            self.assertEqual(
                ("completed", "fail", NOW), (shown["status"], shown["result"], shown["time_end"])
            )
            self.assertEqual({"completed"}, {job["status"] for job in shown["jobs"].values()})

    def test_all_of_it_at_once(self):
        """Schedulers report while jobs join, start and leave."""
        for tenant in self.rounds():
            self.prepare(tenant, members=True)
            self.together(lambda store, number, of=tenant: MIXED[number % len(MIXED)](store, of, number))
            shown = self.session(tenant)
            self.assertEqual(TOGETHER - TOGETHER // len(MIXED), len(shown["jobs"]))
            rows = listing.page(self.store, tenant, "jobs", listing.Search(limit=100))
            reported = [job for job in rows if job["job_schedule"]["current_pid"] != schedules.NO_PROCESS]
            self.assertEqual(TOGETHER // len(MIXED), len(reported))


class BackupStatementsTest(case.ContractCase):
    """A page takes the same few statements, however many things there are."""

    scenarios = databases.SQL

    def setUp(self):
        super().setUp()
        self.tenant = changes.Scope("v2", uuid.uuid4().hex, "alice")
        clients.create(self.store, self.tenant, {"client_id": "node"})
        sessions.create(self.store, self.tenant, "s", {"schedule": {}})
        for number in range(5):
            about = {"client_id": "node", "job_actions": [ENTRY], "session_id": "s"}
            jobs.create(self.store, self.tenant, f"job-{number}", about)

    def statements(self, collection, **wanted):
        """Return the statements that a page takes."""
        counted, engine = [], self.store.connections.engine
        note = lambda *arguments: counted.append(arguments[2])  # noqa: E731
        sqlalchemy.event.listen(engine, "before_cursor_execute", note)
        self.addCleanup(sqlalchemy.event.remove, engine, "before_cursor_execute", note)
        listing.page(self.store, self.tenant, collection, listing.Search(**wanted))
        return counted

    def test_jobs_take_one(self):
        for limit in (1, 5, 100):
            self.assertEqual(1, len(self.statements("jobs", limit=limit)))
        poll = {"match": [["client_id", "node"]], "match_not": [["status", "completed"]]}
        self.assertEqual(1, len(self.statements("jobs", **poll)))

    def test_the_database_sorts_no_whole_jobs(self):
        (statement,) = self.statements("jobs")
        self.assertNotIn("ORDER BY", statement.partition("AS page")[2])

    def test_sessions_take_two(self):
        self.assertEqual(2, len(self.statements("sessions")))


def _register(store, tenant, number):
    return clients.create(store, tenant, {"client_id": "node", "description": str(number)})


def _start(store, tenant, number):
    told = {"job_id": f"job-{number}", "current_tag": 0}
    return sessions.start(store, tenant, "s", told, NOW)


def _end(store, tenant, number):
    told = {"job_id": f"job-{number}", "current_tag": 1, "result": "success" if number else "fail"}
    return sessions.end(store, tenant, "s", told, NOW)


def _leave(store, tenant, number):
    sessions.remove_job(store, tenant, "s", f"job-{number}")


def _report(store, tenant, number):
    told = {"job_schedule": {"status": "running", "event": "", "current_pid": number}, "session_id": "s"}
    jobs.update(store, tenant, f"job-{number}", told)


def _joined(job):
    return job["session_id"], job["job_schedule"]["schedule_interval"]


MIXED = (_start, _end, _leave, _report)
