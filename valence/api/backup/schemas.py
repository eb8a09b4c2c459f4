# SPDX-License-Identifier: Apache-2.0
"""JSON schemas of the documents that clients send; only the first problem is reported, as Freezer does."""

import jsonschema

from valence.api.http import request_body
from valence.common import errors
from valence.db import models
from valence.db.models import backup

ACTIONS = backup.CAPABILITIES["supported_actions"]
MODES = backup.CAPABILITIES["supported_modes"]

#: actions on a job, and results of a run
EVENTS = ["start", "stop", "abort"]
RESULTS = ["", "success", "fail", "aborted"]

_LABEL = r"([a-zA-Z\d]|[a-zA-Z\d][a-zA-Z\d\-]{0,61}[a-zA-Z\d])"
_HOST = rf"{_LABEL}(\.{_LABEL})*"
#: characters of the longest value that an error repeats, and of the longest message
_LONGEST_SHOWN, _LONGEST_MESSAGE = 64, 400
_DATE = (
    r"^(-?(?:[1-9][0-9]*)?[0-9]{4})-(1[0-2]|0[1-9])-(3[01]|0[1-9]|[12][0-9])"
    r"T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?(Z|[+-](?:2[0-3]|[01][0-9]):[0-5][0-9])?$"
)
_TEXT, _INTEGER, _BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_SHORT = {"type": "string", "maxLength": 255}
_COUNT = {"type": ["integer", "null"], "minimum": -(2**63), "maximum": 2**63 - 1}
_DESCRIPTION = {"type": ["string", "null"], "maxLength": models.Job.fields["description"].max}
_NAME = {"type": "string", "pattern": r"^[\w-]+$", "maxLength": backup.LONGEST_NAME}
_MAYBE_NAME = {"type": ["string", "null"], "pattern": r"^[\w-]*$", "maxLength": backup.LONGEST_NAME}
CLIENT_NAME = {
    "type": "string",
    "pattern": rf"^(?:([\w\-]+)_)?{_HOST}$",
    "maxLength": backup.LONGEST_NAME,
}

#: collection -> names that only the service sets, and that are ignored in documents
IGNORED = {
    "actions": frozenset({"project_id", "user_id"}),
    "jobs": frozenset({"project_id", "user_id"}),
    "sessions": frozenset({"project_id", "user_id", "session_id"}),
}
#: other ignored names: in a new session, and in changes
OF_NEW_SESSIONS, OF_CHANGES = {"status", "jobs", "last_start"}, {"action_id", "job_id", "user_credentials"}

