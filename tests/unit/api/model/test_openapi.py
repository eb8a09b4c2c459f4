# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document."""

import copy
import re

import jsonschema
import openapi_spec_validator

from tests.unit.api import case
from valence.api import routes
from valence.api.model import openapi

#: escapes that a regular expression of ECMA-262 may have in its Unicode mode, which JSON schemas use
ESCAPES = re.compile(r"(?:[^\\]|\\[\^$\\.*+?()[\]{}|/dDsSwWbBtnrfv0-])*", re.DOTALL)


def parts(value):
    """Yield every object in a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


def strict(document):
    """Return a document whose schemas allow only the properties that they name, unless they say otherwise."""
    result = copy.deepcopy(document)
    for part in parts(result):
        if part.get("type") == "object" and isinstance(part.get("properties"), dict):
            part.setdefault("additionalProperties", False)
    return result


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

    def test_examples_have_no_property_that_their_schemas_do_not_name(self):
        document = strict(self.document)
        examples = [part for part in parts(document) if "example" in part and "schema" in part]
        self.assertGreater(len(examples), 30)
        for part in examples:
            schema = part["schema"] | {"components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(part["example"])

    def test_arrays_say_what_is_in_them(self):
        for part in parts(self.document):
            kinds = part.get("type")
            if kinds == "array" or (isinstance(kinds, list) and "array" in kinds):
                self.assertIn("items", part)

    def test_patterns_are_regular_expressions_in_every_language(self):
        for part in parts(self.document):
            if isinstance(part.get("pattern"), str):
                self.assertTrue(ESCAPES.fullmatch(part["pattern"]), part["pattern"])

    def test_components_are_used(self):
        used = {part["$ref"] for part in parts(self.document) if isinstance(part.get("$ref"), str)}
        components = self.document["components"]
        there = {
            f"#/components/{kind}/{name}" for kind in ("responses", "schemas") for name in components[kind]
        }
        self.assertEqual(used - {"#/components/parameters/limit"}, there)

    def test_bodies_of_several_types_have_one_schema(self):
        for method, url, operation in self.operations():
            content = operation.get("requestBody", {}).get("content", {})
            if len(content) > 1:  # generators of clients make one model of each, with the same name
                self.assertEqual(
                    {"$ref"}, {name for each in content.values() for name in each["schema"]}, (method, url)
                )

    def test_it_describes_three_dialects(self):
        tags = {tag for _, _, operation in self.operations() for tag in operation["tags"]}
        self.assertLessEqual({"pod_managers", "backup", "introspection"}, tags)
        self.assertEqual(200, self.get("/introspection").status_code)

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
