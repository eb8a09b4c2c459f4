# SPDX-License-Identifier: Apache-2.0
"""The API as a WSGI application, and the steps of every request: context, version, policy, handler, headers, log line.

``API`` puts one ``Application``, a Flask application, at the mount of each dialect in ``routes.DIALECTS``; they share
sign-in, policy, metrics and services. An exception becomes a response in one place, ``_answer_error``, whether a
handler, Flask or the policy raised it. Each request is logged and counted here too.
"""

import logging
import time
import types
import typing

import flask
import prometheus_client
from werkzeug import routing
from werkzeug.middleware import dispatcher

from valence.api import routes
from valence.api.backup import trusts
from valence.api.http import auth
from valence.api.http import handler
from valence.api.http import health
from valence.api.introspection import documents
from valence.api.introspection import limits
from valence.api.ui import screen
from valence.api.v1 import operations
from valence.api.v1 import resources
from valence.api.v1.history import feed
from valence.common import composition_errors
from valence.common import context
from valence.common import errors
from valence.common import logs
from valence.common.web import metrics
from valence.conductor import client

LOG = logging.getLogger(__name__)

#: characters of a method and of a URL that are logged
LONGEST_METHOD, LONGEST_URL = 20, 1000
#: HTTP methods that are labels of metrics; clients may send any other word
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: codes of errors that a pod manager, a conductor, the bus or the store causes
BEHIND = tuple(
    kind.code
    for kind in (
        errors.PodManagerError,
        errors.PodManagerUnreachable,
        errors.PodManagerAuthFailed,
        errors.ResourceGone,
        composition_errors.PodManagerBusy,
        composition_errors.HardwareOutcomeUnknown,
        composition_errors.CompositionFailed,
        errors.Unavailable,
        errors.BusUnavailable,
        errors.ConductorUnavailable,
        errors.StoreUnavailable,
        errors.StoreFull,
        errors.OutcomeUnknown,
    )
)


class Shared(typing.NamedTuple):
    """What the applications of all dialects share."""

    conductor: client.Conductor
    strategy: typing.Any
    policy: auth.Policy
    services: types.SimpleNamespace


class API:
    """All dialects as one WSGI application. ``stop`` ends streams and waits, so that a server can drain."""

    def __init__(self, conf, conductor):
        self._strategy = auth.strategy(conf)
        self.services = _services(conf, conductor)
        rules = auth.Policy(auth.get_enforcer(conf, routes.list_rules()))
        shared = Shared(conductor, self._strategy, rules, self.services)
        dialects = [*routes.DIALECTS, *screen.dialect(conf, routes.DESCRIBED)]
        self._main, *others = [Application(conf, dialect, shared) for dialect in dialects]
        self._mounted = {each.mount: each for each in others}
        whole = dispatcher.DispatcherMiddleware(self._main, self._mounted)
        self._wsgi_app = auth.Proxies(auth.wrap(self._strategy.wrap(whole), conf), conf)

    def __call__(self, environ, start_response):
        return self._wsgi_app(environ, start_response)

    def largest_body(self, path: str) -> int:
        """Return the most bytes of a body that are read at a path."""
        inside = (each for mount, each in self._mounted.items() if path.startswith(f"{mount}/"))
        return next(inside, self._main).config["MAX_CONTENT_LENGTH"]

    def stop(self):
        """Let streams end and waiting requests answer."""
        self.services.waits.stop()
        self.services.feed.stop()


def create_app(conf, conductor):
    """Return the application; ``conductor`` is a ``valence.conductor.client.Conductor``."""
    return API(conf, conductor)


