# SPDX-License-Identifier: Apache-2.0
"""Descriptions of the backup service's handlers for the OpenAPI document: schemas of responses, parameters, examples.

A schema describes both versions, so properties that only version 2 shows are optional.
"""

from valence.api.backup import schemas
from valence.api.http import descriptions
from valence.api.http import request_body
from valence.db import models
from valence.db.models import backup

#: prefix of the names of its schemas and error responses
DIALECT = "Backup"

_TEXT, _INTEGER, _MAYBE_TEXT = {"type": "string"}, {"type": "integer"}, {"type": ["string", "null"]}
_MAYBE_INTEGER, _OBJECT = {"type": ["integer", "null"]}, {"type": "object"}
_OWNED = {"project_id": _TEXT, "user_id": _TEXT}
_VERSION = {"_version": {"type": "integer", "description": "Version 1: how often it was changed."}}
_RETRYING = {
    "max_retries": _MAYBE_INTEGER,
    "max_retries_interval": _MAYBE_INTEGER,
    "mandatory": {"type": "boolean"},
}


def _document(about, properties):
    return {"type": "object", "description": about, "properties": properties}


_ABILITIES = {name: {"type": "array", "items": _TEXT} for name in backup.CAPABILITIES}
_CLIENT = _document(
    "A machine on which an agent protects data.",
    _OWNED
    | {
        "client": {
            "type": "object",
            "properties": dict.fromkeys(("client_id", "uuid", "config_id"), _TEXT)
            | dict.fromkeys(("hostname", "description"), _MAYBE_TEXT)
            | {"is_central": {"type": "boolean"}}
            | _ABILITIES,
            "required": ["client_id"],
        }
    },
)
_ACTION = _document(
    "What an agent is told to do.",
    _OWNED
    | _VERSION
    | _RETRYING
    | {"action_id": _TEXT, "timeout": _MAYBE_INTEGER, "freezer_action": _OBJECT},
)
_SCHEDULE = schemas.SCHEDULE | {"description": "When it runs, and where it stands."}
_JOB = _document(
    "Actions that a client runs by a schedule.",
    _OWNED
    | _VERSION
    | dict.fromkeys(("job_id", "client_id", "session_id"), _TEXT)
    | {
        "description": _TEXT,
        "session_tag": _INTEGER,
        "job_schedule": _SCHEDULE,
        "job_actions": {"type": "array", "items": descriptions.reference("BackupAction")},
        "user_credentials": _OBJECT,
    },
)
_MEMBER = _document(
    "A job in a session.",
    dict.fromkeys(("client_id", "status", "result"), _TEXT)
    | dict.fromkeys(("time_started", "time_ended"), _INTEGER),
)
_SESSION = _document(
    "Jobs on several clients that run together.",
    _OWNED
    | _VERSION
    | dict.fromkeys(("session_id", "last_start", "policy"), _TEXT)
    | dict.fromkeys(("description", "status", "result"), _MAYBE_TEXT)
    | dict.fromkeys(
        ("session_tag", "hold_off", "time_start", "time_end", "time_started", "time_ended"), _INTEGER
    )
    | {
        "schedule": _SCHEDULE,
        "jobs": {
            "description": "By job; version 1 shows an empty list where there is none.",
            "anyOf": [
                {"type": "object", "additionalProperties": _MEMBER},
                {"type": "array", "items": _MEMBER, "maxItems": 0},
            ],
        },
    },
)
_BACKUP = _document(
    "A backup that an agent made.",
    _OWNED
    | _VERSION
    | {"backup_id": _TEXT, "user_name": _MAYBE_TEXT, "status": _TEXT}
    | {"backup_metadata": _OBJECT | {"description": "What the agent tells of it."}},
)
_REPORT_FIELDS = models.ActionReport.fields
_REPORT = _document(
    "How one run of an action in a job ended.",
    dict.fromkeys(("report_id", "project_id", "job_id", "action_id"), _TEXT)
    | {name: _REPORT_FIELDS[name].schema() for name in ("result", "time_elapsed", "report_date")}
    | {"metadata": _OBJECT, "log": _TEXT},
)
_ERROR = _document(
    "An error.",
    {
        "title": _TEXT,
        "description": _TEXT,
        "error": _OBJECT | {"description": "Instead of the others, where credentials are missing or wrong."},
    },
)
#: collection -> name of the schema of one of its things
NAMES = {
    "clients": "BackupClient",
    "actions": "BackupAction",
    "jobs": "BackupJob",
    "sessions": "BackupSession",
    "backups": "Backup",
    "reports": "BackupReport",
}
SCHEMAS = {
    "BackupClient": _CLIENT,
    "BackupAction": _ACTION,
    "BackupJob": _JOB,
    "BackupSession": _SESSION,
    "Backup": _BACKUP,
    "BackupReport": _REPORT,
    "BackupError": _ERROR,
}


