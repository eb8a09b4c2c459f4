# SPDX-License-Identifier: Apache-2.0
"""The actions of a job: named, or described in place, attached in their order."""

import typing
import uuid

from valence.backup import actions
from valence.backup import clients
from valence.common import errors
from valence.db import models
from valence.db import store


class Plan(typing.NamedTuple):
    """What a job's actions become: Action rows to make, and the fields of each attachment in its order."""

    new: list
    attachments: list


def plan(database, asking, told, client):
    """Return the Plan of the ``job_actions`` of a document for a Client.

    Raises Unprocessable for an action that is not there, that is there in another form, or that the client
    cannot do.
    """
    defaults = told.get("action_defaults") or {}
    entries = [_completed(entry, defaults) for entry in told["job_actions"]]
    known, made = _known(database, asking, entries), Plan([], [])
    for entry in entries:
        row = _row(asking, entry, known)
        clients.check_ability(client, actions.given(row))
        if row.id not in known:
            made.new.append(row)
            known[row.id] = row
        made.attachments.append(attachment(row, entry))
    return made


def attach(job_key, project_id, planned, present=()):
    """Return the changes that give a job its planned attachments in the place of the present ones.

    Those at the same place stay the same rows: reports refer to them.
    """
    changes = [store.Create(row) for row in planned.new]
    for place, values in enumerate(planned.attachments):
        if place < len(present):
            changes.append(store.Update(present[place], values))
        else:
            about = {"job_id": job_key, "project_id": project_id, "priority": place}
            changes.append(store.Create(models.ActionAttachment(**about, **values)))
    return changes + [store.Delete(row) for row in present[len(planned.attachments) :]]


def is_same(row, other):
    """Return whether two actions tell an agent the same."""
    return actions.given(row) == actions.given(other)


def document(attachment, row, asking):
    """Return what a job shows of an Action that is attached to it."""
    shown = actions.document(row, asking)
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


def _known(database, asking, entries):
    keys = [asking.key(entry["action_id"]) for entry in entries if entry.get("action_id")]
    if not keys:
        return {}
    rows = database.list(models.Action, filters=[store.Filter("id", "in", keys)])
    return {row.id: row for row in rows if asking.owns(row)}


def _row(asking, entry, known):
    """Return the Action that an entry means: one that is known, or a new one."""
    name = entry.get("action_id")
    row = known.get(asking.key(name)) if name else None
    if row is None and "freezer_action" not in entry:
        raise errors.Unprocessable(reason=f"Action id: {name} not found.")
    if row is None:
        return actions.new(asking, name or uuid.uuid4().hex, entry)
    told = models.Action(**actions.columns(entry.get("freezer_action", {})))
    if "freezer_action" in entry and not is_same(row, told):
        reason = (
            f"Action id: {name} already exists with a different definition; update that action, or leave its id "
            "out to make another one."
        )
        raise errors.Unprocessable(reason=reason)
    return row


def attachment(row, entry):
    """Return the fields of an attachment to an Action; it tells of retries only what the action does not."""
    overrides = {"retries": "max_retries", "retry_interval": "max_retries_interval"}
    about = {
        name: entry[told] if entry.get(told, getattr(row, told)) != getattr(row, told) else None
        for name, told in overrides.items()
    }
    return about | {"action_id": row.id, "mandatory": entry.get("mandatory", row.mandatory)}
