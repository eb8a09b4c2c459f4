# SPDX-License-Identifier: Apache-2.0
"""The screen at ``/ui/``: static files that need no credentials, and ``session.json`` about the API and its client.

The files are read once, when the API is built, so a request never becomes a path of the file system. The pages run in
browsers and use the public API alone. The Content-Security-Policy admits scripts, styles and requests of this origin
only, and no inline script: text from hardware could not run even if a page failed to escape it.
"""

import mimetypes
import pathlib
import typing
from collections import abc

import flask
from oslo_config import cfg

from valence import version
from valence.api.http import auth
from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http.handler import Dialect
from valence.api.http.handler import Route
from valence.api.ui import sign_in
from valence.common import errors

MOUNT = "/ui"
FOLDER = pathlib.Path(__file__).parent / "static"
INDEX = "index.html"
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
#: the types of files whose type differs between systems
TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


class File(typing.NamedTuple):
    """A static file: its content, entity tag and media type."""

    data: bytes
    tag: str
    media_type: str


def files(folder: pathlib.Path = FOLDER) -> dict[str, File]:
    """Return the static files by their paths below ``/ui/``."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: _file(path) for name, path in found.items()}


def dialect(conf: cfg.ConfigOpts, described: abc.Iterable[Route]) -> list[Dialect]:
    """Return the dialect of the screen, or nothing without [api] ui; ``described`` are the routes of the API."""
    if not conf.api.ui:
        return []
    static, session = Static(files()), Session(conf.auth_strategy, described)
    # Everybody may read them: a browser cannot sign in before it has them.
    routes = (
        Route("GET", "/", static, "public", auth.PUBLIC),
        Route("GET", "/session.json", session, "public", auth.PUBLIC),
        Route("GET", "/{path:path}", static, "public", auth.PUBLIC),
    )
    if conf.auth_strategy == "keystone":
        routes += (Route("POST", "/token", sign_in.Token(conf), "public", auth.PUBLIC),)
    return [Dialect(MOUNT, routes, _no_version, _headers, handler.respond, checks_accept=False)]


class Static:
    """Serves the static files."""

    description = descriptions.Description()

    def __init__(self, static: dict[str, File]):
        self._files = static

    def __call__(self, call: handler.Call, path: str = INDEX) -> flask.Response:
        if call.http.environ.get(handler.BARE):
            # Relative URLs of the page need the slash. The target is relative: a proxy may have added a prefix.
            return flask.Response(status=308, headers={"Location": f"{MOUNT.strip('/')}/"})
        file = self._files.get(path)
        if file is None:
            raise errors.NoSuchURL(path=call.http.script_root + call.http.path)
        headers = {"ETag": file.tag}
        if handler.unchanged(call.http, file.tag):
            return flask.Response(status=304, headers=headers)
        return flask.Response(file.data, headers=headers, content_type=file.media_type)


class Session:
    """Shows how clients authenticate, who the client is, and which rules of the policy allow it something."""

    description = descriptions.Description()

    def __init__(self, strategy: str, described: abc.Iterable[Route]):
        self._strategy = strategy
        rules = {route.rule for route in described}
        self._rules = sorted(rule for rule in rules if not rule.startswith("valence:backup:"))

    def __call__(self, call: handler.Call) -> flask.Response:
        who = call.context
        allowed = [rule for rule in self._rules if call.policy.allows(rule, who)]
        value = {
            "version": version.version_string(),
            "strategy": self._strategy,
            "user": who.user_name or who.user_id,
            "project": who.project_name or who.project_id,
            "project_id": who.project_id,
            "roles": sorted(who.roles),
            "allowed": [rule.removeprefix("valence:") for rule in allowed],
        }
        return handler.document(call, value, headers={"Cache-Control": "no-store"})


def _file(path: pathlib.Path) -> File:
    data = path.read_bytes()
    media_type = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return File(data, handler.strong_tag(data), media_type + charset)


def _no_version(_request: flask.Request) -> None:
    """Accept a request for any version of the API: the screen has none."""


def _headers(_request: flask.Request) -> dict[str, str]:
    return HEADERS
