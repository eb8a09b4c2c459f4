# SPDX-License-Identifier: Apache-2.0
"""What handlers, tables of routes and dialects are made of: the Call that a handler gets, and the response it returns.

A ``Dialect`` is a table of ``Route`` with its own versions and error format. The application gives each handler a
``Call``: the request, its context and the client of the conductors. Responses of Valence's own dialect are made here.
An error at any URL has the format of the OpenStack API guidelines. The entity tag of a thing is
``"<revision>.<digest>"`` (RFC 9110, section 13): If-None-Match compares the whole tag, so every visible change counts;
If-Match compares the revision alone, which the store compares and swaps.
"""

import dataclasses
import functools
import hashlib
import http
import json
import logging
import re
import socket
import typing
import urllib.parse

import flask
from oslo_config import cfg
from werkzeug import exceptions
from werkzeug.sansio import utils

from valence.api.http import request_body
from valence.bus import wire
from valence.common import context
from valence.common import errors
from valence.conductor import client

#: key of a WSGI environment: whether the URL ends at the mount of a dialect, without a slash
BARE = "valence.bare_mount"
#: ``{"rel", "href"}``
Link = dict[str, str]


class Query(typing.Protocol):
    """What a page tells of the query that it answers: a ``valence.api.model.query.Query``."""

    @property
    def limit(self) -> int | None:
        """Most rows of the page."""


class Route(typing.NamedTuple):
    """One method of one URL: ``handler(call, **variables of the URL)`` returns the response."""

    method: str
    url: str
    handler: typing.Callable[..., typing.Any]
    name: str
    persona: str

    @property
    def rule(self) -> str:
        """The name of the route's rule in the policy."""
        return f"valence:{self.name}"

    @property
    def summary(self) -> str:
        """What the route does, in a sentence."""
        said: str | None = getattr(self.handler, "summary", None)
        return said or (self.handler.__doc__ or "").partition("\n")[0]


def _unchanged(answer: typing.Any) -> flask.Response:
    return typing.cast(flask.Response, answer)


class Dialect(typing.NamedTuple):
    """How clients of one kind speak to Valence at the URLs below ``mount``.

    ``version(http)`` returns the version that a request asks for, or raises an error. ``headers(http)`` are on every
    response, unless the handler set them. ``respond(error, request_id)`` makes the response of a ValenceError, and
    ``render`` that of a handler's result. ``bodies`` is the group of the options max_body_kib and max_json_depth.
    """

    mount: str
    routes: tuple[Route, ...]
    version: typing.Callable[[flask.Request], typing.Any]
    headers: typing.Callable[[flask.Request], dict[str, str]]
    respond: typing.Callable[[errors.ValenceError, str], flask.Response]
    render: typing.Callable[[typing.Any], flask.Response] = _unchanged
    checks_accept: bool = True
    bodies: str = "api"

    def described(self) -> list[Route]:
        """Return the routes with their whole URLs."""
        return [route._replace(url=f"{self.mount}{route.url}".rstrip("/") or "/") for route in self.routes]


class Settings(typing.NamedTuple):
    """The options that requests need, read once: an option of oslo.config costs more than a field.

    ``public_url`` is the one of the dialect, with its mount.
    """

    public_url: str | None
    max_limit: int
    default_limit: int
    max_json_depth: int
    max_json_values: int

    @property
    def limits(self) -> request_body.Limits:
        """The bounds of a JSON body."""
        return request_body.Limits(self.max_json_depth, self.max_json_values)

    @classmethod
    def of(cls, conf: cfg.ConfigOpts, dialect: Dialect) -> "Settings":
        """Return the settings of a dialect that ``conf`` holds."""
        values = {name: getattr(conf.api, name) for name in cls._fields}
        public_url = values["public_url"] and values["public_url"].rstrip("/") + dialect.mount
        depth = conf[dialect.bodies].max_json_depth
        return cls(**values | {"public_url": public_url, "max_json_depth": depth})


@dataclasses.dataclass(slots=True)
class Call:
    """One request, with all that a handler needs to answer it."""

    http: flask.Request
    context: context.RequestContext
    conductor: client.Conductor
    settings: Settings
    services: typing.Any
    policy: typing.Any = None

    @property
    def base_url(self) -> str:
        """URL under which the client sees the dialect, without a slash at the end; empty if its Host is none.

        A proxy, or a WSGI server, may serve it below a path.
        """
        http = self.http
        seen = self.settings.public_url or (
            http.host and _root_url(http.scheme, http.host) + http.script_root
        )
        return seen.rstrip("/")

    @property
    def raw_query(self) -> str:
        """The query of the URL, as it was sent."""
        return str(self.http.environ.get("QUERY_STRING", ""))

    def url(self, path: str) -> str:
        """Return the whole URL of ``path``."""
        return self.base_url + path


