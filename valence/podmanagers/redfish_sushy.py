# SPDX-License-Identifier: Apache-2.0
"""Actions on a Redfish system by sushy, which knows what controllers need: settings resources, ActionInfo, ETags.

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
from valence.podmanagers import redfish_document

#: properties of a system that sushy is shown, with the kind that it takes for granted: it fails on one of another kind
_SHOWN = {"Boot": dict, "Actions": dict, "Manufacturer": str, "Name": str}
_PRECONDITION_FAILED = 412

#: ways to boot from a network, and to start or restart, the preferred first
_BOOT_TARGETS = (sushy.BootSource.PXE, sushy.BootSource.UEFI_HTTP)
_STARTS = (sushy.ResetType.ON, sushy.ResetType.FORCE_ON)
_RESTARTS = (
    sushy.ResetType.FORCE_RESTART,
    sushy.ResetType.POWER_CYCLE,
    sushy.ResetType.GRACEFUL_RESTART,
)


def boot_from_network(connection: typing.Any, path: str) -> None:
    """Let the system at ``path`` boot from the network, once, and start or restart it; raise PodManagerError.

    ``connection`` is a redfish_connection.Connection.
    """
    try:
        machine = system.System(_Connector(connection), path)
        target = _first(_BOOT_TARGETS, machine.get_allowed_system_boot_source_values(), "boot from a network")
        machine.set_system_boot_options(target, enabled=sushy.BootSourceOverrideEnabled.ONCE)
        is_off = machine.json.get("PowerState") in ("Off", "PoweringOff")
        wanted = _STARTS if is_off else _RESTARTS
        machine.reset_system(_first(wanted, machine.get_allowed_reset_system_values(), "start or restart"))
    except (exceptions.SushyError, LookupError) as error:
        raise errors.PodManagerError(url=connection.paths.url, reason=f"{path}: {error}") from None


def _first(wanted, allowed, what):
    for each in wanted:
        if each in allowed:
            return each
    offered = ", ".join(sorted(each.value for each in allowed)) or "nothing"
    raise LookupError(f"it offers no way to {what}, but {offered}")


class _Response(typing.NamedTuple):
    """What sushy takes for a response of the library requests."""

    status_code: int
    headers: typing.Mapping
    content: typing.Any

    def json(self):
        return self.content


class _Connector(connector.Connector):
    """sushy's connector over a connection of Valence."""

    def __init__(self, connection):
        # Not sushy's own, which makes a session of requests.
        self._connection = connection

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
        if (
            answer.status_code == _PRECONDITION_FAILED
        ):  # nothing was changed: sushy tries it with another ETag
            raise exceptions.HTTPError(method, path, response)
        self._connection.accepted(path, answer)
        return response

    def _local(self, path):
        local = self._connection.paths.link(path)
        if local is None:
            raise LookupError(f"the link {json.dumps(path)[:200]} leads to another service")
        return local


def _shown(document, path):
    """Return a resource without what sushy fails on, and with what it requires."""
    if "Boot" not in document and "Actions" not in document and "PowerState" not in document:
        return document  # ActionInfo
    shown = {name: document[name] for name, kind in _SHOWN.items() if isinstance(document.get(name), kind)}
    shown |= {"Id": path.rpartition("/")[2], "@odata.id": path, "PowerState": document.get("PowerState")}
    settings = document.get("@Redfish.Settings")
    link = redfish_document.at(document, ("@Redfish.Settings", "SettingsObject"))
    if isinstance(settings, dict) and redfish_document.reference(link):
        shown["@Redfish.Settings"] = settings
    actions = shown.get("Actions", {})
    reset = actions.get("#ComputerSystem.Reset")
    reset = reset if isinstance(reset, dict) else {}
    target = reset.get("target")
    target = target if isinstance(target, str) else f"{path}/Actions/ComputerSystem.Reset"
    return shown | {"Actions": {"#ComputerSystem.Reset": reset | {"target": target}}}
