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


def examine(report: reports.Report, client: "rack.Rack", *, recent: bool = False) -> None:
    """Add what the API shows to a report; with ``recent`` its documents have operations and events, too."""
    adapter: typing.Any = client
    try:
        place = adapter.endpoint_override or adapter.get_endpoint()
    except exceptions.ClientException as error:
        report.add("api.credentials", "The Identity service gives no endpoint of Valence.", _text(error))
        return
    if not place:
        found = f"The catalogue has no endpoint of the service {adapter.service_type}."
        report.add(
            "api.unreachable", found, "Name it with --endpoint, or register it in the Identity service."
        )
        return
    url = str(place).rstrip("/").removesuffix("/v1")
    report.checked.append(f"the API at {url}")
    host = urllib.parse.urlsplit(url)
    if host.scheme == "http" and not inventory.is_loopback(host.hostname or ""):
        report.add(
            "api.plain", f"The API at {url} is reached by http.", "Anybody on the way can read requests."
        )
    began = time.time()
    readiness = _readiness(report, adapter, url)
    if readiness is None:
        return
    now = _examine_clock(report, readiness.headers.get("Date"), (began + time.time()) / 2)
    version = _examine_readiness(report, readiness, url)
    try:
        report.documents |= _examine_rows(report, client, now, version)
        if recent:
            report.documents |= _recent(client)
    except KeyError as error:
        found = f"The API lists rows without the field {error}."
        report.add("api.failed", found, "It has another version than this command.")
    except errors.RackError as error:
        check = (
            "api.credentials" if isinstance(error, errors.Unauthorized | errors.Forbidden) else "api.failed"
        )
        # A conductor or database that is away is reported by the API itself, and is the reason of this error.
        if not (isinstance(error, errors.Unavailable) and report.has("api.not_ready")):
            report.add(check, error.detail, error.hint)


def _readiness(report: reports.Report, adapter: typing.Any, url: str) -> typing.Any:
    """Return the answer of /readyz, None if there is none."""
    options = {"raise_exc": False, "connect_retries": 0, "status_code_retries": 0}
    try:
        return adapter.request(f"{url}/readyz", "GET", headers={"Accept": "application/json"}, **options)
    except exceptions.SSLError as error:
        host = urllib.parse.urlsplit(url).netloc
        report.add("api.certificate", f"The certificate of {url} is refused.", _text(error), host=host)
    except exceptions.ConnectionError as error:
        report.add("api.unreachable", f"{url} cannot be reached.", errors.unreachable(error, url).detail)
    except exceptions.ClientException as error:
        report.add("api.credentials", "Signing in has failed.", _text(error))
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


def _examine_readiness(report: reports.Report, response: typing.Any, url: str) -> str:
    """Return the version of the API, "" if it does not show it."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or "status" not in document:
        found = f"{url}/readyz answered {response.status_code}."
        check = "api.credentials" if response.status_code in (401, 403) else "api.failed"
        report.add(check, found, "This is not what Valence answers: is another service there?")
        return ""
    report.documents["readyz.json"] = document
    for name, check in document.get("checks", {}).items():
        if not check["ready"]:
            found = f"The API is not ready: {name}, since {check['since']}."
            report.add("api.not_ready", found, check["reason"] or "", url=url)
    if document["status"] != "ready" and not report.has("api.not_ready"):
        reason = "Its reasons are shown to administrators only."
        report.add("api.not_ready", "The API is not ready.", reason, url=url)
    return str(document.get("version") or "")


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
        nodes=list(client.nodes(state=inventory.UNSETTLED, limit=MOST)),
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
    return " ".join(str(error).split())
