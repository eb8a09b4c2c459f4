# SPDX-License-Identifier: Apache-2.0
"""Jobs: created, changed, and asked to start and to stop.

A job has two rows: the Job says when it runs, its JobAttachment how far it is at its client. Each change of the job, or
of its attachments, changes the revision of the Job.
"""

from valence.backup import actions
from valence.backup import changes
from valence.backup import clients
from valence.backup import reports
from valence.backup import schedules
from valence.common import errors
from valence.db import models
from valence.db import store

#: what a client may ask a scheduler to do with a job
EVENTS = ("start", "stop", "abort")


def document(row, shown_actions, scope):
    """Return an AttachedJob with the documents of its actions as a version of the API shows it."""
    shows_pid = scope.everywhere or changes.project_of(row.client_id) == scope.project_id
    about = {
        "job_id": changes.name_of(row.job_id),
        "user_id": row.user_id,
        "client_id": row.client_name,
        "job_schedule": schedules.document(row, shows_pid),
        "job_actions": shown_actions,
    }
    if row.user_credentials is not None:
        about["user_credentials"] = row.user_credentials
    if scope.is_v1:
        return about | _optional(row)
    return about | {
        "project_id": changes.project_of(row.job_id),
        "description": row.description or "",
        "session_id": changes.name_of(row.session_id),
        "session_tag": row.session_tag,
    }


def _optional(row):
    """Return what version 1 shows only where there is something."""
    described = {} if row.description is None else {"description": row.description}
    in_session = {"session_id": changes.name_of(row.session_id), "session_tag": row.session_tag}
    return described | (in_session if row.session_id else {})


def create(database, scope, name, told):
    """Store a new job with its actions and return it; raise Duplicate, Unprocessable."""
    return changes.again(database, scope, models.Job, name, lambda: _create(database, scope, name, told))


def _create(database, scope, name, told):
    client = _client(database, scope, told["client_id"])
    _check_trust(scope, client, told.get("user_credentials"))
    planned = actions.plan(database, scope, told, client)
    schedule = told.get("job_schedule") or {}
    job = models.Job(
        id=scope.key(name),
        project_id=scope.project_id,
        user_id=scope.user_id,
        description=told.get("description"),
        scheduling=schedules.times(schedule),
        time_created=int(database.now()),
        user_credentials=told.get("user_credentials"),
    )
    state = schedules.state(schedule) | {"time_started": -1, "time_ended": -1}
    attachment = models.JobAttachment(
        job_id=job.id,
        project_id=scope.project_id,
        name=name,
        **_client_fields(client),
        **state,
        **_session(database, scope, told),
    )
    attached = actions.attach(job.id, scope.project_id, planned)
    alone = _alone(database, client, attachment)
    told_of = changes.job(scope, "create", new=attachment)
    return database.commit(store.Create(job), store.Create(attachment), *attached, *alone, told_of)[0]


def update(database, scope, name, told):
    """Change the fields that a document sets and return the Job.

    A schedule that reports a state, without any date, interval or cron field, leaves them as they are; an empty one
    clears them. A job joins and leaves sessions only by calls to the session: schedulers send back the session that
    they saw last. If that is not the present one, they have not seen the present schedule and event either.
    """

    def change():
        job, attachment = find(database, scope, name)
        _check_version(job, told)
        client = None
        if "client_id" in told or "job_actions" in told:
            client = _client(database, scope, told.get("client_id", attachment.client_name))
            _check_trust(scope, client, told.get("user_credentials", job.user_credentials))
        attached = _attached(database, scope, job, client, told)
        about = {each: told[each] for each in ("description", "user_credentials") if each in told}
        state = _client_fields(client) if client else {}
        scheduled, reported = _reported(attachment, told)
        about, state = about | scheduled, state | reported
        ended = [] if attached else _reports(database, attachment, attachment.replace(**state))
        moved = _moved(database, client, attachment) if client else []
        return _commit(database, scope, (job, attachment), (about, state), *attached, *ended, *moved)

    return changes.again(database, scope, models.Job, name, change)


def replace(database, scope, name, told):
    """Store a job in place of the one with its name, or as a new one; it stays in its session."""

    def change():
        try:
            job, attachment = find(database, scope, name)
        except errors.NotFound:
            return _create(database, scope, name, told)
        client = _client(database, scope, told["client_id"])
        credentials = told.get("user_credentials", job.user_credentials)
        _check_trust(scope, client, credentials)
        attached = _attached(database, scope, job, client, told)
        schedule = told.get("job_schedule") or {}
        about = {"description": told.get("description"), "user_credentials": credentials}
        about["scheduling"] = schedules.times(schedule)
        state = schedules.STATE | schedules.state(schedule) | _client_fields(client)
        moved = _moved(database, client, attachment)
        return _commit(database, scope, (job, attachment), (about, state), *attached, *moved)

    return changes.again(database, scope, models.Job, name, change, errors.Duplicate)


def delete(database, scope, name):
    """Remove a job with the record of its runs; return a trust that no job needs any longer, or None."""

    def change():
        job, attachment = find(database, scope, name)
        database.commit(store.Delete(job), changes.job(scope, "delete", old=attachment))
        return job.user_credentials and _unneeded(
            database, attachment.client_id, job.user_credentials["trust_id"]
        )

    return changes.again(database, scope, models.Job, name, change)


