# SPDX-License-Identifier: Apache-2.0
"""Jobs: made, changed, asked to start and to stop. Who changes a job, or its attachments, changes its revision."""

from valence.backup import changes
from valence.backup import clients
from valence.backup import events
from valence.backup import job_actions
from valence.backup import reports
from valence.backup import schedules
from valence.backup import scope
from valence.common import errors
from valence.db import models
from valence.db import store

#: what a client may ask a scheduler to do with a job
EVENTS = ("start", "stop", "abort")


def document(row, shown_actions, asking):
    """Return an AttachedJob with the documents of its actions as a version of the API shows it."""
    shows_pid = asking.everywhere or scope.project_of(row.client_id) == asking.project_id
    about = {
        "job_id": scope.name_of(row.job_id),
        "user_id": row.user_id,
        "client_id": row.client_name,
        "job_schedule": schedules.document(row, shows_pid),
        "job_actions": shown_actions,
    }
    if row.user_credentials is not None:
        about["user_credentials"] = row.user_credentials
    if asking.is_v1:
        return about | _optional(row)
    return about | {
        "project_id": scope.project_of(row.job_id),
        "description": row.description or "",
        "session_id": scope.name_of(row.session_id),
        "session_tag": row.session_tag,
    }


def _optional(row):
    """Return what version 1 shows only where there is something."""
    described = {} if row.description is None else {"description": row.description}
    in_session = {"session_id": scope.name_of(row.session_id), "session_tag": row.session_tag}
    return described | (in_session if row.session_id else {})


def create(database, asking, name, told):
    """Store a new job with its actions and return it; raise Duplicate, Unprocessable."""
    client = _client(database, asking, told["client_id"])
    _check_trust(asking, client, told.get("user_credentials"))
    planned = job_actions.plan(database, asking, told, client)
    schedule = told.get("job_schedule") or {}
    job = models.Job(
        id=asking.key(name),
        project_id=asking.project_id,
        user_id=asking.user_id,
        description=told.get("description"),
        scheduling=schedules.scheduling(schedule),
        time_created=int(database.now()),
        user_credentials=told.get("user_credentials"),
    )
    state = schedules.state(schedule) | {"time_started": -1, "time_ended": -1}
    attachment = models.JobAttachment(
        job_id=job.id,
        project_id=asking.project_id,
        **_client_fields(client),
        **state,
        **_session(database, asking, told),
    )
    attached = job_actions.attach(job.id, asking.project_id, planned)
    told_of = events.job(asking, "create", new=attachment)
    return database.commit(store.Create(job), store.Create(attachment), *attached, told_of)[0]


def update(database, asking, name, told):
    """Change what a document gives and return the Job.

    A schedule without any date, interval or field as of cron leaves them as they are. A job joins and leaves
    sessions by the session alone: schedulers send back the session that they saw last.
    """

    def change():
        job, attachment = find(database, asking, name)
        _check_version(job, told)
        client = None
        if "client_id" in told or "job_actions" in told:
            client = _client(database, asking, told.get("client_id", attachment.client_name))
            _check_trust(asking, client, told.get("user_credentials", job.user_credentials))
        attached = _attached(database, asking, job, client, told)
        schedule = told.get("job_schedule") or {}
        about = {each: told[each] for each in ("description", "user_credentials") if each in told}
        if when := schedules.scheduling(schedule):
            about["scheduling"] = when
        state = schedules.state(schedule) | (_client_fields(client) if client else {})
        state |= {each: told[each] for each in ("session_tag",) if each in told and attachment.session_id}
        ended = _reports(database, attachment, attachment.replace(**state), attached)
        return _commit(database, asking, (job, attachment), (about, state), *attached, *ended)

    return changes.again(change)


def replace(database, asking, name, told):
    """Store a job in the place of the one with its name, if there is one; it stays in its session."""

    def change():
        try:
            job, attachment = find(database, asking, name)
        except errors.NotFound:
            return create(database, asking, name, told)
        client = _client(database, asking, told["client_id"])
        credentials = told.get("user_credentials", job.user_credentials)
        _check_trust(asking, client, credentials)
        attached = _attached(database, asking, job, client, told)
        schedule = told.get("job_schedule") or {}
        about = {"description": told.get("description"), "user_credentials": credentials}
        about["scheduling"] = schedules.scheduling(schedule)
        state = schedules.STATE | schedules.state(schedule) | _client_fields(client)
        return _commit(database, asking, (job, attachment), (about, state), *attached)

    return changes.again(change, errors.Duplicate)


