# SPDX-License-Identifier: Apache-2.0
"""Checks through the API, as any client sees it: readiness, clock, and what the site has."""

import email.utils
import time
import typing
import urllib.parse

from keystoneauth1 import exceptions

from valence.client import errors
from valence.client.commands.doctor import inventory
from valence.client.commands.doctor import report as reports

if typing.TYPE_CHECKING:
    from valence.client import rack

#: seconds by which clocks may differ: the header Date has whole seconds
SKEW = 5
#: rows of a list at most, and recent rows that an archive has
MOST, RECENT = 1000, 100
#: what /readyz says
STATUSES = ("ready", "not ready")


def examine(report: reports.Report, client: "rack.Rack", *, recent: bool = False) -> None:
    """Add what the API shows to a report; with ``recent`` its documents have operations and events, too.

    Whatever fails is a finding: those that were made before are kept.
    """
    try:
        url = _place(report, client)
        if url is not None:
            _examine(report, client, url, recent)
    except errors.Unreachable as error:
        report.add("api.unreachable", error.detail, error.hint)
    except errors.RackError as error:
        is_refused = isinstance(error, errors.Unauthorized | errors.Forbidden)
        # A conductor or database that is away is reported by the API itself, and is the reason of this error.
        if not (isinstance(error, errors.Unavailable) and report.has("api.not_ready")):
            report.add("api.credentials" if is_refused else "api.failed", error.detail, error.hint)
    except exceptions.ClientException as error:
        report.add("api.credentials", "Signing in has failed.", _text(error))
    except Exception as error:  # such as an endpoint that is no URL
        report.add("api.failed", f"A check failed: {type(error).__name__}.", _text(error))


def _place(report: reports.Report, client: "rack.Rack") -> str | None:
    """Return the URL of the API, None if there is none."""
    adapter: typing.Any = client
    try:
        place = adapter.endpoint_override or adapter.get_endpoint()
    except exceptions.ConnectionError as error:
        raise errors.unreachable(error, "The Identity service") from error
    except exceptions.ClientException as error:
        report.add("api.credentials", "The Identity service gives no endpoint of Valence.", _text(error))
        return None
    if not place:
        found = f"The catalogue has no endpoint of the service {adapter.service_type}."
        reason = "Name it with --endpoint, or register it in the Identity service."
        report.add("api.unreachable", found, reason)
        return None
    return str(place).rstrip("/").removesuffix("/v1")


def _examine(report: reports.Report, client: "rack.Rack", url: str, recent: bool) -> None:
    shown = errors.masked(url)
    report.checked.append(f"the API at {shown}")
    try:
        host = urllib.parse.urlsplit(url)
    except ValueError as error:
        report.add(
            "api.failed", f"{shown} is no URL: {error}.", "An example: https://valence.example.org:8181"
        )
        return
    if host.scheme == "http" and not inventory.is_loopback(host.hostname or ""):
        found = f"The API at {shown} is reached by http."
        report.add("api.plain", found, "Anybody on the way can read requests.")
    began = time.time()
    readiness = _readiness(report, client, url)
    if readiness is None:
        return
    now = _examine_clock(report, readiness.headers.get("Date"), (began + time.time()) / 2)
    version = _examine_readiness(report, readiness, shown)
    if version is None:
        return
    try:
        report.documents |= _examine_rows(report, client, now, version)
        if recent:
            report.documents |= _recent(client)
    except KeyError as error:
        found = f"The API lists rows without the field {error}."
        report.add("api.failed", found, "It has another version than this command.")


def _readiness(report: reports.Report, adapter: typing.Any, url: str) -> typing.Any:
    """Return the answer of /readyz, None if there is none."""
    options = {"raise_exc": False, "connect_retries": 0, "status_code_retries": 0}
    try:
        return adapter.request(f"{url}/readyz", "GET", headers={"Accept": "application/json"}, **options)
    except exceptions.SSLError as error:
        shown, host = errors.masked(url), urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
        report.add("api.certificate", f"The certificate of {shown} is refused.", _text(error), host=host)
    except exceptions.ConnectionError as error:
        raise errors.unreachable(error, url) from error
    return None


def _examine_clock(report: reports.Report, date: str | None, mine: float) -> float:
    """Return the time on the clock of the API, this host's without one."""
    try:
        theirs = email.utils.parsedate_to_datetime(date or "").timestamp() + 0.5
    except ValueError:
        return mine
    if abs(theirs - mine) > SKEW:
        found = f"The clock of the API differs from the one of this host by {theirs - mine:+.0f} s."
        report.add("api.clock", found, "Tokens and certificates are refused too early or accepted too late.")
    return theirs


def _examine_readiness(report: reports.Report, response: typing.Any, url: str) -> str | None:
    """Return the version of the API, "" if it does not show it, None if this is not the readiness of Valence."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not _is_readiness(document):
        found = f"{url}/readyz answered {response.status_code}."
        check = "api.credentials" if response.status_code in (401, 403) else "api.failed"
        report.add(check, found, "This is not what Valence answers: is another service there?")
        return None
    report.documents["readyz.json"] = document
    for name, check in document.get("checks", {}).items():
        if not check["ready"]:
            found = f"The API is not ready: {name}, since {check['since']}."
            report.add("api.not_ready", found, check["reason"] or "", url=url)
    if document["status"] != "ready" and not report.has("api.not_ready"):
        reason = "Its reasons are shown to administrators only."
        report.add("api.not_ready", "The API is not ready.", reason, url=url)
    return str(document.get("version") or "")


def _is_readiness(document: typing.Any) -> bool:
    """Return whether a document has the shape of what /readyz of Valence answers."""
    if not isinstance(document, dict) or document.get("status") not in STATUSES:
        return False
    checks = document.get("checks", {})
    return isinstance(checks, dict) and all(
        isinstance(check, dict) and check.keys() >= {"ready", "reason", "since"} for check in checks.values()
    )


def _examine_rows(
    report: reports.Report, client: "rack.Rack", now: float, version: str
) -> dict[str, list[dict[str, typing.Any]]]:
    """Check what the API lists; return it as documents."""
    site = inventory.Site(
        now=now,
        version=version,
        conductors=list(client.conductors()),
        pod_managers=list(client.pod_managers()),
        operations=list(client.operations(state=inventory.OPEN, limit=MOST)),
        nodes=list(client.nodes(all_projects=True, state=inventory.UNSETTLED, limit=MOST)),
    )
    inventory.examine(report, site)
    return {
        f"{name}.json": [dict(row) for row in rows]
        for name, rows in (("conductors", site.conductors), ("pod_managers", site.pod_managers))
    }


def _recent(client: "rack.Rack") -> dict[str, list[dict[str, typing.Any]]]:
    operations = client.operations(sort="created_at:desc", limit=RECENT)
    events = client.events(sort="sequence:desc", limit=RECENT)
    return {"operations.json": list(map(dict, operations)), "events.json": list(map(dict, events))}


def _text(error: Exception) -> str:
    return errors.masked(" ".join(str(error).split()))
