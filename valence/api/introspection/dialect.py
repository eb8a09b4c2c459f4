# SPDX-License-Identifier: Apache-2.0
"""The introspection dialect's use of HTTP: versions, query parameters, links, and the format of responses and errors.

Unknown query parameters are ignored, as clients of ironic-inspector expect.
"""

import json
import re

import flask
from oslo_utils import strutils

from valence.api.http import handler
from valence.api.introspection import describing
from valence.api.model import query
from valence.api.model import schemas
from valence.common import errors
from valence.db.models import introspection

#: longest message of an error; a document can make it long
LONGEST = 2000
JSON = "application/json"
MINIMUM, MAXIMUM = (1, 0), (1, 18)
#: first version in which the response to a created rule is 201
RULE_CREATED = (1, 6)
PREFIX = "X-OpenStack-Ironic-Inspector-API"
HEADER = f"{PREFIX}-Version"
RESOURCES = ("continue", "introspection", "rules")
_VERSION = re.compile(r"(\d{1,5})\.(\d{1,5})", re.ASCII)

#: where the dialect is in the API
MOUNT = "/introspection"
#: key of a WSGI environment: the request came by the port of introspection alone, where the dialect is at the root
ALONE = "valence.introspection_port"
#: what inspects a machine
SOURCES = ("ramdisk", "redfish")


def parameters(call):
    """Return the parameters of a request by name; of a repeated one the last value counts."""
    return dict(query.pairs(call.raw_query))


def boolean(given, name, default):
    """Return a truth value."""
    text = given.get(name)
    if text is None:
        return default
    try:
        return strutils.bool_from_string(text, strict=True)
    except ValueError:
        reason = f"The value {text!r} of {name} is neither true nor false."
        raise errors.BadRequest(reason=reason) from None


def limit(given, most):
    """Return the size of a page; 0, the default, is the largest page."""
    text = given.get("limit", "0")
    try:
        number = query.integer(text)
    except ValueError as error:
        raise errors.BadRequest(reason=f"limit: {error}") from None
    if not 0 <= number <= most:
        raise errors.BadRequest(reason=f"The limit must be between 0 and {most}.")
    return number or most


def source(given):
    """Return what is to inspect a machine, one of SOURCES."""
    text = given.get("source", SOURCES[0])
    if text not in SOURCES:
        raise errors.BadRequest(reason=f"The source must be one of: {', '.join(SOURCES)}.")
    return text


def version(given, name):
    """Return the number of a version, or None."""
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise errors.BadRequest(
            reason=f"The value {text!r} of {name} is no version: they are 1, 2, 3 and so on."
        )
    return int(text)


def marker(given):
    """Return the UUID after which a page begins, or None."""
    text = given.get("marker")
    if text is None:
        return None
    if not schemas.is_uuid(text):
        raise errors.BadRequest(reason="The marker must be a UUID.")
    return text.lower()


def states(given):
    """Return the states to show; an empty list means all."""
    found = list(dict.fromkeys(filter(None, map(str.strip, given.get("state", "").split(",")))))
    unknown = [state for state in found if state not in introspection.STATES]
    if unknown:
        raise errors.BadRequest(reason=f"There is no state {', '.join(map(repr, unknown))}.")
    return found


def own(call, path):
    """Return the link of a thing to itself, at the port by which the request came."""
    root = call.base_url
    if ALONE in call.http.environ:
        root = (call.http.host_url.rstrip("/") + call.http.script_root).removesuffix(MOUNT)
    return {"href": root + path, "rel": "self"}


def asked(http: flask.Request) -> tuple[int, int]:
    """Return the version that a request asks for, by default the newest; raise BadRequest, NotAcceptable."""
    given = http.headers.get(HEADER, "latest").strip()
    if given.lower() == "latest":
        return MAXIMUM
    match = _VERSION.fullmatch(given)
    if match is None:
        raise errors.BadRequest(reason=f"The header {HEADER} must be like 1.18, or latest.")
    version = int(match[1]), int(match[2])
    if not MINIMUM <= version <= MAXIMUM:
        supported = f"{text(MINIMUM)} to {text(MAXIMUM)}"
        raise errors.NotAcceptable(accept=f"API version {given}; supported are {supported}")
    return version


def headers(_http: flask.Request) -> dict[str, str]:
    """Return the headers that name, on every response, the oldest and the newest version."""
    return {f"{PREFIX}-Minimum-Version": text(MINIMUM), f"{PREFIX}-Maximum-Version": text(MAXIMUM)}


def text(version):
    """Return a version as clients write it."""
    return ".".join(map(str, version))


def respond(error: errors.ValenceError, _request_id: str) -> flask.Response:
    """Return the response for a ValenceError; its one message holds every problem of a request."""
    message = error.detail
    if isinstance(error, errors.ValidationFailed):
        message = "; ".join(problem["detail"] for problem in error.problems)
    body = json.dumps({"error": {"message": message[:LONGEST]}})
    return flask.Response(body, error.status, handler.headers(error), content_type=JSON)


def render(answer: flask.Response | dict) -> flask.Response:
    """Return the response of a handler, which may return the document alone."""
    if isinstance(answer, flask.Response):
        return answer
    return flask.Response(json.dumps(answer), content_type=JSON)


@describing.described({200: describing.VERSIONS}, failures=(400,))
def root(call):
    """Show which versions there are."""
    version = {"id": text(MAXIMUM), "links": [own(call, "/v1")], "status": "CURRENT"}
    return {"versions": [version]}


@describing.described({200: describing.RESOURCES}, failures=describing.READING)
def index(call, version):
    """Show what a version holds."""
    if version != "v1":
        raise errors.NotFound(kind="version", key=version)
    return {"resources": [{"links": [own(call, f"/v1/{name}")], "name": name} for name in RESOURCES]}
