# SPDX-License-Identifier: Apache-2.0
"""Refuse requests that a web page of another site sends through its reader's browser.

Browsers send Origin with every request that may change something, and Sec-Fetch-Site (W3C Fetch Metadata) where they
can; clients that are not browsers send neither. The name in Host is checked because a page may let its own name lead to
this API (DNS rebinding), and then is of the same origin.
"""

import functools
import ipaddress
import socket
import typing
import urllib.parse

import flask
from oslo_middleware import cors

from valence.common import errors

#: names that only lead to the machine itself
LOOPBACK = ("localhost", "ip6-localhost", "ip6-loopback")
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
#: media types of forms, which a page may send to any site without asking, and with a text of its choice
FORM_TYPES = ("text/plain", "multipart/form-data")
DEFAULT_PORTS = {"http": 80, "https": 443}
#: names of hosts whose check is remembered
REMEMBERED = 1024

#: headers that pages of [cors] allowed_origin may send and read, unless the options say others
cors.set_defaults(
    allow_headers=[
        "X-Auth-Token",
        "X-OpenStack-Request-ID",
        "OpenStack-API-Version",
        "If-Match",
        "Last-Event-ID",
    ],
    expose_headers=["X-OpenStack-Request-ID", "OpenStack-API-Version", "ETag", "Location", "Retry-After"],
)


def wrap(application: typing.Callable, conf: typing.Any) -> typing.Callable:
    """Return the WSGI application, behind oslo.middleware's CORS if pages of some origin may use it."""
    conf.register_opts(cors.CORS_OPTS, "cors")
    return cors.CORS(application, conf) if conf.cors.allowed_origin else application


class Guard:
    """Checks where requests come from, by the options of ``conf``."""

    def __init__(self, conf: typing.Any):
        conf.register_opts(cors.CORS_OPTS, "cors")
        self._origins = frozenset(_place(origin) for origin in _origins(conf))
        names = {name.lower() for name in _names(conf)}
        self._names, self._domains = names, tuple(name for name in names if name.startswith("."))
        self._is_own_host = functools.lru_cache(REMEMBERED)(self._knows_host)

    def check(self, http: flask.Request) -> None:
        """Raise UnknownHost, CrossSite or UnsupportedMediaType for a request that a foreign page may have caused."""
        environ = http.environ
        host = environ.get("HTTP_HOST")
        if host is not None and not self._is_own_host(host):
            raise errors.UnknownHost(host=host[:100])
        self._check_origin(environ, http.method, host)
        if environ.get("CONTENT_TYPE") and http.mimetype in FORM_TYPES and "HTTP_X_AUTH_TOKEN" not in environ:
            _check_body_type(http)

    def _knows_host(self, host):
        name = _host_name(host)
        return name is not None and (_is_address(name) or name in self._names or name.endswith(self._domains))

    def _check_origin(self, environ, method, host):
        origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
        if origin is None and method not in SAFE_METHODS:
            origin = environ.get("HTTP_REFERER")
        if origin is not None:
            place = _place(origin)
            if place is None or place not in self._origins and place != _place(origin, host):
                raise errors.CrossSite(origin=origin[:100])
        elif site is not None and site not in ("same-origin", "none") and not _is_link(environ, method):
            raise errors.CrossSite(origin=f"another site ({site[:20]})")


def _origins(conf):
    """Return the origins whose pages may use this API."""
    return [*(conf.cors.allowed_origin or ()), *([conf.api.public_url] if conf.api.public_url else [])]


def _names(conf):
    """Return the names under which this API is reached."""
    addresses = (conf.api.host, conf.api.introspection_host, socket.gethostname(), conf.host)
    urls = (urllib.parse.urlsplit(url).hostname for url in (conf.api.public_url, *(_origins(conf))) if url)
    return [*LOOPBACK, *filter(None, addresses), *filter(None, urls), *conf.api.allowed_hosts]


def _place(origin, host=None):
    """Return (name, port) of an origin, or those of ``host`` if it had the scheme of the origin; None for none."""
    try:
        parts = urllib.parse.urlsplit(origin)
        default = DEFAULT_PORTS.get(parts.scheme)
        if host is not None:
            parts = urllib.parse.urlsplit(f"//{host}")
        return (parts.hostname, parts.port or default) if parts.hostname and default else None
    except ValueError:
        return None


def _host_name(host):
    """Return the name in a Host header, in lower case and without its port; None for what is no host."""
    try:
        parts = urllib.parse.urlsplit(f"//{host}")
        has_port = parts.port is None or parts.port >= 0
    except ValueError:
        return None
    return parts.hostname if has_port and parts.netloc == host and parts.username is None else None


def _is_address(name):
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _is_link(environ, method):
    """Return whether the reader of a page followed a link to this API: the page does not see the response."""
    is_navigation = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and method in SAFE_METHODS
    return is_navigation and environ.get("HTTP_SEC_FETCH_DEST") in (None, "document")


def _check_body_type(http):
    if http.content_length or "Transfer-Encoding" in http.headers:
        raise errors.UnsupportedMediaType(content_type=http.mimetype, allowed="application/json")