CLIENT = {
    "type": "object",
    "properties": {
        "client_id": CLIENT_NAME,
        "hostname": {"type": "string", "pattern": r"[a-zA-Z\d]", "maxLength": 255},
        "description": _DESCRIPTION,
        "config_id": _SHORT | {"type": ["string", "null"]},
        "uuid": {"type": "string", "maxLength": 64},
        "is_central": _BOOLEAN,
    }
    | {name: {"type": "array", "items": {"enum": words}} for name, words in backup.CAPABILITIES.items()},
    "required": ["client_id"],
}
_PATH = {"type": ["string", "null"], "maxLength": 4096}
#: kinds of those values of a freezer_action that have a column
_COLUMNS = {
    "action": {"type": "string", "maxLength": 64},
    "mode": {"type": ["string", "null"], "maxLength": 64},
    "path_to_backup": _PATH,
    "src_file": _PATH,
    "container": _PATH,
    "restore_abs_path": _PATH,
    "log_file": _PATH,
    "backup_name": {"type": ["string", "null"], "maxLength": 255},
    "timeout": _COUNT,
    "priority": _COUNT,
}
_RETRYING = {
    "max_retries": _COUNT,
    "max_retries_interval": _COUNT,
    "mandatory": {"type": ["boolean", "null"]},
}
# Agents of any version send settings of their own, which are kept as they are.
FREEZER_ACTION = {
    "type": "object",
    "properties": _COLUMNS,
    "required": ["action"],
    "additionalProperties": True,
}
_STRICT_ACTION = {
    "type": "object",
    "properties": _COLUMNS
    | {
        "action": {"enum": ACTIONS},
        "mode": {"enum": [*MODES, None]},
        "cindernative_freezer_only": {"type": ["boolean", "null"]},
    },
    "additionalProperties": True,
}
ACTION_CHANGE = {
    "type": "object",
    "properties": {
        "action_id": _MAYBE_NAME,
        "freezer_action": FREEZER_ACTION,
        "action": {"enum": ACTIONS},
        "mode": {"enum": MODES},
    }
    | _RETRYING,
}
ACTION = ACTION_CHANGE | {"required": ["freezer_action"]}
SCHEDULE = {
    "type": "object",
    "properties": dict.fromkeys(("time_created", "time_started", "time_ended", "current_pid"), _INTEGER)
    | dict.fromkeys(
        ("schedule_date", "schedule_start_date", "schedule_end_date"), {"type": "string", "pattern": _DATE}
    )
    | dict.fromkeys(
        [f"schedule_{unit}" for unit in ["month", "day", "week", "day_of_week", "hour", "minute", "second"]],
        _SHORT,
    )
    | {
        "event": {"enum": ["", "stop", "start", "abort", "remove"]},
        "status": {"enum": ["", "completed", "stop", "scheduled", "running", "aborting", "removed"]},
        "result": {"enum": RESULTS},
        "schedule_interval": {
            "type": "string",
            "pattern": r"^(continuous|(\d+ +(weeks|days|hours|minutes|seconds)))$",
            "maxLength": 64,
        },
        "schedule_year": {"type": "string", "pattern": r"^\d{4}$"},
    },
    "additionalProperties": False,
}
_ENTRY = {
    "type": "object",
    "properties": {"action_id": _MAYBE_NAME, "freezer_action": _STRICT_ACTION} | _RETRYING,
    "anyOf": [{"required": ["action_id"]}, {"required": ["freezer_action"]}],
}
JOB_CHANGE = {
    "type": "object",
    "properties": {
        "job_actions": {"type": "array", "items": _ENTRY, "maxItems": 1000},
        "job_schedule": SCHEDULE,
        "job_id": _MAYBE_NAME,
        "client_id": CLIENT_NAME,
        "session_id": _MAYBE_NAME,
        "session_tag": _INTEGER,
        "description": _DESCRIPTION,
        "action_defaults": _STRICT_ACTION | {"type": ["object", "null"]},
        "user_credentials": {"type": ["object", "null"]},
        "_version": _INTEGER,
    },
    "additionalProperties": False,
}
JOB = JOB_CHANGE | {
    "properties": JOB_CHANGE["properties"] | {"session_name": {"type": ["string", "null"]}},
    "required": ["job_actions", "client_id"],
}
_STATUS = {"type": ["string", "null"], "maxLength": 64}
_SESSION = {
    "type": "object",
    "properties": {
        "session_id": _NAME,
        "session_tag": _INTEGER,
        "description": _DESCRIPTION,
        "hold_off": _INTEGER,
        "schedule": SCHEDULE,
        "policy": {"type": ["string", "null"], "maxLength": 255},
        "status": {"type": "string", "maxLength": 64},
        "result": _STATUS,
        "jobs": {},
    }
    | dict.fromkeys(("time_start", "time_end", "time_started", "time_ended"), _INTEGER),
}
SESSION = _SESSION | {"required": ["schedule"]}
SESSION_REPLACEMENT = _SESSION | {"required": ["session_tag", "schedule"]}
_MEMBER_TEXT = {"type": ["string", "null"], "maxLength": 16}
#: a job in a session; a time that is not known is null, or empty as in Freezer
_MEMBER = {
    "type": "object",
    "properties": {"status": _MEMBER_TEXT, "result": _MEMBER_TEXT}
    | dict.fromkeys(("time_started", "time_ended"), {"type": ["integer", "string", "null"], "maxLength": 0}),
}
SESSION_CHANGE = _SESSION | {
    "properties": _SESSION["properties"]
    | {"jobs": {"type": "object", "additionalProperties": _MEMBER}}
    | dict.fromkeys(("last_start", "_version"), {}),
    "additionalProperties": False,
}
_PLACE = {"type": "string", "maxLength": 4096}
BACKUP = {
    "type": "object",
    "properties": {
        "backup_name": _SHORT,
        "container": _PLACE,
        "hostname": _SHORT,
        "status": {"enum": list(backup.STATUSES)},
    },
    "required": ["backup_name"],
    "anyOf": [
        {"properties": {"status": {"enum": ["creating", "error", "deleting"]}}, "required": ["status"]},
        {"required": ["container", "hostname"]},
    ],
}
BACKUP_CHANGE = {
    "type": "object",
    "properties": {"status": {"enum": list(backup.STATUSES)}, "backup_metadata": {"type": "object"}},
}

