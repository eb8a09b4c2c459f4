# SPDX-License-Identifier: Apache-2.0
"""Sessions: jobs that start together.

Each change of a session, or of its jobs in it, changes the session's revision. So of twelve clients that start or end
at the same moment each sees the result of the one before.
"""

from valence.backup import changes
from valence.backup import jobs
from valence.backup import schedules
from valence.common import errors
from valence.db import models
from valence.db import store

#: what a document says, where it is kept, and whether a new session may say it
FIELDS = {"description": True, "session_tag": True, "hold_off": True, "policy": True} | dict.fromkeys(
    ("status", "result", "time_start", "time_end", "time_started", "time_ended"), False
)
#: what a session shows of a job in it
MEMBER = {
    "status": "session_status",
    "result": "session_result",
    "time_started": "session_started",
    "time_ended": "session_ended",
}
#: what becomes of a job that leaves its session: its schedule was the session's, so it stops
LEAVING = {"session_id": None, "session_tag": 0, "event": "stop", "status": ""}


def document(row, members, scope):
    """Return a Session with the JobAttachments in it as a version of the API shows it."""
    about = {"session_id": changes.name_of(row.id), "user_id": row.user_id, "schedule": row.scheduling}
    about |= {name: getattr(row, name) for name in FIELDS if name != "policy"}
    about |= {} if row.policy is None else {"policy": row.policy}
    shown = {changes.name_of(each.job_id): _member(each) for each in members}
    if scope.is_v1:
        told = {name: value for name, value in about.items() if value is not None and value != -1}
        return told | {"last_start": "", "jobs": shown or []}
    return about | {"project_id": changes.project_of(row.id)} | ({"jobs": shown} if shown else {})


def _member(attachment):
    return {"client_id": attachment.client_name} | {
        name: getattr(attachment, field) for name, field in MEMBER.items()
    }


def create(database, scope, name, told):
    """Store a new session and return it."""
    about = {field: told[field] for field, is_for_new in FIELDS.items() if is_for_new and field in told}
    row = models.Session(
        id=scope.key(name),
        project_id=scope.project_id,
        user_id=scope.user_id,
        scheduling=told["schedule"],
        **about,
    )
    return database.commit(store.Create(row), changes.session(scope, "create", new=row))[0]


def update(database, scope, name, told):
    """Change the fields that a document sets; raise BadRequest for a job that is not in the session."""

    def change():
        session = changes.find(database, scope, models.Session, name)
        present = members(database, [session.id]) if told.get("jobs") else []
        told_of_jobs = _told_of_jobs(scope, told.get("jobs") or {}, present)
        return database.commit(store.Update(session, _values(told)), *told_of_jobs)[0]

    return changes.again(database, scope, models.Session, name, change)


def replace(database, scope, name, told):
    """Store a session in place of the one with its name, or as a new one; its jobs stay in it."""

    def change():
        try:
            session = changes.find(database, scope, models.Session, name)
        except errors.NotFound:
            return create(database, scope, name, told)
        fresh = {field: models.Session.fields[field].initial() for field in FIELDS}
        return database.commit(store.Update(session, fresh | _values(told)))[0]

    return changes.again(database, scope, models.Session, name, change, errors.Duplicate)


def delete(database, scope, name):
    """Remove a session; its jobs stop."""

    def change():
        session = changes.find(database, scope, models.Session, name)
        inside = database.list(models.AttachedJob, filters=[store.Filter("session_id", "eq", session.id)])
        leaving = [part for each in inside for part in _leave(scope, *jobs.parts(each))]
        if leaving:  # first they leave, then nothing refers to it
            database.commit(store.Update(session, {}), *leaving)
            session = changes.find(database, scope, models.Session, name)
        database.commit(store.Delete(session), changes.session(scope, "delete", old=session))

    changes.again(database, scope, models.Session, name, change)


def add_job(database, scope, name, job_name):
    """Add a job to a session: it gets the session's schedule and waits again."""

    def change():
        session = changes.find(database, scope, models.Session, name)
        job, attachment = jobs.find(database, scope, job_name)
        seen = {field: getattr(attachment, shown) for shown, field in MEMBER.items()}
        joining = {"session_id": session.id, "session_tag": session.session_tag}
        anew = {"event": "", "status": "", "result": ""} | schedules.state(session.scheduling)
        database.commit(
            store.Update(session, {}),
            store.Update(job, {"scheduling": schedules.times(session.scheduling)}),
            store.Update(attachment, seen | joining | anew),
            *changes.job_changed(scope, attachment, attachment.replace(**joining, **anew)),
        )

    changes.again(database, scope, models.Session, name, change)


