# SPDX-License-Identifier: Apache-2.0
"""Documents of Elasticsearch as rows of the schema: old names understood, what is broken repaired or refused."""

import hashlib
import json
import re
import uuid

from valence.backup import actions
from valence.backup import backups
from valence.backup import schedules
from valence.backup import scope
from valence.backup import sessions
from valence.db import models
from valence.db import types
from valence.db.models.backup_client import CAPABILITIES

_NAME = re.compile(r"[\w.-]+")
#: older names -> present ones
_OLD = {"max_retry_interval": "max_retries_interval", "host_name": "hostname", "timestamp": "time_stamp"}
#: what a document tells of a client, by the names of its fields
_CLIENT = ("hostname", "description", "config_id", "is_central", *CAPABILITIES)


class Refused(Exception):
    """A document that cannot be kept; the text says why."""


class Document:
    """One document on its way into rows; ``notes`` tell what was repaired."""

    def __init__(self, hit, project_of):
        self.hit, self.source, self.notes = hit, renamed(hit.source), []
        self.user_id = _text(self.source.get("user_id"))
        self.project_id = self.source.get("project_id") or project_of(self.user_id)
        if not self.project_id:
            raise Refused(f"there is no project for the user {self.user_id or 'without a name'}")
        self.scope = scope.Scope("v2", self.project_id, self.user_id, self.source.get("user_name"))

    def key(self, name):
        """Return the key of what the tenant calls ``name``; raise Refused for what is no name."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refused(f"{name!r} is no identifier")
        return self.scope.key(name)

    def make(self, model, name, **values):
        """Return a row with the values, cut and mended so that it can be stored."""
        about = {"id": self.key(name), "project_id": self.project_id, "user_id": self.user_id}
        row = model(**about, **values, revision=max(1, int(self.hit.version)))
        for field, value in values.items():
            setattr(row, field, self._mended(model.fields[field], field, value))
        self._check_key(row)
        return row

    def mend(self, model, values):
        """Return values with those cut and mended that a model's fields cannot hold."""
        return {field: self._mended(model.fields[field], field, value) for field, value in values.items()}

    def note(self, text):
        """Note what was repaired."""
        self.notes.append(text)

    def _check_key(self, row):
        if len(row.id) > row.fields["id"].max:
            raise Refused("its identifier is too long")

    def _mended(self, field, name, value):
        if value is None and field.nullable:
            return None
        mended = _of_kind(field, value)
        if mended is None and not field.nullable:
            mended = "" if field.default is types.REQUIRED else field.initial()
        if isinstance(field, types.Text) and mended and len(mended) > field.max:
            mended = mended[: field.max]
        if mended != value and not (value == "" and mended in (-1, None)):
            self.note(f"{name} was {str(value)[:40]!r}")
        return mended


def name(document):
    """Return what the tenant calls the thing of a document."""
    kind = document.hit.collection.removesuffix("s")
    told = document.source.get("client") or {} if kind == "client" else document.source
    return told.get(f"{kind}_id") or (document.hit.identifier if kind == "backup" else None)


def job_actions_of(document):
    """Return the actions that a job's document tells, by present names."""
    entries = document.source.get("job_actions") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Refused("its job_actions are no list of objects")
    return [renamed(entry) for entry in entries]


def client(document):
    """Return the Client of a document."""
    told = renamed(document.source.get("client") or {})
    about = {name: told[name] for name in _CLIENT if name in told}
    return document.make(
        models.Client,
        told.get("client_id"),
        uuid=told.get("uuid") or new_uuid(document.hit.identifier),
        **about,
    )


def action(document, told=None, own_name=None):
    """Return the Action of a document, or of a job's copy of one."""
    told = told or document.source
    freezer_action = told.get("freezer_action")
    if not isinstance(freezer_action, dict) or not freezer_action.get("action"):
        raise Refused("its freezer_action tells no action")
    retrying = {each: told[each] for each in actions.RETRYING if told.get(each) is not None}
    columns = actions.columns(freezer_action)
    return document.make(
        models.Action, own_name or told.get("action_id"), **(actions.RETRYING | retrying), **columns
    )


def session(document):
    """Return the Session of a document."""
    told = document.source
    about = {
        field: told[field] for field in sessions.FIELDS if told.get(field) not in (None, "") and field in told
    }
    return document.make(
        models.Session,
        told.get("session_id"),
        scheduling=schedules.scheduling(_schedule(told, "schedule")),
        **about,
    )


def job(document):
    """Return the Job and the JobAttachment of a document, which is in no session yet."""
    told, schedule = document.source, _schedule(document.source, "job_schedule")
    if told.get("job_event"):  # where older versions kept it
        schedule = {"event": told["job_event"]} | schedule
    row = document.make(
        models.Job,
        told.get("job_id"),
        description=told.get("description"),
        scheduling=schedules.scheduling(schedule),
        time_created=schedule.get("time_created", -1),
    )
    state = document.mend(models.JobAttachment, schedules.state(schedule))
    own = {"job_id": row.id, "project_id": row.project_id}
    client_key = document.key(told.get("client_id"))
    attachment = models.JobAttachment(
        client_id=client_key, client_name=scope.name_of(client_key), **own, **state
    )
    return row, attachment


def backup(document):
    """Return the Backup of a document; the metadata stay as they are."""
    metadata = document.source.get("backup_metadata")
    if not isinstance(metadata, dict):
        raise Refused("it has no backup_metadata")
    status = document.source.get("status", "available")
    return document.make(
        models.Backup,
        name(document),
        user_name=document.source.get("user_name"),
        status=status if status in models.Backup.fields["status"].choices else "error",
        backup_metadata=metadata,
        **backups.copies(renamed(metadata)),
    )


def fork(row):
    """Return an action under a name of its own, the same at every import, since its name is another's."""
    definition = json.dumps(actions.given(row), sort_keys=True).encode()
    return row.replace(id=f"{row.id}-{hashlib.sha256(definition).hexdigest()[:8]}")


def copy_name(document, plan):
    """Return the name of an action that has none, by its place in its job: the same at every import."""
    return f"{document.source.get('job_id')}-{len(plan.attachments)}"


def new_uuid(key):
    """Return a UUID for the client with a key, the same at every import."""
    return uuid.uuid5(uuid.NAMESPACE_OID, key).hex


def whole(value, default):
    """Return a value as a whole number."""
    return default if _whole(value) is None else _whole(value)


def _schedule(told, name):
    schedule = told.get(name)
    return schedule if isinstance(schedule, dict) else {}


def renamed(told):
    """Return what a document tells, by present names."""
    return {
        _OLD.get(name, name) if _OLD.get(name) not in told else name: value for name, value in told.items()
    }


def _text(value):
    return value if isinstance(value, str) else ""


def _of_kind(field, value):
    """Return a value as one of the field's kind, None if it is none."""
    if isinstance(field, types.JSON):
        return value if isinstance(value, (list if field.json_type == "array" else dict)) else None
    if isinstance(field, types.Boolean):
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1")
    if isinstance(field, types.Integer):
        return _whole(value)
    return value if isinstance(value, str) else str(value)


def _whole(value):
    try:
        return max(-(2**63), min(int(value), 2**63 - 1))
    except (TypeError, ValueError, OverflowError):
        return None
