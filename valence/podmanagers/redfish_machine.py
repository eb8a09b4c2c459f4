# SPDX-License-Identifier: Apache-2.0
"""What a Redfish system can be known by: its own identity, its network interfaces, the addresses of its managers.

``walker`` is a redfish_listing.Walker throughout.
"""

from valence.podmanagers import base
from valence.podmanagers import redfish_document


def identify(walker, url):
    """Return the Machine at ``url``. Parts that are missing say nothing."""
    system = system_of(walker, url)
    interfaces = list(walker.members(system.get("EthernetInterfaces")))
    macs = [each.get(name) for each in interfaces for name in ("MACAddress", "PermanentMACAddress")]
    told = [address for manager in managers(walker, system) for address in addresses(walker, manager)]
    macs, told = ([text for text in texts if isinstance(text, str)] for texts in (macs, told))
    return base.Machine(macs, told, system.get("UUID"), system.get("SerialNumber"))


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


def mapping(value):
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value):
    """Return ``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
