# SPDX-License-Identifier: Apache-2.0
"""Checks of what a site has: conductors, pod managers, operations, nodes and claims, from the API or the database.

Rows are mappings with the public fields of models. Times are compared with ``now``, in seconds since 1970.
"""

import dataclasses
import ipaddress
import typing
import urllib.parse
from collections import abc

from valence.client.commands.doctor import report as reports
from valence.db import types
from valence.db.models import pod_manager

Row = abc.Mapping[str, typing.Any]
Rows = abc.Sequence[Row]

#: seconds: of a heartbeat that is late or early, and of work that is due, is pending, or runs
SILENT, EARLY, DUE, PENDING, RUNNING = 60, 5, 600, 600, 3600
#: states of operations and nodes to read
OPEN, UNSETTLED = ["pending", "running"], ["error", "composing", "changing", "decomposing"]
#: part of the error of a pod manager that refuses the credentials, as last_error keeps it
REFUSED = "refused the credentials"


@dataclasses.dataclass
class Site:
    """What is checked; ``version`` is that of this code or of the API, "" where it is unknown."""

    now: float
    conductors: Rows = ()
    pod_managers: Rows = ()
    operations: Rows = ()
    nodes: Rows = ()
    claims: Rows = ()
    version: str = ""


def examine(report: reports.Report, site: Site) -> None:
    """Add what is wrong at a site to a report."""
    alive = [row for row in site.conductors if row["alive"]]
    if not alive:
        last = max((row["heartbeat_at"] or "" for row in site.conductors), default="")
        report.add("conductors.none", "No conductor is alive.", f"The last heartbeat: {last or 'none ever'}.")
        return  # all else follows from that
    for conductor in site.conductors:
        _examine_conductor(report, site, conductor)
    _examine_versions(report, site, alive)
    groups = {group for row in alive for group in row["conductor_groups"]}
    for row in site.pod_managers:
        _examine_pod_manager(report, site, row, groups)
    names = {row["hostname"] for row in alive}
    for row in site.operations:
        _examine_operation(report, site, row, names)
    for row in site.nodes:
        _examine_node(report, site, row)
    for row in site.claims:
        _examine_claim(report, site, row)


def _examine_conductor(report: reports.Report, site: Site, row: Row) -> None:
    name, age = row["hostname"], _age(site, row["heartbeat_at"])
    if not row["alive"]:
        report.add("conductors.gone", f"The conductor {name} is not alive.", _since(row["heartbeat_at"]))
    elif age is not None and age > SILENT:
        found = f"The conductor {name} has sent no heartbeat for {age:.0f} s."
        report.add("conductors.silent", found, "No other conductor is there to take over its work.")
    elif age is not None and age < -EARLY:
        found = f"The heartbeat of the conductor {name} lies {-age:.0f} s in the future."
        report.add(
            "conductors.clock", found, "The clocks of the database and of the host that checks differ."
        )


def _examine_versions(report: reports.Report, site: Site, alive: Rows) -> None:
    by_version: dict[str, list[str]] = {}
    for row in alive:
        by_version.setdefault(row["version"], []).append(row["hostname"])
    if site.version:
        by_version.setdefault(site.version, []).append("here or the API")
    if len(by_version) > 1:
        parts = [f"{version or 'unknown'} ({', '.join(names)})" for version, names in by_version.items()]
        report.add(
            "conductors.version",
            f"There are several versions: {'; '.join(sorted(parts))}.",
            "An upgrade has not ended, or a process was not restarted after it.",
        )


