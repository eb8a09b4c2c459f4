# SPDX-License-Identifier: Apache-2.0
"""What schemathesis makes of the OpenAPI document: requests that are right, and requests that are wrong."""

import collections

import hypothesis
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.unit.api import case

EXAMPLES = 25
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


class SchemathesisTest(case.APITestCase):
    time_limit = 300

    def setUp(self):
        super().setUp()
        self.add_pod_manager()
        self.statuses = []
        self.schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", self.application)

    def check(self, operation, mode):
        """Send requests of a mode to an operation and check every answer against the document."""

        @hypothesis.given(request=operation.as_strategy(generation_mode=mode))
        @hypothesis.settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def run(request):
            if "stream" not in (request.query or {}):  # a stream has no end
                self.statuses.append(request.call_and_validate(checks=CHECKS).status_code)

        try:
            run()
        except hypothesis.errors.Unsatisfiable:
            self.assertEqual(schemathesis.GenerationMode.NEGATIVE, mode)  # nothing about it can be wrong

    def check_all(self, mode):
        """Check every operation."""
        for operation in self.schema.get_all_operations():
            self.check(operation.ok(), mode)

    def test_right_requests(self):
        self.check_all(schemathesis.GenerationMode.POSITIVE)
        self.assertGreater(self.statuses.count(200), 50, collections.Counter(self.statuses))

    def test_wrong_requests(self):
        self.check_all(schemathesis.GenerationMode.NEGATIVE)
        self.assertGreater(self.statuses.count(400), 100, collections.Counter(self.statuses))