def one(collection):
    """Return the schema of one thing of a collection."""
    return descriptions.reference(NAMES[collection])


def page(collection):
    """Return the schema of a page of a collection."""
    properties = {collection: {"type": "array", "items": one(collection)}}
    return {"type": "object", "properties": properties, "required": [collection]}


def told(*names):
    """Return the schema of a response with these of: the name of a thing, its version, a result."""
    kinds = {"version": _INTEGER, "session_tag": _INTEGER}
    return {
        "type": "object",
        "properties": {name: kinds.get(name, _TEXT) for name in names},
        "required": list(names),
    }


def error(status):
    """Return the schema and an example of an error with a status."""
    example = {"title": str(status), "description": "What is wrong."}
    return {"schema": descriptions.reference("BackupError"), "example": example}


#: statuses of errors of requests that read, and of requests that create or change something
READING, WRITING = (400, 404), (400, 404, 409, 413, 422)

_STRING = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
LIMIT = descriptions.parameter("limit", _COUNT, "Most things of the page.")
MARKER = descriptions.parameter("marker", _STRING, "Name of the last thing of the page before.")
PAGING = (
    LIMIT,
    descriptions.parameter("offset", _COUNT, "How many things to leave out before the page."),
    MARKER,
    descriptions.parameter("sort", _STRING, "Order: `name` or `name:desc`."),
    descriptions.parameter("fields", _STRING, "Names of a document to show, separated by commas."),
)
REPORTS = (
    LIMIT,
    MARKER,
    descriptions.parameter("result", {"enum": schemas.RESULTS[1:]}, "How the runs ended."),
    descriptions.parameter("since", _TIME, "Reports from this time on."),
    descriptions.parameter("until", _TIME, "Reports before this time."),
)
EVERYWHERE = descriptions.parameter("all_projects", {"type": "boolean"}, "Show the jobs of all projects.")


def verb(answered, *, parameters=(), body=None, example=None, needed=True, failures=(), **values):
    """Return the Description of a handler with the schemas of its responses by status."""
    usual = WRITING if body or 204 in answered else READING
    return descriptions.Description(
        parameters=tuple(parameters),
        body=body,
        body_example=example if body else None,
        media_types=(request_body.JSON,),
        needs_body=needed,
        answers=answered,
        failures=(*usual, *failures),
        dialect=DIALECT,
        **values,
    )


def described(answered, **about):
    """Set the Description of a handler that is a function."""
    return descriptions.describe(verb(answered, **about))


ACTION = {
    "action": "backup",
    "mode": "fs",
    "storage": "local",
    "path_to_backup": "/etc",
    "backup_name": "etc",
    "container": "/srv/backups",
}
SCHEDULE = {"schedule_interval": "1 days"}
#: collection -> a creation, which can be a change too
BODIES = {
    "clients": {"client_id": "node-7", "hostname": "node-7", "description": "Rack 3"},
    "actions": {"freezer_action": ACTION, "max_retries": 3, "max_retries_interval": 60},
    "jobs": {
        "client_id": "node-7",
        "description": "Nightly",
        "job_actions": [{"freezer_action": ACTION}],
        "job_schedule": SCHEDULE,
    },
    "sessions": {"description": "All databases", "hold_off": 60, "session_tag": 0, "schedule": SCHEDULE},
    "backups": {"backup_name": "etc", "container": "/srv/backups", "hostname": "node-7"},
    "reports": {"result": "fail", "time_elapsed": "40", "log": "No space left on device"},
}
STATUS = {"status": "deleted"}
SEARCH = {"match": [{"client_id": "node-7"}], "match_not": [{"status": "completed"}]}
EVENT = {"start": None}
SESSION_ACTION = {"start": {"job_id": "nightly", "current_tag": 0}}
