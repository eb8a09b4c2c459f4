# SPDX-License-Identifier: Apache-2.0
"""What a Redfish system can be known by: its own identity, its network interfaces, the addresses of its managers.

``walker`` is a redfish_listing.Walker throughout.
"""

from valence.podmanagers import base
from valence.podmanagers import redfish_document

#: ways to boot from a network, and to restart, the preferred first
BOOT_TARGETS = ("Pxe", "UefiHttp")
RESTARTS = ("ForceRestart", "PowerCycle", "GracefulRestart")


def identify(walker, url):
    """Return the Machine at ``url``. Parts that are missing say nothing."""
    system = system_of(walker, url)
    interfaces = list(walker.members(system.get("EthernetInterfaces")))
    macs = [each.get(name) for each in interfaces for name in ("MACAddress", "PermanentMACAddress")]
    told = [address for manager in managers(walker, system) for address in addresses(walker, manager)]
    macs, told = ([text for text in texts if isinstance(text, str)] for texts in (macs, told))
    return base.Machine(macs, told, system.get("UUID"), system.get("SerialNumber"))


def boot_from_network(walker, send, url):
    """Let the system at ``url`` boot from the network, once, and start or restart it; ``send`` is the connection's."""
    system = system_of(walker, url)
    path = walker.path(system) or url
    targets = _allowed(system.get("Boot"), "BootSourceOverrideTarget")
    target = next((each for each in BOOT_TARGETS if each in targets), BOOT_TARGETS[0])
    override = {"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": "Once"}
    send("PATCH", path, {"Boot": override})
    action = mapping(mapping(system.get("Actions")).get("#ComputerSystem.Reset"))
    wanted = ["On", "ForceOn"] if system.get("PowerState") in ("Off", "PoweringOff") else RESTARTS
    allowed = _allowed(action, "ResetType")
    reset = next((each for each in wanted if each in allowed), wanted[0])
    place = walker.path(action.get("target")) or f"{path}/Actions/ComputerSystem.Reset"
    send("POST", place, {"ResetType": reset})


def system_of(walker, url):
    """Return the document of the system at ``url``, or of the one that the composed node there is made of."""
    document = walker.read(url)
    other = walker.path(mapping(document.get("Links")).get("ComputerSystem"))
    return walker.read(other) if other else document


def managers(walker, system):
    """Yield the documents of the managers of a system."""
    yield from walker.members(listing(mapping(system.get("Links")).get("ManagedBy")))


def addresses(walker, manager):
    """Yield what a manager's network interfaces have as addresses."""
    for interface in walker.members(manager.get("EthernetInterfaces")):
        for name in ("IPv4Addresses", "IPv6Addresses", "IPv4StaticAddresses"):
            yield from (mapping(each).get("Address") for each in listing(interface.get(name)))


def path_of(link):
    """Return what a link holds, or None."""
    return redfish_document.reference(link)


def _allowed(value, name):
    """Return the values that a service says it takes."""
    return listing(mapping(value).get(f"{name}@Redfish.AllowableValues"))


def mapping(value):
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value):
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
