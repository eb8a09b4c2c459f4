# SPDX-License-Identifier: Apache-2.0
"""Introspections: start, end, and how they go."""

import flask

from valence.api.introspection import links
from valence.api.introspection import parameters
from valence.db.models import introspection

#: where a start tells the token that the ramdisk has to bring
TOKEN = "X-Valence-Introspection-Token"


def listing(call):
    """Show a page of introspections, the latest first."""
    given = parameters.of(call)
    rows = call.conductor.introspection.list(
        call.context,
        states=parameters.states(given),
        marker=parameters.marker(given),
        limit=parameters.limit(given, call.settings.max_limit),
    )
    return {"introspection": [shown(call, row) for row in rows]}


def show(call, machine):
    """Show how the introspection of a machine goes."""
    return shown(call, call.conductor.introspection.status(call.context, machine))


def start(call, machine):
    """Start the introspection of a machine."""
    given = parameters.of(call)
    started = call.conductor.introspection.start(
        call.context,
        machine,
        manage_boot=parameters.boolean(given, "manage_boot", True),
        source=parameters.source(given),
    )
    response = accepted()
    if started.get("token"):
        response.headers[TOKEN] = started["token"]
    return response


def abort(call, machine):
    """End the introspection of a machine before its time."""
    call.conductor.introspection.abort(call.context, machine)
    return accepted()


def accepted():
    """Return the answer to what is going to happen."""
    return flask.Response("{}", 202, content_type="application/json")


def shown(call, row):
    """Return a status in the form of the dialect: times have no zone."""
    return {
        "error": row["error"],
        "finished": row["state"] in introspection.ENDED,
        "finished_at": _moment(row["finished_at"]),
        "links": [links.own(call, f"/v1/introspection/{row['uuid']}")],
        "started_at": _moment(row["started_at"]),
        "state": row["state"],
        "uuid": row["uuid"],
    }


def _moment(time):
    return time and time.removesuffix("Z")
