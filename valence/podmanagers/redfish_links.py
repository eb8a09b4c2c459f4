# SPDX-License-Identifier: Apache-2.0
"""Which links lead where in a Redfish service, and what type of resource results.

Facts: DMTF DSP2046 (schemas up to 2025.4), Intel RSD 1.2 to 2.5 for ``Nodes``, ``EthernetSwitches``, ``Services``
and what is below ``Oem``.
"""

import typing


class Link(typing.NamedTuple):
    """A property that leads on: its path in the document, the kind it leads to, and what makes it superfluous.

    ``unless`` names a property of the same document that tells of the same hardware in a newer way.
    """

    path: tuple
    kind: str
    unless: str | None = None


#: kind of document -> property -> kind that it leads to, in the order of the crawl: what several links lead to belongs
#: to the first. A kind in one word with inner capitals is no resource itself but leads to some.
_TABLE = {
    "ServiceRoot": {
        "Systems": "System",
        "Managers": "Manager",
        "Chassis": "Chassis",
        "Fabrics": "Fabric",
        "EthernetSwitches": "Switch",
        "Oem.Intel_RackScale.EthernetSwitches": "Switch",
        "StorageServices": "Storage Service",
        "Services": "Storage Service",
        "Oem.Intel_RackScale.Services": "Storage Service",
        "Storage": "Storage",
        "CompositionService": "CompositionService",
        "ResourceBlocks": "Resource Block",
        "Nodes": "Node",
        "Oem.Intel_RackScale.Nodes": "Node",
    },
    "System": {
        "Processors": "Processor",
        "Memory": "Memory",
        "Storage": "Storage",
        "SimpleStorage unless Storage": "Storage",
        "EthernetInterfaces": "Ethernet Interface",
        "PCIeDevices": "PCIe Device",
    },
    "Manager": {
        "EthernetInterfaces": "Ethernet Interface",
        "DedicatedNetworkPorts": "Port",
    },
    "Chassis": {
        "NetworkAdapters": "Network Adapter",
        "PCIeDevices": "PCIe Device",
        "Links.PCIeDevices": "PCIe Device",
        "Drives": "Drive",
        "Links.Drives": "Drive",
        "Links.Storage": "Storage",
        "Memory": "Memory",
        "Processors": "Processor",
        "PowerSubsystem": "PowerSubsystem",
        "Power unless PowerSubsystem": "Power",
        "PowerZones": "PowerZone",
        "Oem.Intel_RackScale.PowerZones": "PowerZone",
    },
    "Storage": {
        "Drives": "Drive",
        "Volumes": "Volume",
    },
    "Network Adapter": {
        "Ports": "Port",
        "NetworkPorts unless Ports": "Port",
    },
    "Fabric": {
        "Switches": "Switch",
        "Zones": "Zone",
    },
    "Switch": {
        "Ports": "Port",
    },
    "Storage Service": {
        "Drives": "Drive",
        "Volumes": "Volume",
        "LogicalDrives": "Volume",
        "StorageSubsystems": "Storage",
    },
    "CompositionService": {
        "ResourceBlocks": "Resource Block",
        "ResourceZones": "Zone",
    },
    "Resource Block": {
        "ComputerSystems": "System",
        "Processors": "Processor",
        "Memory": "Memory",
        "Storage": "Storage",
        "SimpleStorage unless Storage": "Storage",
        "Drives": "Drive",
        "EthernetInterfaces": "Ethernet Interface",
    },
    "PowerSubsystem": {
        "PowerSupplies": "Power Supply",
    },
    "Power": {
        "PowerSupplies": "Power Supply",
    },
    "PowerZone": {
        "PowerSupplies": "Power Supply",
    },
}

#: kinds whose documents are read only for what they lead to
PASSED_THROUGH = frozenset({"ServiceRoot", "CompositionService", "PowerSubsystem", "Power", "PowerZone"})

#: kinds that are read together with the members of their collections where a service can do that: one request for a
#: system instead of one for each of its collections. Chassis have hundreds of sensors that nobody asks for.
EXPANDED = frozenset({"System"})

#: kinds of which some are called otherwise: property -> (values, name)
_SPECIAL = {
    "Chassis": ("Rack", {"ChassisType": {"Rack"}}),
    "Drive": ("NVMe", {"Protocol": {"NVMe"}, "Interface": {"NVMe"}}),
    "Port": (
        "Ethernet Port",
        {
            "PortProtocol": {"Ethernet"},
            "LinkNetworkTechnology": {"Ethernet"},
            "ActiveLinkTechnology": {"Ethernet"},
        },
    ),
}


def _link(text, kind):
    path, _, unless = text.partition(" unless ")
    return Link(tuple(path.split(".")), kind, unless or None)


#: kind of document -> its links
LINKS = {kind: tuple(_link(text, target) for text, target in links.items()) for kind, links in _TABLE.items()}


def resource_type(kind, document):
    """Return the type of the resource that ``document``, reached as ``kind``, tells of."""
    if kind == "Port" and "EthernetSwitchPort" in str(document.get("@odata.type")):
        return "Ethernet Port"
    name, properties = _SPECIAL.get(kind, (kind, {}))
    special = any(
        isinstance(document.get(key), str) and document[key] in values for key, values in properties.items()
    )
    return name if special else kind


def kind(resource_type):
    """Return the kind of document that a resource of this type was reached as."""
    return next((kind for kind, (name, _) in _SPECIAL.items() if name == resource_type), resource_type)


def _below(kind, found):
    for link in LINKS.get(kind, ()):
        if link.kind not in found:
            found.add(link.kind)
            _below(link.kind, found)
    return found


def _types(kinds):
    special = {_SPECIAL[kind][0] for kind in kinds if kind in _SPECIAL}
    return frozenset(kinds - PASSED_THROUGH | special)


#: kind -> every type that can be reached below a resource of that kind
TYPES_BELOW = {
    kind: _types(_below(kind, set()))
    for kind in {*LINKS, *(link.kind for links in LINKS.values() for link in links)}
}

#: kind -> the same with the types of the kind itself: what a link to that kind leads to
TYPES_OF = {kind: _types({kind}) | below for kind, below in TYPES_BELOW.items()}
