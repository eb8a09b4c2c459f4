# SPDX-License-Identifier: Apache-2.0
"""Bad requests to the backup service, as bytes on the wire: each is the client's fault, told as Freezer does."""

import json

from tests.functional import bytes_case
from valence.api.backup import describing

V1, V2 = b"/backup/v1", b"/backup/v2/demo"
DEEP = b"[" * 40 + b"]" * 40
ENTRY = b'"job_actions": [{"freezer_action": {"action": "backup"}}]'
JOB = b'{"client_id": "node-7", ' + ENTRY

#: bodies of POST /jobs
JOBS = (
    b"",
    b"{",
    b"'single'",
    b"null",
    b"[]",
    b"7",
    b"{}",
    DEEP,
    b"[" * 200_000,
    b"\xff\xfe{\x00}\x00",
    b'{"client_id": 7, ' + ENTRY + b"}",
    b'{"client_id": "node 7", ' + ENTRY + b"}",
    b'{"client_id": "ghost", ' + ENTRY + b"}",
    b'{"client_id": "' + b"x" * 300 + b'", ' + ENTRY + b"}",
    b'{"client_id": "node-7", "job_actions": {}}',
    b'{"client_id": "node-7", "job_actions": [7]}',
    b'{"client_id": "node-7", "job_actions": [{}]}',
    b'{"client_id": "node-7", "job_actions": [{"action_id": "ghost"}]}',
    b'{"client_id": "node-7", "job_actions": [{"action_id": "../../etc"}]}',
    b'{"client_id": "node-7", "job_actions": [{"freezer_action": {"action": "destroy"}}]}',
    b'{"client_id": "node-7", "job_actions": [{"freezer_action": {"action": null}}]}',
    b'{"client_id": "node-7", "job_actions": [' + b",".join([b'{"action_id": "a"}'] * 1001) + b"]}",
    JOB + b', "colour": "red"}',
    JOB + b', "description": "\\u0000"}',
    JOB + b', "description": "\\ud800"}',
    JOB + b', "description": "' + b"x" * 1025 + b'"}',
    JOB + b', "job_id": "a b"}',
    JOB + b', "job_id": "' + b"x" * 192 + b'"}',
    JOB + b', "session_id": "ghost"}',
    JOB + b', "session_tag": 9223372036854775808}',
    JOB + b', "session_tag": NaN}',
    JOB + b', "job_schedule": {"status": "perhaps"}}',
    JOB + b', "job_schedule": {"schedule_interval": "often"}}',
    JOB + b', "job_schedule": {"schedule_date": "2026-13-01T00:00:00"}}',
    JOB + b', "job_schedule": {"time_started": "now"}}',
    JOB + b', "job_schedule": {"current_pid": 1e400}}',
    JOB + b', "job_schedule": ' + DEEP + b"}",
    JOB + b', "user_credentials": []}',
)
#: bodies of POST /sessions/s/action
ACTIONS = (
    b"{}",
    b'{"restart": {}}',
    b'{"start": null}',
    b'{"start": {"job_id": "j"}}',
    b'{"start": {"job_id": 7, "current_tag": 0}}',
    b'{"start": {"job_id": "ghost", "current_tag": 0}}',
    b'{"start": {"job_id": "j", "current_tag": "first"}}',
    b'{"start": {"job_id": "j", "current_tag": 99}}',
    b'{"end": {"job_id": "j", "current_tag": 0}}',
    b'{"end": {"job_id": "j", "current_tag": 0, "result": "perhaps"}}',
)
#: what is asked for with GET
URLS = (
    b"/jobs/ghost",
    b"/jobs/%00",
    b"/jobs/%ff",
    b"/jobs/..%2f..%2fetc",
    b"/jobs/" + b"x" * 5000,
    b"/jobs?limit=-1",
    b"/jobs?limit=many",
    b"/jobs?offset=99999999999999999999999",
    b"/jobs?all_projects=perhaps",
    b"/jobs?sort=colour",
    b"/jobs?marker=%00",
    b"/jobs?status=%00",
    b"/jobs?status=%ff",
    b"/jobs/ghost/reports",
    b"/jobs/j/reports?limit=0",
    b"/jobs/j/reports?marker=ghost",
    b"/jobs/j/reports?since=yesterday",
    b"/jobs/j/reports?result=%00",
    b"/hosts",
)
#: bodies of GET /jobs
SEARCHES = (
    b"{",
    b"[]",
    b'{"match": {"status": "stop"}}',
    b'{"match": [7]}',
    b'{"match": [{"status": ' + DEEP + b"}]}",
    b'{"match_not": "all"}',
)


class FreezerBadInputTest(bytes_case.BytesCase):
    def setUp(self):
        super().setUp()
        for mount in (V1, V2):
            place = mount.decode()
            self.post(f"{place}/clients", describing.BODIES["clients"])
            self.post(f"{place}/jobs/j", describing.BODIES["jobs"])
            self.post(f"{place}/sessions/s", describing.BODIES["sessions"])
            self.assertEqual(204, self.send("PUT", f"{place}/sessions/s/jobs/j").status_code)

    def assert_refused(self, method, target, body=b""):
        """Check that a request to both versions is the client's fault, and told so."""
        for mount in (V1, V2):
            status, headers, data = self.answer(self.bytes_of(method, mount + target, body=body))
            about = f"{method!r} {mount + target[:150]!r} {body[:150]!r}: {status} {data[:500]!r}"
            self.assertTrue(400 <= status < 500, about)
            self.assertIn("x-openstack-request-id", headers, about)
            if data:  # version 2 shows nothing of what is not there
                self.assertIn("title", json.loads(data), about)
            for secret in (b"Traceback", b"valence.", b".py"):
                self.assertNotIn(secret, data, about)

    def test_jobs(self):
        for body in JOBS:
            self.assert_refused(b"POST", b"/jobs", body)

    def test_changes_of_a_job(self):
        for body in (b"{", b"[]", b'{"_version": 7}', b'{"client_id": "ghost"}', b'{"colour": "red"}'):
            self.assert_refused(b"PATCH", b"/jobs/j", body)
        self.assert_refused(b"PATCH", b"/jobs/ghost", b"{}")

    def test_events_of_a_job(self):
        for body in (b"", b"{", b"[]", b"{}", b'{"explode": null}'):
            self.assert_refused(b"POST", b"/jobs/j/event", body)

    def test_actions_of_a_session(self):
        for body in ACTIONS:
            self.assert_refused(b"POST", b"/sessions/s/action", body)

    def test_reports(self):
        for body in (b"", b"{}", b'{"result": "perhaps"}', b'{"result": "fail", "action_id": "ghost"}'):
            self.assert_refused(b"POST", b"/jobs/j/reports", body)

    def test_urls(self):
        for url in URLS:
            self.assert_refused(b"GET", url)

    def test_searches(self):
        for body in SEARCHES:
            self.assert_refused(b"GET", b"/jobs", body)

    def test_methods(self):
        for method, url in ((b"PUT", b"/jobs/j"), (b"DELETE", b"/jobs"), (b"PATCH", b"/clients/node-7")):
            self.assert_refused(method, url)
