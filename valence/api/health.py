# SPDX-License-Identifier: Apache-2.0
"""Whether this process lives, and whether it can serve."""

import flask

from valence import version
from valence.api import body
from valence.api import description
from valence.api import render
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


@description.described(answers={200: {"type": "object", "properties": {"status": {"type": "string"}}}})
def healthcheck(call):
    """Answer that the process lives, without asking anybody else."""
    return flask.Response(b'{"status":"alive"}', content_type=body.JSON)


class Readiness:
    """Remembers since when requests cannot be served."""

    def __init__(self):
        self._since = {}

    def checks(self, problems):
        """Return what is told of bus, conductors and store; ``problems`` maps those that are not ready to reasons."""
        return {name: self._check(name, problems.get(name)) for name in CHECKS}

    def _check(self, name, problem):
        if problem is None:
            self._since.pop(name, None)
            return {"ready": True, "reason": None, "since": None}
        noticed = self._since.setdefault(name, types.now())
        return {"ready": False, "reason": problem["reason"], "since": problem.get("since") or noticed}


@description.described(answers={200: _READINESS, 503: _READINESS})
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
    return render.document(call, value, status=503 if problems else 200, headers=headers)


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
