# SPDX-License-Identifier: Apache-2.0
"""Computer systems, and the ten resources that each of them has."""

from valence.simulator import actions
from valence.simulator import redfish
from valence.simulator.documents import equipment

MODELS = ("R-1100", "R-2200", "R-2250")
PROCESSORS = redfish.numbered(2)
MEMORY = redfish.numbered(4)
STORAGE = ("1",)
DRIVES = ("1",)
INTERFACES = redfish.numbered(2)
CORES = 32
MEMORY_GIB = 64
BOOT_TARGETS = ["None", "Pxe", "Hdd", "Cd", "BiosSetup", "UefiHttp"]
BOOT_ENABLED = ["Disabled", "Once", "Continuous"]
BOOT_MODES = ["UEFI", "Legacy"]


def system_ids(pod):
    return pod.systems


def system(pod, system_id):
    item = pod.systems[system_id]
    rack = item.sled.parent
    place = ("Systems", system_id)
    return {
        "Name": f"System {item.number}",
        "SystemType": "Physical",
        "Manufacturer": redfish.MANUFACTURER,
        "Model": pod.identity.choose(MODELS, "model", item.number),
        "SerialNumber": pod.identity.serial("system", item.number),
        "UUID": item.uuid,
        "AssetTag": item.asset_tag,
        "HostName": f"host{item.number}",
        "LocationIndicatorActive": item.indicator,
        "PowerState": item.power,
        "BiosVersion": "2.4.1",
        "Status": redfish.system_status(item),
        "Boot": boot(item),
        "ProcessorSummary": {
            "Count": len(PROCESSORS),
            "Model": "Example 8532",
            "CoreCount": CORES * len(PROCESSORS),
        },
        "MemorySummary": {"TotalSystemMemoryGiB": MEMORY_GIB * len(MEMORY)},
        "Processors": redfish.link(*place, "Processors"),
        "Memory": redfish.link(*place, "Memory"),
        "Storage": redfish.link(*place, "Storage"),
        "EthernetInterfaces": redfish.link(*place, "EthernetInterfaces"),
        **equipment.links(pod, "FabricAdapters", "MemoryDomains")(*place),
        "Actions": {"#ComputerSystem.Reset": reset_action(system_id)},
        "Links": {
            "Chassis": [redfish.link("Chassis", item.sled.id)],
            "ManagedBy": [redfish.link("Managers", manager) for manager in managed_by(pod, rack)],
        },
    }


def boot(item):
    return {
        **item.boot,
        "BootSourceOverrideTarget@Redfish.AllowableValues": BOOT_TARGETS,
        "BootSourceOverrideEnabled@Redfish.AllowableValues": BOOT_ENABLED,
        "BootSourceOverrideMode@Redfish.AllowableValues": BOOT_MODES,
    }


def reset_action(system_id):
    return {
        "target": f"{redfish.ROOT}/Systems/{system_id}/Actions/ComputerSystem.Reset",
        "ResetType@Redfish.AllowableValues": list(actions.RESET_TYPES),
    }


def managed_by(pod, rack):
    """Return the ids of the managers of a rack, or of the pod where racks have none."""
    own = [f"{rack.id}-{number}" for number in redfish.numbered(pod.inventory.rack_managers)]
    return own or ["PodManager"]


def processor_ids(pod, system_id):
    return PROCESSORS


def processor(pod, system_id, number):
    return {
        "Name": f"Processor {number}",
        "Socket": f"CPU {number}",
        "ProcessorType": "CPU",
        "ProcessorArchitecture": "x86",
        "InstructionSet": "x86-64",
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "Example 8532",
        "MaxSpeedMHz": 3700,
        "TotalCores": CORES,
        "TotalThreads": CORES * 2,
        "SerialNumber": serial(pod, system_id, "processor", number),
        **equipment.links(pod, "Ports")("Systems", system_id, "Processors", number),
        "Status": redfish.ENABLED,
        "Links": {"Chassis": redfish.link("Chassis", pod.systems[system_id].sled.id)},
    }


def memory_ids(pod, system_id):
    return MEMORY


def memory(pod, system_id, number):
    return {
        "Name": f"DIMM {number}",
        "MemoryType": "DRAM",
        "MemoryDeviceType": "DDR5",
        "CapacityMiB": MEMORY_GIB * 1024,
        "OperatingSpeedMhz": 4800,
        "Manufacturer": redfish.MANUFACTURER,
        "PartNumber": "EX-D5-64",
        "SerialNumber": serial(pod, system_id, "memory", number),
        "DeviceLocator": f"DIMM {number}",
        "Status": redfish.ENABLED,
    }


def storage_ids(pod, system_id):
    return STORAGE


def storage(pod, system_id, number):
    place = ("Systems", system_id, "Storage", number)
    return {
        "Name": "NVMe storage",
        "Status": {**redfish.ENABLED, "HealthRollup": "OK"},
        "Drives@odata.count": len(DRIVES),
        "Drives": redfish.links(DRIVES, *place, "Drives"),
        **equipment.links(pod, "Controllers")(*place),
    }


def drive_ids(pod, system_id, storage_id):
    return DRIVES


def drive(pod, system_id, storage_id, number):
    return {
        "Name": f"Drive {number}",
        "Protocol": "NVMe",
        "MediaType": "SSD",
        "CapacityBytes": 3_840_755_982_336,
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "EX-N3840",
        "SerialNumber": serial(pod, system_id, "drive", number),
        "Identifiers": [{"DurableNameFormat": "UUID", "DurableName": durable_name(pod, system_id, number)}],
        "PredictedMediaLifeLeftPercent": 97,
        "FailurePredicted": False,
        "Status": redfish.ENABLED,
        "Links": {"Chassis": redfish.link("Chassis", pod.systems[system_id].sled.id)},
    }


def interface_ids(pod, system_id):
    return INTERFACES


def interface(pod, system_id, number):
    address = pod.identity.mac("interface", pod.systems[system_id].number, number)
    return {
        "Name": f"Ethernet Interface {number}",
        "MACAddress": address,
        "PermanentMACAddress": address,
        "InterfaceEnabled": True,
        "LinkStatus": "LinkUp",
        "SpeedMbps": 25000,
        "FullDuplex": True,
        "Status": redfish.ENABLED,
    }


def serial(pod, system_id, kind, number):
    """Return the serial number of a part; it goes with the system, not with its place."""
    return pod.identity.serial("system", pod.systems[system_id].number, kind, number)


def durable_name(pod, system_id, number):
    return pod.identity.uuid("system", pod.systems[system_id].number, "drive", number)
