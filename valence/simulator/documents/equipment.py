# SPDX-License-Identifier: Apache-2.0
"""Parts and equipment that a pod has if ``Inventory.equipment`` is set, and a storage service (Swordfish)."""

from valence.simulator import redfish
from valence.simulator.storage import erasing

FUNCTIONS = redfish.numbered(2)
OUTLETS = redfish.numbered(4)
PARTS = redfish.numbered(1)


def links(pod, *names):
    """Return a function that returns links to things of these names below a resource, none without equipment."""

    def below(*place):
        return {name: redfish.link(*place, name) for name in names} if pod.inventory.equipment else {}

    return below


def ids(members):
    """Return the ``ids`` function of a collection with ``members`` where there is equipment."""
    return lambda pod, *above: members if pod.inventory.equipment else ()


def ids_of_rack(members):
    """Return the ``ids`` function of a collection that racks have, and sleds do not."""

    def of_rack(pod, chassis_id, *above):
        return members if pod.inventory.equipment and not pod.chassis[chassis_id].parent else ()

    return of_rack


def part(name, **properties):
    """Return the ``build`` function of a part that has a serial number and nothing below."""

    def build(pod, *above):
        return {
            "Name": f"{name} {above[-1]}",
            "Manufacturer": redfish.MANUFACTURER,
            "SerialNumber": pod.identity.serial(*above[:-1], name, above[-1]),
            "Status": redfish.ENABLED,
            **properties,
        }

    return build


def plain(name, **properties):
    """Return the ``build`` function of a resource without a serial number."""
    return lambda pod, *above: {"Name": f"{name} {above[-1]}", "Status": redfish.ENABLED, **properties}


def controller(pod, system_id, storage_id, number):
    place = ("Systems", system_id, "Storage", storage_id, "Controllers", number)
    return part("Storage Controller")(pod, system_id, storage_id, number) | links(pod, "Ports")(*place)


def fabric_adapter(pod, system_id, number):
    place = ("Systems", system_id, "FabricAdapters", number)
    return part("Fabric Adapter")(pod, system_id, number) | links(pod, "Ports")(*place)


def memory_domain(pod, system_id, number):
    place = ("Systems", system_id, "MemoryDomains", number)
    return {"Name": f"Memory Domain {number}"} | links(pod, "MemoryChunks")(*place)


def thermal_subsystem(pod, chassis_id):
    return {"Name": "Thermal Subsystem", "Status": redfish.ENABLED} | links(pod, "Fans")(
        "Chassis", chassis_id, "ThermalSubsystem"
    )


def power_equipment(pod):
    return {"Name": "Power Equipment"} | links(pod, "RackPDUs", "PowerShelves")("PowerEquipment")


def power_distribution(pod, number):
    place = ("PowerEquipment", "RackPDUs", number)
    return part("PDU", EquipmentType="RackPDU")(pod, number) | links(pod, "Outlets")(*place)


def power_shelf(pod, number):
    place = ("PowerEquipment", "PowerShelves", number)
    return part("Power Shelf", EquipmentType="PowerShelf")(pod, number) | links(pod, "PowerSupplies")(*place)


def thermal_equipment(pod):
    return {"Name": "Thermal Equipment"} | links(pod, "CDUs")("ThermalEquipment")


def cooling_unit(pod, number):
    place = ("ThermalEquipment", "CDUs", number)
    return part("CDU", EquipmentType="CDU")(pod, number) | links(pod, "Pumps")(*place)


def service_ids(pod):
    return ("1",) if pod.inventory.volumes else ()


def service(pod, service_id):
    return {
        "Name": "Storage Service",
        "Volumes": redfish.link("StorageServices", service_id, "Volumes"),
        "Status": redfish.ENABLED,
    }


def volume_ids(pod, service_id):
    return redfish.numbered(pod.inventory.volumes)


def volume(pod, service_id, number):
    name = pod.identity.uuid("volume", service_id, number)
    return {
        "Name": f"Volume {number}",
        "CapacityBytes": 1_099_511_627_776,
        "Identifiers": [{"DurableNameFormat": "UUID", "DurableName": name}],
        "RAIDType": "RAID1",
        "Status": redfish.ENABLED,
        **erasing.offered(
            pod, erasing.VOLUMES, f"{redfish.ROOT}/StorageServices/{service_id}/Volumes/{number}"
        ),
    }
