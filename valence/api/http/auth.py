# SPDX-License-Identifier: Apache-2.0
"""Who sends a request, from where, and what they may do.

The strategies noauth, http_basic and keystone make the context of a request from its headers; this module has noauth,
and loads the other two only if [DEFAULT] auth_strategy names them. ``Proxies`` takes the client's address from proxies
in [api] trusted_proxies, and from nobody else. ``Guard`` refuses requests that a page of another site sends through its
reader's browser. Browsers send Origin with every request that may change something, and Sec-Fetch-Site (W3C Fetch
Metadata) where they can; other clients send neither. The name in Host is checked too: a page whose own name resolves to
this API (DNS rebinding) has the same origin. ``Policy`` decides over the rules, which are in the tables of routes.
"""

import functools
import ipaddress
import re
import socket
import time
import typing
import urllib.parse

import flask
from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_middleware import cors
from oslo_policy import policy
from werkzeug.middleware import proxy_fix

from valence.common import context
from valence.common import errors
from valence.common.configuration import extras

REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: key of a WSGI environment: the id of the request, also in contexts that a strategy makes later
_ID = "valence.request_id"


def request_id(http):
    """Return the request id that the client sent, or a new one if there is none or it is malformed."""
    environ = http.environ
    if _ID not in environ:
        given = environ.get("HTTP_X_OPENSTACK_REQUEST_ID", "")
        environ[_ID] = given if REQUEST_ID.fullmatch(given) else oslo_context.generate_request_id()
    return environ[_ID]


@functools.lru_cache(1024)
def is_loopback(address):
    """Return whether ``address``, an IP address or a name, is this machine's loopback."""
    known = _parsed(address)
    return known.is_loopback if known else address in ("localhost", "")


def _parsed(text):
    """Return the IP address in a text, None if there is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class Noauth:
    """Every client is an administrator, and has to be on this machine without [api] noauth_everywhere."""

    challenge = None

    def __init__(self, conf):
        self._everywhere = conf.api.noauth_everywhere
        if not (self._everywhere or is_loopback(conf.api.host)):
            reason = f"Without authentication, everybody who reaches {conf.api.host} controls the hardware."
            raise errors.InsecureConfiguration(reason=reason)

    def wrap(self, application):
        """Return the WSGI application unchanged."""
        return application

    def context(self, http):
        """Return the context of a request."""
        if not (self._everywhere or is_loopback(http.remote_addr or "")):
            raise errors.Forbidden(rule="noauth, which serves loopback alone,")
        if not self._everywhere and http.environ.get(UNTRUSTED):
            raise errors.Forbidden(rule="noauth, which serves no proxy outside of [api] trusted_proxies,")
        return context.RequestContext(request_id=request_id(http), roles=["admin", "member", "reader"])


def _http_basic(conf):
    from valence.api.http import http_basic  # noqa: PLC0415  its libraries are optional

    return http_basic.HTTPBasic(conf)


def _keystone(conf):
    with extras.required():
        from valence.api.http import keystone  # noqa: PLC0415  its libraries are optional

    return keystone.Keystone(conf)


STRATEGIES = {"noauth": Noauth, "http_basic": _http_basic, "keystone": _keystone}


def strategy(conf):
    """Return the strategy that ``conf`` names; raise InsecureConfiguration if it would be unsafe."""
    return STRATEGIES[conf.auth_strategy](conf)


#: key of a WSGI environment: an untrusted peer claims that it forwards the request
UNTRUSTED = "valence.untrusted_proxy"
_FOR = "HTTP_X_FORWARDED_FOR"
_FORWARDED = ("HTTP_FORWARDED", _FOR, "HTTP_X_REAL_IP")


class Clients:
    """Finds the address of a client: the peer, or the address that a trusted proxy names."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._networks = [_network(text) for text in conf.api.trusted_proxies]

    def address(self, environ: dict) -> str:
        """Return the last address of X-Forwarded-For that is not a trusted proxy: earlier ones may be forged."""
        client = environ.get("REMOTE_ADDR", "")
        if not self.is_trusted(client):
            return client
        way = [part.strip() for part in environ.get(_FOR, "").split(",") if part.strip()]
        while way and self.is_trusted(client) and (before := _address(way.pop())):
            client = before
        return client

    def is_trusted(self, text: str) -> bool:
        """Return whether this is the address of a trusted proxy."""
        address = _parsed(text) if self._networks else None
        return address is not None and any(address in network for network in self._networks)


