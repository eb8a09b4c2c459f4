# SPDX-License-Identifier: Apache-2.0
"""JSON schemas (draft 2020-12) that follow from a model: what is shown, what a creation and an update take."""

from valence.db import types


def shown(model):
    """Return the schema of an answer."""
    properties = {name: _shown_field(model.fields[name]) for name in model.public_fields()}
    return {"type": "object", "description": summary(model), "properties": properties}


def create(model, extra=None):
    """Return the schema of the body of a POST; ``extra`` are properties beyond the fields."""
    fields = {name: field for name, field in model.fields.items() if field.write != "never"}
    required = [name for name, field in fields.items() if field.required]
    return _closed(fields, extra) | {"required": required}


def update(model, extra=None):
    """Return the schema of the body of a PATCH or PUT: null sets a field back where it has a default."""
    fields = {name: field for name, field in model.fields.items() if field.write == "always"}
    schema = _closed(fields, extra)
    schema["properties"] |= {name: _or_null(field) for name, field in fields.items() if not field.required}
    return schema


def summary(model):
    """Return the first sentence of a model's documentation."""
    return (model.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " ")


def example(model, names):
    """Return an example of the fields ``names`` of ``model``."""
    return {name: example_value(model.fields[name]) for name in names}


def example_value(field):
    """Return an example of a field."""
    if field.example is not None:
        return field.example
    schema = field.schema()
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") in EXAMPLES:
        return EXAMPLES[schema["format"]]
    return EXAMPLES[field.json_type] if field.default is types.REQUIRED else field.initial()


def _closed(fields, extra):
    properties = {name: field.schema() | _default(field) for name, field in fields.items()} | (extra or {})
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _default(field):
    return {} if field.required or field.default is None else {"default": field.initial()}


def _shown_field(field):
    return field.schema() | ({"readOnly": True} if field.write == "never" else {})


def _or_null(field):
    schema = field.schema()
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": list(dict.fromkeys([*kinds, "null"]))}


#: examples by format, and by type where a field has no default
EXAMPLES = {
    "uuid": "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11",
    "date-time": "2026-11-21T03:37:02Z",
    "string": "example",
    "integer": 1,
}
