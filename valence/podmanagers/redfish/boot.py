# SPDX-License-Identifier: Apache-2.0
"""Choose what a Redfish system boots from by sushy, which knows what controllers need: settings resources and ETags.

sushy sends over Valence's own connection, so that sign-in, deadlines, the limit of a body, and the rule that a request
goes to this service only and is not repeated hold for it too.
"""

import json
import typing

import sushy
from sushy import connector
from sushy import exceptions
from sushy.resources.system import system

from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers.redfish import power
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.crawl import properties

#: properties of a system that sushy is shown, with the kind that it takes for granted: it fails on one of another kind
_SHOWN = {"Boot": dict, "Manufacturer": str, "Name": str}
_PRECONDITION_FAILED = 412

#: ways to boot from a network, and to start or restart, the preferred first
_NETWORK_TARGETS = ("pxe", "uefi_http")
_STARTS = ("on", "force_on")
_RESTARTS = ("force_restart", "power_cycle", "graceful_restart")


def choose(connection, path, offered, *, target, enabled, mode):
    """Choose what the system at ``path`` boots from, as ``PodManagerDriver.boot`` has it; return the Outcome.

    ``connection`` is a connection.Connection, ``offered`` are the targets that the system offers.
    """
    if target == "none" and target not in offered:
        target, enabled = None, "disabled"
    if target is not None and target not in offered:
        raise introspection_errors.NotOffered(
            what=f"boot target {target}, but {', '.join(offered) or 'none'}"
        )
    sender = _Connector(connection)
    try:
        system.System(sender, path).set_system_boot_options(
            *(
                kind(power.value_of(name)) if name else None
                for kind, name in (
                    (sushy.BootSource, target),
                    (sushy.BootSourceOverrideEnabled, enabled),
                    (sushy.BootSourceOverrideMode, mode),
                )
            )
        )
    except (exceptions.SushyError, LookupError, ValueError) as error:
        raise errors.PodManagerError(url=connection.paths.url, reason=f"{path}: {error}") from None
    return _last(sender.outcomes)


def from_network(connection, path, document):
    """Let the system at ``path`` boot from the network, once, and start or restart it; raise PodManagerError.

    ``connection`` is a connection.Connection; ``document`` of the system was read just now.
    """
    machine = power.state(connection, document)
    try:
        target = _first(_NETWORK_TARGETS, machine.boot_targets, "boot from a network")
        wanted = _STARTS if machine.power_state in ("Off", "PoweringOff") else _RESTARTS
        reset_type = _first(wanted, machine.reset_types, "start or restart")
    except LookupError as error:
        raise errors.PodManagerError(url=connection.paths.url, reason=f"{path}: {error}") from None
    choose(connection, path, machine.boot_targets, target=target, enabled="once", mode=None)
    power.reset(connection, path, document, reset_type)


def _first(wanted, offered, what):
    for each in wanted:
        if each in offered:
            return each
    raise LookupError(f"it offers no way to {what}, but {', '.join(sorted(offered)) or 'nothing'}")


def _last(outcomes):
    """Return the outcome of several changes: a task that goes on, else the last one."""
    ended = base.Outcome(base.DONE)
    for each in outcomes:
        if each.state == base.TASK:
            return each
        ended = each
    return ended


class _Response(typing.NamedTuple):
    """What sushy takes for a response of the library requests."""

    status_code: int
    headers: typing.Mapping
    content: typing.Any

    def json(self):
        return self.content


class _Connector(connector.Connector):
    """sushy's connector over a connection of Valence; ``outcomes`` lists the Outcome of each change."""

    def __init__(self, connection):
        # Not sushy's own, which makes a session of requests.
        self._connection = connection
        self.outcomes = []

    def get(self, path="", **_):
        """Return the resource at ``path`` as sushy takes it."""
        document = self._connection.get(self._local(path))
        return _Response(
            200, {"ETag": document.etag} if document.etag else {}, _shown(document.content, path)
        )

    def _op(self, method, path="", data=None, headers=None, **_):
        path = self._local(path)
        answer = self._connection.exchange(method, path, data, headers or {})
        response = _Response(answer.status_code, answer.headers, {})
        if answer.status_code == _PRECONDITION_FAILED:
            # Nothing was changed: sushy tries it with another ETag.
            raise exceptions.HTTPError(method, path, response)
        self.outcomes.append(
            tasks.outcome(self._connection, path, answer, action="choice of what the machine boots from")
        )
        return response

    def _local(self, path):
        local = self._connection.paths.link(path)
        if local is None:
            raise LookupError(f"the link {json.dumps(path)[:200]} leads to another service")
        return local


def _shown(document, path):
    """Return a resource without what sushy fails on, and with what it requires."""
    shown = {name: document[name] for name, kind in _SHOWN.items() if isinstance(document.get(name), kind)}
    shown.setdefault("Boot", {})  # older versions of sushy require it
    shown |= {"Id": path.rpartition("/")[2], "@odata.id": path}
    settings = document.get("@Redfish.Settings")
    link = properties.at(document, ("@Redfish.Settings", "SettingsObject"))
    if isinstance(settings, dict) and properties.reference(link):
        shown["@Redfish.Settings"] = settings
    return shown
