# SPDX-License-Identifier: Apache-2.0
"""Composition: two resource blocks and a zone a rack, and nodes in the manner of Intel RSD."""

from valence.simulator import redfish

BLOCKS = ("Compute", "Storage")


def composition_service(pod):
    return {
        "Name": "Composition Service",
        "ServiceEnabled": True,
        "ResourceBlocks": redfish.link("CompositionService", "ResourceBlocks"),
        "ResourceZones": redfish.link("CompositionService", "ResourceZones"),
        "Status": redfish.ENABLED,
    }


def block_ids(pod):
    return tuple(f"{rack.id}-{block}" for rack in pod.racks for block in BLOCKS)


def block(pod, block_id):
    rack_id, _, kind = block_id.rpartition("-")
    parts = storage_parts(pod, rack_id) if kind == "Storage" else compute_parts(pod.chassis[rack_id])
    return {
        "Name": f"{kind} block of {rack_id}",
        "CompositionStatus": {
            "CompositionState": "Unused",
            "Reserved": False,
            "SharingCapable": False,
            "MaxCompositions": 1,
            "NumberOfCompositions": 0,
        },
        "Status": redfish.ENABLED,
        **parts,
        "Links": {
            "Chassis": [redfish.link("Chassis", rack_id)],
            "Zones": [redfish.link("CompositionService", "ResourceZones", rack_id)],
        },
    }


def compute_parts(rack):
    """Return the first system of a rack as a block; the whole of it, so that nothing is counted twice."""
    system = next((system for sled in rack.contains for system in sled.systems), None)
    return {
        "ResourceBlockType": ["ComputerSystem"],
        "ComputerSystems": redfish.links([system.id] if system else [], "Systems"),
    }


def storage_parts(pod, rack_id):
    drives = redfish.numbered(pod.inventory.drives)
    return {"ResourceBlockType": ["Storage"], "Drives": redfish.links(drives, "Chassis", rack_id, "Drives")}


def zone_ids(pod):
    return tuple(rack.id for rack in pod.racks)


def zone(pod, rack_id):
    blocks = [f"{rack_id}-{block}" for block in BLOCKS]
    return {
        "Name": f"Resource zone of {rack_id}",
        "ZoneType": "ZoneOfResourceBlocks",
        "Status": redfish.ENABLED,
        "Links": {"ResourceBlocks": redfish.links(blocks, "CompositionService", "ResourceBlocks")},
    }


def node_ids(pod):
    return redfish.numbered(len(pod.racks) * pod.inventory.nodes)


def node(pod, number):
    """Return a node; it stands on a system of its rack where there are enough of them."""
    system = node_system(pod, number)
    return {
        "Name": f"Node {number}",
        "UUID": pod.identity.uuid("node", number),
        "ComposedNodeState": "Assembled" if system else "Failed",
        "PowerState": system.power if system else "Off",
        "Status": redfish.system_status(system) if system else {"State": "Absent", "Health": "Critical"},
        "Links": {
            "ComputerSystem": redfish.link("Systems", system.id) if system else None,
            "ManagedBy": [redfish.link("Managers", "PodManager")],
        },
    }


def node_system(pod, number):
    index, rack_index = divmod(int(number) - 1, len(pod.racks))
    systems = [system for sled in pod.racks[rack_index].contains for system in sled.systems]
    return systems[index] if index < len(systems) else None
