# SPDX-License-Identifier: Apache-2.0
"""Convert documents of Elasticsearch into rows of the schema.

Old names are understood, small defects are repaired and noted, and a document that the API would refuse is refused.
"""

import functools
import hashlib
import json
import re
import uuid

from valence.backup import actions
from valence.backup import backups
from valence.backup import changes
from valence.backup import schedules
from valence.backup import sessions
from valence.common import errors
from valence.db import models
from valence.db.models import backup as backup_models

_NAME = re.compile(r"[\w.:-]+")
_PROJECT = re.compile(r"[\w.-]{1,64}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
#: older names -> present ones
_OLD = {"max_retry_interval": "max_retries_interval", "host_name": "hostname", "timestamp": "time_stamp"}
#: fields of a client's document
_CLIENT = ("client_id", "hostname", "description", "config_id", "uuid", "is_central")
_JOB = ("job_id", "client_id", "description", "session_id", "session_tag")
#: fields of a job's document that the import derives itself, or that have no meaning any more
_DERIVED = ("job_actions", "job_schedule", "job_event", "user_id", "user_name", "project_id") + (
    "user_credentials",
    "session_name",
    "_version",
)
_RETRIES = ("max_retries", "max_retries_interval")
_SCHEDULE_TIMES = ("time_created", "time_started", "time_ended", "current_pid")
_SESSION_NUMBERS = ("session_tag", "hold_off", "time_start", "time_end", "time_started", "time_ended")
_MEMBER_TIMES = ("time_started", "time_ended")
#: longest description, and longest part of a problem that is reported
_LONGEST, _LONGEST_PROBLEM = models.Job.fields["description"].max, 300


class Refused(Exception):
    """A document that cannot be imported; the text names the field and the problem."""


class Document:
    """One document during its conversion; ``notes`` describe what was repaired.

    ``check(collection, document)`` raises BadRequest for a document that the API would refuse.
    """

    def __init__(self, hit, project_of, check):
        if hit.problem:
            raise Refused(hit.problem)
        self.hit, self.source, self.notes, self._check = hit, renamed(hit.source), [], check
        self.own_key = None
        self.user_id = self._text("user_id", models.Job.fields["user_id"].max)
        self.user_name = self._text("user_name", models.Backup.fields["user_name"].max) or None
        self.project_id = self._project(project_of)
        self.scope = changes.Scope("v2", self.project_id, self.user_id, self.user_name)

    def key(self, field, name):
        """Return the key of what the tenant calls ``name`` in a field; raise Refused for what is not a name."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refused(f"{field}: {_shown(name)} is not an identifier")
        if len(name) > backup_models.LONGEST_NAME:
            raise Refused(f"{field}: longer than {backup_models.LONGEST_NAME} characters")
        return self.scope.key(name)

    def checked(self, collection, told):
        """Return a document that the API would take for a collection; raise Refused."""
        try:
            self._check(collection, told)
        except errors.BadRequest as problem:
            raise Refused(problem.problems[0]["detail"][:_LONGEST_PROBLEM]) from None
        return told

    def make(self, model, key, **values):
        """Return a row of the document's owner."""
        about = {"id": key, "project_id": self.project_id, "user_id": self.user_id}
        return model(**about, **values, revision=max(1, self.hit.version))

    @functools.cached_property
    def members(self):
        """How a session's document sees its jobs, by name; raises Refused."""
        return _members(self)

    @functools.cached_property
    def job_actions(self):
        """The actions in a job's document, by present names; raises Refused."""
        return _job_actions(self)

    def note(self, text):
        """Note what was repaired."""
        self.notes.append(text)

    def numbers(self, told, names):
        """Return an object without empty numbers, and with numbers that were stored as text as numbers."""
        kept = {name: value for name, value in told.items() if name not in names or value not in ("", None)}
        for name in names:
            if isinstance(text := kept.get(name), str) and _NUMBER.fullmatch(text):
                kept[name] = int(text)
                self.note(f"{name} was the text {text!r}")
        return kept

    def described(self, told):
        """Return an object whose description is not too long, and not null."""
        text = told.get("description")
        if isinstance(text, str) and len(text) > _LONGEST:
            self.note(f"description was cut at {_LONGEST} characters")
            return told | {"description": text[:_LONGEST]}
        return without_nulls(told, ("description",))

    def _text(self, name, longest):
        value = self.source.get(name)
        value = "" if value is None else value
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            raise Refused(f"{name}: {_shown(value)} is not a printable text of at most {longest} characters")
        return value

    def _project(self, project_of):
        project = self.source.get("project_id") or project_of(self.user_id)
        if not project:
            raise Refused(f"project_id: there is no project for the user {self.user_id or 'without a name'}")
        if not is_project(project):
            raise Refused(f"project_id: {_shown(project)} is not a project id")
        return project


def is_project(text):
    """Return whether a value is a project id that a URL can contain."""
    return isinstance(text, str) and bool(_PROJECT.fullmatch(text))


def is_uuid(value):
    """Return whether a value can be the UUID of a client."""
    field = models.Client.fields["uuid"]
    return isinstance(value, str) and 0 < len(value) <= field.max and value.isprintable()


def key(document):
    """Return the key of the thing of a document; raise Refused."""
    kind = document.hit.collection.removesuffix("s")
    told = _client_of(document) if kind == "client" else document.source
    name = told.get(f"{kind}_id") or (document.hit.identifier if kind == "backup" else None)
    return document.key(f"{kind}_id", name)


def client(document):
    """Return the Client of a document; abilities that no agent has any longer are left out."""
    told = _client_of(document)
    about = {name: told[name] for name in _CLIENT if told.get(name) is not None}
    for name, words in backup_models.CAPABILITIES.items():
        if told.get(name) is not None:
            about[name] = _known_words(document, name, told[name], words)
    about = document.checked("clients", document.described(about))
    about["uuid"] = about.get("uuid") or new_uuid(document.hit.identifier)
    return document.make(models.Client, document.key("client_id", about.pop("client_id")), **about)


def _job_actions(document):
    entries = document.source.get("job_actions")
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise Refused("job_actions: not a list")
    return [_entry(document, number, entry) for number, entry in enumerate(entries)]


def action(document, told=None, own_name=None):
    """Return the Action of a document, or of a job's copy of one, which is one of ``job_actions``."""
    told = told or _definition(document, document.source)
    document.checked("actions", told)
    retrying = {each: told[each] for each in actions.RETRYING if each in told}
    row_key = document.key("action_id", own_name or told.get("action_id"))
    about = actions.RETRYING | retrying | actions.columns(told["freezer_action"])
    return document.make(models.Action, row_key, **about)


def session(document):
    """Return the Session of a document."""
    told = {name: value for name, value in document.source.items() if value is not None}
    told = {name: value for name, value in told.items() if value != "" or name not in sessions.FIELDS}
    told = document.described(document.numbers(told, _SESSION_NUMBERS))
    told["schedule"] = _schedule(document, "schedule")
    told["jobs"] = document.members
    document.checked("sessions", told)
    about = {field: told[field] for field in sessions.FIELDS if field in told}
    return document.make(models.Session, key(document), scheduling=schedules.times(told["schedule"]), **about)


def _members(document):
    """Return what ``Document.members`` is; version 1 has a list where there is none."""
    jobs = document.source.get("jobs") or {}
    if not isinstance(jobs, dict) or not all(isinstance(each, dict) for each in jobs.values()):
        raise Refused("jobs: not an object of objects")
    known = sessions.MEMBER.keys() | {"client_id"}
    return {
        name: without_nulls({each: value for each, value in numbers.items() if each in known}, known)
        for name, numbers in ((name, document.numbers(told, _MEMBER_TIMES)) for name, told in jobs.items())
    }


def job(document):
    """Return the Job and the JobAttachment of a document, which is not in a session yet."""
    source = document.source
    document.notes += [f"{name} was dropped" for name in source if name not in (*_JOB, *_DERIVED)]
    schedule = _schedule(document, "job_schedule")
    if source.get("job_event"):  # where older versions kept it
        schedule = {"event": source["job_event"]} | schedule
    told = document.described({name: source[name] for name in _JOB if source.get(name) is not None})
    told = document.numbers(told, ("session_tag",)) | {"job_schedule": schedule}
    document.checked("jobs", told | {"job_actions": [{"action_id": "any"}] * len(document.job_actions)})
    about = {"description": told.get("description"), "time_created": schedule.get("time_created", -1)}
    row = document.make(models.Job, key(document), scheduling=schedules.times(schedule), **about)
    own = {"job_id": row.id, "project_id": row.project_id, "name": changes.name_of(row.id)}
    client_key = document.key("client_id", told["client_id"])
    at_client = {"client_id": client_key, "client_name": changes.name_of(client_key)}
    own["session_tag"] = told.get("session_tag", 0)
    return row, models.JobAttachment(**at_client, **own, **schedules.state(schedule))


def backup(document):
    """Return the Backup of a document; the metadata stay as they are."""
    metadata = document.source.get("backup_metadata")
    if not isinstance(metadata, dict):
        raise Refused("backup_metadata: not an object")
    status = document.source.get("status") or "available"
    if status not in models.Backup.fields["status"].choices:
        document.note(f"status was {_shown(status)}")
        status = "error"
    document.checked("backups", renamed(metadata) | {"status": status})
    about = {"user_name": document.user_name, "status": status, "backup_metadata": metadata}
    return document.make(models.Backup, key(document), **about, **backups.copies(renamed(metadata)))


def fork(document, row):
    """Return an action under a name of its own, the same at every import, because its name is another action's."""
    definition = json.dumps(actions.given(row), sort_keys=True).encode()
    name = f"{changes.name_of(row.id)}-{hashlib.sha256(definition).hexdigest()[:8]}"
    return row.replace(id=document.key("action_id", name))


def copy_name(document, plan):
    """Return the name of an action that has none, by its place in its job: the same at every import."""
    return f"{document.source.get('job_id')}-{len(plan.attachments)}"


def new_uuid(key):
    """Return a UUID for the client with a key, the same at every import."""
    return uuid.uuid5(uuid.NAMESPACE_OID, key).hex


def renamed(told):
    """Return a document with present names."""
    return {
        _OLD.get(name, name) if _OLD.get(name) not in told else name: value for name, value in told.items()
    }


def without_nulls(told, names):
    """Return an object without those of its fields ``names`` that are null."""
    return {name: value for name, value in told.items() if value is not None or name not in names}


def _client_of(document):
    told = document.source.get("client")
    if not isinstance(told, dict):
        raise Refused("client: not an object")
    return renamed(told)


def _known_words(document, name, given, words):
    """Return those of the abilities of a client that there are; what is not a list is for the check."""
    if not isinstance(given, list):
        return given
    unknown = [word for word in given if word not in words]
    if unknown:
        document.note(f"{name} had {_shown(unknown)}")
    return [word for word in given if word in words]


def _entry(document, number, entry):
    """Return one of the actions in a job's document; raise Refused."""
    if not isinstance(entry, dict):
        raise Refused(f"job_actions.{number}: not an object")
    told = _definition(document, renamed(entry))
    try:
        return document.checked("job_actions", without_nulls(told, ("action_id",)))
    except Refused as refusal:
        raise Refused(f"job_actions.{number}.{refusal}") from None


def _definition(document, told):
    """Return what a document says of an action: its name, its definition and how it is retried."""
    told = document.numbers(without_nulls(told, actions.RETRYING), _RETRIES)
    return {name: told[name] for name in ("action_id", "freezer_action", *actions.RETRYING) if name in told}


def _schedule(document, name):
    """Return the schedule of a document without empty values; raise Refused for what is not an object."""
    schedule = document.source.get(name)
    if schedule is None:
        document.note(f"{name} was missing")
        return {}
    if not isinstance(schedule, dict):
        raise Refused(f"{name}: {_shown(schedule)} is not an object")
    return without_nulls(document.numbers(schedule, _SCHEDULE_TIMES), schedule.keys())


def _shown(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
