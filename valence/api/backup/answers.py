# SPDX-License-Identifier: Apache-2.0
"""What the backup service answers, as JSON schemas; what version 2 shows beyond version 1 may be missing."""

from valence.api import description
from valence.api.backup import schemas
from valence.db import models
from valence.db.models import backup_client

#: what the names of its schemas and error responses begin with
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


_ABILITIES = {name: {"type": "array", "items": _TEXT} for name in backup_client.CAPABILITIES}
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
        "job_actions": {"type": "array", "items": description.reference("BackupAction")},
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
            "type": ["object", "array"],
            "description": "By job; version 1 shows an empty list where there is none.",
            "additionalProperties": _MEMBER,
            "maxItems": 0,
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
    return description.reference(NAMES[collection])


def page(collection):
    """Return the schema of a page of a collection."""
    properties = {collection: {"type": "array", "items": one(collection)}}
    return {"type": "object", "properties": properties, "required": [collection]}


def told(*names):
    """Return the schema of an answer that names a thing, its version or a result."""
    kinds = {"version": _INTEGER, "session_tag": _INTEGER}
    return {
        "type": "object",
        "properties": {name: kinds.get(name, _TEXT) for name in names},
        "required": list(names),
    }


def error(status):
    """Return the schema and an example of an error with a status."""
    example = {"title": str(status), "description": "What is wrong."}
    return {"schema": description.reference("BackupError"), "example": example}
