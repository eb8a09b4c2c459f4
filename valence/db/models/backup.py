# SPDX-License-Identifier: Apache-2.0
"""Models of the backup service: clients, backups, sessions, actions, jobs, and how jobs attach actions."""

from valence.db import types
from valence.db.models import base

#: longest name of a project, and of what a project names
LONGEST_PROJECT, LONGEST_NAME = 64, 191
#: longest key: project, a colon, name
LONGEST_KEY = LONGEST_PROJECT + 1 + LONGEST_NAME

#: what a client can do, and all that there is to do
CAPABILITIES = {
    "supported_actions": ["backup", "restore", "info", "admin", "exec"],
    "supported_modes": ["fs", "mongo", "mysql", "sqlserver", "cinder", "glance", "cindernative", "nova"],
    "supported_storages": ["local", "swift", "ssh", "s3", "ftp", "ftps"],
    "supported_engines": ["tar", "rsync", "rsyncv2", "nova", "osbrick", "glance"],
}


def key(doc: str) -> types.Text:
    """Return the field of a key ``<project>:<name>``: names are unique in their project, whatever others have."""
    return types.Text(doc, max=LONGEST_KEY, key=True)


def project() -> types.Text:
    """Return the field of the project that a row belongs to."""
    return types.Text("Project that it belongs to.", max=LONGEST_PROJECT, default="", write="never")


def user() -> types.Text:
    """Return the field of the user who made a row."""
    return types.Text("User who made it.", default="", write="never", index=True)


class Client(base.ModelBaseWithTimestamp):
    """A machine on which an agent protects data."""

    path = "clients"
    fields = {
        "id": key("Project and name, which a scheduler chooses for itself."),
        "project_id": project(),
        "user_id": user(),
        "config_id": types.Text("Configuration that it runs with.", default=None),
        "hostname": types.Text("Its host name.", default=None),
        "description": types.Text("What people want to know of it.", max=1024, default=None),
        "uuid": types.Text("UUID of the registration.", max=64, unique=True),
        "is_central": types.Boolean(
            "Whether it works for all projects, without an agent inside of machines.",
            default=False,
            index=True,
        ),
        "supported_actions": types.JSON(
            "Actions it can do; null means all.", json_type="array", default=None
        ),
        "supported_modes": types.JSON("Modes it can do; null means all.", json_type="array", default=None),
        "supported_storages": types.JSON(
            "Storages it can use; null means all.", json_type="array", default=None
        ),
        "supported_engines": types.JSON(
            "Engines it can use; null means all.", json_type="array", default=None
        ),
    }
    indexes = (("project_id", "id"),)


STATUSES = ("creating", "available", "error", "deleting", "deleted")


class Backup(base.ModelBaseWithTimestamp):
    """A backup that an agent made. ``backup_metadata`` is what it told, other columns copy it to search by."""

    path = "backups"
    fields = {
        "id": key("Project and name of the backup."),
        "project_id": project(),
        "user_id": user(),
        "user_name": types.Text("Name of that user.", default=None, write="never"),
        "status": types.Choice("Where it stands.", STATUSES, default="available", index=True),
        "job_id": types.Text("Job that made it; it may be gone.", max=LONGEST_KEY, default=None, index=True),
        "backup_name": types.Text("Name of the backup.", default=None, index=True),
        "hostname": types.Text("Machine that was backed up.", default=None, index=True),
        "container": types.Text("Where the storage keeps it.", max=4096, default=None),
        "time_stamp": types.Integer("When it was made, in seconds since 1970.", default=None, index=True),
        "backup_metadata": types.JSON("What the agent tells of it.", default={}),
    }
    indexes = (("project_id", "id"),)


