# SPDX-License-Identifier: Apache-2.0
"""What Ironic gets to know of a node: pure functions over the node, its pod manager, its machine and the request."""

import re
import typing
import urllib.parse

from valence.db import models

#: Ironic's hardware types that speak Redfish, and so get the access to the pod manager; the first is the default
REDFISH_DRIVERS = ("redfish", "idrac")
#: path of the service root that Ironic assumes
ROOT = "/redfish/v1"
#: objects of a request whose members replace those that Valence gives; null removes one
MERGED = ("driver_info", "properties", "extra")
MIB, GIB = 1024**2, 1024**3
#: most ports of a node: each takes two requests
MOST_ADDRESSES = 64
_ADDRESS = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

Document = dict[str, typing.Any]


class Machine(typing.NamedTuple):
    """What was read of a machine: the path of its system, its MAC addresses, and Ironic's properties of it."""

    path: str
    addresses: list[str]
    properties: dict[str, typing.Any]


def machine(path: str, inspected: Document) -> Machine:
    """Return the machine whose system is at ``path``, from its document in the form of ironic-python-agent."""
    inventory = inspected.get("inventory") or {}
    cpu, memory = inventory.get("cpu") or {}, inventory.get("memory") or {}
    disk = inspected.get("root_disk") or {}
    properties = {
        "cpus": cpu.get("count"),
        "cpu_arch": cpu.get("architecture"),
        "memory_mb": memory.get("physical_mb"),
        "local_gb": (disk.get("size") or 0) // GIB or None,
    }
    told = [each.get("mac_address") for each in inventory.get("interfaces") or ()]
    known = {name: value for name, value in properties.items() if value is not None}
    return Machine(path, addresses(told), known)


def addresses(texts: typing.Iterable[str | None]) -> list[str]:
    """Return MAC addresses as Ironic writes them, each once; what hardware tells instead of one is left out."""
    written = dict.fromkeys(text.replace("-", ":").lower() for text in texts if text)
    return [text for text in written if _ADDRESS.fullmatch(text)][:MOST_ADDRESSES]


def node(
    row: models.Node,
    pod_manager: models.PodManager,
    seen: Machine,
    request: Document,
    *,
    resource_class: str,
) -> Document:
    """Return the body by which Ironic creates its node: what the request gives has precedence."""
    driver = request.get("driver") or REDFISH_DRIVERS[0]
    speaks_redfish = driver in REDFISH_DRIVERS and pod_manager.driver == "redfish"
    mine = {
        "uuid": row.uuid,
        "driver": driver,
        "driver_info": _access(pod_manager, seen.path) if speaks_redfish else {},
        "properties": seen.properties,
        "resource_class": resource_class,
        "extra": {"valence": _origin(row)},
    }
    given = {name: value for name, value in request.items() if name != "mac" and value is not None}
    merged = {name: mine[name] | given.get(name, {}) for name in MERGED}
    kept = {
        name: {key: value for key, value in values.items() if value is not None}
        for name, values in merged.items()
    }
    return mine | given | kept


def _access(pod_manager: models.PodManager, path: str) -> Document:
    """Return how Ironic reaches the system at ``path`` of a pod manager, with the credentials."""
    url = urllib.parse.urlsplit(pod_manager.url)
    root = url.path.rstrip("/")
    checked = {"true": True, "false": False}.get(pod_manager.verify_ca, pod_manager.verify_ca)
    access = {
        "redfish_address": f"{url.scheme}://{url.netloc}{'' if root in ('', ROOT) else root}",
        "redfish_system_id": path,
        "redfish_verify_ca": checked,
    }
    credentials = {"redfish_username": pod_manager.username, "redfish_password": pod_manager.password}
    return access | (credentials if pod_manager.username else {})


def _origin(row: models.Node) -> Document:
    """Return what lets an operator of Ironic find the node in Valence."""
    return {name: getattr(row, name) for name in ("name", "project_id", "podm_id", "resource_url")}
