# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document."""

import jsonschema
import openapi_spec_validator

from tests.unit.api import case
from valence.api import openapi
from valence.api import routes


class DocumentTest(case.APITestCase):
    def setUp(self):
        super().setUp()
        self.document = self.get("/v1/openapi.json").json

    def operations(self):
        """Return every operation with its method and URL."""
        methods = ("get", "post", "put", "patch", "delete")
        return [
            (method, url, path[method])
            for url, path in self.document["paths"].items()
            for method in methods
            if method in path
        ]

    def test_it_is_valid(self):
        self.assertEqual("3.1.0", self.document["openapi"])
        openapi_spec_validator.OpenAPIV31SpecValidator(self.document).validate()

    def test_every_route_is_in_it(self):
        told = {(method.upper(), url) for method, url, _ in self.operations()}
        self.assertEqual({(route.method, route.url) for route in routes.DESCRIBED}, told)

    def test_every_operation_explains_itself(self):
        for method, url, operation in self.operations():
            self.assertTrue(operation["summary"].endswith("."), (method, url))
            self.assertEqual(set(), {"401", "403", "500", "503"} - set(operation["responses"]), (method, url))

    def test_identifiers_are_unique(self):
        names = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(names), len(set(names)))

    def test_bodies_have_examples(self):
        for method, url, operation in self.operations():
            if "requestBody" in operation:
                for content in operation["requestBody"]["content"].values():
                    self.assertTrue(content["example"], (method, url))
                    jsonschema.Draft202012Validator(content["schema"]).validate(content["example"])

    def test_filters_are_parameters(self):
        names = [each.get("name") for each in self.document["paths"]["/v1/resources"]["get"]["parameters"]]
        for name in ("podm_id", "resource_type", "health", "marker", "sort", "fields", "detail"):
            self.assertIn(name, names)
        self.assertEqual(1000, self.document["components"]["parameters"]["limit"]["schema"]["maximum"])

    def test_no_secret_is_shown(self):
        self.assertNotIn("password", self.document["components"]["schemas"]["PodManager"]["properties"])

    def test_every_status_has_a_meaning(self):
        for route in routes.DESCRIBED:
            about = route.handler.description
            self.assertEqual(set(), {*about.answers, *about.failures} - set(openapi.MEANINGS), route.url)
