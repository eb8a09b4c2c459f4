# SPDX-License-Identifier: Apache-2.0
"""Schemas of models."""

import jsonschema

from tests import base
from valence.api.model import schemas
from valence.db import models

SHOWN = (models.PodManager, models.ResourceWithState, models.Operation, models.Event)


class ShownTest(base.TestCase):
    def test_every_schema_is_one(self):
        for model in SHOWN:
            for schema in (schemas.shown(model), schemas.create(model), schemas.update(model)):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_a_row_meets_its_schema(self):
        for model in SHOWN:
            example = schemas.example(model, model.public_fields())
            jsonschema.validate(example, schemas.shown(model))

    def test_secrets_are_not_shown(self):
        self.assertNotIn("password", schemas.shown(models.PodManager)["properties"])
        self.assertIn("password", schemas.create(models.PodManager)["properties"])

    def test_what_valence_sets_is_read_only(self):
        self.assertTrue(schemas.shown(models.PodManager)["properties"]["status"]["readOnly"])
        self.assertNotIn("readOnly", schemas.shown(models.PodManager)["properties"]["name"])


class CreateTest(base.TestCase):
    def test_required_are_the_fields_without_a_default(self):
        self.assertEqual(["name", "url"], schemas.create(models.PodManager)["required"])

    def test_defaults_are_told(self):
        properties = schemas.create(models.PodManager)["properties"]
        self.assertEqual(
            ("redfish", False), (properties["driver"]["default"], properties["maintenance"]["default"])
        )

    def test_only_given_extras_are_added(self):
        properties = schemas.create(models.PodManager, {"authentication": {"type": "array"}})["properties"]
        self.assertIn("authentication", properties)
        self.assertNotIn("uuid", properties)


class UpdateTest(base.TestCase):
    def test_what_is_fixed_after_creation_is_not_in_it(self):
        self.assertNotIn("driver", schemas.update(models.PodManager)["properties"])
