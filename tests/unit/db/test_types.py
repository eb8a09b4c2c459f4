# SPDX-License-Identifier: Apache-2.0
"""Fields: what they say of themselves, and what they begin with."""

import uuid

import jsonschema

from tests import base
from valence.db import models
from valence.db import types


class FieldTest(base.TestCase):
    def test_a_field_without_default_is_required(self):
        self.assertTrue(types.Text().required)
        self.assertFalse(types.Text(default="x").required)
        self.assertFalse(types.Text(default=None).required)

    def test_what_only_valence_writes_is_not_required(self):
        self.assertFalse(types.Text(write="never").required)
        self.assertFalse(types.UUID(key=True).required)

    def test_a_default_of_none_makes_it_nullable(self):
        self.assertEqual((True, False), (types.Text(default=None).nullable, types.Text(default="").nullable))

    def test_a_container_is_a_fresh_one_each_time(self):
        field = types.JSON(default={"a": 1})
        field.initial()["b"] = 2
        self.assertEqual({"a": 1}, field.initial())

    def test_a_key_is_made_and_another_uuid_is_not(self):
        made = types.UUID(key=True).initial()
        self.assertEqual(made, str(uuid.UUID(made)))
        self.assertIsNone(types.UUID(default=None).initial())

    def test_a_reference_is_indexed_unless_it_is_the_key(self):
        self.assertTrue(types.Reference("", models.PodManager).index)
        self.assertFalse(types.Reference("", models.PodManager, key=True).index)


class SchemaTest(base.TestCase):
    def assert_takes(self, field, *values):
        for value in values:
            jsonschema.validate(value, field.schema())

    def assert_refuses(self, field, *values):
        for value in values:
            self.assertRaises(jsonschema.ValidationError, jsonschema.validate, value, field.schema())

    def test_texts_have_limits(self):
        field = types.Text(min=1, max=3)
        self.assert_takes(field, "a", "abc")
        self.assert_refuses(field, "", "abcd", 5, None)

    def test_numbers_have_limits(self):
        self.assert_takes(types.Integer(min=0, max=9), 0, 9)
        self.assert_refuses(types.Integer(min=0, max=9), -1, 10, "5", None)
        self.assert_refuses(types.Integer(), 2**63)

    def test_a_choice_takes_its_words(self):
        self.assert_takes(types.Choice("", ["a", "b"]), "a")
        self.assert_refuses(types.Choice("", ["a", "b"]), "c", None)

    def test_a_nullable_field_takes_null(self):
        for field in (
            types.Text(default=None),
            types.Choice("", ["a"], default=None),
            types.JSON(default=None),
        ):
            self.assert_takes(field, None)

    def test_documents_are_objects_or_lists(self):
        self.assert_takes(types.JSON(), {"a": 1})
        self.assert_refuses(types.JSON(), [1])
        self.assert_takes(types.JSON(json_type="array"), [1])

    def test_a_schema_says_document_format_and_example(self):
        schema = types.Text("Where.", format="uri", example="https://x").schema()
        self.assertEqual(
            ("Where.", "uri", ["https://x"]), (schema["description"], schema["format"], schema["examples"])
        )

    def test_a_secret_is_write_only(self):
        self.assertIs(True, types.Secret().schema()["writeOnly"])
        self.assertFalse(types.Secret().public)


class ValidateTest(base.TestCase):
    """The older form of a field names this callable."""

    def test_it_returns_what_is_of_its_kind(self):
        self.assertEqual("a", types.Text.validate("a"))
        self.assertEqual(5, types.Integer.validate(5))
        self.assertIsNone(types.Boolean.validate(None))

    def test_it_refuses_what_is_not(self):
        self.assertRaises(ValueError, types.Text.validate, 5)
        self.assertRaises(ValueError, types.Boolean.validate, "true")


class TimeTest(base.TestCase):
    def test_now_is_a_moment_in_utc_to_the_second(self):
        now = types.now()
        self.assertRegex(now, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(now, types.parse_time(now).strftime(types.TIME_FORMAT))

    def test_other_forms_are_refused(self):
        for value in ("2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", ""):
            self.assertRaises(ValueError, types.parse_time, value)
