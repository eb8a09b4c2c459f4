# SPDX-License-Identifier: Apache-2.0
"""A storage service (Swordfish) with volumes."""

from valence.simulator import redfish


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
    }
