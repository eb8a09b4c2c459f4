# SPDX-License-Identifier: Apache-2.0
"""Nodes in the manner of Intel RSD."""

from valence.simulator import redfish


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
