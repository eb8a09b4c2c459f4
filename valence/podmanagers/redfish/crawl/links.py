# SPDX-License-Identifier: Apache-2.0
"""Which links lead where in a Redfish service, and what type of resource results.

Facts: DMTF DSP2046 (schemas up to 2025.4), Intel RSD 1.2 to 2.5 for ``Nodes``, ``EthernetSwitches``, ``Services``
and what is below ``Oem``.
"""

import typing


class Link(typing.NamedTuple):
    """A property that leads on: its path in the document, and the kind of document that it leads to.

    ``instead`` are links of the same document to older descriptions of the same hardware. The reader follows the first
    one if this link is missing, dead or leads to an empty collection, and so on.
    """

    path: tuple[str, ...]
    kind: str
    instead: tuple = ()


#: kind of document -> property -> kind that it leads to, in the order of the crawl: what several links lead to belongs
#: to the first. "A unless B" makes A an alternative of B (Link.instead).
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
        "PowerEquipment": "PowerEquipment",
        "ThermalEquipment": "ThermalEquipment",
    },
    "System": {
        "Processors": "Processor",
        "Memory": "Memory",
        "MemoryDomains": "MemoryDomain",
        "Storage": "Storage",
        "Oem.Hpe.Links.SmartStorage unless Storage": "SmartStorage",
        "Oem.Hp.Links.SmartStorage unless Storage": "SmartStorage",
        "SimpleStorage unless Storage": "Storage",
        "EthernetInterfaces": "Ethernet Interface",
        "FabricAdapters": "FabricAdapter",
        "PCIeDevices": "PCIe Device",
        "PCIeFunctions": "PCIeFunction",
    },
    "Manager": {
        "EthernetInterfaces": "Ethernet Interface",
        "DedicatedNetworkPorts": "Port",
    },
    "Chassis": {
        "NetworkAdapters": "Network Adapter",
        "FabricAdapters": "FabricAdapter",
        "PCIeDevices": "PCIe Device",
        "Links.PCIeDevices": "PCIe Device",
        "Drives": "Drive",
        "Links.Drives": "Drive",
        "Links.Storage": "Storage",
        "Memory": "Memory",
        "MemoryDomains": "MemoryDomain",
        "Processors": "Processor",
        "PowerSubsystem": "PowerSubsystem",
        "Power unless PowerSubsystem": "Power",
        "PowerZones": "PowerZone",
        "Oem.Intel_RackScale.PowerZones": "PowerZone",
        "ThermalSubsystem": "ThermalSubsystem",
        "Thermal unless ThermalSubsystem": "Thermal",
        "Sensors": "Sensor",
        "Links.Contains": "Chassis",
    },
    "Processor": {
        "Ports": "Port",
    },
    "Storage": {
        "Drives": "Drive",
        "Links.PhysicalDrives unless Drives": "Drive",
        "Volumes": "Volume",
        "Links.LogicalDrives unless Volumes": "Volume",
        "StoragePools": "StoragePool",
        "Controllers": "StorageController",
        "StorageControllers unless Controllers": "StorageController",
    },
    "StoragePool": {
        "AllocatedVolumes": "Volume",
        "AllocatedPools": "StoragePool",
    },
    "SmartStorage": {
        "Links.ArrayControllers": "Storage",
        "ArrayControllers unless Links.ArrayControllers": "Storage",
    },
    "StorageController": {
        "Ports": "Port",
    },
    "MemoryDomain": {
        "MemoryChunks": "MemoryChunks",
    },
    "PCIe Device": {
        "PCIeFunctions": "PCIeFunction",
        "Links.PCIeFunctions unless PCIeFunctions": "PCIeFunction",
    },
    "Network Adapter": {
        "Ports": "Port",
        "NetworkPorts unless Ports": "Port",
        "NetworkDeviceFunctions": "NetworkDeviceFunction",
    },
    "FabricAdapter": {
        "Ports": "Port",
    },
    "Fabric": {
        "Switches": "Switch",
        "Zones": "Zone",
        "Endpoints": "Endpoint",
    },
    "Switch": {
        "Ports": "Port",
    },
    "Storage Service": {
        "Drives": "Drive",
        "Volumes": "Volume",
        "LogicalDrives": "Volume",
        "StoragePools": "StoragePool",
        "StorageSubsystems": "Storage",
        "Endpoints": "Endpoint",
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
        "Batteries": "Battery",
    },
    "Power": {
        "PowerSupplies": "Power Supply",
    },
    "PowerZone": {
        "PowerSupplies": "Power Supply",
    },
    "ThermalSubsystem": {
        "Fans": "Fan",
        "Pumps": "Pump",
    },
    "Thermal": {
        "Fans": "Fan",
    },
    "PowerEquipment": {
        "FloorPDUs": "PowerDistribution",
        "RackPDUs": "PowerDistribution",
        "Switchgear": "PowerDistribution",
        "TransferSwitches": "PowerDistribution",
        "ElectricalBuses": "PowerDistribution",
        "PowerShelves": "PowerShelf",
    },
    "PowerDistribution": {
        "PowerSupplies": "Power Supply",
        "Outlets": "Outlet",
        "Sensors": "Sensor",
    },
    "PowerShelf": {
        "PowerSupplies": "Power Supply",
        "Outlets": "Outlet",
        "Sensors": "Sensor",
    },
    "ThermalEquipment": {
        "CDUs": "CoolingUnit",
        "HeatExchangers": "CoolingUnit",
        "ImmersionUnits": "CoolingUnit",
        "RPUs": "CoolingUnit",
    },
    "CoolingUnit": {
        "Pumps": "Pump",
    },
}