class Session(base.ModelBaseWithTimestamp):
    """Jobs that start together, once a tag. Times are seconds since 1970, -1 where there was none."""

    path = "sessions"
    fields = {
        "id": key("Project and name of the session."),
        "project_id": project(),
        "user_id": user(),
        "description": types.Text("What people want to know of it.", max=1024, default=None),
        "scheduling": types.JSON("When it runs: the schedule that its jobs get.", default={}),
        "policy": types.Text("Name of the policy that it follows.", default=None),
        "session_tag": types.Integer("Number of runs; who starts says which one it saw last.", default=0),
        "hold_off": types.Integer("Seconds in which further starts join the run.", default=30),
        "status": types.Text("Where it stands.", max=64, default="active"),
        "result": types.Text("How the last run ended.", max=64, default=None),
        "time_start": types.Integer("When the last run began.", default=-1),
        "time_end": types.Integer("When the last run ended.", default=-1),
        "time_started": types.Integer("Kept for clients that write it.", default=-1),
        "time_ended": types.Integer("Kept for clients that write it.", default=-1),
    }
    indexes = (("project_id", "id"),)


LONGEST_PATH = 4096


class Action(base.ModelBaseWithTimestamp):
    """What an agent is told to do: back up or restore something, look at backups, or run a command."""

    path = "actions"
    fields = {
        "id": key("Project and name of the action."),
        "project_id": project(),
        "user_id": user(),
        "action": types.Text("What is done.", max=64, example="backup"),
        "mode": types.Text("What it is done to.", max=64, default=None, example="fs"),
        "src_file": types.Text("Path of what is backed up.", max=LONGEST_PATH, default=None, example="/etc"),
        "backup_name": types.Text("Name of the backup.", default=None, index=True),
        "container": types.Text("Where the storage keeps it.", max=LONGEST_PATH, default=None),
        "restore_abs_path": types.Text("Where a restoration puts it.", max=LONGEST_PATH, default=None),
        "log_file": types.Text("Where the agent logs.", max=LONGEST_PATH, default=None),
        "timeout": types.Integer("Seconds it may take.", default=None),
        "priority": types.Integer("Its importance to the agent.", default=None),
        "options": types.JSON("Everything else that the agent is told, as it was given.", default={}),
        "max_retries": types.Integer("How often it is tried again.", default=None),
        "max_retries_interval": types.Integer("Seconds between two tries.", default=None),
        "mandatory": types.Boolean("Whether it is done even after another one failed.", default=False),
    }
    indexes = (("project_id", "id"),)


class Job(base.ModelBaseWithTimestamp):
    """Actions that are run by a schedule. Every change of a job counts in its revision, its attachments' too."""

    path = "jobs"
    fields = {
        "id": key("Project and name of the job."),
        "project_id": project(),
        "user_id": user(),
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
    version = "1.1"
    fields = {
        "job_id": types.Reference("The job.", Job, on_delete="cascade", key=True),
        "project_id": project(),
        "name": types.Text(
            "The job's own name, without its project.",
            max=LONGEST_NAME,
            default="",
            write="never",
            index=True,
        ),
        "client_id": types.Reference("The client.", Client, write="never"),
        "client_name": types.Text(
            "The client's own name, by which its scheduler asks.",
            max=LONGEST_NAME,
            write="never",
        ),
        "session_id": types.Reference("The session.", Session, default=None, write="never"),
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
    version = "1.1"
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
        "action_id": types.Reference("The action.", Action, on_delete="cascade", write="never"),
        "job_id": types.Reference("The job.", Job, on_delete="cascade", write="never"),
        "project_id": project(),
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
    version = "1.2"
    fields = {
        "id": types.UUID("Identifier.", key=True),
        "action_id": types.Reference(
            "The action; null once it is removed.",
            Action,
            on_delete="clear",
            default=None,
            write="never",
        ),
        "action_attachment_id": types.Reference(
            "The action in its job; null once it is removed.",
            ActionAttachment,
            on_delete="clear",
            default=None,
            write="never",
        ),
        "action_name": types.Text(
            "The action's own name, which is known after its removal.",
            max=LONGEST_NAME,
            default="",
            write="never",
        ),
        "job_id": types.Reference("The job.", Job, on_delete="cascade", write="never"),
        "project_id": project(),
        "result": types.Text("How it ended.", max=16, example="success"),
        "time_elapsed": types.Text("Seconds that it took.", max=32, default=None, example="12"),
        "metadata": types.JSON("What else is known of the run.", default={}),
        "report_date": types.DateTime("When it ended.", index=True),
        "log": types.Text("End of the agent's log, where it failed.", max=1048576, default=None),
    }
    indexes = (("job_id", "report_date", "id"), ("action_id", "report_date", "id"))