class Proxies:
    """WSGI middleware that replaces the address of a trusted proxy by the client's."""

    def __init__(self, application: typing.Callable, conf: cfg.ConfigOpts):
        self._application, self._clients = application, Clients(conf)
        self._fix = proxy_fix.ProxyFix(application, x_for=0, x_proto=1, x_host=1, x_prefix=1)

    def __call__(self, environ, start_response):
        if self._clients.is_trusted(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = self._clients.address(environ)
            return self._fix(environ, start_response)
        environ[UNTRUSTED] = any(name in environ for name in _FORWARDED)
        return self._application(environ, start_response)


def _network(text):
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise errors.InsecureConfiguration(
            reason=f"[api] trusted_proxies: {text!r} is no address and no network like 192.0.2.0/24."
        ) from None


def _address(text):
    """Return an address of X-Forwarded-For without the port that some proxies add; None if it is not one."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    known = _parsed(text)
    return known and str(known)


#: names that resolve to the machine itself
LOOPBACK = ("localhost", "ip6-localhost", "ip6-loopback")
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
#: media types of forms: a page may send them to any site without a preflight request, with a text of its choice
FORM_TYPES = ("text/plain", "multipart/form-data")
DEFAULT_PORTS = {"http": 80, "https": 443}
#: entries in the cache of checked host names
REMEMBERED = 1024


#: headers that pages of [cors] allowed_origin may send and read by default
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
    """Return the WSGI application, behind oslo.middleware's CORS if [cors] allowed_origin is set."""
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
        """Raise UnknownHost, CrossSite or UnsupportedMediaType if a page of another site may have sent a request."""
        environ = http.environ
        host = environ.get("HTTP_HOST")
        if host is not None and not self._is_own_host(host):
            raise errors.UnknownHost(host=host[:100])
        self._check_origin(environ, http.method, host)
        if environ.get("CONTENT_TYPE") and http.mimetype in FORM_TYPES and "HTTP_X_AUTH_TOKEN" not in environ:
            _check_body_type(http)

    def _knows_host(self, host):
        name = _host_name(host)
        return name is not None and (_parsed(name) or name in self._names or name.endswith(self._domains))

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
    """Return (name, port) of an origin, or of ``host`` under the origin's scheme; None if there is none."""
    try:
        parts = urllib.parse.urlsplit(origin)
        default = DEFAULT_PORTS.get(parts.scheme)
        if host is not None:
            parts = urllib.parse.urlsplit(f"//{host}")
        return (parts.hostname, parts.port or default) if parts.hostname and default else None
    except ValueError:
        return None


def _host_name(host):
    """Return the name in a Host header in lower case, without its port; None if the header is malformed."""
    try:
        parts = urllib.parse.urlsplit(f"//{host}")
        has_port = parts.port is None or parts.port >= 0
    except ValueError:
        return None
    return parts.hostname if has_port and parts.netloc == host and parts.username is None else None


def _is_link(environ, method):
    """Return whether the browser follows a link to this API; then the page does not see the response."""
    is_navigation = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and method in SAFE_METHODS
    return is_navigation and environ.get("HTTP_SEC_FETCH_DEST") in (None, "document")


def _check_body_type(http):
    if http.content_length or "Transfer-Encoding" in http.headers:
        raise errors.UnsupportedMediaType(content_type=http.mimetype, allowed="application/json")


PUBLIC = "rule:valence:public"
READER = "rule:valence:reader"
MEMBER = "rule:valence:member"
ADMIN = "rule:valence:admin"
PERSONAS = (
    policy.RuleDefault("valence:public", "@", "Everybody, also without credentials."),
    policy.RuleDefault("valence:admin", "role:admin", "Whoever may change everything."),
    policy.RuleDefault("valence:member", "role:member or rule:valence:admin", "Whoever may start work."),
    policy.RuleDefault(
        "valence:reader", "role:reader or rule:valence:member", "Whoever may look at everything."
    ),
)
#: seconds for which a decision is reused; a changed policy file counts after that
REUSED = 5


def list_rules(
    routes: typing.Iterable[typing.Any] = (), personas: typing.Iterable[policy.RuleDefault] = ()
) -> list[policy.RuleDefault]:
    """Return the personas, ``personas`` too, and one documented rule per name that ``routes`` mention, in their order.

    A route has ``rule`` (its name), ``persona``, ``summary``, ``method`` and ``url``.
    """
    operations, first = {}, {}
    for route in routes:
        first.setdefault(route.rule, route)
        operations.setdefault(route.rule, []).append({"method": route.method, "path": route.url})
    return [*PERSONAS, *personas, *(_rule(route, operations[name]) for name, route in first.items())]


def _rule(route: typing.Any, operations: typing.Any) -> policy.DocumentedRuleDefault:
    return policy.DocumentedRuleDefault(route.rule, route.persona, route.summary, operations)


def get_enforcer(
    conf: cfg.ConfigOpts = cfg.CONF, rules: typing.Iterable[policy.RuleDefault] = PERSONAS
) -> policy.Enforcer:
    """Return an oslo.policy enforcer of ``rules`` and of the policy file of ``conf``."""
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(list(rules))
    return enforcer


def _load(enforcer: policy.Enforcer) -> None:
    """Read the policy file; raise ConfigurationInvalid."""
    try:
        enforcer.load_rules()
    except (
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        cfg.Error,
        policy.InvalidDefinitionError,
    ) as error:
        reason = " ".join(str(error).split())
        detail = (
            f"[oslo_policy] policy_file, {enforcer.conf.oslo_policy.policy_file}, cannot be used: {reason}."
        )
        hint = "Make it a YAML object of rules: etc/valence/policy.yaml.sample has all of them."
        raise errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}]) from None


class Policy:
    """Decisions over rules. One of oslo.policy costs 0.1 ms, so equal ones are reused for some seconds."""

    def __init__(self, enforcer: policy.Enforcer) -> None:
        self._enforcer = enforcer
        _load(enforcer)
        self._decide = functools.lru_cache(maxsize=4096)(self._ask)

    def allows(self, rule: str, context: context.RequestContext, project_id: str | None = None) -> bool:
        """Return whether ``rule`` allows whoever ``context`` stands for, on things of a project where they have one."""
        values = context.to_policy_values()
        return self._decide(rule, _frozen(values), project_id, int(time.monotonic() / REUSED))

    def _ask(
        self, rule: str, frozen: tuple[tuple[str, typing.Any], ...], project_id: str | None, _period: int
    ) -> bool:
        credentials = {name: list(value) if isinstance(value, tuple) else value for name, value in frozen}
        target = {} if project_id is None else {"project_id": project_id}
        return bool(self._enforcer.authorize(rule, target, credentials))


def _frozen(values: typing.Mapping[str, typing.Any]) -> tuple[tuple[str, typing.Any], ...]:
    """Return the policy values of a context in a form that can be a key."""
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in values.items())
