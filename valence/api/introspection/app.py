# SPDX-License-Identifier: Apache-2.0
"""The dialect as a WSGI application of its own, mounted in the other one or served on a port of its own."""

import json
import logging
import time

import flask

from valence.api import access_log
from valence.api import auth
from valence.api import call as calls
from valence.api import errors as rendering
from valence.api.introspection import documents
from valence.api.introspection import port
from valence.api.introspection import rate
from valence.api.introspection import routes
from valence.api.introspection import turns
from valence.api.introspection import versions
from valence.common import context
from valence.common import errors

LOG = logging.getLogger(__name__)

#: longest message of an error; a document can make it long
LONGEST = 2000


class Application(flask.Flask):
    """The dialect over a conductor; ``allow`` and ``strategy`` are those of the whole API, so is ``services``."""

    def __init__(self, conf, conductor, strategy, allow, services):
        super().__init__("valence.introspection", static_folder=None)
        self.url_map.strict_slashes = self.url_map.merge_slashes = False
        self.config["MAX_CONTENT_LENGTH"] = conf.processing.max_body_kib * 1024
        self._conductor, self._strategy = conductor, strategy
        self._allow, self._services = allow, services
        services.rate = rate.Rate(conf.processing.documents_per_minute)
        services.turns = turns.Turns(documents.REST)
        depth = conf.processing.max_json_depth
        self._settings = calls.Settings.of(conf)._replace(max_json_depth=depth)
        for route in routes.ROUTES:
            url = route.url.replace("{", "<").replace("}", ">")
            self.add_url_rule(url, f"{route.method} {url}", self._view(route), methods=[route.method])
        self.before_request(self._begin)
        self.after_request(self._end)
        self.register_error_handler(Exception, self._answer_error)

    def _view(self, route):
        def view(**arguments):
            call = calls.Call(flask.request, flask.g.context, self._conductor, self._settings, self._services)
            self._allow(route.rule, call.context)
            return _response(route.handler(call, **arguments))

        return view

    def _begin(self):
        flask.g.started = time.monotonic()
        flask.g.context = context.RequestContext(request_id=auth.request_id(flask.request))
        self._services.guard.check(flask.request)
        flask.g.context = self._strategy.context(flask.request)
        flask.g.version = versions.asked(flask.request)

    def _answer_error(self, error):
        failure = rendering.translate(error)
        if failure.status >= 502:
            self._services.metrics.failed(failure.code)
        message = failure.detail
        if isinstance(failure, errors.ValidationFailed):
            message = "; ".join(problem["detail"] for problem in failure.problems)
        body = json.dumps({"error": {"message": message[:LONGEST]}})
        response = flask.Response(
            body, failure.status, rendering.headers(failure), content_type="application/json"
        )
        if failure.status == 401 and self._strategy.challenge:
            response.headers["WWW-Authenticate"] = self._strategy.challenge
        return response

    def _end(self, response):
        request, seconds = flask.request, time.monotonic() - flask.g.started
        response.headers.update(versions.headers())
        response.headers["X-OpenStack-Request-ID"] = flask.g.context.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-cache")
        rule = f"{port.MOUNT}{request.url_rule.rule}" if request.url_rule else None
        self._services.metrics.answered(rule, request.method, response.status_code, seconds)
        access_log.write(LOG, request, response.status_code, seconds)
        return response


def _response(answer):
    if isinstance(answer, flask.Response):
        return answer
    return flask.Response(json.dumps(answer), content_type="application/json")