#: kinds whose documents are read only for what they lead to
PASSED_THROUGH = frozenset({
    "ServiceRoot", "CompositionService", "PowerSubsystem", "Power", "PowerZone", "ThermalSubsystem", "Thermal",
    "PowerEquipment", "ThermalEquipment", "StoragePool", "SmartStorage", "MemoryDomain",
})  # fmt: skip

#: kinds whose collections are read with what is in the collections of their members. Not those that may have logs,
#: metrics or sensors below, which are much larger than themselves.
DEEP = frozenset({
    "Processor", "Storage", "StorageController", "PCIe Device", "Network Adapter", "FabricAdapter", "Fabric", "Switch",
})  # fmt: skip

#: kinds that are passed through, and read with the members of their collections
DEEP_PASSED = frozenset({"PowerSubsystem", "ThermalSubsystem"})

#: kinds that a crawl leaves out unless [redfish] sensors is set: there are hundreds in a chassis
OPTIONAL = frozenset({"Sensor"})

#: kinds that services list under a system and under a chassis, with a URL for each
AT_TWO_PLACES = frozenset({"Drive", "PCIe Device"})

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


def _links(properties):
    """Return the links of one kind of document from its part of the table."""
    links: dict[str, Link] = {}
    for text, kind in properties.items():
        path, _, preferred = text.partition(" unless ")
        link = Link(tuple(path.split(".")), kind)
        if preferred:
            links[preferred] = links[preferred]._replace(instead=(*links[preferred].instead, link))
        else:
            links[path] = link
    return tuple(links.values())


#: kind of document -> its links
LINKS = {kind: _links(properties) for kind, properties in _TABLE.items()}


def kinds_below(kind: str) -> set[str]:
    """Return the kinds that the links of a kind of document lead to."""
    return {each.kind for link in LINKS.get(kind, ()) for each in (link, *link.instead)}


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
    for each in kinds_below(kind) - found:
        if each not in found:
            found.add(each)
            _below(each, found)
    return found


def _types(kinds):
    special = {_SPECIAL[kind][0] for kind in kinds if kind in _SPECIAL}
    return frozenset(kinds - PASSED_THROUGH | special)


def _led_to(kind: str, passed: frozenset = frozenset()) -> frozenset:
    """Return the types that a link to a kind leads to at once, through kinds that are no resources themselves."""
    if kind not in PASSED_THROUGH:
        return _types({kind})
    passed |= {kind}
    return frozenset().union(*(_led_to(each, passed) for each in kinds_below(kind) - passed))


#: kind -> every type that can be reached below a resource of that kind
TYPES_BELOW = {kind: _types(_below(kind, set())) for kind in set(LINKS).union(*map(kinds_below, LINKS))}

#: kind -> the same with the types of the kind itself: what a link to that kind leads to
TYPES_OF = {kind: _types({kind}) | below for kind, below in TYPES_BELOW.items()}

#: kind -> the types of resources that a link to that kind leads to at once
LED_TO = {kind: _led_to(kind) for kind in TYPES_OF}