_REPORT = models.ActionReport.fields
REPORT = {
    "type": "object",
    "properties": {
        "action_id": _NAME,
        "result": {"enum": RESULTS[1:]},
        "time_elapsed": {"type": "string", "maxLength": _REPORT["time_elapsed"].max},
        "metadata": {"type": "object"},
        "log": {"type": "string", "maxLength": _REPORT["log"].max},
    },
    "required": ["result"],
    "additionalProperties": False,
}

_PAIRS = {"type": "array", "items": {"type": "object"}}
SEARCH = {
    "type": "object",
    "properties": {"match": _PAIRS, "match_not": _PAIRS}
    | dict.fromkeys(("time_after", "time_before"), _INTEGER | {"description": "Of backups."}),
}
EVENT = {
    "type": "object",
    "properties": dict.fromkeys(EVENTS, {}),
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_RUN = {"job_id": _TEXT, "current_tag": _INTEGER | {"description": "The last run that the client knows."}}
_START = {"type": "object", "properties": _RUN, "required": ["job_id", "current_tag"]}
_END = _START | {
    "properties": _RUN | {"result": {"enum": RESULTS}},
    "required": [*_START["required"], "result"],
}
SESSION_ACTION = EVENT | {"properties": {"start": _START, "end": _END}}


def check(validator, document):
    """Raise BadRequest with the first problem of a document, and the field that has it."""
    problem = next(validator.iter_errors(document), None)
    if problem is not None:
        place = ".".join(map(str, problem.absolute_path))
        raise errors.BadRequest(reason=": ".join(filter(None, (place, _message(problem)))))


def check_import(collection: str, document: dict):
    """Raise BadRequest if the API would refuse an imported document."""
    for problem in request_body.problems(document, request_body.USUAL.depth):
        raise errors.BadRequest(reason=f"{problem['path'].removeprefix('$.')}: {problem['detail']}")
    check(_IMPORTED[collection], document)


def _message(problem):
    """Return the message about a value; a value that may be large, or contain a password, is not repeated."""
    limit = problem.validator_value
    if problem.validator in ("maxLength", "maxItems"):
        return f"longer than {limit}"
    if problem.validator == "anyOf":
        return "needs " + ", or ".join(" and ".join(each["required"]) for each in limit)
    relation = {"type": "of type", "enum": "one of"}.get(problem.validator)
    if relation and isinstance(problem.instance, (dict, list)):
        return f"{type(problem.instance).__name__} is not {relation} {limit}"
    said = problem.message
    if isinstance(problem.instance, str):
        wants_object = problem.validator == "type" and "object" in limit
        if wants_object or len(problem.instance) > _LONGEST_SHOWN:
            said = said.replace(repr(problem.instance), "the text", 1)
    return said.partition("\n")[0][:_LONGEST_MESSAGE]


def validator(schema):
    """Return the validator of a schema."""
    return jsonschema.Draft202012Validator(schema)


#: collection -> validator of imported documents
_IMPORTED = {
    "clients": validator(CLIENT),
    "actions": validator(ACTION),
    "job_actions": validator(
        ACTION_CHANGE | {"anyOf": [{"required": ["action_id"]}, {"required": ["freezer_action"]}]}
    ),
    "jobs": validator(JOB | {"required": [*JOB["required"], "job_id"]}),
    "sessions": validator(SESSION | {"properties": SESSION_CHANGE["properties"]}),
    "backups": validator(BACKUP),
}
