# SPDX-License-Identifier: Apache-2.0
"""JSON schemas (draft 2020-12) of models, their formats, and the validation of bodies against them.

``shown``, ``create`` and ``update`` derive schemas from a model. The function of a format returns a text in the one
form in which it is stored, or raises ValueError with a sentence for the client. A ``Validator`` reports all problems of
a body together, and never repeats a value: it may be a password.
"""

import datetime
import itertools
import re
import typing
import urllib.parse

import jsonschema

from valence.api.http import request_body
from valence.common import errors
from valence.db import models
from valence.db import types

#: a JSON schema, or a part of an OpenAPI document
Schema = dict[str, typing.Any]
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HOST = re.compile(r"[0-9A-Za-z._:%-]+")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def shown(model: type[models.ModelBase]) -> Schema:
    """Return the schema of a model in responses."""
    properties = {name: _shown_field(model.fields[name]) for name in model.public_fields()}
    return {"type": "object", "description": summary(model), "properties": properties}


def create(model: type[models.ModelBase], extra: Schema | None = None) -> Schema:
    """Return the schema of the body of a POST; ``extra`` are properties beyond the fields."""
    fields = {name: field for name, field in model.fields.items() if field.write != "never"}
    required = [name for name, field in fields.items() if field.required]
    return _closed(fields, extra) | {"required": required}


def update(model: type[models.ModelBase], extra: Schema | None = None) -> Schema:
    """Return the schema of the body of a PATCH or PUT; null resets a field that is not required to its default."""
    fields = {name: field for name, field in model.fields.items() if field.write == "always"}
    schema = _closed(fields, extra)
    schema["properties"] |= {name: _or_null(field) for name, field in fields.items() if not field.required}
    return schema


def summary(model: type[models.ModelBase]) -> str:
    """Return the first sentence of a model's documentation."""
    return (model.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " ")


def example(model: type[models.ModelBase], names: typing.Iterable[str]) -> dict[str, typing.Any]:
    """Return an example of the fields ``names`` of ``model``."""
    return {name: example_value(model.fields[name]) for name in names}


def example_value(field: types.Field) -> typing.Any:
    """Return an example of a field."""
    if field.example is not None:
        return field.example
    schema = field.schema()
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") in EXAMPLES:
        return EXAMPLES[schema["format"]]
    return EXAMPLES[field.json_type] if field.default is types.REQUIRED else field.initial()


def _closed(fields: dict[str, types.Field], extra: Schema | None) -> Schema:
    properties = {name: field.schema() | _default(field) for name, field in fields.items()} | (extra or {})
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _default(field: types.Field) -> Schema:
    return {} if field.required or field.default is None else {"default": field.initial()}


def _shown_field(field: types.Field) -> Schema:
    return field.schema() | ({"readOnly": True} if field.write == "never" else {})


def _or_null(field: types.Field) -> Schema:
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


def uuid_text(text: str) -> str:
    """Return a UUID in lower case."""
    if not _UUID.fullmatch(text):
        raise ValueError("It is not a UUID.")
    return text.lower()


def is_uuid(text: str) -> bool:
    """Return whether ``text`` is a UUID in its usual form."""
    return bool(_UUID.fullmatch(text))


def timestamp(text: str) -> str:
    """Return a moment as ``2026-11-21T03:37:02Z``; one without a time zone is UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        moment = (
            moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)
        )
    except (ValueError, OverflowError):
        raise ValueError("It is not a time like 2026-11-21T03:37:02Z.") from None
    if moment.year < 1000:
        raise ValueError("It is a time before the year 1000.")
    return moment.strftime(types.TIME_FORMAT)


def uri(text: str) -> str:
    """Return an HTTP URL in one form: host in lower case, no slash at the end, no port that its scheme implies."""
    if _UNFIT.search(text):
        raise ValueError("It contains a space or another character that a URL cannot have.")
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("It is not a URL.") from None
    _check_parts(parts, host, port)
    return f"{parts.scheme}://{_place(host, port, parts.scheme)}{parts.path.rstrip('/')}"


def _check_parts(parts: urllib.parse.SplitResult, host: str, port: int | None) -> None:
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("It does not begin with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("It contains credentials; give them in the fields username and password.")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValueError("It has no valid host.")
    if parts.query or parts.fragment:
        raise ValueError("It has a query or a fragment.")


def _place(host: str, port: int | None, scheme: str) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, _DEFAULT_PORTS[scheme]) else f"{host}:{port}"


#: format of a JSON schema -> its function
FORMATS = {"uuid": uuid_text, "date-time": timestamp, "uri": uri}


def _checker() -> jsonschema.FormatChecker:
    """Return the format checker for jsonschema."""
    found = jsonschema.FormatChecker(formats=())
    for name, function in FORMATS.items():
        found.checks(name, raises=ValueError)(_lenient(function))
    return found


def _lenient(function: typing.Callable[[str], str]) -> typing.Callable[[object], bool]:
    """Return a check that accepts everything but text, which the schema's ``type`` checks."""
    return lambda value: not isinstance(value, str) or bool(function(value))


