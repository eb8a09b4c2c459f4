# SPDX-License-Identifier: Apache-2.0
"""Probes of this process: whether it lives, whether it can serve requests, and its metrics."""

import flask
import prometheus_client

from valence import version
from valence.api.http import descriptions
from valence.api.http import handler
from valence.api.http import request_body
from valence.common import errors
from valence.db import types

CHECKS = ("bus", "conductors", "store")
_CHECK = {
    "type": "object",
    "properties": {name: {"type": ["string", "null"]} for name in ("reason", "since")}
    | {"ready": {"type": "boolean"}},
    "required": ["ready", "reason", "since"],
}
_READINESS = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["ready", "not ready"]},
        "version": {"type": "string"},
        "conductor": {"type": ["string", "null"], "description": "The conductor that answered."},
        "checks": {"type": "object", "properties": dict.fromkeys(CHECKS, _CHECK)},
    },
    "required": ["status"],
}
#: the rule that allows to see more than whether this process is ready
DETAILS = "valence:health:details"
_UNKNOWN = "Nobody could be asked."


@descriptions.described(answers={200: {"type": "object", "properties": {"status": {"type": "string"}}}})
def healthcheck(call):
    """Answer that the process lives, without asking anybody else."""
    return flask.Response(b'{"status":"alive"}', content_type=request_body.JSON)


class Readiness:
    """Remembers since when requests cannot be served."""

    def __init__(self):
        self._since = {}

    def checks(self, problems):
        """Return the state of bus, conductors and store; ``problems`` maps each one that is not ready to its reason."""
        return {name: self._check(name, problems.get(name)) for name in CHECKS}

    def _check(self, name, problem):
        if problem is None:
            self._since.pop(name, None)
            return {"ready": True, "reason": None, "since": None}
        noticed = self._since.setdefault(name, types.now())
        return {"ready": False, "reason": problem["reason"], "since": problem.get("since") or noticed}


@descriptions.described(answers={200: _READINESS, 503: _READINESS})
def readyz(call):
    """Show whether bus, conductors and store are there; 503 with the reasons, and since when, if not.

    Reasons name hosts, users and what drivers say: who may not see these gets the status alone.
    """
    conductor, problems = _ask(call)
    checks = call.services.readiness.checks(problems)
    value = {"status": "not ready" if problems else "ready"}
    if call.policy.allows(DETAILS, call.context):
        value |= {"version": version.version_string(), "conductor": conductor, "checks": checks}
    headers = {"Retry-After": "2"} if problems else {}
    return handler.document(call, value, status=503 if problems else 200, headers=headers)


def _ask(call):
    """Return the host of the conductor that answers, or None, and ``{check: {"reason", …}}`` for what is not ready."""
    unknown = {"reason": _UNKNOWN}
    try:
        answer = call.conductor.status.ping(call.context)
    except errors.BusUnavailable as error:
        return None, {"bus": _problem(call, error), "conductors": unknown, "store": unknown}
    except errors.Unavailable as error:
        return None, {"conductors": _problem(call, error), "store": unknown}
    return answer["host"], {"store": answer["store"]} if answer["store"] else {}


def _problem(call, error):
    state = call.conductor.liveness.state
    return {"reason": error.detail, "since": None if state["alive"] else state["since"]}


@descriptions.described(answers={200: {"type": "string"}}, answer_types=("text/plain",))
def metrics(call):
    """Show the figures of this process in the text format of Prometheus."""
    return flask.Response(call.services.metrics.text(), content_type=prometheus_client.CONTENT_TYPE_LATEST)
