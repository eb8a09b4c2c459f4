# SPDX-License-Identifier: Apache-2.0
"""How a pod manager is reached: read also where its secret cannot be, and compared with what a contact began with."""

from valence.common import errors
from valence.db import models
from valence.db import store

#: fields whose change makes a new connection
ACCESS = ("url", "driver", "username", "password", "verify_ca", "tls")
#: fields that clients change and whose change ends a contact under way: what it found out counts no longer
CONTACT = (*ACCESS, "maintenance", "conductor_group")


def read(database: store.Store, uuid: str) -> models.PodManager:
    """Return a pod manager; its password is None where no key opens it. Raise NotFound.

    It can still be changed and removed then, but ``connections`` refuse to contact it.
    """
    try:
        return database.get(models.PodManager, uuid)
    except errors.SecretUnreadable:
        return database.get_without_secrets(models.PodManager, uuid).replace(password=None)


def read_all(database: store.Store, uuids: list[str]) -> dict[str, models.PodManager]:
    """Return the pod managers that there are by UUID, as ``read`` does."""
    if not uuids:
        return {}
    try:
        found = database.list(models.PodManager, filters=[store.Filter("uuid", "in", uuids)])
    except errors.SecretUnreadable:
        found = [each for each in (_read_or_none(database, uuid) for uuid in uuids) if each is not None]
    return {each.uuid: each for each in found}


def of_contact(pod_manager: models.PodManager) -> tuple:
    """Return the values of the fields that a contact depends on."""
    return tuple(getattr(pod_manager, name) for name in CONTACT)


def _read_or_none(database, uuid):
    try:
        return read(database, uuid)
    except errors.NotFound:
        return None