def _normal(schema: dict[str, typing.Any], value: typing.Any) -> typing.Any:
    """Return ``value`` in the form in which it is stored."""
    check = FORMATS.get(schema.get("format", ""))
    return check(value) if check and isinstance(value, str) else value


KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _named(values: typing.Iterable[typing.Any]) -> str:
    """Return values of an enumeration for a sentence; null, which stands for none of them, is left out."""
    return ", ".join(str(value) for value in values if value is not None)


#: keyword of a schema -> sentence about a value that violates it
DEMANDS: dict[str, typing.Callable[[jsonschema.ValidationError], str]] = {
    "type": lambda error: f"It must be {_kinds(error.validator_value)}.",
    "enum": lambda error: f"It must be one of: {_named(error.validator_value)}.",
    "format": lambda error: str(error.cause),
    "pattern": lambda error: "It does not have the form of this field.",
    "minLength": lambda error: _at_least(error.validator_value, "characters"),
    "maxLength": lambda error: f"It must have at most {error.validator_value} characters.",
    "minItems": lambda error: _at_least(error.validator_value, "items"),
    "maxItems": lambda error: f"It must have at most {error.validator_value} items.",
    "minimum": lambda error: f"It must be at least {error.validator_value}.",
    "maximum": lambda error: f"It must be at most {error.validator_value}.",
}


#: returns the fields that a property says in another form; gets its value and the fields that are given themselves
Reader = typing.Callable[[typing.Any, dict[str, typing.Any]], dict[str, typing.Any]]


class Validator:
    """Validates the bodies of one verb, "create" or "update", for one model.

    ``extra`` are properties beyond the fields; ``readers``, by name, are for those that fields are made of.
    """

    def __init__(
        self,
        model: type[models.ModelBase],
        verb: str,
        extra: Schema | None = None,
        readers: typing.Mapping[str, Reader] | None = None,
    ) -> None:
        self._model, self._readers = model, readers or {}
        self.schema = {"create": create, "update": update}[verb](model, extra)
        self._validator = jsonschema.Draft202012Validator(self.schema, format_checker=_checker())
        self.example = example(model, _exemplary(model, self.schema))

    def values(self, document: typing.Any, max_depth: int) -> dict[str, typing.Any]:
        """Return the fields of ``document`` as they are stored; raise ValidationFailed with all problems."""
        problems = request_body.problems(document, max_depth)
        # A problem takes more memory than the value that has it, so only the first ones are read.
        wrong = itertools.islice(self._validator.iter_errors(document), request_body.MOST_PROBLEMS)
        problems += [found for error in wrong for found in self._told(error)]
        if problems:
            raise errors.ValidationFailed(problems=_each_once(problems)[: request_body.MOST_PROBLEMS])
        values = {name: self._kept(name, value) for name, value in document.items()}
        for name in self._readers.keys() & values.keys():
            values |= self._readers[name](values.pop(name), values)
        return values

    def _kept(self, name: str, value: typing.Any) -> typing.Any:
        field = self._model.fields.get(name)
        if value is None and field and not field.nullable:
            return field.initial()
        return _normal(self.schema["properties"][name], value)

    def _told(self, error: jsonschema.ValidationError) -> list[errors.Problem]:
        path = error.json_path
        if error.validator == "additionalProperties":
            allowed = error.schema["properties"]
            return [self._unknown(path, name, allowed) for name in error.instance if name not in allowed]
        if error.validator == "required":
            return [_missing(path, name, error.schema) for name in _absent(error)]
        hint = error.schema.get("description") or "Correct it."
        return [_problem(path, DEMANDS[error.validator](error), hint)]

    def _unknown(self, path: str, name: str, allowed: typing.Iterable[str]) -> errors.Problem:
        field = self._model.fields.get(name) if path == "$" else None
        if field is None or not (field.public or field.write != "never"):
            return _problem(
                f"{path}.{name}", "There is no such field.", f"Fields are: {', '.join(sorted(allowed))}."
            )
        if field.write == "create":
            return _problem(f"{path}.{name}", "It cannot be changed after creation.", "Leave it out.")
        return _problem(f"{path}.{name}", "Only Valence sets it.", "Leave it out.")


def _exemplary(model: type[models.ModelBase], schema: Schema) -> typing.Iterable[str]:
    """Return the names of the fields that an example of a body gives."""
    wanted = schema.get("required") or ()
    return wanted or [
        name for name, field in model.fields.items() if field.example and name in schema["properties"]
    ]


def _absent(error: jsonschema.ValidationError) -> list[str]:
    return [name for name in error.validator_value if name not in error.instance]


def _each_once(problems: list[errors.Problem]) -> list[errors.Problem]:
    return list({(problem["path"], problem["detail"]): problem for problem in problems}.values())


def _missing(path: str, name: str, schema: Schema) -> errors.Problem:
    return _problem(
        f"{path}.{name}", "It is missing.", schema["properties"][name].get("description", "Give it.")
    )


def _problem(path: str, detail: str, hint: str) -> errors.Problem:
    return {"path": path, "detail": detail, "hint": hint}


def _at_least(number: int, things: str) -> str:
    return f"It must have at least {number} {things if number != 1 else things[:-1]}."


def _kinds(kinds: typing.Any) -> str:
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(KINDS.get(kind, kind) for kind in kinds)
