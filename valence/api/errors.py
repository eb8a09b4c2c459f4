# SPDX-License-Identifier: Apache-2.0
"""Errors as responses: whatever goes wrong, at whatever URL, is told in the one format of the API guidelines."""

import http
import json
import logging
import re
import socket

import flask
from werkzeug import exceptions

from valence.api import body
from valence.common import errors

LOG = logging.getLogger(__name__)

#: longest text of one problem; a body can make it long
LONGEST = 1000


def translate(error):
    """Return the ValenceError that tells of any exception; one that nobody expected is logged."""
    if isinstance(error, errors.ValenceError):
        return error
    if isinstance(error, exceptions.HTTPException):
        return _of_http(error)
    LOG.error("An unexpected error answered %r %r", flask.request.method, flask.request.path, exc_info=error)
    return errors.Internal(host=socket.gethostname())


def respond(error, request_id):
    """Return the response that tells of a ValenceError."""
    problems = [shown(problem, error, request_id) for problem in error.problems]
    data = json.dumps({"errors": problems}, separators=(",", ":"))
    return flask.Response(data, error.status, headers(error), content_type=body.JSON)


def shown(problem, error, request_id):
    """Return one problem of ``error`` in the format of the API guidelines, with its place in the body or query."""
    entry = {
        "request_id": request_id,
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "detail": _detail(problem)[:LONGEST],
        "hint": problem["hint"][:LONGEST],
        "links": [{"rel": "help", "href": "/v1/openapi.json"}],
    }
    return entry | ({"path": problem["path"][:LONGEST]} if "path" in problem else {})


def _detail(problem):
    """Return the text of a problem; who reads nothing but that sees which field or parameter it is about."""
    place = problem.get("path", "").removeprefix("$").removeprefix(".")
    return f"{place}: {problem['detail']}" if place else problem["detail"]


def check_accept(request, types):
    """Raise NotAcceptable if the client takes none of the media types that there are."""
    header = request.headers.get("Accept")
    if header is None or header == "*/*" or header == types[0]:
        return
    if request.accept_mimetypes.best_match(types) is None:
        raise errors.NotAcceptable(accept=header, offered=", ".join(types))


def headers(error):
    """Return the headers that go with an error, in whatever dialect it is told."""
    found = {"Cache-Control": "no-store"}
    if retry_after := getattr(error, "retry_after", None):
        found["Retry-After"] = str(retry_after)
    if isinstance(error, errors.MethodNotAllowed):
        found["Allow"] = error.kwargs["allowed"]
    return found


def _of_http(error):
    """Return our error for one that Flask or werkzeug raised."""
    request = flask.request
    if isinstance(error, exceptions.NotFound):
        return errors.NoSuchURL(path=request.path)
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return errors.MethodNotAllowed(method=request.method, path=request.path, allowed=allowed)
    if isinstance(error, exceptions.RequestEntityTooLarge):
        return errors.TooLarge(what="body", limit=f"{request.max_content_length} bytes")
    return _other(error.code or 500, error.description)


def _other(status, reason):
    """Return the error for a status that has no class of its own; its code is the status in words."""
    if status == 500:
        return errors.Internal(host=socket.gethostname())
    phrase = http.HTTPStatus(status).phrase
    failure = errors.BadRequest(reason=reason or phrase)
    failure.status, failure.title = status, phrase
    failure.code = "valence." + re.sub("[^a-z]+", "_", phrase.lower())
    return failure
