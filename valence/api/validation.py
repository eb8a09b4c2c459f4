# SPDX-License-Identifier: Apache-2.0
"""Checks of bodies against the schemas of models: every problem of a body at once, and never a value of it told."""

import functools
import itertools

import jsonschema

from valence.api import body
from valence.api import formats
from valence.api import schemas
from valence.common import errors

KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}

#: what a schema's keyword demands, in words
DEMANDS = {
    "type": lambda error: f"It must be {_kinds(error.validator_value)}.",
    "enum": lambda error: "It must be one of: " + ", ".join(map(str, error.validator_value)) + ".",
    "format": lambda error: str(error.cause),
    "minLength": lambda error: _at_least(error.validator_value, "characters"),
    "maxLength": lambda error: f"It must have at most {error.validator_value} characters.",
    "minItems": lambda error: _at_least(error.validator_value, "items"),
    "maxItems": lambda error: f"It must have at most {error.validator_value} items.",
    "minimum": lambda error: f"It must be at least {error.validator_value}.",
    "maximum": lambda error: f"It must be at most {error.validator_value}.",
}


class Validator:
    """What one verb takes for one model: "create" or "update"."""

    def __init__(self, model, verb, extra=None):
        self._model = model
        self.schema = getattr(schemas, verb)(model, extra)
        self._validator = jsonschema.Draft202012Validator(self.schema, format_checker=formats.checker())

    def values(self, document, max_depth):
        """Return the fields of ``document`` as they are kept; raise ValidationFailed with every problem."""
        problems = body.problems(document, max_depth)
        # Each problem costs more than the value that has it.
        wrong = itertools.islice(self._validator.iter_errors(document), body.MOST_PROBLEMS)
        problems += [found for error in wrong for found in self._told(error)]
        if problems:
            raise errors.ValidationFailed(problems=_each_once(problems)[: body.MOST_PROBLEMS])
        return {name: self._kept(name, value) for name, value in document.items()}

    def _kept(self, name, value):
        field = self._model.fields.get(name)
        if value is None and field and not field.nullable:
            return field.initial()
        return formats.normal(self.schema["properties"][name], value)

    def _told(self, error):
        path = error.json_path
        if error.validator == "additionalProperties":
            allowed = error.schema["properties"]
            return [self._unknown(path, name, allowed) for name in error.instance if name not in allowed]
        if error.validator == "required":
            return [_missing(path, name, error.schema) for name in _absent(error)]
        hint = error.schema.get("description") or "Correct it."
        return [_problem(path, DEMANDS[error.validator](error), hint)]

    def _unknown(self, path, name, allowed):
        field = self._model.fields.get(name) if path == "$" else None
        if field is None or not (field.public or field.write != "never"):
            return _problem(
                f"{path}.{name}", "There is no such field.", f"Fields are: {', '.join(sorted(allowed))}."
            )
        if field.write == "create":
            return _problem(f"{path}.{name}", "It cannot be changed after creation.", "Leave it out.")
        return _problem(f"{path}.{name}", "Only Valence sets it.", "Leave it out.")


@functools.cache
def _compiled(model, verb):
    return Validator(model, verb)


def of(model, verb):
    """Return the validator of a model's own fields, compiled once."""
    return _compiled(model, verb)


def _absent(error):
    return [name for name in error.validator_value if name not in error.instance]


def _each_once(problems):
    return list({(problem["path"], problem["detail"]): problem for problem in problems}.values())


def _missing(path, name, schema):
    return _problem(
        f"{path}.{name}", "It is missing.", schema["properties"][name].get("description", "Give it.")
    )


def _problem(path, detail, hint):
    return {"path": path, "detail": detail, "hint": hint}


def _at_least(number, things):
    return f"It must have at least {number} {things if number != 1 else things[:-1]}."


def _kinds(kinds):
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(KINDS.get(kind, kind) for kind in kinds)
