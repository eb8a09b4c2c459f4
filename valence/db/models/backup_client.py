# SPDX-License-Identifier: Apache-2.0
"""Clients of the backup service: the machines on which its agents run."""

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


def key(doc):
    """Return the field of a key ``<project>:<name>``: names are unique in their project, whatever others have."""
    return types.Text(doc, max=LONGEST_KEY, key=True)


def project():
    """Return the field of the project that a row belongs to."""
    return types.Text("Project that it belongs to.", max=LONGEST_PROJECT, default="", write="never")


def user():
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
