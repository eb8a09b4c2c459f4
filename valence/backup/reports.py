# SPDX-License-Identifier: Apache-2.0
"""Reports of the runs of a job's actions, made when a scheduler reports the end of a run, or by an agent itself."""

import datetime

from valence.backup import changes
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db import types

RESULTS = ("success", "fail", "aborted")
#: collection whose things have reports -> model, field of a report that refers to it
SUBJECTS = {"jobs": (models.Job, "job_id"), "actions": (models.Action, "action_id")}

#: what may be wanted of reports -> field and operator
WANTED = {"result": ("result", "eq"), "since": ("report_date", "gte"), "until": ("report_date", "lt")}


def document(row):
    """Return a report as the API shows it; times are seconds, as text."""
    told = {"report_id": row.id, "project_id": row.project_id, "result": row.result}
    told |= {
        "job_id": changes.name_of(row.job_id),
        "action_id": row.action_name or changes.name_of(row.action_id),
    }
    told |= {"report_date": row.report_date, "time_elapsed": row.time_elapsed, "metadata": row.metadata}
    return told | ({} if row.log is None else {"log": row.log})


def has_ended(before, after):
    """Return whether a run ended between two states of a JobAttachment."""
    return after.result in RESULTS and after.time_ended > 0 and after.time_ended != before.time_ended


def of_run(attached, after, now):
    """Return the creations of the reports of a run that ended, one for each ActionAttachment.

    ``now``, a DateTime value, is the date of a report whose run has no end that a date can show. Result and seconds are
    those of the job, as ``scope`` in the metadata says: a scheduler does not report them for each action.
    """
    elapsed = after.time_ended - after.time_started
    about = {
        "scope": "job",
        "status": after.status,
        "session_id": changes.name_of(after.session_id),
        "session_tag": after.session_tag,
    }
    told = {"result": after.result, "metadata": about, "report_date": _moment(after.time_ended, now)}
    told["time_elapsed"] = str(elapsed) if after.time_started > 0 and elapsed >= 0 else None
    return [store.Create(_report(each, told)) for each in attached]


def create(database, scope, job_name, told):
    """Store an agent's report of a run of an action; the log is kept only of a run that failed."""
    changes.find(database, scope, models.Job, job_name)
    attached = _attachment(database, scope, job_name, told)
    about = {"result": told["result"], "metadata": told.get("metadata") or {}, "report_date": database.at()}
    about["time_elapsed"] = told.get("time_elapsed")
    about["log"] = told.get("log") if told["result"] != "success" else None
    return database.commit(store.Create(_report(attached, about)))[0]


def page(database, scope, collection, name, *, limit, marker=None, **wanted):
    """Return the documents of the reports of a job or an action, the newest first.

    ``wanted`` may name a ``result``, and the times that reports are from ``since`` on and before ``until``.
    """
    model, field = SUBJECTS[collection]
    row = changes.find(database, scope, model, name)
    newest = [store.Sort("report_date", True)]
    filters = [store.Filter(field, "eq", row.id)]
    filters += [store.Filter(*WANTED[each], value) for each, value in wanted.items()]
    rows = database.list(models.ActionReport, filters=filters, sort=newest, marker=marker, limit=limit)
    return [document(each) for each in rows]


def _attachment(database, scope, job_name, told):
    """Return the ActionAttachment of a report: the only one of the job where the report names none."""
    mine = [store.Filter("job_id", "eq", scope.key(job_name))]
    found = database.list(models.ActionAttachment, filters=mine, sort=[store.Sort("priority")])
    if "action_id" in told:
        found = [each for each in found if each.action_id == scope.key(told["action_id"])]
    if not found or (len(found) > 1 and "action_id" not in told):
        raise errors.Unprocessable(reason="action_id must name one of the actions of the job.")
    return found[0]


def _report(attachment, told):
    return models.ActionReport(
        action_id=attachment.action_id,
        action_attachment_id=attachment.id,
        action_name=changes.name_of(attachment.action_id),
        job_id=attachment.job_id,
        project_id=attachment.project_id,
        **told,
    )


def _moment(seconds, now):
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(types.TIME_FORMAT)
    except (ValueError, OverflowError, OSError):
        return now
