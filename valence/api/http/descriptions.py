# SPDX-License-Identifier: Apache-2.0
"""Descriptions of handlers for the OpenAPI document, in the vocabulary of OpenAPI 3.1.

Each handler has a ``Description`` of its parameters, body and responses, from which ``/v1/openapi.json`` is made.
"""

import dataclasses

from valence.api.model import query


@dataclasses.dataclass(frozen=True)
class Description:
    """Parameters, body and responses of a handler.

    ``parameters`` are OpenAPI parameter objects. ``body`` is the schema of a body in one of ``media_types``; the
    components of the document have it as ``body_name``, if that is set. ``answers`` maps statuses to the schemas of
    bodies in the first of ``answer_types``, None for no body. ``failures`` are statuses of errors beyond those of every
    route, in the format of a ``dialect``.
    """

    parameters: tuple = ()
    body: dict | None = None
    body_name: str = ""
    body_example: dict | None = None
    media_types: tuple = ()
    needs_body: bool = True
    answers: dict = dataclasses.field(default_factory=dict)
    answer_types: tuple = ("application/json",)
    failures: tuple = ()
    dialect: str = ""


def described(**values):
    """Set the Description of a handler that is a function."""
    return describe(Description(**values))


def describe(description):
    """Return what sets the Description of a handler that is a function."""

    def decorate(function):
        function.description = description
        return function

    return decorate


def parameter(name, schema, text, place="query"):
    """Return an OpenAPI parameter object."""
    return {"name": name, "in": place, "required": place == "path", "description": text, "schema": schema}


def path_parameter(name):
    """Return the parameter ``{name}`` of a URL."""
    schema = {"type": "string"} | ({"format": "uuid"} if name == "uuid" else {})
    return parameter(name, schema, "Identifier.", "path")


def reference(name, kind="schemas"):
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


def list_parameters(model):
    """Return the parameters of a list of ``model``."""
    filters = query.filterable(model)
    return (
        *(_filter(name, field) for name, field in filters.items()),
        LIMIT,
        _marker(model.fields[model.key]),
        _sort(filters),
        fields(model),
    )


def fields(model):
    """Return the parameter that selects fields of ``model``."""
    schema = _names(model.public_fields(), "")
    return parameter("fields", schema, "Fields to show, separated by commas.")


def limit(most):
    """Return the parameter for the size of a page."""
    return parameter("limit", {"type": "integer", "minimum": 1, "maximum": most}, "Most rows of the page.")


def extra_parameters(names):
    """Return the parameters ``names``, which only some routes have."""
    known = {each["name"]: each for each in (DETAIL, SINCE, STREAM)}
    return tuple(known[name] for name in names)


def list_schema(name, model):
    """Return the schema of a page of ``model`` under ``name``."""
    properties = {name: {"type": "array", "items": reference(model.__name__)}, "links": reference("Links")}
    return {"type": "object", "properties": properties, "required": [name, "links"]}


def _marker(key):
    form = {"type": "string"} | ({"format": key.format} if key.format else {})
    return parameter("marker", form, "Key of the last row of the page before.")


def _filter(name, field):
    text = f"{field.doc} Also `in:`, `neq:`, `gt:`, `gte:`, `lt:`, `lte:` before the value.".strip()
    plain = {"type": field.json_type} | field.constraints()
    return parameter(
        name, {"anyOf": [plain, {"type": "string", "pattern": "^(eq|neq|in|gt|gte|lt|lte):"}]}, text
    )


def _sort(names):
    return parameter("sort", _names(names, "(:(asc|desc))?"), "Order: `name:asc,other:desc`.")


def _names(names, suffix):
    one = f"({'|'.join(names)}){suffix}"
    return {"type": "string", "pattern": f"^{one}(,{one})*$"}