def remove_job(database, scope, name, job_name):
    """Remove a job from a session; raise NotFound if it is not in it."""

    def change():
        session = changes.find(database, scope, models.Session, name)
        job, attachment = jobs.find(database, scope, job_name)
        if attachment.session_id != session.id:
            raise changes.missing(models.Job, job_name)
        database.commit(store.Update(session, {}), *_leave(scope, job, attachment))

    changes.again(database, scope, models.Session, name, change)


def start(database, scope, name, parameters, now):
    """Start a run of a session for one of its jobs, or join the present run.

    Returns ``{"result": "success", "hold-off" or "out-of-sync", "session_tag": number of the run}``.
    """

    def change():
        session, present = _with_members(database, scope, name)
        attachment = _member_named(scope, present, parameters["job_id"])
        result = _try_start(session, parameters["current_tag"], now)
        tag = session.session_tag
        if result == "success":
            tag += parameters["current_tag"] == tag
            running = {
                "session_status": "running",
                "session_result": "",
                "session_started": now,
                "session_ended": -1,
            }
            begun = {} if tag == session.session_tag else _begun(tag, now)
            told_of = _told(scope, "start", session, begun)
            database.commit(store.Update(session, begun), store.Update(attachment, running), *told_of)
        return {"result": result, "session_tag": tag}

    return changes.again(database, scope, models.Session, name, change)


def end(database, scope, name, parameters, now):
    """Store that a job of a session has ended; the session ends with its last job."""

    def change():
        session, present = _with_members(database, scope, name)
        attachment = _member_named(scope, present, parameters["job_id"])
        ended = {"session_status": "completed", "session_result": parameters["result"], "session_ended": now}
        outcome = _outcome([each.replace(**ended) if each is attachment else each for each in present])
        over = {} if outcome is None or session.status == "completed" else _over(outcome, now)
        told_of = _told(scope, "end", session, over)
        database.commit(store.Update(session, over), store.Update(attachment, ended), *told_of)
        return {"result": "success", "session_tag": session.session_tag}

    return changes.again(database, scope, models.Session, name, change)


def members(database, keys):
    """Return the JobAttachments in sessions, by job."""
    filters = [store.Filter("session_id", "in", list(keys))]
    return database.list(
        models.JobAttachment, filters=filters, sort=[store.Sort("session_id"), store.Sort("job_id")]
    )


def _begun(tag, now):
    return {"session_tag": tag, "time_start": now, "status": "running", "result": ""}


def _over(outcome, now):
    return {"time_end": now, "result": outcome, "status": "completed"}


def _try_start(session, tag, now):
    if tag > session.session_tag:
        reason = f"requested tag value too high. Session Tag: {session.session_tag} Job Tag: {tag}"
        raise errors.BadRequest(reason=reason)
    if now - session.time_start <= session.hold_off:
        return "success" if tag < session.session_tag else "hold-off"
    return "success" if tag == session.session_tag else "out-of-sync"


def _outcome(present):
    """Return "success" or "fail" when every job has ended, None before."""
    if any(each.session_status != "completed" for each in present):
        return None
    return "success" if all(each.session_result == "success" for each in present) else "fail"


def _with_members(database, scope, name):
    session = changes.find(database, scope, models.Session, name)
    return session, members(database, [session.id])


def _member_named(scope, present, name):
    for each in present:
        if each.job_id == scope.key(name):
            return each
    raise errors.BadRequest(reason="job_id not found in session")


def _leave(scope, job, attachment):
    told_of = changes.job_changed(scope, attachment, attachment.replace(**LEAVING))
    return [store.Update(job, {"scheduling": {}}), store.Update(attachment, LEAVING), *told_of]


def _told(scope, happened, session, values):
    """Return the event of a change of a session in a list, which is empty if nothing changes."""
    return [changes.session(scope, happened, old=session, new=session.replace(**values))] if values else []


def _values(told):
    values = {field: told[field] for field in FIELDS if field in told}
    return values | ({"scheduling": told["schedule"]} if "schedule" in told else {})


def _told_of_jobs(scope, told, present):
    changed = []
    for name, values in told.items():
        attachment = _member_named(scope, present, name)
        seen = {field: _seen(field, values[shown]) for shown, field in MEMBER.items() if shown in values}
        changed.append(store.Update(attachment, seen))
    return changed


def _seen(field, value):
    """Return the value that a session stores for a job's field; a missing value is null, or an empty time."""
    return models.JobAttachment.fields[field].initial() if value in ("", None) else value
