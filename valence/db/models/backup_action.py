# SPDX-License-Identifier: Apache-2.0
"""Actions of the backup service: what an agent does once. Jobs attach them."""

from valence.db import types
from valence.db.models import backup_client
from valence.db.models import base

LONGEST_PATH = 4096


class Action(base.ModelBaseWithTimestamp):
    """What an agent is told to do: back up or restore something, look at backups, or run a command."""

    path = "actions"
    fields = {
        "id": backup_client.key("Project and name of the action."),
        "project_id": backup_client.project(),
        "user_id": backup_client.user(),
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