@functools.lru_cache(1024)
def _root_url(scheme: str, host: str) -> str:
    """Return the URL of a host without a slash at its end; werkzeug parses the host each time."""
    return utils.get_current_url(scheme, host).rstrip("/")


def encode(value: typing.Any) -> bytes:
    """Return ``value`` as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def document(
    call: Call,
    value: typing.Any,
    *,
    status: int = 200,
    revision: int | None = None,
    headers: dict[str, str] | None = None,
) -> flask.Response:
    """Return a response that shows one thing, or 304 if the client has it already."""
    data = encode(value)
    return _tagged(call, data, strong_tag(data, revision), status, headers or {})


def page(call: Call, name: str, answer: wire.Page, query: Query) -> flask.Response:
    """Return a response that shows the rows of ``answer`` (as of ``client.Records.list``) as ``name``.

    The rows are JSON text from the conductor, and are not parsed.
    """
    links = encode(_page_links(call, query, answer["next"]))
    total = b'"count":%d,' % answer["total"] if "total" in answer else b""
    data = b'{"%s":%s,%s"links":%s}' % (name.encode(), answer["rows"].encode(), total, links)
    return _tagged(call, data, weak_tag(data), 200, {})


def empty() -> flask.Response:
    """Return 204, without a body."""
    return _without_body(204, {})


def link(call: Call, relation: str, path: str) -> Link:
    """Return a link."""
    return {"rel": relation, "href": call.url(path)}


def _tagged(call: Call, data: bytes, tag: str, status: int, headers: dict[str, str]) -> flask.Response:
    headers = {"ETag": tag, **headers}
    if status == 200 and call.http.method in ("GET", "HEAD") and unchanged(call.http, tag):
        return _without_body(304, headers)
    return flask.Response(data, status, headers, content_type=request_body.JSON)


def _without_body(status: int, headers: dict[str, str]) -> flask.Response:
    response = flask.Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def _page_links(call: Call, query: Query, following: str | None) -> list[Link]:
    path, text = call.http.path.rstrip("/"), call.raw_query
    links = [link(call, "self", f"{path}?{text}" if text else path)]
    if following is not None:
        links.append(link(call, "next", f"{path}?{_next_query(text, query, following)}"))
    return links


def _next_query(text: str, query: Query, following: str) -> str:
    kept = [
        (name, value) for name, value in urllib.parse.parse_qsl(text, True) if name not in ("marker", "limit")
    ]
    return urllib.parse.urlencode([*kept, ("limit", query.limit), ("marker", following)], safe=":,")


LOG = logging.getLogger(__name__)
#: characters of a problem's text: names and values in a body could make it long
LONGEST = 1000
#: members of problems that programs read: those of ``composition_errors.QuotaExceeded``
MORE = ("resource", "limit", "used", "asked")


def translate(error: Exception) -> errors.ValenceError:
    """Return the ValenceError for any exception; log an unexpected one."""
    if isinstance(error, errors.ValenceError):
        return error
    if isinstance(error, exceptions.HTTPException):
        return _of_http(error)
    path = flask.request.script_root + flask.request.path
    LOG.error("An unexpected error answered %r %r", flask.request.method, path, exc_info=error)
    return errors.Internal(host=socket.gethostname())


def respond(error: errors.ValenceError, request_id: str) -> flask.Response:
    """Return the response for a ValenceError."""
    problems = [shown(problem, error, request_id) for problem in error.problems]
    data = json.dumps({"errors": problems}, separators=(",", ":"))
    return flask.Response(data, error.status, headers(error), content_type=request_body.JSON)


def shown(problem: errors.Problem, error: errors.ValenceError, request_id: str) -> dict[str, typing.Any]:
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
    more = {name: problem[name] for name in MORE if name in problem}
    return entry | ({"path": problem["path"][:LONGEST]} if "path" in problem else {}) | more


def _detail(problem: errors.Problem) -> str:
    """Return the text of a problem, which begins with the field or parameter for clients that show the text alone."""
    place = problem.get("path", "").removeprefix("$").removeprefix(".")
    return f"{place}: {problem['detail']}" if place else problem["detail"]


def check_accept(request: flask.Request, types: typing.Sequence[str]) -> None:
    """Raise NotAcceptable if the client accepts none of the media types ``types``."""
    header = request.headers.get("Accept")
    if header is None or header == "*/*" or header == types[0]:
        return
    if request.accept_mimetypes.best_match(types) is None:
        raise errors.NotAcceptable(accept=header, offered=", ".join(types))


#: versions of the API: each has all that those before it had, so that a client of any of them gets the same answers
VERSIONS = ("1.0", "1.1")
#: the newest one, which is also meant where a client asks for none
VERSION = VERSIONS[-1]
VERSION_HEADER = "OpenStack-API-Version"
#: names of the service in VERSION_HEADER: its own name, and its type in the catalog of services
SERVICES = ("valence", "rack")
_WANTED = re.compile(rf"\s*({'|'.join(SERVICES)})\s+(latest|\d+\.\d+)\s*", re.IGNORECASE)


def check_version(request: flask.Request) -> None:
    """Raise NotAcceptable if the client asks for a version of Valence that does not exist."""
    unknown = [version for _, version in _wanted(request) if version not in ("latest", *VERSIONS)]
    if unknown:
        raise errors.NotAcceptable(accept=f"version {unknown[0]}; there are {', '.join(VERSIONS)}")


def version_headers(request: flask.Request) -> dict[str, str]:
    """Return the headers that say the version, under each name that the client used for the service."""
    wanted = dict(_wanted(request)) or {SERVICES[0]: VERSION}
    served = {name: version if version in VERSIONS else VERSION for name, version in wanted.items()}
    answered = ", ".join(f"{name} {version}" for name, version in served.items())
    return {VERSION_HEADER: answered, "Vary": f"Accept, {VERSION_HEADER}"}


def _wanted(request: flask.Request) -> list[tuple[str, str]]:
    """Return ``(service, version)`` of each part of VERSION_HEADER that is about Valence."""
    header = request.headers.get(VERSION_HEADER)
    if header is None:
        return []
    matches = filter(None, map(_WANTED.fullmatch, header.split(",")))
    return [(match[1].lower(), match[2].lower()) for match in matches]


def headers(error: errors.ValenceError) -> dict[str, str]:
    """Return the headers of an error's response, the same in each dialect."""
    found = {"Cache-Control": "no-store"}
    if retry_after := getattr(error, "retry_after", None):
        found["Retry-After"] = str(retry_after)
    if isinstance(error, errors.MethodNotAllowed):
        found["Allow"] = error.kwargs["allowed"]
    return found


