# SPDX-License-Identifier: Apache-2.0
"""Backups: the metadata that agents report, kept as they are, with copies of some in columns for searches."""

from valence.backup import changes
from valence.db import models
from valence.db import store

#: columns that copy what the metadata say, to be searched by
COPIED = {"backup_name": str, "hostname": str, "container": str, "job_id": str, "time_stamp": int}


def document(row, scope):
    """Return a backup as a version of the API shows it."""
    about = {
        "backup_id": changes.name_of(row.id),
        "user_id": row.user_id,
        "backup_metadata": row.backup_metadata,
    }
    if scope.is_v1:
        return about | {"user_name": row.user_name}
    return about | {"project_id": changes.project_of(row.id), "status": row.status}


def create(database, scope, name, told):
    """Store a new backup and return it: all fields but its status are metadata."""
    metadata = {each: value for each, value in told.items() if each != "status"}
    row = models.Backup(
        id=scope.key(name),
        project_id=scope.project_id,
        user_id=scope.user_id,
        user_name=scope.user_name,
        status=told.get("status", "available"),
        backup_metadata=metadata,
        **copies(metadata),
    )
    return database.commit(store.Create(row))[0]


def copies(metadata):
    """Return the columns for searches: the values of metadata that fit into them."""
    return {
        name: metadata[name]
        for name, kind in COPIED.items()
        if type(metadata.get(name)) is kind and _fits(models.Backup.fields[name], metadata[name])
    }


def update(database, scope, name, told):
    """Change the status of a backup, and single metadata; return it."""

    def change():
        row = changes.find(database, scope, models.Backup, name)
        metadata = row.backup_metadata | (told.get("backup_metadata") or {})
        about = {"status": told.get("status", row.status), "backup_metadata": metadata}
        return database.commit(store.Update(row, about | copies(metadata)))[0]

    return changes.again(database, scope, models.Backup, name, change)


def delete(database, scope, name):
    """Remove the record of a backup."""
    changes.again(
        database,
        scope,
        models.Backup,
        name,
        lambda: database.commit(store.Delete(changes.find(database, scope, models.Backup, name))),
    )


def _fits(field, value):
    return len(value) <= field.max if isinstance(value, str) else -(2**63) <= value < 2**63
