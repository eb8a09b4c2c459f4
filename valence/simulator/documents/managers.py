# SPDX-License-Identifier: Apache-2.0
"""The pod manager itself and the managers of racks."""

from valence.simulator import redfish

POD_MANAGER = "PodManager"


def manager_ids(pod):
    numbers = redfish.numbered(pod.inventory.rack_managers)
    return (POD_MANAGER, *(f"{rack.id}-{number}" for rack in pod.racks for number in numbers))


def manager(pod, manager_id):
    chassis, systems = managed(pod, manager_id)
    return {
        "Name": "Pod Manager" if manager_id == POD_MANAGER else f"Rack Manager {manager_id}",
        "ManagerType": "Service" if manager_id == POD_MANAGER else "RackManager",
        "Manufacturer": redfish.MANUFACTURER,
        "Model": "PM-1" if manager_id == POD_MANAGER else "RM-1",
        "SerialNumber": pod.identity.serial("manager", manager_id),
        "UUID": pod.identity.uuid("manager", manager_id),
        "FirmwareVersion": "1.8.0",
        "PowerState": "On",
        "Status": redfish.ENABLED,
        "Links": {
            "ManagerForChassis": redfish.links([item.id for item in chassis], "Chassis"),
            "ManagerForServers": redfish.links([item.id for item in systems], "Systems"),
        },
    }


def managed(pod, manager_id):
    """Return the chassis and the systems of a manager; the pod manager has all racks, no systems."""
    if manager_id == POD_MANAGER:
        return pod.racks, []
    rack = pod.chassis[manager_id.rpartition("-")[0]]
    return [rack, *rack.contains], [system for sled in rack.contains for system in sled.systems]