def delete(database, asking, name):
    """Remove a job with everything that is known of its runs; return the trust that no job needs any more, or None."""

    def change():
        job, attachment = find(database, asking, name)
        database.commit(store.Delete(job), events.job(asking, "delete", old=attachment))
        return job.user_credentials and _unneeded(
            database, attachment.client_id, job.user_credentials["trust_id"]
        )

    return changes.again(change)


def ask(database, asking, name, event):
    """Ask the scheduler of a job for an event; return what to tell whoever asked."""

    def change():
        job, attachment = find(database, asking, name)
        if attachment.event == event:
            return f"{event} already requested"
        again = {"status": "", "result": ""} if event == "start" else {}
        _commit(database, asking, (job, attachment), ({}, {"event": event} | again))
        return "success"

    return changes.again(change)


def find(database, asking, name):
    """Return a job of the tenant and its attachment, both from one moment; raise NotFound."""
    return parts(changes.find_by(database, asking, models.AttachedJob, name))


def parts(row):
    """Return the Job and the JobAttachment that an AttachedJob consists of."""
    return models.Job.from_dict(row.as_dict() | {"id": row.job_id}), models.JobAttachment.from_dict(
        row.as_dict()
    )


def attachments(database, key):
    """Return the ActionAttachments of a job in their order."""
    mine = [store.Filter("job_id", "eq", key)]
    return database.list(models.ActionAttachment, filters=mine, sort=[store.Sort("priority")])


def _commit(database, asking, found, values, *more):
    """Change a Job and its JobAttachment, each by its values, tell of it, and return the Job as stored."""
    (job, attachment), (about, state) = found, values
    told_of = events.job_changed(asking, attachment, attachment.replace(**state))
    return database.commit(store.Update(job, about), store.Update(attachment, state), *more, *told_of)[0]


def _reports(database, before, after, attached):
    """Return the reports of a run that ended just now, unless the job gets other actions at the same time."""
    if attached or not reports.has_ended(before, after):
        return []
    return reports.of_run(attachments(database, before.job_id), after, database.at())


def _check_version(job, told):
    """Raise Conflict if a document says that it is of another version of the job than there is."""
    if told.get("_version", job.revision) != job.revision:
        raise errors.Conflict(reason=f"The job was changed meanwhile: its version is {job.revision}.")


def _client(database, asking, name):
    try:
        return clients.find(database, asking, name)
    except errors.NotFound:
        raise errors.Unprocessable(reason=f"Client not found with ID {name}") from None


def _check_trust(asking, client, credentials):
    if client.is_central and asking.trusts and not credentials:
        raise errors.TrustNeeded(client=scope.name_of(client.id))


def _unneeded(database, client_id, trust):
    """Return a trust if no job at a client works under it."""
    others = database.list(
        models.AttachedJob, filters=[store.Filter("client_id", "eq", client_id)], fields=["user_credentials"]
    )
    used = any((other.user_credentials or {}).get("trust_id") == trust for other in others)
    return None if used else trust


def _client_fields(client):
    return {"client_id": client.id, "client_name": scope.name_of(client.id)}


def _session(database, asking, told):
    """Return the fields of a new attachment that say in which session it is."""
    if not told.get("session_id"):
        return {}
    try:
        session = changes.find(database, asking, models.Session, told["session_id"])
    except errors.NotFound:
        raise errors.Unprocessable(reason=f"Session not found with ID {told['session_id']}") from None
    return {"session_id": session.id, "session_tag": told.get("session_tag", session.session_tag)}


def _attached(database, asking, job, client, told):
    """Return the changes of a job's actions that a document asks for."""
    if "job_actions" not in told:
        return []
    planned = job_actions.plan(database, asking, told, client)
    return job_actions.attach(job.id, job.project_id, planned, attachments(database, job.id))
