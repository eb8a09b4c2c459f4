# SPDX-License-Identifier: Apache-2.0
"""Conductors: who works here, and who of them lives."""

from valence.db import types
from valence.db.models import base

#: group of conductors, and of pod managers, that were not given one
DEFAULT_GROUP = "default"


class Conductor(base.ModelBaseWithTimestamp):
    """A conductor that has registered itself; whether it lives is what the others saw last."""

    path = "conductors"
    fields = {
        "hostname": types.Text("Its name, the option host.", key=True, example="conductor-1"),
        "alive": types.Boolean("Whether it works.", default=True, write="never", index=True),
        "conductor_groups": types.JSON(
            "Groups of pod managers that it serves.", json_type="array", default=[], write="never"
        ),
        "version": types.Text("Version of Valence that it runs.", max=64, default="", write="never"),
        "pod_managers": types.Integer("Pod managers that it serves.", default=0, min=0, write="never"),
        "started_at": types.DateTime("When it was started.", default=None, write="never"),
        "heartbeat_at": types.DateTime("When it last said that it lives.", default=None, write="never"),
    }
