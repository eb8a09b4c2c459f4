# SPDX-License-Identifier: Apache-2.0
"""What schemathesis makes of the OpenAPI document: requests that are right, and requests that are wrong."""

import collections
import itertools

import hypothesis
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.unit.api import case
from valence.api.backup import describing

CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


class SchemathesisTest(case.APITestCase):
    time_limit = 300
    #: requests to each operation
    examples = 25

    def setUp(self):
        super().setUp()
        self.add_pod_manager()
        self.statuses = []
        self.schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", self.application)

    def check(self, operation, mode):
        """Send requests of a mode to an operation and check every answer against the document."""

        @hypothesis.given(request=operation.as_strategy(generation_mode=mode))
        @hypothesis.settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def run(request):
            if "stream" not in (request.query or {}):  # a stream has no end
                self.prepare(request)
                self.statuses.append(request.call_and_validate(checks=CHECKS).status_code)

        try:
            run()
        except hypothesis.errors.Unsatisfiable:
            self.assertEqual(schemathesis.GenerationMode.NEGATIVE, mode)  # nothing about it can be wrong

    def prepare(self, request):
        """Change a request before it is sent."""

    def check_all(self, mode):
        """Check every operation but those of the other dialects."""
        for operation in self.schema.exclude(path_regex="^/(backup|introspection)").get_all_operations():
            self.check(operation.ok(), mode)

    def test_right_requests(self):
        self.check_all(schemathesis.GenerationMode.POSITIVE)
        self.assertGreater(self.statuses.count(200), 50, collections.Counter(self.statuses))

    def test_wrong_requests(self):
        self.check_all(schemathesis.GenerationMode.NEGATIVE)
        self.assertGreater(self.statuses.count(400), 100, collections.Counter(self.statuses))


class IntrospectionTest(SchemathesisTest):
    """Few requests name a machine that there is."""

    examples = 10

    def setUp(self):
        super().setUp()
        self.requests = itertools.count()
        pod_manager = self.get("/v1/pod_managers").json["pod_managers"][0]
        self.machine = self.add_resources(pod_manager, "System")[0]

    def check_all(self, mode):
        for operation in self.schema.include(path_regex="^/introspection").get_all_operations():
            self.check(operation.ok(), mode)

    def prepare(self, request):
        if next(self.requests) % 2 and "machine" in request.path_parameters:
            request.path_parameters["machine"] = self.machine

    def test_right_requests(self):
        self.check_all(schemathesis.GenerationMode.POSITIVE)
        self.assertLessEqual({200, 202, 204, 404}, set(self.statuses))

    def test_wrong_requests(self):
        self.check_all(schemathesis.GenerationMode.NEGATIVE)
        self.assertLessEqual({400, 404}, set(self.statuses))


class BackupTest(SchemathesisTest):
    """Of two requests one is about things that there are, the other about anything."""

    examples = 10  # of many operations, in two versions that are much alike

    def setUp(self):
        super().setUp()
        self.requests = itertools.count()

    def check_all(self, mode):
        for operation in self.schema.include(path_regex="^/backup").get_all_operations():
            self.there = self.fill("/backup/v1" if "/v1" in operation.ok().path else "/backup/v2/demo")
            self.check(operation.ok(), mode)

    def fill(self, mount):
        """Store a thing of each kind again; return their names by collection."""
        bodies, names = describing.BODIES, {"clients": "node-7", "actions": "a", "jobs": "j", "sessions": "s"}
        self.post(f"{mount}/clients", bodies["clients"])
        for collection in ("actions", "jobs"):
            self.store(f"{mount}/{collection}/{names[collection]}", bodies[collection])
        self.store(f"{mount}/sessions/s", bodies["sessions"])
        self.assertEqual(204, self.send("PUT", f"{mount}/sessions/s/jobs/j").status_code)
        return names | {"backups": self.store(f"{mount}/backups", bodies["backups"])["backup_id"]}

    def store(self, url, document):
        """Store a thing and return the answer."""
        response = self.post(url, document)
        self.assertEqual(201, response.status_code, response.text)
        return response.json

    def prepare(self, request):
        if next(self.requests) % 2:
            return
        path = request.path.removeprefix("/backup/v1/").removeprefix("/backup/v2/{project_id}/")
        collection = path.partition("/")[0]
        there = {"project_id": "demo", "name": self.there.get(collection), "job_name": "j"}
        request.path_parameters |= {name: there[name] for name in request.path_parameters}
        if isinstance(request.body, dict) and collection != "clients":
            self.refer(request.body)

    def refer(self, body):
        """Let a body name things that there are, where it names any."""
        there = {"client_id": self.there["clients"], "job_id": "j", "session_id": "s"}
        body |= {name: value for name, value in there.items() if name in body}
        for inner in body.values():
            if isinstance(inner, dict):
                self.refer(inner)

    def test_right_requests(self):
        super().test_right_requests()
        self.assertLessEqual({200, 201, 202, 204, 404, 422}, set(self.statuses))
