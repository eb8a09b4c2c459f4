# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document, made from the table of routes and the models."""

import re

from valence.api import description
from valence.api import render
from valence.api import schemas
from valence.api import versions
from valence.api.backup import answers as backup
from valence.db import models

#: statuses that any route may answer beyond its own, and what they mean
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
    500: "An error that nobody expected.",
    502: "The pod manager failed.",
    503: "A part of Valence is away for the moment.",
}
SHOWN = (models.PodManager, models.ResourceWithState, models.Operation, models.Event, models.Conductor)

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
        "path": _TEXT | {"description": "JSON path in the body, or the parameter, that the problem is about."}
    },
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
    description = description.Description(answers={200: {"type": "object"}})

    def __init__(self, routes):
        self._routes = routes
        self._document = None

    def __call__(self, call):
        self._document = self._document or document(self._routes(), call.settings.max_limit)
        return render.document(call, self._document | {"servers": [{"url": call.base_url or "/"}]})


def document(routes, max_limit):
    """Return the OpenAPI document of ``routes``; ``max_limit`` are the most rows of a page."""
    paths = {}
    for route in routes:
        paths.setdefault(route.url, {"parameters": _path_parameters(route.url)})[route.method.lower()] = (
            _operation(route)
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": versions.NAME,
            "version": versions.MAXIMUM,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "parameters": {"limit": description.limit(max_limit)},
            "responses": _error_responses(),
            "schemas": _schemas(),
            "securitySchemes": _security_schemes(),
        },
        "security": [{"token": []}, {"basic": []}, {}],
    }


def _operation(route):
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


def _path_parameters(url):
    return [description.path_parameter(name) for name in re.findall(r"{(\w+)}", url)]


def _body(about):
    content = {"schema": about.body, "example": about.body_example}
    return {"required": about.needs_body, "content": dict.fromkeys(about.media_types, content)}


def _responses(about):
    own = {str(status): _answer(status, schema, about) for status, schema in about.answers.items()}
    failures = sorted({*about.failures, *EVERYWHERE})
    told = {
        str(status): description.reference(f"{about.dialect}Error{status}", "responses")
        for status in failures
    }
    return told | own


def _answer(status, schema, about):
    if schema is None:
        return {"description": MEANINGS[status]}
    content = {media_type: {"schema": {"type": "string"}} for media_type in about.answer_types[1:]}
    return {"description": MEANINGS[status], "content": {about.answer_types[0]: {"schema": schema}} | content}


def _schemas():
    shown = {model.__name__: _with_links(schemas.shown(model)) for model in SHOWN}
    return shown | {"Errors": _ERRORS, "Links": _LINKS, "Versions": _VERSIONS} | backup.SCHEMAS


def _with_links(schema):
    """Return a model's schema as an answer: with links where it is alone, with some fields if so asked."""
    detail = {"type": ["object", "null"], "description": "The live document, if asked for."}
    return schema | {
        "properties": schema["properties"] | {"links": description.reference("Links"), "detail": detail}
    }


def _security_schemes():
    return {
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Auth-Token",
            "description": "Token of Keystone.",
        },
        "basic": {"type": "http", "scheme": "basic"},
    }


def _error_responses():
    return {
        f"{dialect}Error{status}": _error_response(status, content(status))
        for dialect, content in ERRORS.items()
        for status in MEANINGS
        if status >= 400
    }


def _error_response(status, content):
    return {"description": MEANINGS[status], "content": {"application/json": content}}


def _error(status):
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
    return {"schema": description.reference("Errors"), "example": {"errors": [example]}}


#: dialect -> the schema and an example of its error with a status
ERRORS = {"": _error, backup.DIALECT: backup.error}
