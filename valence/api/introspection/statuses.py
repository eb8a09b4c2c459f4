# SPDX-License-Identifier: Apache-2.0
"""Handlers of introspections: list, show, start and abort them."""

import flask

from valence.api.introspection import describing
from valence.api.introspection import dialect
from valence.db.models import introspection

#: header of a start's response with the token that the ramdisk has to send
TOKEN = "X-Valence-Introspection-Token"


@describing.described(
    {200: describing.page("introspection", "Introspection")},
    parameters=(describing.STATE, describing.MARKER, describing.LIMIT),
    failures=describing.READING,
)
def listing(call):
    """Show a page of introspections, the latest first."""
    given = dialect.parameters(call)
    rows = call.conductor.introspection.list(
        call.context,
        states=dialect.states(given),
        marker=dialect.marker(given),
        limit=dialect.limit(given, call.settings.max_limit),
    )
    return {"introspection": [shown(call, row) for row in rows]}


@describing.described({200: describing.one("Introspection")}, failures=describing.READING)
def show(call, machine):
    """Show how the introspection of a machine goes."""
    return shown(call, call.conductor.introspection.status(call.context, machine))


@describing.described(
    {202: describing.ACCEPTED},
    parameters=(describing.MANAGE_BOOT, describing.SOURCE),
    failures=describing.WRITING,
)
def start(call, machine):
    """Start the introspection of a machine."""
    given = dialect.parameters(call)
    started = call.conductor.introspection.start(
        call.context,
        machine,
        manage_boot=dialect.boolean(given, "manage_boot", True),
        source=dialect.source(given),
    )
    response = accepted()
    if started.get("token"):
        response.headers[TOKEN] = started["token"]
    return response


@describing.described({202: describing.ACCEPTED}, failures=describing.WRITING)
def abort(call, machine):
    """End the introspection of a machine before its time."""
    call.conductor.introspection.abort(call.context, machine)
    return accepted()


def accepted():
    """Return 202 with an empty object."""
    return flask.Response("{}", 202, content_type="application/json")


def shown(call, row):
    """Return a status in the form of the dialect, in which times have no zone."""
    return {
        "error": row["error"],
        "finished": row["state"] in introspection.ENDED,
        "finished_at": _moment(row["finished_at"]),
        "links": [dialect.own(call, f"/v1/introspection/{row['uuid']}")],
        "started_at": _moment(row["started_at"]),
        "state": row["state"],
        "uuid": row["uuid"],
    }


def _moment(time):
    return time and time.removesuffix("Z")
