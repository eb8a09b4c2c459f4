# SPDX-License-Identifier: Apache-2.0
"""Racks and sleds, and what a rack holds besides its systems."""

from valence.simulator import redfish
from valence.simulator.composition import blocks
from valence.simulator.documents import equipment
from valence.simulator.documents import systems
from valence.simulator.storage import erasing

#: height of a unit in millimetres, EIA-310, and units of a rack and of a sled
UNIT_MM, UNITS, SLED_UNITS = 44.45, 42, 2


def chassis_ids(pod):
    return pod.chassis


def chassis(pod, chassis_id):
    item = pod.chassis[chassis_id]
    common = {
        "Manufacturer": redfish.MANUFACTURER,
        "SerialNumber": pod.identity.serial("chassis", chassis_id),
        "UUID": pod.identity.uuid("chassis", chassis_id),
        "Status": {**redfish.ENABLED, "HealthRollup": "OK"},
    }
    return common | (sled(item) if item.parent else rack(pod, item))


def rack(pod, item):
    place = ("Chassis", item.id)
    return {
        "Name": f"Rack {item.number}",
        "ChassisType": "Rack",
        "Model": "RK-42",
        "HeightMm": UNITS * UNIT_MM,
        "PowerState": "On",
        "PowerSubsystem": redfish.link(*place, "PowerSubsystem"),
        "NetworkAdapters": redfish.link(*place, "NetworkAdapters"),
        "PCIeDevices": redfish.link(*place, "PCIeDevices"),
        "Drives": redfish.link(*place, "Drives"),
        **equipment.links(pod, "ThermalSubsystem", "Sensors")(*place),
        "Links": {
            "Contains": redfish.links([sled.id for sled in item.contains], "Chassis"),
            "ManagedBy": redfish.links(systems.managed_by(pod, item), "Managers"),
            "ResourceBlocks": redfish.links(blocks.Ids(pod, [item]), "CompositionService", "ResourceBlocks"),
        },
    }


def sled(item):
    powered = any(system.power != "Off" for system in item.systems) or not item.systems
    return {
        "Name": f"Sled {item.number} of {item.parent.id}",
        "ChassisType": "Sled",
        "Model": "SL-4",
        "HeightMm": SLED_UNITS * UNIT_MM,
        **_location(item),
        "PowerState": "On" if powered else "Off",
        "Links": {
            "ContainedBy": redfish.link("Chassis", item.parent.id),
            "ComputerSystems": redfish.links([system.id for system in item.systems], "Systems"),
        },
    }


def _location(item):
    """Return where a sled is in its rack, from the bottom; sleds that do not fit are nowhere."""
    offset = (item.number - 1) * SLED_UNITS + 1
    if offset + SLED_UNITS - 1 > UNITS:
        return {}
    placement = {"Rack": item.parent.id, "RackOffset": offset, "RackOffsetUnits": "EIA_310"}
    return {"Location": {"Placement": placement}}


def in_rack(pod, chassis_id, count):
    """Return ``count`` ids where the chassis is a rack; a sled holds systems only."""
    return () if pod.chassis[chassis_id].parent else redfish.numbered(count)


def power_subsystem(pod, chassis_id):
    return {
        "Name": "Power Subsystem",
        "CapacityWatts": 3000 * pod.inventory.power_supplies,
        "PowerSupplies": redfish.link("Chassis", chassis_id, "PowerSubsystem", "PowerSupplies"),
        **equipment.links(pod, "Batteries")("Chassis", chassis_id, "PowerSubsystem"),
        "Status": redfish.ENABLED,
    }


def power_supply_ids(pod, chassis_id):
    return in_rack(pod, chassis_id, pod.inventory.power_supplies)


def power_supply(pod, chassis_id, number):
    return {
        "Name": f"Power Supply {number}",
        "PowerSupplyType": "AC",
        "PowerCapacityWatts": 3000,
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "PS-3000",
        "SerialNumber": pod.identity.serial(chassis_id, "power supply", number),
        "Status": redfish.ENABLED,
    }


def pcie_device_ids(pod, chassis_id):
    return in_rack(pod, chassis_id, pod.inventory.pcie_devices)


def pcie_device(pod, chassis_id, number):
    return {
        "Name": f"Accelerator {number}",
        "DeviceType": "SingleFunction",
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "GX-40",
        "SerialNumber": pod.identity.serial(chassis_id, "pcie device", number),
        "UUID": pod.identity.uuid(chassis_id, "pcie device", number),
        "FirmwareVersion": "7.2",
        "PCIeInterface": {"PCIeType": "Gen5", "LanesInUse": 16},
        **equipment.links(pod, "PCIeFunctions")("Chassis", chassis_id, "PCIeDevices", number),
        "Status": redfish.ENABLED,
        "Links": {"Chassis": [redfish.link("Chassis", chassis_id)]},
    }


def network_adapter_ids(pod, chassis_id):
    return in_rack(pod, chassis_id, pod.inventory.network_adapters)


def network_adapter(pod, chassis_id, number):
    return {
        "Name": f"Network Adapter {number}",
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "NX-100",
        "SerialNumber": pod.identity.serial(chassis_id, "network adapter", number),
        "Ports": redfish.link("Chassis", chassis_id, "NetworkAdapters", number, "Ports"),
        **equipment.links(pod, "NetworkDeviceFunctions")("Chassis", chassis_id, "NetworkAdapters", number),
        "Status": redfish.ENABLED,
    }


def adapter_port_ids(pod, chassis_id, adapter):
    return redfish.numbered(2)


def adapter_port(pod, chassis_id, adapter, number):
    address = pod.identity.mac(chassis_id, "network adapter", adapter, number)
    return {
        "Name": f"Port {number}",
        "PortId": number,
        "PortProtocol": "Ethernet",
        "PortType": "BidirectionalPort",
        "CurrentSpeedGbps": 100,
        "LinkState": "Enabled",
        "LinkStatus": "LinkUp",
        "Ethernet": {"AssociatedMACAddresses": [address]},
        "Status": redfish.ENABLED,
    }


def drive_ids(pod, chassis_id):
    return in_rack(pod, chassis_id, pod.inventory.drives)


def drive(pod, chassis_id, number):
    return {
        "Name": f"Pooled Drive {number}",
        "Protocol": "SAS",
        "MediaType": "HDD",
        "CapacityBytes": blocks.POOLED_DRIVE_BYTES,
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "EX-S16",
        "SerialNumber": pod.identity.serial(chassis_id, "drive", number),
        "Status": redfish.ENABLED,
        **erasing.offered(pod, erasing.DRIVES, f"{redfish.ROOT}/Chassis/{chassis_id}/Drives/{number}"),
        "Links": {"Chassis": redfish.link("Chassis", chassis_id)},
    }
