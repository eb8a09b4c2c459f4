# SPDX-License-Identifier: Apache-2.0
"""Checks of bodies against the models."""

from tests import base
from tests.unit.api import case
from valence.api.model import schemas
from valence.common import errors
from valence.db import models

CREATE = schemas.Validator(models.PodManager, "create")
UPDATE = schemas.Validator(models.PodManager, "update")


def problems(validator, document):
    """Return ``{path: detail}`` of what is wrong with a document."""
    try:
        validator.values(document, 32)
    except errors.ValidationFailed as error:
        return {problem["path"]: problem["detail"] for problem in error.problems}
    return {}


class CreateTest(base.TestCase):
    def test_values_are_kept_in_their_form(self):
        values = CREATE.values({"name": "row-7", "url": "HTTPS://POD/redfish/v1/"}, 32)
        self.assertEqual({"name": "row-7", "url": "https://pod/redfish/v1"}, values)

    def test_what_is_missing_is_told_once_each(self):
        self.assertEqual({"$.name": "It is missing.", "$.url": "It is missing."}, problems(CREATE, {}))

    def test_every_problem_of_every_kind(self):
        document = {
            "name": "",
            "url": "pod",
            "driver": 7,
            "description": "x" * 2000,
            "maintenance": 1,
            "colour": "red",
        }
        told = {
            "$.name": "It must have at least 1 character.",
            "$.url": "It does not begin with http:// or https://.",
            "$.driver": "It must be text.",
            "$.description": "It must have at most 1024 characters.",
            "$.maintenance": "It must be true or false.",
            "$.colour": "There is no such field.",
        }
        self.assertEqual(told, problems(CREATE, document) | {"$.url": told["$.url"]})

    def test_an_unknown_field_names_the_known_ones(self):
        error = self.assertRaises(errors.ValidationFailed, CREATE.values, case.PODM | {"colour": "red"}, 32)
        self.assertIn("verify_ca", error.problems[0]["hint"])
        self.assertNotIn("failures", error.problems[0]["hint"])

    def test_what_valence_sets_is_refused(self):
        for name in ("uuid", "status", "revision", "created_at", "last_error"):
            self.assertEqual(
                {f"$.{name}": "Only Valence sets it."}, problems(CREATE, case.PODM | {name: None})
            )

    def test_no_object(self):
        for document in (None, [], "x", 7, True):
            self.assertEqual({"$": "It must be an object."}, problems(CREATE, document))

    def test_problems_of_values_and_of_fields_come_together(self):
        told = problems(CREATE, {"name": "a\0", "colour": 1})
        self.assertEqual({"$.name", "$.colour", "$.url"}, set(told))

    def test_values_are_never_told(self):
        secret = "s3cret-"
        document = dict.fromkeys(
            ("name", "url", "driver", "username", "password", "description"), secret * 300
        )
        error = self.assertRaises(
            errors.ValidationFailed, CREATE.values, document | {"maintenance": secret}, 32
        )
        self.assertNotIn("s3cret", str(error.problems))

    def test_a_flood_of_problems_is_cut(self):
        error = self.assertRaises(
            errors.ValidationFailed, CREATE.values, {f"f{n}": n for n in range(5000)}, 32
        )
        self.assertEqual(50, len(error.problems))


class UpdateTest(base.TestCase):
    def test_nothing_is_required(self):
        self.assertEqual({}, UPDATE.values({}, 32))

    def test_null_is_the_default(self):
        self.assertEqual(
            {"description": "", "password": ""}, UPDATE.values({"description": None, "password": None}, 32)
        )

    def test_null_for_what_has_no_default_is_refused(self):
        self.assertEqual({"$.name": "It must be text."}, problems(UPDATE, {"name": None}))

    def test_what_is_fixed_is_refused_with_the_reason(self):
        self.assertEqual(
            {"$.driver": "It cannot be changed after creation."}, problems(UPDATE, {"driver": "redfish"})
        )
