# SPDX-License-Identifier: Apache-2.0
"""Clients: registered by their schedulers, again and again; what they can do decides which jobs they get."""

import uuid

from valence.backup import changes
from valence.backup import scope
from valence.common import errors
from valence.db import models
from valence.db import store
from valence.db.models.backup_client import CAPABILITIES

#: capability -> where a freezer_action names what it needs of it
NEEDS = {"action": "supported_actions", "mode": "supported_modes", "storage": "supported_storages"} | {
    "engine_name": "supported_engines"
}
#: what a client that registers again changes
REGISTERED = ("description", "hostname", "config_id", *CAPABILITIES)


def document(row, asking):
    """Return a client as a version of the API shows it."""
    about = {"client_id": scope.name_of(row.id), "hostname": row.hostname, "description": row.description}
    about["uuid"] = row.uuid
    about |= {} if row.config_id is None else {"config_id": row.config_id}
    if asking.is_v1:
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
        "project_id": scope.project_of(row.id),
        "user_id": row.user_id,
        "client": about | {"is_central": row.is_central} | able,
    }


def create(database, asking, told):
    """Register a client and return it; one that is registered already is brought up to date.

    Raises Duplicate where version 1 registers again, where a central client of another project has the name,
    and where another client has the UUID.
    """
    return changes.again(lambda: _register(database, asking, told))


def find(database, asking, name):
    """Return a client of the tenant, or a central one, by its name; raise NotFound."""
    try:
        return changes.find(database, asking, models.Client, name)
    except errors.NotFound:
        for row in central(database):
            if scope.name_of(row.id) == name:
                return row
        raise


def central(database):
    """Return the clients that work for all projects; they are few."""
    return database.list(models.Client, filters=[store.Filter("is_central", "eq", True)])


def delete(database, asking, name):
    """Remove a client; raise InUse while it has jobs, Forbidden for the central client of another project."""
    row = find(database, asking, name)
    if row.project_id != asking.project_id:
        raise errors.Forbidden(rule="valence:backup:clients:delete")
    database.commit(store.Delete(row))


def check_ability(row, freezer_action):
    """Raise Unprocessable if a client cannot do what a ``freezer_action`` wants."""
    for name, capability in NEEDS.items():
        wanted, able = freezer_action.get(name), getattr(row, capability)
        if wanted and able is not None and wanted not in able:
            what = name.removesuffix("_name")
            raise errors.Unprocessable(
                reason=f"Client {scope.name_of(row.id)} does not support {what}: {wanted}"
            )


def _register(database, asking, told):
    name = told["client_id"]
    _check_central(database, asking, name)
    try:
        row = database.get(models.Client, asking.key(name))
    except errors.NotFound:
        return _add(database, asking, name, told)
    if asking.is_v1:
        raise errors.Duplicate(kind="client", field="id", value=name)
    return database.commit(store.Update(row, {name: told[name] for name in REGISTERED if name in told}))[0]


def _add(database, asking, name, told):
    about = {each: told[each] for each in (*REGISTERED, "is_central", "uuid") if each in told}
    about.setdefault("uuid", uuid.uuid4().hex)
    row = models.Client(id=asking.key(name), project_id=asking.project_id, user_id=asking.user_id, **about)
    try:
        return database.commit(store.Create(row))[0]
    except errors.Duplicate as taken:
        if (
            taken.kwargs["field"] == "id"
        ):  # somebody registered it at the same time: then this is the second time
            raise errors.RevisionMismatch(kind="client", key=name) from None
        raise


def _check_central(database, asking, name):
    if any(
        scope.name_of(row.id) == name and row.project_id != asking.project_id for row in central(database)
    ):
        raise errors.Conflict(reason=f"Client {name} is already registered by another project")
