# SPDX-License-Identifier: Apache-2.0
"""Jobs of the backup service: which actions a client runs, when, in which session, and how that went."""

from valence.db import types
from valence.db.models import backup_action
from valence.db.models import backup_client
from valence.db.models import backup_session
from valence.db.models import base


class Job(base.ModelBaseWithTimestamp):
    """Actions that are run by a schedule. Every change of a job counts in its revision, its attachments' too."""

    path = "jobs"
    fields = {
        "id": backup_client.key("Project and name of the job."),
        "project_id": backup_client.project(),
        "user_id": backup_client.user(),
        "description": types.Text("What people want to know of it.", max=1024, default=None),
        "scheduling": types.JSON("When it runs: dates, an interval, or fields as of cron.", default={}),
        "time_created": types.Integer("When it was created, in seconds since 1970.", default=-1),
        "user_credentials": types.JSON("Trust under which a central client works.", default=None),
    }
    indexes = (("project_id", "id"),)


class JobAttachment(base.ModelBase):
    """A job at its client and in its session: what was asked of it, and where it stands.

    A job has one client and at most one session, so the job is the key. Times are seconds since 1970, -1 where
    there was none. What begins with ``session_`` is how the session sees the job.
    """

    path = "job_attachments"
    fields = {
        "job_id": types.Reference("The job.", Job, on_delete="cascade", key=True),
        "project_id": backup_client.project(),
        "client_id": types.Reference("The client.", backup_client.Client, write="never"),
        "client_name": types.Text(
            "The client's own name, by which its scheduler asks.",
            max=backup_client.LONGEST_NAME,
            write="never",
        ),
        "session_id": types.Reference("The session.", backup_session.Session, default=None, write="never"),
        "session_tag": types.Integer("Last run of the session that the scheduler knows.", default=0),
        "event": types.Text("What the scheduler is asked to do.", max=16, default=""),
        "status": types.Text("Where it stands.", max=16, default=""),
        "result": types.Text("How the last run ended.", max=16, default=""),
        "current_pid": types.Integer("Process that works on it.", default=None),
        "time_started": types.Integer("When the last run began.", default=-1),
        "time_ended": types.Integer("When the last run ended.", default=-1),
        "session_status": types.Text("Where it stands in the session.", max=16, default=""),
        "session_result": types.Text("How it ended in the session.", max=16, default=""),
        "session_started": types.Integer("When it began in the session.", default=-1),
        "session_ended": types.Integer("When it ended in the session.", default=-1),
    }
    indexes = (("project_id", "client_name", "job_id"), ("client_name", "job_id"), ("project_id", "job_id"))


class AttachedJob(base.ModelBase):
    """A job with its attachment, as it is listed: the attachment decides which jobs make a page."""

    path = "job_attachments"
    kind = "job"
    joins = (JobAttachment, Job)
    fields = JobAttachment.fields | {
        name: field for name, field in Job.fields.items() if name not in (*JobAttachment.fields, "id")
    }


class ActionAttachment(base.ModelBase):
    """An action in a job, at its place."""

    path = "action_attachments"
    fields = {
        "id": types.UUID("Identifier.", key=True),
        "action_id": types.Reference("The action.", backup_action.Action, on_delete="cascade", write="never"),
        "job_id": types.Reference("The job.", Job, on_delete="cascade", write="never"),
        "project_id": backup_client.project(),
        "priority": types.Integer("Its place among the actions of the job, from 0.", default=0),
        "retries": types.Integer("How often it is tried again here; null as the action says.", default=None),
        "retry_interval": types.Integer(
            "Seconds between two tries here; null as the action says.", default=None
        ),
        "mandatory": types.Boolean("Whether it is done even after another one failed.", default=False),
    }
    indexes = (("job_id", "priority"),)


class ActionReport(base.ModelBase):
    """How one run of an action in a job ended."""

    path = "action_reports"
    version = "1.1"
    fields = {
        "id": types.UUID("Identifier.", key=True),
        "action_id": types.Reference("The action.", backup_action.Action, on_delete="cascade", write="never"),
        "action_attachment_id": types.Reference(
            "The action in its job.", ActionAttachment, on_delete="cascade", write="never"
        ),
        "job_id": types.Reference("The job.", Job, on_delete="cascade", write="never"),
        "project_id": backup_client.project(),
        "result": types.Text("How it ended.", max=16, example="success"),
        "time_elapsed": types.Text("Seconds that it took.", max=32, default=None, example="12"),
        "metadata": types.JSON("What else is known of the run.", default={}),
        "report_date": types.DateTime("When it ended.", index=True),
        "log": types.Text("End of the agent's log, where it failed.", max=1048576, default=None),
    }
    indexes = (("job_id", "report_date", "id"), ("action_id", "report_date", "id"))
