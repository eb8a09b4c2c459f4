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
    interfaces = list(members(read, system, "EthernetInterfaces"))
    macs = [each.get(name) for each in interfaces for name in ("MACAddress", "PermanentMACAddress")]
    told = [address for manager in managers(read, system) for address in addresses(read, manager)]
    macs, told = ([text for text in texts if isinstance(text, str)] for texts in (macs, told))
    return base.Machine(macs, told, system.get("UUID"), system.get("SerialNumber"))


def boot_from_network(read, send, url):
    """Let the system at ``url`` boot from the network, once, and start or restart it; ``send`` is the connection's."""
    system = system_of(read, url)
    path = path_of(system) or url
    targets = _allowed(system.get("Boot"), "BootSourceOverrideTarget")
    target = next((each for each in BOOT_TARGETS if each in targets), BOOT_TARGETS[0])
    override = {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}
    send("PATCH", path, {"Boot": override})
    action = mapping(mapping(system.get("Actions")).get("#ComputerSystem.Reset"))
    wanted = ["On", "ForceOn"] if system.get("PowerState") in ("Off", "PoweringOff") else RESTARTS
    allowed = _allowed(action, "ResetType")
    reset = next((each for each in wanted if each in allowed), wanted[0])
    send("POST", action.get("target") or f"{path}/Actions/ComputerSystem.Reset", {"ResetType": reset})


def system_of(read, url):
    """Return the document of the system at ``url``, or of the one that the composed node there is made of."""
    document = read(url)
    other = path_of(mapping(document.get("Links")).get("ComputerSystem"))
    return read(other) if other else document


def managers(read, system):
    """Return the documents of the managers of a system."""
    links = mapping(system.get("Links")).get("ManagedBy")
    return [found for link in listing(links) if (found := linked(read, path_of(link)))]


def addresses(read, manager):
    """Yield what a manager's network interfaces have as addresses."""
    for interface in members(read, manager, "EthernetInterfaces"):
        for name in ("IPv4Addresses", "IPv6Addresses", "IPv4StaticAddresses"):
            yield from (mapping(each).get("Address") for each in listing(interface.get(name)))


def members(read, document, name):
    """Yield the documents of the collection that a document calls by ``name``; there may be no such collection."""
    collection = linked(read, path_of(document.get(name))) or {}
    for link in listing(collection.get("Members")):
        member = linked(read, path_of(link))
        if member:
            yield member


def linked(read, path):
    """Return a linked document; None without a link, and where it leads to nothing."""
    try:
        return read(path) if path else None
    except errors.ResourceGone:
        return None


def path_of(link):
    """Return where a link leads, or None."""
    path = mapping(link).get("@odata.id")
    return path if isinstance(path, str) else None


def _allowed(value, name):
    """Return the values that a service says it takes."""
    return listing(mapping(value).get(f"{name}@Redfish.AllowableValues"))


def mapping(value):
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value):
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