def ask(database, scope, name, event):
    """Ask the scheduler of a job for an event; return the answer for the client."""

    def change():
        job, attachment = find(database, scope, name)
        if attachment.event == event:
            return f"{event} already requested"
        again = {"status": "", "result": ""} if event == "start" else {}
        _commit(database, scope, (job, attachment), ({}, {"event": event} | again))
        return "success"

    return changes.again(database, scope, models.Job, name, change)


def find(database, scope, name):
    """Return a job of the tenant and its attachment, read together; raise NotFound."""
    return parts(changes.find_by(database, scope, models.AttachedJob, name))


def parts(row):
    """Return the Job and the JobAttachment that an AttachedJob consists of."""
    return models.Job.from_dict(row.as_dict() | {"id": row.job_id}), models.JobAttachment.from_dict(
        row.as_dict()
    )


def attachments(database, key):
    """Return the ActionAttachments of a job in their order."""
    mine = [store.Filter("job_id", "eq", key)]
    return database.list(models.ActionAttachment, filters=mine, sort=[store.Sort("priority")])


def _commit(database, scope, found, values, *more):
    """Change a Job and its JobAttachment by their values, with the event, and return the Job as stored."""
    (job, attachment), (about, state) = found, values
    if not attachment.name:  # stored by a version whose jobs had none
        state = state | {"name": changes.name_of(job.id)}
    told_of = changes.job_changed(scope, attachment, attachment.replace(**state))
    return database.commit(store.Update(job, about), store.Update(attachment, state), *more, *told_of)[0]


def _reported(attachment, told):
    """Return the changes of a job's schedule and of its state that a document reports."""
    schedule = told.get("job_schedule")
    if "session_id" in told and (told["session_id"] or "") != changes.name_of(attachment.session_id):
        return {}, schedules.facts(schedule or {})
    when = schedules.times(schedule or {})
    scheduled = {"scheduling": when} if when or schedule == {} else {}
    tag = {"session_tag": told["session_tag"]} if "session_tag" in told and attachment.session_id else {}
    return scheduled, schedules.state(schedule or {}) | tag


def _reports(database, before, after):
    """Return the reports of a run that ended just now."""
    if not reports.has_ended(before, after):
        return []
    return reports.of_run(attachments(database, before.job_id), after, database.at())


def _check_version(job, told):
    """Raise Conflict if a document names another version of the job than the present one."""
    if told.get("_version", job.revision) != job.revision:
        raise errors.Conflict(reason=f"The job was changed meanwhile: its version is {job.revision}.")


def _moved(database, client, attachment):
    """Return what ``_alone`` does if a job moves from another client; its scheduler reports the present one."""
    return [] if client.id == attachment.client_id else _alone(database, client, attachment)


def _alone(database, client, attachment):
    """Return the change of the central client of a new job; raise Conflict if another job there has its name.

    The scheduler of a central client knows jobs by their names alone, so it would never run the second one. The change
    makes two jobs that are created at the same time exclude each other.
    """
    if not client.is_central:
        return []
    name = changes.name_of(attachment.job_id)
    same = [store.Filter("client_id", "eq", client.id), store.Filter("name", "eq", name)]
    rows = database.list(models.JobAttachment, filters=same, limit=2, fields=["job_id"])
    if any(row.job_id != attachment.job_id for row in rows):
        raise errors.Conflict(
            reason=f"Another project has a job {name} at the central client {changes.name_of(client.id)}: "
            "choose another name."
        )
    return [] if rows else [store.Update(client, {})]


def _client(database, scope, name):
    try:
        return clients.find(database, scope, name)
    except errors.NotFound:
        raise errors.Unprocessable(reason=f"Client not found with ID {name}") from None


def _check_trust(scope, client, credentials):
    if client.is_central and scope.trusts and not credentials:
        raise errors.TrustNeeded(client=changes.name_of(client.id))


def _unneeded(database, client_id, trust):
    """Return a trust if no job at a client works under it."""
    others = database.list(
        models.AttachedJob, filters=[store.Filter("client_id", "eq", client_id)], fields=["user_credentials"]
    )
    used = any((other.user_credentials or {}).get("trust_id") == trust for other in others)
    return None if used else trust


def _client_fields(client):
    return {"client_id": client.id, "client_name": changes.name_of(client.id)}


def _session(database, scope, told):
    """Return the fields of a new attachment that say in which session it is."""
    if not told.get("session_id"):
        return {}
    try:
        session = changes.find(database, scope, models.Session, told["session_id"])
    except errors.NotFound:
        raise errors.Unprocessable(reason=f"Session not found with ID {told['session_id']}") from None
    return {"session_id": session.id, "session_tag": told.get("session_tag", session.session_tag)}


def _attached(database, scope, job, client, told):
    """Return the changes of a job's actions that a document asks for."""
    if "job_actions" not in told:
        return []
    planned = actions.plan(database, scope, told, client)
    return actions.attach(job.id, job.project_id, planned, attachments(database, job.id))
