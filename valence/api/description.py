# SPDX-License-Identifier: Apache-2.0
"""What a handler says of itself, in the vocabulary of OpenAPI 3.1."""

import dataclasses

from valence.api import query


@dataclasses.dataclass(frozen=True)
class Description:
    """Parameters, body and answers of a handler.

    ``parameters`` are OpenAPI parameter objects, ``body`` is a schema that comes as one of ``media_types``,
    ``answers`` maps statuses to schemas of the first of ``answer_types``, None where there is no body;
    ``failures`` are statuses beyond those of every route, told in the format of a ``dialect``.
    """

    parameters: tuple = ()
    body: dict | None = None
    body_example: dict | None = None
    media_types: tuple = ()
    needs_body: bool = True
    answers: dict = dataclasses.field(default_factory=dict)
    answer_types: tuple = ("application/json",)
    failures: tuple = ()
    dialect: str = ""


def described(**values):
    """Give a handler that is a function its Description."""

    def decorate(function):
        function.description = Description(**values)
        return function

    return decorate


def parameter(name, schema, text, place="query"):
    """Return an OpenAPI parameter object."""
    return {"name": name, "in": place, "required": place == "path", "description": text, "schema": schema}


def path_parameter(name):
    """Return the parameter that stands in a URL as ``{name}``."""
    schema = {"type": "string"} | ({"format": "uuid"} if name == "uuid" else {})
    return parameter(name, schema, "Identifier.", "path")


def reference(name, kind="schemas"):
    """Return a reference into the components of the OpenAPI document."""
    return {"$ref": f"#/components/{kind}/{name}"}


TEXT, BOOLEAN = {"type": "string"}, {"type": "boolean"}
FORCE = parameter("force", BOOLEAN, "Do it even while work runs on it.")
DETAIL = parameter("detail", BOOLEAN, "Show the live Redfish document of each under `detail`.")
SINCE = parameter("since", TEXT, "Events after this sequence number or event UUID, or from this time on.")
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
    """Return the parameter that chooses among the fields of ``model``."""
    schema = _names(model.public_fields(), "")
    return parameter("fields", schema, "Fields to show, separated by commas.")


def limit(most):
    """Return the parameter for the size of a page."""
    return parameter("limit", {"type": "integer", "minimum": 1, "maximum": most}, "Most rows of the page.")


def extra_parameters(names):
    """Return the parameters ``names``, which some lists and single things have."""
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