def _services(conf, conductor):
    """Return what handlers share from one request to the next."""
    events = feed.Feed(conductor, conf.api.max_event_streams, conf.api.max_event_streams_per_client)
    return types.SimpleNamespace(
        feed=events,
        metrics=Metrics(events),
        readiness=health.Readiness(),
        details=resources.Details(conductor),
        waits=operations.Waits(conf.api.threads // 2),
        trusts=trusts.Trusts(conf),
        guard=auth.Guard(conf),
        rate=limits.Rate(conf.processing.documents_per_minute),
        turns=limits.Turns(documents.REST),
    )


class Rule(routing.Rule):
    """A route that is only matched. Werkzeug would compile two functions for each rule that build its URL."""

    def _compile_builder(self, append_unknown: bool = True) -> typing.Callable[..., tuple[str, str]]:
        return _build


def _build(self: Rule, **values: str) -> tuple[str, str]:
    raise RuntimeError(f"no URL is built from {self}")


class Application(flask.Flask):
    """One dialect: its table of routes, and the steps before and after each handler."""

    url_rule_class = Rule

    def __init__(self, conf, dialect: handler.Dialect, shared: Shared):
        super().__init__("valence", static_folder=None)
        self.url_map.strict_slashes = self.url_map.merge_slashes = False
        self.config["MAX_CONTENT_LENGTH"] = conf[dialect.bodies].max_body_kib * 1024
        self.mount, self._dialect = dialect.mount, dialect
        self._settings = handler.Settings.of(conf, dialect)
        self._conductor, self._strategy, self._policy, self._services = shared
        for route in dialect.routes:
            url = route.url.replace("{", "<").replace("}", ">")
            self.add_url_rule(url, f"{route.method} {url}", self._view(route), methods=[route.method])
        self.before_request(self._begin)
        self.after_request(self._end)
        self.register_error_handler(Exception, self._answer_error)

    def wsgi_app(self, environ, start_response):
        """Answer a request; the root of a mount is the same with and without a slash at its end."""
        environ[handler.BARE] = not environ.get("PATH_INFO")
        environ["PATH_INFO"] = environ.get("PATH_INFO") or "/"
        return super().wsgi_app(environ, start_response)

    def _view(self, route):
        media_types = self._dialect.checks_accept and route.handler.description.answer_types

        def view(**variables):
            http = _request()
            call = handler.Call(
                http, flask.g.context, self._conductor, self._settings, self._services, self._policy
            )
            self._allow(route.rule, call.context, variables.get("project_id"))
            if media_types:
                handler.check_accept(http, media_types)
            return self._dialect.render(route.handler(call, **variables))

        return view

    def _begin(self):
        http = _request()
        flask.g.started = time.monotonic()
        flask.g.context = context.RequestContext(request_id=auth.request_id(http))
        self._services.guard.check(http)
        flask.g.context = self._strategy.context(http)
        flask.g.version = self._dialect.version(http)

    def _allow(self, rule, who, project_id):
        if self._policy.allows(rule, who, project_id):
            return
        if who.user_id or who.roles:
            raise errors.Forbidden(rule=rule)
        raise errors.Unauthorized(reason="none, or none that are valid, came with it")

    def _answer_error(self, error):
        failure = handler.translate(error)
        if failure.status >= 502:
            self._services.metrics.failed(failure.code)
        response = self._dialect.respond(failure, flask.g.context.request_id)
        if failure.status == 401 and self._strategy.challenge:
            response.headers["WWW-Authenticate"] = self._strategy.challenge
        return response

    def _end(self, response):
        request, seconds = _request(), time.monotonic() - flask.g.started
        headers = response.headers
        headers["X-OpenStack-Request-ID"] = flask.g.context.request_id
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Cache-Control", "no-cache")
        for name, value in self._dialect.headers(request).items():
            headers.setdefault(name, value)
        route = request.url_rule and self.mount + request.url_rule.rule
        self._services.metrics.answered(route, request.method, response.status_code, seconds)
        _log(request, response.status_code, seconds)
        return response


def _request():
    """Return the request of this thread itself: Flask's proxy of it looks it up for each attribute."""
    return flask.request._get_current_object()


def _log(request, status, seconds):
    """Write the line of a request: its URL with the query as it was sent, without secrets and shortened."""
    if LOG.isEnabledFor(logging.INFO):
        method = logs.printable(request.method[:LONGEST_METHOD])
        query = logs.masked_query(request.environ.get("QUERY_STRING", ""))
        url = request.script_root + request.path + (f"?{query}" if query else "")
        LOG.info("%s %r %d %.1f ms", method, logs.shortened(url, LONGEST_URL), status, seconds * 1000)


class Metrics:
    """Requests, their duration, failures behind the API, and the streams of ``feed``, for Prometheus."""

    def __init__(self, feed: feed.Feed | None):
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = self._make(
            prometheus_client.Counter, "requests", "Requests answered.", "route", "method", "status"
        )
        self._seconds = self._make(
            prometheus_client.Histogram, "request_seconds", "Time until the answer.", "route", "method"
        )
        self._failures = self._make(
            prometheus_client.Counter, "rpc_failures", "Requests that failed behind the API.", "code"
        )
        for code in BEHIND:  # or the first failure would not show as an increase
            self._failures.labels(code)
        self._make(prometheus_client.Gauge, "event_streams", "Open event streams.").set_function(
            lambda: feed.streams
        )

    def answered(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Count a request to the URL template ``route``; None is a URL that no route matches."""
        labels = (route or "none", method if method in METHODS else "other")
        self._requests.labels(*labels, str(status)).inc()
        self._seconds.labels(*labels).observe(seconds)

    def failed(self, code: str) -> None:
        """Count a failure of what is behind the API."""
        self._failures.labels(code).inc()

    def text(self) -> typing.Any:
        """Return the metrics of the application and of the process in the text format of Prometheus."""
        return metrics.text(self._registry)

    def _make(self, kind, name, text, *labels):
        return kind(f"valence_api_{name}", text, labels, registry=self._registry)
