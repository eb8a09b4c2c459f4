# SPDX-License-Identifier: Apache-2.0
"""Add the entities of the backup service."""

# A column that an older Valence does not know has a server default or takes NULL: both versions write.

import sqlalchemy as sa
from alembic import op

from valence.db.sql import rows

revision = "0003"
down_revision = "0002"


def upgrade():
    op.create_table(
        "actions",
        sa.Column("id", rows.Words(256), nullable=False, comment="Project and name of the action."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("user_id", rows.Words(255), server_default="", nullable=False, comment="User who made it."),
        sa.Column("action", rows.Words(64), nullable=False, comment="What is done."),
        sa.Column("mode", rows.Words(64), nullable=True, comment="What it is done to."),
        sa.Column("src_file", rows.Document(), nullable=True, comment="Path of what is backed up."),
        sa.Column("backup_name", rows.Words(255), nullable=True, comment="Name of the backup."),
        sa.Column("container", rows.Document(), nullable=True, comment="Where the storage keeps it."),
        sa.Column("restore_abs_path", rows.Document(), nullable=True, comment="Where a restoration puts it."),
        sa.Column("log_file", rows.Document(), nullable=True, comment="Where the agent logs."),
        sa.Column("timeout", sa.BigInteger(), nullable=True, comment="Seconds it may take."),
        sa.Column("priority", sa.BigInteger(), nullable=True, comment="Its importance to the agent."),
        sa.Column(
            "options",
            rows.Document(),
            nullable=True,
            comment="Everything else that the agent is told, as it was given.",
        ),
        sa.Column("max_retries", sa.BigInteger(), nullable=True, comment="How often it is tried again."),
        sa.Column(
            "max_retries_interval", sa.BigInteger(), nullable=True, comment="Seconds between two tries."
        ),
        sa.Column(
            "mandatory",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether it is done even after another one failed.",
        ),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="What an agent is told to do: back up or restore something, look at backups, or run a command.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_actions_backup_name_id", "actions", [rows.nulls_first("backup_name", op), "id"], unique=False
    )
    op.create_index("ix_actions_created_at_id", "actions", ["created_at", "id"], unique=False)
    op.create_index("ix_actions_project_id_id", "actions", ["project_id", "id"], unique=False)
    op.create_index("ix_actions_user_id_id", "actions", ["user_id", "id"], unique=False)
    op.create_table(
        "backups",
        sa.Column("id", rows.Words(256), nullable=False, comment="Project and name of the backup."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("user_id", rows.Words(255), server_default="", nullable=False, comment="User who made it."),
        sa.Column("user_name", rows.Words(255), nullable=True, comment="Name of that user."),
        sa.Column(
            "status", rows.Words(9), server_default="available", nullable=False, comment="Where it stands."
        ),
        sa.Column("job_id", rows.Words(256), nullable=True, comment="Job that made it; it may be gone."),
        sa.Column("backup_name", rows.Words(255), nullable=True, comment="Name of the backup."),
        sa.Column("hostname", rows.Words(255), nullable=True, comment="Machine that was backed up."),
        sa.Column("container", rows.Document(), nullable=True, comment="Where the storage keeps it."),
        sa.Column(
            "time_stamp", sa.BigInteger(), nullable=True, comment="When it was made, in seconds since 1970."
        ),
        sa.Column("backup_metadata", rows.Document(), nullable=True, comment="What the agent tells of it."),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="A backup that an agent made. ``backup_metadata`` is what it told; the columns beside it are there to search by.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_backups_backup_name_id", "backups", [rows.nulls_first("backup_name", op), "id"], unique=False
    )
    op.create_index("ix_backups_created_at_id", "backups", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_backups_hostname_id", "backups", [rows.nulls_first("hostname", op), "id"], unique=False
    )
    op.create_index("ix_backups_job_id_id", "backups", [rows.nulls_first("job_id", op), "id"], unique=False)
    op.create_index("ix_backups_project_id_id", "backups", ["project_id", "id"], unique=False)
    op.create_index("ix_backups_status_id", "backups", ["status", "id"], unique=False)
    op.create_index(
        "ix_backups_time_stamp_id", "backups", [rows.nulls_first("time_stamp", op), "id"], unique=False
    )
    op.create_index("ix_backups_user_id_id", "backups", ["user_id", "id"], unique=False)
    op.create_table(
        "clients",
        sa.Column(
            "id",
            rows.Words(256),
            nullable=False,
            comment="Project and name, which a scheduler chooses for itself.",
        ),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("user_id", rows.Words(255), server_default="", nullable=False, comment="User who made it."),
        sa.Column("config_id", rows.Words(255), nullable=True, comment="Configuration that it runs with."),
        sa.Column("hostname", rows.Words(255), nullable=True, comment="Its host name."),
        sa.Column("description", rows.Words(1024), nullable=True, comment="What people want to know of it."),
        sa.Column("uuid", rows.Words(64), nullable=False, comment="UUID of the registration."),
        sa.Column(
            "is_central",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether it works for all projects, without an agent inside of machines.",
        ),
        sa.Column(
            "supported_actions",
            rows.Document(),
            nullable=True,
            comment="Actions it can do; null means all.",
        ),
        sa.Column(
            "supported_modes", rows.Document(), nullable=True, comment="Modes it can do; null means all."
        ),
        sa.Column(
            "supported_storages",
            rows.Document(),
            nullable=True,
            comment="Storages it can use; null means all.",
        ),
        sa.Column(
            "supported_engines",
            rows.Document(),
            nullable=True,
            comment="Engines it can use; null means all.",
        ),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid", name="uniq_clients0uuid"),
        comment="A machine on which an agent protects data.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_clients_created_at_id", "clients", ["created_at", "id"], unique=False)
    op.create_index("ix_clients_is_central_id", "clients", ["is_central", "id"], unique=False)
    op.create_index("ix_clients_project_id_id", "clients", ["project_id", "id"], unique=False)
    op.create_index("ix_clients_user_id_id", "clients", ["user_id", "id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", rows.Words(256), nullable=False, comment="Project and name of the job."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("user_id", rows.Words(255), server_default="", nullable=False, comment="User who made it."),
        sa.Column("description", rows.Words(1024), nullable=True, comment="What people want to know of it."),
        sa.Column(
            "scheduling",
            rows.Document(),
            nullable=True,
            comment="When it runs: dates, an interval, or fields as of cron.",
        ),
        sa.Column(
            "time_created",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When it was created, in seconds since 1970.",
        ),
        sa.Column(
            "user_credentials",
            rows.Document(),
            nullable=True,
            comment="Trust under which a central client works.",
        ),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Actions that are run by a schedule. Every change of a job counts in its revision, its attachments' too.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_jobs_created_at_id", "jobs", ["created_at", "id"], unique=False)
    op.create_index("ix_jobs_project_id_id", "jobs", ["project_id", "id"], unique=False)
    op.create_index("ix_jobs_user_id_id", "jobs", ["user_id", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", rows.Words(256), nullable=False, comment="Project and name of the session."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("user_id", rows.Words(255), server_default="", nullable=False, comment="User who made it."),
        sa.Column("description", rows.Words(1024), nullable=True, comment="What people want to know of it."),
        sa.Column(
            "scheduling",
            rows.Document(),
            nullable=True,
            comment="When it runs: the schedule that its jobs get.",
        ),
        sa.Column("policy", rows.Words(255), nullable=True, comment="Name of the policy that it follows."),
        sa.Column(
            "session_tag",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Number of runs; who starts says which one it saw last.",
        ),
        sa.Column(
            "hold_off",
            sa.BigInteger(),
            server_default="30",
            nullable=False,
            comment="Seconds in which further starts join the run.",
        ),
        sa.Column(
            "status", rows.Words(64), server_default="active", nullable=False, comment="Where it stands."
        ),
        sa.Column("result", rows.Words(64), nullable=True, comment="How the last run ended."),
        sa.Column(
            "time_start",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When the last run began.",
        ),
        sa.Column(
            "time_end",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When the last run ended.",
        ),
        sa.Column(
            "time_started",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="Kept for clients that write it.",
        ),
        sa.Column(
            "time_ended",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="Kept for clients that write it.",
        ),
        sa.Column("created_at", rows.Moment(), nullable=False, comment="When it was created."),
        sa.Column("updated_at", rows.Moment(), nullable=False, comment="When it was last changed."),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default="1",
            nullable=False,
            comment="Number of the last change.",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Jobs that start together, once a tag. Times are seconds since 1970, -1 where there was none.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index("ix_sessions_created_at_id", "sessions", ["created_at", "id"], unique=False)
    op.create_index("ix_sessions_project_id_id", "sessions", ["project_id", "id"], unique=False)
    op.create_index("ix_sessions_user_id_id", "sessions", ["user_id", "id"], unique=False)
    op.create_table(
        "action_attachments",
        sa.Column("id", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column("action_id", rows.Words(256), nullable=False, comment="The action."),
        sa.Column("job_id", rows.Words(256), nullable=False, comment="The job."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column(
            "priority",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Its place among the actions of the job, from 0.",
        ),
        sa.Column(
            "retries",
            sa.BigInteger(),
            nullable=True,
            comment="How often it is tried again here; null as the action says.",
        ),
        sa.Column(
            "retry_interval",
            sa.BigInteger(),
            nullable=True,
            comment="Seconds between two tries here; null as the action says.",
        ),
        sa.Column(
            "mandatory",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether it is done even after another one failed.",
        ),
        sa.ForeignKeyConstraint(
            ["action_id"], ["actions.id"], name="fk_action_attachments_action_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_action_attachments_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="An action in a job, at its place.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_action_attachments_action_id_id", "action_attachments", ["action_id", "id"], unique=False
    )
    op.create_index("ix_action_attachments_job_id_id", "action_attachments", ["job_id", "id"], unique=False)
    op.create_index(
        "ix_action_attachments_job_id_priority", "action_attachments", ["job_id", "priority"], unique=False
    )
    op.create_table(
        "job_attachments",
        sa.Column("job_id", rows.Words(256), nullable=False, comment="The job."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("client_id", rows.Words(256), nullable=False, comment="The client."),
        sa.Column(
            "client_name",
            rows.Words(191),
            nullable=False,
            comment="The client's own name, by which its scheduler asks.",
        ),
        sa.Column("session_id", rows.Words(256), nullable=True, comment="The session."),
        sa.Column(
            "session_tag",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Last run of the session that the scheduler knows.",
        ),
        sa.Column(
            "event",
            rows.Words(16),
            server_default="",
            nullable=False,
            comment="What the scheduler is asked to do.",
        ),
        sa.Column("status", rows.Words(16), server_default="", nullable=False, comment="Where it stands."),
        sa.Column(
            "result", rows.Words(16), server_default="", nullable=False, comment="How the last run ended."
        ),
        sa.Column("current_pid", sa.BigInteger(), nullable=True, comment="Process that works on it."),
        sa.Column(
            "time_started",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When the last run began.",
        ),
        sa.Column(
            "time_ended",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When the last run ended.",
        ),
        sa.Column(
            "session_status",
            rows.Words(16),
            server_default="",
            nullable=False,
            comment="Where it stands in the session.",
        ),
        sa.Column(
            "session_result",
            rows.Words(16),
            server_default="",
            nullable=False,
            comment="How it ended in the session.",
        ),
        sa.Column(
            "session_started",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When it began in the session.",
        ),
        sa.Column(
            "session_ended",
            sa.BigInteger(),
            server_default="-1",
            nullable=False,
            comment="When it ended in the session.",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_job_attachments_client_id", ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_attachments_job_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_job_attachments_session_id", ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("job_id"),
        comment="A job at its client and in its session: what was asked of it, and where it stands.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_job_attachments_client_id_job_id", "job_attachments", ["client_id", "job_id"], unique=False
    )
    op.create_index(
        "ix_job_attachments_client_name_job_id", "job_attachments", ["client_name", "job_id"], unique=False
    )
    op.create_index(
        "ix_job_attachments_project_id_client_name_job_id",
        "job_attachments",
        ["project_id", "client_name", "job_id"],
        unique=False,
    )
    op.create_index(
        "ix_job_attachments_project_id_job_id", "job_attachments", ["project_id", "job_id"], unique=False
    )
    op.create_index(
        "ix_job_attachments_session_id_job_id",
        "job_attachments",
        [rows.nulls_first("session_id", op), "job_id"],
        unique=False,
    )
    op.create_table(
        "action_reports",
        sa.Column("id", rows.Words(36), nullable=False, comment="Identifier."),
        sa.Column("action_id", rows.Words(256), nullable=False, comment="The action."),
        sa.Column("action_attachment_id", rows.Words(36), nullable=False, comment="The action in its job."),
        sa.Column("job_id", rows.Words(256), nullable=False, comment="The job."),
        sa.Column(
            "project_id",
            rows.Words(64),
            server_default="",
            nullable=False,
            comment="Project that it belongs to.",
        ),
        sa.Column("result", rows.Words(16), nullable=False, comment="How it ended."),
        sa.Column("time_elapsed", rows.Words(32), nullable=True, comment="Seconds that it took."),
        sa.Column("metadata", rows.Document(), nullable=True, comment="What else is known of the run."),
        sa.Column("report_date", rows.Moment(), nullable=False, comment="When it ended."),
        sa.Column("log", rows.Document(), nullable=True, comment="End of the agent's log, where it failed."),
        sa.ForeignKeyConstraint(
            ["action_attachment_id"],
            ["action_attachments.id"],
            name="fk_action_reports_action_attachment_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["action_id"], ["actions.id"], name="fk_action_reports_action_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_action_reports_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        comment="How one run of an action in a job ended.",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "ix_action_reports_action_attachment_id_id",
        "action_reports",
        ["action_attachment_id", "id"],
        unique=False,
    )
    op.create_index("ix_action_reports_action_id_id", "action_reports", ["action_id", "id"], unique=False)
    op.create_index(
        "ix_action_reports_action_id_report_date_id",
        "action_reports",
        ["action_id", "report_date", "id"],
        unique=False,
    )
    op.create_index("ix_action_reports_job_id_id", "action_reports", ["job_id", "id"], unique=False)
    op.create_index(
        "ix_action_reports_job_id_report_date_id",
        "action_reports",
        ["job_id", "report_date", "id"],
        unique=False,
    )
