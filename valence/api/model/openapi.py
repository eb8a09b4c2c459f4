# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document, generated from the tables of routes and the models."""

import json
import re
import typing

import flask

from valence.api.backup import describing
from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import versions
from valence.api.introspection import describing as introspection
from valence.api.model import schemas
from valence.db import models

#: statuses of errors of every route, and the meaning of all statuses
EVERYWHERE = (401, 403, 406, 500, 503)
MEANINGS = {
    200: "Done.",
    201: "Created; Location says where.",
    202: "Accepted; Location says where to look how it goes.",
    204: "Done; there is nothing to show.",
    300: "There are several versions.",
    304: "Not changed since the client read it.",
    400: "The request is not valid; every problem of it is told.",
    401: "Credentials are missing or wrong.",
    403: "The policy does not allow it.",
    404: "There is no such thing.",
    405: "It cannot be asked for that.",
    406: "The client accepts nothing that there is.",
    409: "It conflicts with what there is.",
    412: "The thing was changed since the client read it.",
    413: "The body is too large.",
    415: "The body is of a type that is not understood.",
    422: "What it needs is not there, or the Idempotency-Key came with another request before.",
    429: "There were too many requests; Retry-After tells when the next is worth sending.",
    500: "An error that nobody expected.",
    502: "The pod manager failed.",
    503: "A part of Valence is away for the moment.",
}
SHOWN = (
    models.PodManager,
    models.ResourceWithState,
    models.Device,
    models.Flavor,
    models.NodeWithState,
    models.NodeDevice,
    models.QuotaWithUse,
    models.Operation,
    models.Event,
    models.Conductor,
)

_TEXT = {"type": "string"}
_LINKS = {
    "type": "array",
    "items": {"type": "object", "properties": {"rel": _TEXT, "href": _TEXT}, "required": ["rel", "href"]},
}
_PROBLEM = {
    "type": "object",
    "properties": dict.fromkeys(("request_id", "code", "title", "detail", "hint"), _TEXT)
    | {"status": {"type": "integer"}, "links": _LINKS}
    | {
        "path": _TEXT
        | {"description": "JSON path in the body, or the parameter, that the problem is about."},
        "resource": _TEXT | {"description": "Resource of a quota that the problem is about."},
    }
    | {name: {"type": "integer"} for name in ("limit", "used", "asked")},
    "required": ["request_id", "code", "status", "title", "detail", "hint", "links"],
}
_ERRORS = {
    "type": "object",
    "properties": {"errors": {"type": "array", "items": _PROBLEM, "minItems": 1}},
    "required": ["errors"],
}
_VERSION = {
    "type": "object",
    "properties": dict.fromkeys(("id", "status", "min_version", "max_version"), _TEXT) | {"links": _LINKS},
    "required": ["id", "status", "min_version", "max_version", "links"],
}
_VERSIONS = {
    "type": "object",
    "properties": {"name": _TEXT, "description": _TEXT, "versions": {"type": "array", "items": _VERSION}},
    "required": ["versions"],
}


class Show:
    """Shows the document; ``routes()`` returns the table."""

    summary = "Show this description of the API."
    description = descriptions.Description(answers={200: {"type": "object"}})

    def __init__(self, routes: typing.Callable[[], typing.Any]) -> None:
        self._routes = routes
        self._document: schemas.Schema = {}

    def __call__(self, call: handler.Call) -> flask.Response:
        self._document = self._document or document(self._routes(), call.settings.max_limit)
        return handler.document(call, self._document | {"servers": [{"url": call.base_url or "/"}]})


def document(routes: typing.Any, max_limit: int) -> schemas.Schema:
    """Return the OpenAPI document of ``routes``; ``max_limit`` are the most rows of a page."""
    paths: schemas.Schema = {}
    for route in routes:
        paths.setdefault(route.url, {"parameters": _path_parameters(route.url)})[route.method.lower()] = (
            _operation(route)
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": versions.NAME,
            "version": handler.VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "parameters": {"limit": descriptions.limit(max_limit)},
            "responses": _error_responses(
                set(re.findall('#/components/responses/([^"]+)', json.dumps(paths)))
            ),
            "schemas": _schemas() | _bodies(routes),
            "securitySchemes": _security_schemes(),
        },
        "security": [{"token": []}, {"basic": []}, {}],
    }


