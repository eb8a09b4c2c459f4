# SPDX-License-Identifier: Apache-2.0
"""What a Redfish system can be known by: its own identity, its network interfaces, the addresses of its managers."""

from valence.common import errors
from valence.podmanagers import base

#: ways to boot from a network, and to restart, the preferred first
BOOT_TARGETS = ("Pxe", "UefiHttp")
RESTARTS = ("ForceRestart", "PowerCycle", "GracefulRestart")


def identify(read, url):
    """Return the Machine at ``url``; ``read`` returns the document at a path. Parts that are missing say nothing."""
    system = system_of(read, url)
    interfaces = list(_members(read, system, "EthernetInterfaces"))
    macs = [each.get(name) for each in interfaces for name in ("MACAddress", "PermanentMACAddress")]
    addresses = [address for manager in _managers(read, system) for address in _addresses(read, manager)]
    macs, addresses = ([text for text in texts if isinstance(text, str)] for texts in (macs, addresses))
    return base.Machine(macs, addresses, system.get("UUID"), system.get("SerialNumber"))


def boot_from_network(read, send, url):
    """Let the system at ``url`` boot from the network, once, and start or restart it; ``send`` is the connection's."""
    system = system_of(read, url)
    path = _path(system) or url
    targets = _allowed(system.get("Boot"), "BootSourceOverrideTarget")
    target = next((each for each in BOOT_TARGETS if each in targets), BOOT_TARGETS[0])
    override = {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}
    send("PATCH", path, {"Boot": override})
    action = _object(_object(system.get("Actions")).get("#ComputerSystem.Reset"))
    wanted = ["On", "ForceOn"] if system.get("PowerState") in ("Off", "PoweringOff") else RESTARTS
    allowed = _allowed(action, "ResetType")
    reset = next((each for each in wanted if each in allowed), wanted[0])
    send("POST", action.get("target") or f"{path}/Actions/ComputerSystem.Reset", {"ResetType": reset})


def system_of(read, url):
    """Return the document of the system at ``url``, or of the one that the composed node there is made of."""
    document = read(url)
    linked = _path(_object(document.get("Links")).get("ComputerSystem"))
    return read(linked) if linked else document


def _managers(read, system):
    links = _object(system.get("Links")).get("ManagedBy")
    return [found for link in _list(links) if (found := _read(read, _path(link)))]


def _addresses(read, manager):
    for interface in _members(read, manager, "EthernetInterfaces"):
        for name in ("IPv4Addresses", "IPv6Addresses", "IPv4StaticAddresses"):
            yield from (_object(each).get("Address") for each in _list(interface.get(name)))


def _members(read, document, name):
    collection = _read(read, _path(document.get(name))) or {}
    for link in _list(collection.get("Members")):
        member = _read(read, _path(link))
        if member:
            yield member


def _read(read, path):
    """Return a linked document; None without a link, and where it leads to nothing."""
    try:
        return read(path) if path else None
    except errors.ResourceGone:
        return None


def _path(link):
    path = _object(link).get("@odata.id")
    return path if isinstance(path, str) else None


def _allowed(value, name):
    """Return the values that a service says it takes."""
    return _list(_object(value).get(f"{name}@Redfish.AllowableValues"))


def _object(value):
    return value if isinstance(value, dict) else {}


def _list(value):
    return value if isinstance(value, list) else []
