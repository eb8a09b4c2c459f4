# SPDX-License-Identifier: Apache-2.0
"""Backups: what agents have stored, as they tell it."""

from valence.db import types
from valence.db.models import backup_client
from valence.db.models import base

STATUSES = ("creating", "available", "error", "deleting", "deleted")


class Backup(base.ModelBaseWithTimestamp):
    """A backup that an agent made. ``backup_metadata`` is what it told, other columns copy it to search by."""

    path = "backups"
    fields = {
        "id": backup_client.key("Project and name of the backup."),
        "project_id": backup_client.project(),
        "user_id": backup_client.user(),
        "user_name": types.Text("Name of that user.", default=None, write="never"),
        "status": types.Choice("Where it stands.", STATUSES, default="available", index=True),
        "job_id": types.Text(
            "Job that made it; it may be gone.", max=backup_client.LONGEST_KEY, default=None, index=True
        ),
        "backup_name": types.Text("Name of the backup.", default=None, index=True),
        "hostname": types.Text("Machine that was backed up.", default=None, index=True),
        "container": types.Text("Where the storage keeps it.", max=4096, default=None),
        "time_stamp": types.Integer("When it was made, in seconds since 1970.", default=None, index=True),
        "backup_metadata": types.JSON("What the agent tells of it.", default={}),
    }
    indexes = (("project_id", "id"),)
