# SPDX-License-Identifier: Apache-2.0
"""Actions of the backup service: what an agent is instructed to do, and how jobs attach actions in their order.

An action is kept in columns where the schema has them; other options are kept as they came. A job names stored actions,
or describes new ones in place.
"""

import typing
import uuid

from valence.backup import changes
from valence.backup import clients
from valence.common import errors
from valence.db import models
from valence.db import store

#: name in a ``freezer_action`` -> column
COLUMNS = {
    "action": "action",
    "mode": "mode",
    "path_to_backup": "src_file",
    "backup_name": "backup_name",
    "container": "container",
    "restore_abs_path": "restore_abs_path",
    "timeout": "timeout",
    "priority": "priority",
    "log_file": "log_file",
}
#: names that version 2 shows only where they have a value
OPTIONAL = ("restore_abs_path",)
#: what an action says beside its ``freezer_action``, and what it is where a new one does not say it
RETRYING = {"max_retries": 5, "max_retries_interval": 6, "mandatory": False}


def values(document):
    """Return the fields that a document sets."""
    given = {name: document[name] for name in RETRYING if name in document}
    if given.get("mandatory", False) is None:
        del given["mandatory"]
    return given | (columns(document["freezer_action"]) if "freezer_action" in document else {})


def columns(freezer_action):
    """Return the fields that hold a ``freezer_action``; the old name of the path is accepted too."""
    told = dict(freezer_action)
    if "src_file" in told:
        told.setdefault("path_to_backup", told.pop("src_file"))
    options = {name: value for name, value in told.items() if name not in COLUMNS}
    return {column: told.get(name) for name, column in COLUMNS.items()} | {"options": options}


def freezer_action(row):
    """Return the ``freezer_action`` of an action as version 2 shows it."""
    values = vars(row)
    told = {name: values[column] for name, column in COLUMNS.items()}
    for name in OPTIONAL:
        if told[name] is None:
            del told[name]
    return told | row.options


def given(row):
    """Return the ``freezer_action`` of an action as the client sent it."""
    return {name: value for name, value in freezer_action(row).items() if value is not None}


def document(row, scope):
    """Return an action as a version of the API shows it."""
    values = vars(row)
    about = {"action_id": changes.name_of(row.id), "user_id": row.user_id}
    about |= {name: values[name] for name in RETRYING}
    if scope.is_v1:
        return about | {"freezer_action": given(row)}
    return about | {
        "project_id": changes.project_of(row.id),
        "timeout": row.timeout,
        "freezer_action": freezer_action(row),
    }


def new(scope, name, told):
    """Return the action of a document, not stored yet."""
    about = RETRYING | values(told)
    return models.Action(id=scope.key(name), project_id=scope.project_id, user_id=scope.user_id, **about)


def create(database, scope, name, told):
    """Store a new action; raise Duplicate."""
    return database.commit(store.Create(new(scope, name, told)))[0]


def update(database, scope, name, told):
    """Change the fields that a document sets: a ``freezer_action`` as a whole, everything else by itself."""

    def change():
        row = changes.find(database, scope, models.Action, name)
        return database.commit(store.Update(row, values(told)))[0]

    return changes.again(database, scope, models.Action, name, change)


def replace(database, scope, name, told):
    """Store an action in place of the one with its name, or as a new one."""

    def change():
        try:
            row = changes.find(database, scope, models.Action, name)
        except errors.NotFound:
            return create(database, scope, name, told)
        return database.commit(store.Update(row, RETRYING | values(told)))[0]

    return changes.again(database, scope, models.Action, name, change, errors.Duplicate)


def delete(database, scope, name):
    """Remove an action, and its attachments to jobs."""
    changes.again(
        database,
        scope,
        models.Action,
        name,
        lambda: database.commit(store.Delete(changes.find(database, scope, models.Action, name))),
    )


class Plan(typing.NamedTuple):
    """The result for a job's actions: new Action rows, and the fields of each attachment in its order."""

    new: list
    attachments: list


def plan(database, scope, told, client):
    """Return the Plan of the ``job_actions`` of a document for a Client.

    Raises Unprocessable for an action that does not exist, that has another definition, or that the client cannot run.
    """
    defaults = told.get("action_defaults") or {}
    entries = [_completed(entry, defaults) for entry in told["job_actions"]]
    known, made = _known(database, scope, entries), Plan([], [])
    for entry in entries:
        row = _row(scope, entry, known)
        clients.check_ability(client, given(row))
        if row.id not in known:
            made.new.append(row)
            known[row.id] = row
        made.attachments.append(attachment(row, entry))
    return made


def attach(job_key, project_id, planned, present=()):
    """Return the changes that give a job its planned attachments in place of the present ones.

    Attachments at the same place stay the same rows, because reports refer to them. There are no changes where nothing
    differs: schedulers send the actions back at the end of each run.
    """
    changes = [store.Create(row) for row in planned.new]
    for place, values in enumerate(planned.attachments):
        if place < len(present):
            if any(getattr(present[place], name) != value for name, value in values.items()):
                changes.append(store.Update(present[place], values))
        else:
            about = {"job_id": job_key, "project_id": project_id, "priority": place}
            changes.append(store.Create(models.ActionAttachment(**about, **values)))
    return changes + [store.Delete(row) for row in present[len(planned.attachments) :]]


def is_same(row, other):
    """Return whether two actions instruct an agent equally."""
    return given(row) == given(other)


def attached_document(attachment, row, scope):
    """Return the document of an Action as the job shows it that the action is attached to."""
    shown = document(row, scope)
    shown["mandatory"] = attachment.mandatory
    if attachment.retries is not None:
        shown["max_retries"] = attachment.retries
    if attachment.retry_interval is not None:
        shown["max_retries_interval"] = attachment.retry_interval
    return shown


def _completed(entry, defaults):
    if "freezer_action" not in entry or not defaults:
        return entry
    return entry | {"freezer_action": defaults | entry["freezer_action"]}


def _known(database, scope, entries):
    keys = [scope.key(entry["action_id"]) for entry in entries if entry.get("action_id")]
    if not keys:
        return {}
    rows = database.list(models.Action, filters=[store.Filter("id", "in", keys)])
    return {row.id: row for row in rows if scope.owns(row)}


def _row(scope, entry, known):
    """Return the Action of an entry: a stored one, or a new one."""
    name = entry.get("action_id")
    row = known.get(scope.key(name)) if name else None
    if row is None and "freezer_action" not in entry:
        raise errors.Unprocessable(reason=f"Action id: {name} not found.")
    if row is None:
        return new(scope, name or uuid.uuid4().hex, entry)
    told = models.Action(**columns(entry.get("freezer_action", {})))
    if "freezer_action" in entry and not is_same(row, told):
        reason = (
            f"Action id: {name} already exists with a different definition; update that action, or leave its id "
            "out to make another one."
        )
        raise errors.Unprocessable(reason=reason)
    return row


def attachment(row, entry):
    """Return the fields of an attachment to an Action; it has retries only where they differ from the action's."""
    overrides = {"retries": "max_retries", "retry_interval": "max_retries_interval"}
    about = {
        name: entry[told] if entry.get(told, getattr(row, told)) != getattr(row, told) else None
        for name, told in overrides.items()
    }
    mandatory = entry.get("mandatory")
    return about | {"action_id": row.id, "mandatory": row.mandatory if mandatory is None else mandatory}
