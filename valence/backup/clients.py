# SPDX-License-Identifier: Apache-2.0
"""Clients: schedulers register them again at each start; a client's abilities decide which jobs it can have."""

import uuid

from valence.backup import changes
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db.models.backup import CAPABILITIES

#: capability -> where a freezer_action names what it needs of it
NEEDS = {"action": "supported_actions", "mode": "supported_modes", "storage": "supported_storages"} | {
    "engine_name": "supported_engines"
}
#: what a client that registers again changes
REGISTERED = ("description", "hostname", "config_id", *CAPABILITIES)


def document(row, scope):
    """Return a client as a version of the API shows it."""
    about = {"client_id": changes.name_of(row.id), "hostname": row.hostname, "description": row.description}
    about["uuid"] = row.uuid
    about |= {} if row.config_id is None else {"config_id": row.config_id}
    if scope.is_v1:
        told = about | {name: getattr(row, name) for name in CAPABILITIES}
        return {
            "client": {name: value for name, value in told.items() if value is not None},
            "user_id": row.user_id,
        }
    able = {
        name: everything if getattr(row, name) is None else getattr(row, name)
        for name, everything in CAPABILITIES.items()
    }
    return {
        "project_id": changes.project_of(row.id),
        "user_id": row.user_id,
        "client": about | {"is_central": row.is_central} | able,
    }


def create(database, scope, told):
    """Register a client and return it; a client that is registered already is updated.

    Raises Duplicate where version 1 registers again, where a central client of another project has the name, and where
    another client has the UUID.
    """
    return changes.again(
        database, scope, models.Client, told["client_id"], lambda: _register(database, scope, told)
    )


def find(database, scope, name):
    """Return a client of the tenant, or a central one, by its name; raise NotFound."""
    try:
        return changes.find(database, scope, models.Client, name)
    except errors.NotFound:
        for row in central(database):
            if changes.name_of(row.id) == name:
                return row
        raise


def central(database):
    """Return the clients that work for all projects; they are few."""
    return database.list(models.Client, filters=[store.Filter("is_central", "eq", True)])


def delete(database, scope, name):
    """Remove a client; raise InUse while it has jobs, Forbidden for the central client of another project."""

    def attempt():
        row = find(database, scope, name)
        if row.project_id != scope.project_id:
            raise errors.Forbidden(rule="valence:backup:clients:delete")
        database.commit(store.Delete(row))

    store.again(attempt)


def check_ability(row, freezer_action):
    """Raise Unprocessable if a client cannot run a ``freezer_action``."""
    for name, capability in NEEDS.items():
        wanted, able = freezer_action.get(name), getattr(row, capability)
        if wanted and able is not None and wanted not in able:
            what = name.removesuffix("_name")
            raise errors.Unprocessable(
                reason=f"Client {changes.name_of(row.id)} does not support {what}: {wanted}"
            )


def _register(database, scope, told):
    name = told["client_id"]
    _check_central(database, scope, name)
    try:
        row = database.get(models.Client, scope.key(name))
    except errors.NotFound:
        return _add(database, scope, name, told)
    if scope.is_v1:
        raise errors.Duplicate(kind="client", field="id", value=name)
    return database.commit(store.Update(row, {name: told[name] for name in REGISTERED if name in told}))[0]


def _add(database, scope, name, told):
    about = {each: told[each] for each in (*REGISTERED, "is_central", "uuid") if each in told}
    about["uuid"] = about.get("uuid") or uuid.uuid4().hex
    row = models.Client(id=scope.key(name), project_id=scope.project_id, user_id=scope.user_id, **about)
    try:
        return database.commit(store.Create(row))[0]
    except errors.Duplicate as taken:
        if (
            taken.kwargs["field"] == "id"
        ):  # somebody registered it at the same time: then this is the second time
            raise errors.RevisionMismatch(kind="client", key=name) from None
        raise


def _check_central(database, scope, name):
    if any(
        changes.name_of(row.id) == name and row.project_id != scope.project_id for row in central(database)
    ):
        raise errors.Conflict(reason=f"Client {name} is already registered by another project")
