# SPDX-License-Identifier: Apache-2.0
"""The WSGI application: one way for every request, whatever its URL.

Context and request id, version, policy, handler; then headers, log line and figures. Every error, wherever it is
raised, becomes a response in one place.
"""

import logging
import time
import types

import flask
from werkzeug.middleware import dispatcher

from valence.api import access_log
from valence.api import auth
from valence.api import call as calls
from valence.api import cross_site
from valence.api import errors as rendering
from valence.api import health
from valence.api import metrics
from valence.api import proxies
from valence.api import routes
from valence.api import versions
from valence.api.backup import errors as backup_errors
from valence.api.backup import routes as backup_routes
from valence.api.backup import trusts
from valence.api.introspection import app as introspection
from valence.api.introspection import port
from valence.api.v1 import feed
from valence.api.v1 import operations
from valence.common import context
from valence.common import errors
from valence.common import policy

LOG = logging.getLogger(__name__)

#: dialect's URLs -> how it tells of an error; everywhere else it is told as Valence does
DIALECTS = {backup_routes.MOUNT: backup_errors.respond}


class Application(flask.Flask):
    """The API as a WSGI application. ``stop`` ends streams and waits, so that a server can drain."""

    def __init__(self, conf, conductor):
        super().__init__("valence", static_folder=None)
        self.url_map.strict_slashes = self.url_map.merge_slashes = False
        self.config["MAX_CONTENT_LENGTH"] = conf.api.max_body_kib * 1024
        self._largest_document = conf.processing.max_body_kib * 1024
        self._conductor, self._settings = conductor, calls.Settings.of(conf)
        self._strategy = auth.strategy(conf)
        self._policy = policy.Policy(policy.get_enforcer(conf, routes.list_rules()))
        events = feed.Feed(conductor, conf.api.max_event_streams, conf.api.max_event_streams_per_client)
        self.services = types.SimpleNamespace(
            feed=events,
            metrics=metrics.Metrics(events),
            readiness=health.Readiness(),
            waits=operations.Waits(conf.api.threads // 2),
            trusts=trusts.Trusts(conf),
            guard=cross_site.Guard(conf),
        )
        self._add_routes()
        self.before_request(self._begin)
        self.after_request(self._end)
        self.register_error_handler(Exception, self._answer_error)
        whole = dispatcher.DispatcherMiddleware(self.wsgi_app, self._dialects(conf))
        self.wsgi_app = proxies.Proxies(cross_site.wrap(self._strategy.wrap(whole), conf), conf)

    def largest_body(self, path: str) -> int:
        """Return the most bytes of a body that are read at a path."""
        return (
            self._largest_document if path.startswith(f"{port.MOUNT}/") else self.config["MAX_CONTENT_LENGTH"]
        )

    def stop(self):
        """Let streams end and waiting requests answer."""
        self.services.waits.stop()
        self.services.feed.stop()

    def _dialects(self, conf):
        """Return the dialects of other services' clients by the path that they are mounted at."""
        whole = conf, self._conductor, self._strategy, self._allow, self.services
        return {port.MOUNT: introspection.Application(*whole)}

    def _add_routes(self):
        for route in (*routes.ROUTES, *backup_routes.ROUTES):
            url = route.url.replace("{", "<").replace("}", ">")
            self.add_url_rule(url, f"{route.method} {url}", self._view(route), methods=[route.method])

    def _view(self, route):
        media_types = route.handler.description.answer_types

        def view(**arguments):
            call = calls.Call(
                flask.request, flask.g.context, self._conductor, self._settings, self.services, self._policy
            )
            self._allow(route.rule, call.context, arguments.get("project_id"))
            rendering.check_accept(flask.request, media_types)
            return route.handler(call, **arguments)

        return view

    def _begin(self):
        flask.g.started = time.monotonic()
        flask.g.context = context.RequestContext(request_id=auth.request_id(flask.request))
        self.services.guard.check(flask.request)
        flask.g.context = self._strategy.context(flask.request)
        versions.check(flask.request)

    def _allow(self, rule, who, project_id=None):
        if self._policy.allows(rule, who, project_id):
            return
        if who.user_id or who.roles:
            raise errors.Forbidden(rule=rule)
        raise errors.Unauthorized(reason="none, or none that are valid, came with it")

    def _answer_error(self, error):
        failure = rendering.translate(error)
        if failure.status >= 502:
            self.services.metrics.failed(failure.code)
        respond = next(
            (each for mount, each in DIALECTS.items() if flask.request.path.startswith(mount)),
            rendering.respond,
        )
        response = respond(failure, flask.g.context.request_id)
        if failure.status == 401 and self._strategy.challenge:
            response.headers["WWW-Authenticate"] = self._strategy.challenge
        return response

    def _end(self, response):
        request, seconds = flask.request, time.monotonic() - flask.g.started
        headers = response.headers
        headers["X-OpenStack-Request-ID"] = flask.g.context.request_id
        headers[versions.HEADER] = versions.answered(request)
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Cache-Control", "no-cache")
        headers.setdefault("Vary", f"Accept, {versions.HEADER}")
        route = request.url_rule and request.url_rule.rule
        self.services.metrics.answered(route, request.method, response.status_code, seconds)
        access_log.write(LOG, request, response.status_code, seconds)
        return response


def create_app(conf, conductor):
    """Return the application; ``conductor`` is a ``valence.conductor.client.Conductor``."""
    return Application(conf, conductor)
