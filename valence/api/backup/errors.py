# SPDX-License-Identifier: Apache-2.0
"""Errors as Freezer's clients read them: a title and a description."""

import http
import json

import flask

from valence.api import body
from valence.common import errors

#: what clients of Keystone expect, since its middleware answers so
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
#: errors that Freezer does not have: its titles would say something else
PLAIN = (errors.InUse, errors.CrossSite)
#: longest description; a body can make it long
LONGEST = 1000


def respond(error, request_id):
    """Return the response that tells of a ValenceError; the request id goes into its headers."""
    del request_id
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if retry_after := getattr(error, "retry_after", None):
        headers["Retry-After"] = str(retry_after)
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = error.kwargs["allowed"]
    return flask.Response(_data(error), error.status, headers, content_type=body.JSON)


def _data(error):
    if _is_silent(error):
        return b""
    return json.dumps(_document(error), separators=(",", ":"))


def _is_silent(error):
    """Whether version 2 says nothing more: a thing that is not there."""
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
        return f"{kind.capitalize()} already registered with {error.kwargs['field'].upper()} {value.rpartition(':')[2]}"
    if isinstance(error, errors.InUse):
        # Keys, also those in the reason, are the project and the name that clients know.
        kind, name = error.kwargs["kind"], error.kwargs["key"].rpartition(":")[2]
        return f"The {kind.replace('_', ' ')} {name} is in use: remove first what refers to it."
    return error.problems[0]["detail"]
