# SPDX-License-Identifier: Apache-2.0
"""Errors in the format of Freezer: a title and a description."""

import http
import json

import flask

from valence.api.http import handler
from valence.api.http import request_body
from valence.common import errors

#: the body of 401, as keystonemiddleware sends it
UNAUTHORIZED = {
    "error": {
        "code": 401,
        "title": "Unauthorized",
        "message": "The request you have made requires authentication.",
    }
}
TITLES = {
    400: "Bad request format",
    403: "Access Forbidden",
    404: "Not Found",
    409: "Document already existing",
    422: "Unprocessable Entity",
}
#: errors that keep their own titles: Freezer's title of the status would mislead
PLAIN = (errors.InUse, errors.CrossSite)
#: longest description; a body can make it long
LONGEST = 1000


def respond(error, request_id):
    """Return the response for a ValenceError; only its headers have the request id."""
    del request_id
    headers = {"Vary": "Accept"} | handler.headers(error)
    return flask.Response(_data(error), error.status, headers, content_type=request_body.JSON)


def _data(error):
    if _is_silent(error):
        return b""
    return json.dumps(_document(error), separators=(",", ":"))


def _is_silent(error):
    """Return whether the body is empty: version 2 shows nothing for a thing that does not exist."""
    is_shown = flask.request.method == "GET" and "/v2/" in flask.request.path
    return is_shown and isinstance(error, errors.NotFound) and not isinstance(error, errors.NoSuchURL)


def _document(error):
    if isinstance(error, errors.Unauthorized):
        return UNAUTHORIZED
    if isinstance(error, (errors.NoSuchURL, errors.MethodNotAllowed)):
        return {"title": f"{error.status} {http.HTTPStatus(error.status).phrase}"}
    title = error.title if isinstance(error, PLAIN) else TITLES.get(error.status, error.title)
    return {"title": title, "description": _description(error)[:LONGEST]}


def _description(error):
    if isinstance(error, errors.Forbidden):
        return "You are not allowed to access this resource"
    if isinstance(error, errors.Duplicate):
        kind, value = error.kwargs["kind"], error.kwargs["value"]
        return f"{kind.capitalize()} already registered with {error.kwargs['field'].upper()} {_name(value)}"
    if isinstance(error, errors.InUse):
        # Keys, also those in the reason, are the project and the name that clients know.
        kind, name = error.kwargs["kind"], _name(error.kwargs["key"])
        return f"The {kind.replace('_', ' ')} {name} is in use: remove first what refers to it."
    return error.problems[0]["detail"]


def _name(key):
    """Return the name in a key ``project:name``; a name may contain colons, a project may not."""
    return key.partition(":")[2] or key
