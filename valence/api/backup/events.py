# SPDX-License-Identifier: Apache-2.0
"""Actions on jobs and sessions: start, stop and abort them, and add jobs to sessions."""

from valence.api.backup import collections
from valence.api.backup import describing
from valence.api.backup import requests
from valence.api.backup import schemas
from valence.common import errors


@describing.described({202: describing.told("result")}, body=schemas.EVENT, example=describing.EVENT)
def job_event(call, name, project_id=None):
    """Ask the scheduler of a job to start, stop or abort it."""
    event = _first(call, "Bad event request format")
    if event not in schemas.EVENTS:
        raise errors.BadRequest(reason="Bad Action Method")
    result = call.conductor.backup.ask(call.context, requests.of(call, project_id), name, event)
    return collections.respond({"result": result}, 202)


@describing.described(
    {202: describing.told("result", "session_tag")},
    body=schemas.SESSION_ACTION,
    example=describing.SESSION_ACTION,
    failures=(405,),
)
def session_action(call, name, project_id=None):
    """Start or end a run of a session for one of its jobs."""
    told = requests.required(call)
    action = next(iter(told), None)
    if action not in ("start", "end"):
        raise _bad_method(call)
    parameters = _parameters(told[action], action)
    do = getattr(call.conductor.backup, action)
    return collections.respond(do(call.context, requests.of(call, project_id), name, parameters), 202)


@describing.described({204: None})
def add_job(call, name, job_name, project_id=None):
    """Put a job into a session."""
    call.conductor.backup.add_job(call.context, requests.of(call, project_id), name, job_name)
    return collections.respond(collections.NOTHING, 204)


@describing.described({204: None})
def remove_job(call, name, job_name, project_id=None):
    """Take a job out of a session."""
    call.conductor.backup.remove_job(call.context, requests.of(call, project_id), name, job_name)
    return collections.respond(collections.NOTHING, 204)


def _first(call, problem):
    try:
        told = requests.document(call)
    except errors.BadRequest:
        told = None
    if not told:
        raise errors.BadRequest(reason=problem)
    return next(iter(told))


def _bad_method(call):
    failure = errors.BadRequest(reason="Bad Action Method")
    failure.status, failure.title = 405, "Bad Method"
    return failure


def _parameters(told, action):
    """Return the parameters of an action; command line clients send the tag as a text."""
    try:
        parameters = {"job_id": told["job_id"], "current_tag": int(told["current_tag"])}
        if action == "end":
            parameters["result"] = told["result"]
    except (KeyError, TypeError, ValueError):
        reason = f"{action} needs job_id and current_tag{', and result' if action == 'end' else ''}"
        raise errors.BadRequest(reason=reason) from None
    if not isinstance(parameters["job_id"], str) or parameters.get("result", "") not in schemas.RESULTS:
        raise errors.BadRequest(reason=f"{action} has a job_id or result of another kind than it should")
    return parameters
