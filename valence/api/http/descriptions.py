# SPDX-License-Identifier: Apache-2.0
"""Descriptions of handlers for the OpenAPI document, in the vocabulary of OpenAPI 3.1.

Each handler has a ``Description`` of its parameters, body and responses, from which ``/v1/openapi.json`` is made.
"""

import dataclasses
import typing

from valence.api.model import query
from valence.db import models
from valence.db import types

#: an object of OpenAPI, or a JSON Schema
Schema = dict[str, typing.Any]
Handler = typing.TypeVar("Handler", bound=typing.Callable[..., typing.Any])
Decorator = typing.Callable[[Handler], Handler]


@dataclasses.dataclass(frozen=True)
class Description:
    """Parameters, body and responses of a handler.

    ``parameters`` are OpenAPI parameter objects. ``body`` is the schema of a body in one of ``media_types``; the
    components of the document have it as ``body_name``, if that is set. ``answers`` maps statuses to the schemas of
    bodies in the first of ``answer_types``, None for no body. ``failures`` are statuses of errors beyond those of every
    route, in the format of a ``dialect``.
    """

    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    body_name: str = ""
    body_example: Schema | None = None
    media_types: tuple[str, ...] = ()
    needs_body: bool = True
    answers: dict[int, Schema | None] = dataclasses.field(default_factory=dict)
    answer_types: tuple[str, ...] = ("application/json",)
    failures: tuple[int, ...] = ()
    dialect: str = ""


def described(**values: typing.Any) -> Decorator[Handler]:
    """Set the Description of a handler that is a function."""
    return describe(Description(**values))


def describe(description: Description) -> Decorator[Handler]:
    """Return what sets the Description of a handler that is a function."""

    def decorate(function: Handler) -> Handler:
        function.description = description  # type: ignore[attr-defined]
        return function

    return decorate


def parameter(name: str, schema: Schema, text: str, place: str = "query") -> Schema:
    """Return an OpenAPI parameter object."""
    return {"name": name, "in": place, "required": place == "path", "description": text, "schema": schema}


def path_parameter(name: str) -> Schema:
    """Return the parameter ``{name}`` of a URL."""
    schema: Schema = {"type": "string"} | ({"format": "uuid"} if name == "uuid" else {})
    return parameter(name, schema, "Identifier.", "path")


def reference(name: str, kind: str = "schemas") -> Schema:
    """Return a reference into the components of the OpenAPI document."""
    return {"$ref": f"#/components/{kind}/{name}"}


TEXT, BOOLEAN = {"type": "string"}, {"type": "boolean"}
FORCE = parameter("force", BOOLEAN, "Do it even while work runs on it.")
DETAIL = parameter("detail", BOOLEAN, "Show the live Redfish document of each under `detail`.")
SINCE = parameter(
    "since",
    TEXT,
    "Events after this id of a stream, `EPOCH-SEQUENCE`, sequence number or event UUID, or from this time on.",
)
STREAM = parameter("stream", BOOLEAN, "Send events as they happen, as a server-sent stream.")
LIMIT = {"$ref": "#/components/parameters/limit"}
WITH_COUNT = parameter(
    "with_count",
    BOOLEAN,
    "Show as `count` how many rows of all pages match the filters; with `limit=0` show no rows but that.",
)
IF_MATCH = parameter("If-Match", TEXT, "Do it only if the thing still has this ETag.", "header")
IDEMPOTENCY_KEY = parameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "A repetition with the same key is answered, not done, again.",
    "header",
)
PREFER = parameter(
    "Prefer", TEXT, "`wait=30` waits up to that many seconds for the operation to end.", "header"
)


def list_parameters(model: type[models.ModelBase]) -> tuple[Schema, ...]:
    """Return the parameters of a list of ``model``."""
    filters = query.filterable(model)  # type: ignore[arg-type]  # a model is hashable
    return (
        *(_filter(name, field) for name, field in filters.items()),
        LIMIT,
        WITH_COUNT,
        _marker(typing.cast(types.Text, model.fields[model.key])),
        _sort(filters),
        fields(model),
    )


def fields(model: type[models.ModelBase]) -> Schema:
    """Return the parameter that selects fields of ``model``."""
    schema = _names(model.public_fields(), "")
    return parameter("fields", schema, "Fields to show, separated by commas.")


def limit(most: int) -> Schema:
    """Return the parameter for the size of a page."""
    text = "Most rows of the page; 0 only with `with_count=true`."
    return parameter("limit", {"type": "integer", "minimum": 0, "maximum": most}, text)


def extra_parameters(names: typing.Iterable[str]) -> tuple[Schema, ...]:
    """Return the parameters ``names``, which only some routes have."""
    known = {each["name"]: each for each in (DETAIL, SINCE, STREAM)}
    return tuple(known[name] for name in names)


def list_schema(name: str, model: type[models.ModelBase]) -> Schema:
    """Return the schema of a page of ``model`` under ``name``."""
    count = {"type": "integer", "minimum": 0, "description": "Rows of all pages, with `with_count=true`."}
    rows = {"type": "array", "items": reference(model.__name__)}
    properties = {name: rows, "count": count, "links": reference("Links")}
    return {"type": "object", "properties": properties, "required": [name, "links"]}


def _marker(key: types.Text) -> Schema:
    form = {"type": "string"} | ({"format": key.format} if key.format else {})
    return parameter("marker", form, "Key of the last row of the page before.")


def _filter(name: str, field: types.Field) -> Schema:
    text = f"{field.doc} Also `in:`, `neq:`, `gt:`, `gte:`, `lt:`, `lte:` before the value.".strip()
    plain = {"type": field.json_type} | field.constraints()
    return parameter(
        name, {"anyOf": [plain, {"type": "string", "pattern": "^(eq|neq|in|gt|gte|lt|lte):"}]}, text
    )


def _sort(names: typing.Iterable[str]) -> Schema:
    return parameter("sort", _names(names, "(:(asc|desc))?"), "Order: `name:asc,other:desc`.")


def _names(names: typing.Iterable[str], suffix: str) -> Schema:
    one = f"({'|'.join(names)}){suffix}"
    return {"type": "string", "pattern": f"^{one}(,{one})*$"}
