# SPDX-License-Identifier: Apache-2.0
"""Actions: what an agent is told to do, kept in columns where the schema has them and verbatim where it has not."""

from valence.backup import changes
from valence.backup import scope
from valence.common import errors
from valence.db import models
from valence.db import store

#: name in a ``freezer_action`` -> column
COLUMNS = {
    "action": "action",
    "mode": "mode",
    "path_to_backup": "src_file",
    "backup_name": "backup_name",
    "container": "container",
    "restore_abs_path": "restore_abs_path",
    "timeout": "timeout",
    "priority": "priority",
    "log_file": "log_file",
}
#: names that version 2 shows only where they have a value
OPTIONAL = ("restore_abs_path",)
#: what an action says beside its ``freezer_action``, and what it is where a new one does not say it
RETRYING = {"max_retries": 5, "max_retries_interval": 6, "mandatory": False}


def values(document):
    """Return the fields that a document gives."""
    given = {name: document[name] for name in RETRYING if name in document}
    return given | (columns(document["freezer_action"]) if "freezer_action" in document else {})


def columns(freezer_action):
    """Return the fields that hold a ``freezer_action``; the old name of the path is understood too."""
    told = dict(freezer_action)
    if "src_file" in told:
        told.setdefault("path_to_backup", told.pop("src_file"))
    options = {name: value for name, value in told.items() if name not in COLUMNS}
    return {column: told.get(name) for name, column in COLUMNS.items()} | {"options": options}


def freezer_action(row):
    """Return the ``freezer_action`` of an action as version 2 shows it."""
    values = vars(row)
    told = {name: values[column] for name, column in COLUMNS.items()}
    for name in OPTIONAL:
        if told[name] is None:
            del told[name]
    return told | row.options


def given(row):
    """Return the ``freezer_action`` of an action as it was given."""
    return {name: value for name, value in freezer_action(row).items() if value is not None}


def document(row, asking):
    """Return an action as a version of the API shows it."""
    values = vars(row)
    about = {"action_id": scope.name_of(row.id), "user_id": row.user_id}
    about |= {name: values[name] for name in RETRYING}
    if asking.is_v1:
        return about | {"freezer_action": given(row)}
    return about | {
        "project_id": scope.project_of(row.id),
        "timeout": row.timeout,
        "freezer_action": freezer_action(row),
    }


def new(asking, name, told):
    """Return an action that a document describes, not stored yet."""
    about = RETRYING | values(told)
    return models.Action(id=asking.key(name), project_id=asking.project_id, user_id=asking.user_id, **about)


def create(database, asking, name, told):
    """Store a new action; raise Duplicate."""
    return database.commit(store.Create(new(asking, name, told)))[0]


def update(database, asking, name, told):
    """Change what a document gives: a ``freezer_action`` as a whole, everything else by itself."""

    def change():
        row = changes.find(database, asking, models.Action, name)
        return database.commit(store.Update(row, values(told)))[0]

    return changes.again(change)


def replace(database, asking, name, told):
    """Store an action in the place of the one with its name, if there is one."""

    def change():
        try:
            row = changes.find(database, asking, models.Action, name)
        except errors.NotFound:
            return create(database, asking, name, told)
        return database.commit(store.Update(row, RETRYING | values(told)))[0]

    return changes.again(change, errors.Duplicate)


def delete(database, asking, name):
    """Remove an action, out of the jobs that attach it too."""
    changes.again(lambda: database.commit(store.Delete(changes.find(database, asking, models.Action, name))))