def _operation(route: typing.Any) -> schemas.Schema:
    about = route.handler.description
    operation = {
        "operationId": re.sub(r"\W+", "_", f"{route.method} {route.url}".lower()).strip("_"),
        "summary": route.summary,
        "tags": [route.name.partition(":")[0]],
        "x-policy": route.rule,
        "parameters": list(about.parameters),
        "responses": _responses(about),
    }
    return operation | ({"requestBody": _body(about)} if about.body else {})


def _path_parameters(url: str) -> list[schemas.Schema]:
    return [descriptions.path_parameter(name) for name in re.findall(r"{(\w+)}", url)]


def _body(about: descriptions.Description) -> schemas.Schema:
    schema = descriptions.reference(about.body_name) if about.body_name else about.body
    content = {"schema": schema, "example": about.body_example}
    return {"required": about.needs_body, "content": dict.fromkeys(about.media_types, content)}


def _responses(about: descriptions.Description) -> schemas.Schema:
    own = {str(status): _answer(status, schema, about) for status, schema in about.answers.items()}
    failures = sorted({*about.failures, *EVERYWHERE})
    told = {
        str(status): descriptions.reference(f"{about.dialect}Error{status}", "responses")
        for status in failures
    }
    return told | own


def _answer(status: int, schema: schemas.Schema | None, about: descriptions.Description) -> schemas.Schema:
    if schema is None:
        return {"description": MEANINGS[status]}
    content = {media_type: {"schema": {"type": "string"}} for media_type in about.answer_types[1:]}
    return {"description": MEANINGS[status], "content": {about.answer_types[0]: {"schema": schema}} | content}


def _schemas() -> schemas.Schema:
    shown = {model.__name__: _with_links(schemas.shown(model)) for model in SHOWN}
    return (
        shown
        | {"Errors": _ERRORS, "Links": _LINKS, "Versions": _VERSIONS}
        | describing.SCHEMAS
        | introspection.SCHEMAS
    )


def _bodies(routes: typing.Any) -> schemas.Schema:
    """Return the bodies that have a name."""
    every = [route.handler.description for route in routes]
    return {about.body_name: about.body for about in every if about.body_name}


def _with_links(schema: schemas.Schema) -> schemas.Schema:
    """Return a model's schema as an answer: with links where it is alone, with some fields if so asked."""
    detail = {"type": ["object", "null"], "description": "The live document, if asked for."}
    return schema | {
        "properties": schema["properties"] | {"links": descriptions.reference("Links"), "detail": detail}
    }


def _security_schemes() -> schemas.Schema:
    return {
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Auth-Token",
            "description": "Token of Keystone.",
        },
        "basic": {"type": "http", "scheme": "basic"},
    }


def _error_responses(used: set[str]) -> schemas.Schema:
    """Return the responses with the names ``used``, in the order of dialects and statuses."""
    every = [(dialect, status) for dialect in ERRORS for status in MEANINGS]
    return {
        name: _error_response(status, ERRORS[dialect](status))
        for dialect, status in every
        if (name := f"{dialect}Error{status}") in used
    }


def _error_response(status: int, content: schemas.Schema) -> schemas.Schema:
    return {"description": MEANINGS[status], "content": {"application/json": content}}


def _error(status: int) -> schemas.Schema:
    """Return the schema and an example of an error as Valence tells it."""
    example = {
        "request_id": "req-8cc0a1c4-5f3f-4a3c-9f0e-0c6c7c9a3b21",
        "code": "valence.example",
        "status": status,
        "title": MEANINGS[status],
        "detail": MEANINGS[status],
        "hint": "What to do about it.",
        "links": [{"rel": "help", "href": "/v1/openapi.json"}],
    }
    return {"schema": descriptions.reference("Errors"), "example": {"errors": [example]}}


#: dialect -> the schema and an example of its error with a status
ERRORS = {"": _error, describing.DIALECT: describing.error, introspection.DIALECT: introspection.error}
