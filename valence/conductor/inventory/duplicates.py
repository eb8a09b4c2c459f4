# SPDX-License-Identifier: Apache-2.0
"""One Redfish service is registered once: the same one is found by its URL, and at the first contact by its UUID.

A UUID alone proves nothing, because some makers give one to all their controllers: an address, or a resource of the
pod manager that is registered already, has to confirm it.
"""

import ipaddress
import socket
import urllib.parse
import uuid

from valence.common import errors
from valence.common import introspection_errors
from valence.db import models
from valence.db import store
from valence.podmanagers import base

#: pod managers with the same UUID, and resources of one, that are compared at most
MOST = 5
#: types of resources that tell services apart by their UUIDs and serial numbers
TELLING_TYPES = ("System", "Chassis", "Manager")
FIELDS = ("uuid", "name", "url")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def require_new_url(database: store.Store, urls: list[str], own: str | None = None) -> None:
    """Raise Duplicate if a pod manager other than ``own`` has one of these URLs."""
    found = database.list(models.PodManager, filters=[store.Filter("url", "in", urls)], fields=FIELDS)
    for each in found:
        if each.uuid != own:
            holder = f"{each.name} ({each.uuid})"
            raise errors.Duplicate(kind="pod_manager", field="url", value=each.url, holder=holder)


def require_new_service(
    database: store.Store, pod_manager: models.PodManager, root: base.Root, driver: base.PodManagerDriver
) -> None:
    """Raise PodManagerError if the service that answered is registered as another pod manager.

    This is checked at the first contact with a pod manager, and when another service answers than before.
    """
    if not _is_telling(root.uuid) or (pod_manager.last_synced_at and pod_manager.redfish_uuid == root.uuid):
        return
    same = [store.Filter("redfish_uuid", "eq", root.uuid)]
    for other in database.list(models.PodManager, filters=same, limit=MOST, fields=FIELDS):
        if other.uuid != pod_manager.uuid and _is_same(database, pod_manager, other, driver):
            reason = (
                f"it is the service of pod manager {other.name!r} ({other.uuid}) at {other.url}, with the same "
                f"UUID {root.uuid}; remove one of the two"
            )
            raise errors.PodManagerError(url=pod_manager.url, reason=reason)


def _is_telling(text):
    """Return whether a text is a UUID that may be unique, not a row of zeros or the like."""
    try:
        return len(set(uuid.UUID(text).hex)) > 2
    except (TypeError, ValueError):
        return False


def _is_same(database, pod_manager, other, driver):
    own, registered = _place(pod_manager.url), _place(other.url)
    standard = {own[1], registered[1]} <= set(_DEFAULT_PORTS.values())
    if own[1] != registered[1] and not standard:
        return False
    if _addresses(*own) & _addresses(*registered):
        return True
    return _shows_resource(database, other, driver)


def _shows_resource(database, other, driver):
    """Return whether the service shows a resource of another pod manager, with its UUID or serial number."""
    mine = [
        store.Filter("podm_id", "eq", other.uuid),
        store.Filter("resource_type", "in", list(TELLING_TYPES)),
    ]
    rows = database.list(models.ResourceWithState, filters=mine, limit=MOST)
    return any(_shows(driver, row) for row in rows if row.identity)


def _shows(driver, row):
    try:
        return driver.look(row.resource_url, row.resource_type, row.parent).identity == row.identity
    except (errors.PodManagerError, introspection_errors.NotOffered):
        return False


def _place(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _addresses(host, port):
    """Return the addresses of a host; those of this host's loopback are one."""
    try:
        found = {each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return set()
    return {
        "loopback" if ipaddress.ip_address(each.partition("%")[0]).is_loopback else each for each in found
    }
