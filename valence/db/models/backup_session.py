# SPDX-License-Identifier: Apache-2.0
"""Sessions of the backup service: jobs on several clients that run together."""

from valence.db import types
from valence.db.models import backup_client
from valence.db.models import base


class Session(base.ModelBaseWithTimestamp):
    """Jobs that start together, once a tag. Times are seconds since 1970, -1 where there was none."""

    path = "sessions"
    fields = {
        "id": backup_client.key("Project and name of the session."),
        "project_id": backup_client.project(),
        "user_id": backup_client.user(),
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