def _examine_pod_manager(report: reports.Report, site: Site, row: Row, groups: set[str]) -> None:
    name = row["name"]
    names = {"name": name, "id": row["uuid"]}
    if row["maintenance"]:
        found = f"The pod manager {name} is in maintenance."
        report.add("pod_managers.maintenance", found, "Valence does not contact it.", **names)
        return
    if row["status"] == pod_manager.DELETED:
        if _is_older(site, row["updated_at"], RUNNING):
            found = f"The pod manager {name} was deleted, and is still there."
            report.add("pod_managers.deletion", found, _since(row["updated_at"]), **names)
        return
    if row["conductor_group"] not in groups:
        found = f"The pod manager {name} belongs to the conductor group {row['conductor_group']}."
        reason = f"Living conductors serve {', '.join(sorted(groups)) or 'no group'}."
        report.add("pod_managers.unserved", found, reason, **names)
    elif _is_older(site, row["next_sync_at"], DUE):
        found = f"The synchronization of the pod manager {name} is overdue."
        report.add("pod_managers.overdue", found, f"It was due at {row['next_sync_at']}.", **names)
    _examine_contact(report, row, names)
    _examine_url(report, row, names)


def _examine_contact(report: reports.Report, row: Row, names: dict[str, str]) -> None:
    name, error = row["name"], row["last_error"] or ""
    if REFUSED in error:
        found = f"The pod manager {name} refuses the credentials."
        report.add("pod_managers.credentials", found, error, **names)
    elif row["status"] == "offline":
        report.add("pod_managers.offline", f"The pod manager {name} is offline.", error, **names)
    elif error:
        report.add("pod_managers.error", f"The last contact with {name} failed.", error, **names)


def _examine_url(report: reports.Report, row: Row, names: dict[str, str]) -> None:
    name, url = row["name"], urllib.parse.urlsplit(row["url"])
    if is_loopback(url.hostname or ""):
        return
    if url.scheme == "http":
        found = f"The URL of the pod manager {name} is http."
        report.add("pod_managers.plain", found, "Anybody on the way can read its password.", **names)
    elif row["verify_ca"] == "false":
        found = f"The certificate of the pod manager {name} is not checked."
        report.add("pod_managers.tls", found, "Another host can pass for it and get its password.", **names)


def _examine_operation(report: reports.Report, site: Site, row: Row, alive: set[str]) -> None:
    what = f"The operation {row['operation_kind']} {row['uuid']}"
    if row["state"] == "pending" and _is_older(site, row["created_at"], PENDING):
        found = f"{what} waits since {row['created_at']}."
        report.add("operations.pending", found, "No conductor has begun with it.", id=row["uuid"])
    if row["state"] == "running" and row["conductor"] and row["conductor"] not in alive:
        if _is_older(site, row["started_at"], SILENT):
            found = f"{what} runs on the conductor {row['conductor']}, which is not alive."
            report.add("operations.abandoned", found, "No other conductor has taken it over.")
    elif row["state"] == "running" and _is_older(site, row["started_at"], RUNNING):
        report.add("operations.running", f"{what} runs since {row['started_at']}.", id=row["uuid"])


def _examine_node(report: reports.Report, site: Site, row: Row) -> None:
    if row["state"] == "error":
        found = f"The node {row['name']} is in the state error."
        report.add("nodes.error", found, row["error"] or "", id=row["uuid"])
    elif row["state"] in UNSETTLED and _is_older(site, row["updated_at"], RUNNING):
        found = f"The node {row['name']} is {row['state']} since {row['updated_at']}."
        report.add("nodes.hangs", found, "Its operation hangs, or none works on it.", id=row["uuid"])


def _examine_claim(report: reports.Report, site: Site, row: Row) -> None:
    node, device = row["node_id"], row["device_id"]
    if row["state"] == "failed":
        found = f"The claim of the node {node} to the device {device} has failed."
        report.add("claims.failed", found, row["error"] or "", node=node)
    working = {operation["target_id"] for operation in site.operations}
    if row["state"] in ("attaching", "detaching") and node not in working:
        found = f"The device {device} is {row['state']} for the node {node}."
        report.add("claims.hangs", found, "No operation works on this node.", node=node)


def is_loopback(host: str) -> bool:
    """Return whether a host is this one by its loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _age(site: Site, moment: str | None) -> float | None:
    """Return the seconds since a moment, None without one."""
    return None if moment is None else site.now - types.parse_time(moment).timestamp()


def _is_older(site: Site, moment: str | None, seconds: float) -> bool:
    age = _age(site, moment)
    return age is not None and age > seconds


def _since(moment: str | None) -> str:
    return f"Since {moment}." if moment else ""