def _of_http(error: exceptions.HTTPException) -> errors.ValenceError:
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


def _other(status: int, reason: str | None) -> errors.ValenceError:
    """Return the error for a status that has no class of its own; its code is the status in words."""
    if status == 500:
        return errors.Internal(host=socket.gethostname())
    phrase = http.HTTPStatus(status).phrase
    failure = errors.BadRequest(reason=reason or phrase)
    failure.status, failure.title = status, phrase
    failure.code = "valence." + re.sub("[^a-z]+", "_", phrase.lower())
    return failure


_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')


def digest(data: bytes) -> str:
    """Return a short digest of bytes: of SHA-256, which processors compute in hardware."""
    return hashlib.sha256(data).hexdigest()[:16]


def strong_tag(data: bytes, revision: int | None = None) -> str:
    """Return the tag of one thing, whose body is ``data``."""
    return f'"{digest(data)}"' if revision is None else f'"{revision}.{digest(data)}"'


def weak_tag(data: bytes) -> str:
    """Return the tag of a list."""
    return f'W/"{digest(data)}"'


def unchanged(http: flask.Request, tag: str) -> bool:
    """Return whether If-None-Match names ``tag``, so that the response is 304."""
    header = http.headers.get("If-None-Match")
    if header is None:
        return False
    return header.strip() == "*" or tag.removeprefix("W/") in [
        f'"{text}"' for _, text in _tags("If-None-Match", header)
    ]


def tags(http: flask.Request) -> list[str]:
    """Return the texts of the tags that If-None-Match names."""
    header = http.headers.get("If-None-Match")
    return [] if header is None or header == "*" else [text for _, text in _tags("If-None-Match", header)]


def expected_revisions(http: flask.Request) -> list[int] | None:
    """Return the revisions that If-Match names; None if any will do. A weak tag matches nothing."""
    header = http.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    names = [text.partition(".")[0] for weak, text in _tags("If-Match", header) if not weak]
    return [int(name) for name in names if re.fullmatch("[0-9]{1,18}", name)]


def strong_tags(http: flask.Request) -> list[str] | None:
    """Return the strong tags that If-Match names, as ``strong_tag`` has them; None if any will do."""
    header = http.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return [f'"{text}"' for is_weak, text in _tags("If-Match", header) if not is_weak]


def _tags(name: str, header: str) -> list[tuple[bool, str]]:
    """Return ``(is weak, text)`` of every tag of a header."""
    parts = header.split(",")
    matches = [match for match in map(_TAG.fullmatch, parts) if match]
    if len(matches) < len(parts):
        raise errors.BadRequest(
            reason=f'The header {name} must hold tags like "3.0a1b2c", separated by commas, or *.'
        )
    return [(bool(match[1]), match[2]) for match in matches]
