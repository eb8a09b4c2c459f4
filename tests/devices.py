# SPDX-License-Identifier: Apache-2.0
"""Devices to choose from, stored as a synchronization would."""

import uuid

from valence.db import models
from valence.db import store

#: device type -> the field that has its size, and other values of an ordinary device
ORDINARY = {
    "Compute": ("cores", {"cores": 16, "memory_mib": 65536, "model": "Xeon 6430", "architecture": "x86-64"}),
    "System": ("cores", {"cores": 16, "memory_mib": 65536, "model": "Xeon 6430", "architecture": "x86-64"}),
    "Memory": ("memory_mib", {"memory_mib": 65536}),
    "Storage": ("storage_gib", {"storage_gib": 1024, "media": "SSD"}),
    "Network": ("speed_mbps", {"speed_mbps": 25000}),
    "Accelerator": ("accelerators", {"accelerators": 1, "model": "NVIDIA A100", "architecture": "GPU"}),
}
BATCH = 1000


def device(pod_manager, zoning, device_type, **values):
    """Return a device with its resource, which is first."""
    field, ordinary = ORDINARY[device_type]
    known = ordinary | values
    row = models.Device(
        uuid=known.pop("uuid", None) or str(uuid.uuid4()),
        podm_id=pod_manager.uuid,
        zoning=zoning.id,
        zones=zoning.zones,
        device_type=device_type,
        **{"size": known[field], "state": "free"} | known,
    )
    kind = "System" if device_type == "System" else "Resource Block"
    resource = models.Resource(
        uuid=row.uuid, podm_id=pod_manager.uuid, resource_url=f"/redfish/v1/{row.uuid}", resource_type=kind
    )
    return resource, row


def zoning(pod_manager, *zones, method="blocks", limits=None, key=None):
    """Return the zoning of devices that are in the zones."""
    key = key or "-".join(zones) or "all"
    return models.Zoning(
        id=f"{pod_manager.uuid}/{key}"[:80],
        podm_id=pod_manager.uuid,
        zones=list(zones),
        method=method,
        limits=limits or {},
    )


class Pool:
    """Devices in a store. A conductor serves the pod managers of the default group."""

    def __init__(self, database):
        self.store = database
        self._conductor = models.Conductor(hostname="chooser", conductor_groups=["default"])
        database.commit(store.Create(self._conductor))

    def pod_manager(self, name="row-7", **values):
        """Store and return a pod manager that is online."""
        values = {"name": name, "url": f"http://{name}.example/redfish/v1", "status": "online"} | values
        return self.store.commit(store.Create(models.PodManager(**values)))[0]

    def zoning(self, pod_manager, *zones, **values):
        """Store and return a zoning."""
        return self.store.commit(store.Create(zoning(pod_manager, *zones, **values)))[0]

    def add(self, pod_manager, zoning, device_type, number=1, **values):
        """Store and return devices that are alike."""
        pairs = [device(pod_manager, zoning, device_type, **values) for _ in range(number)]
        self.load(pairs)
        return [row for _, row in pairs]

    def load(self, pairs):
        """Store devices with their resources, in batches."""
        for first in range(0, len(pairs), BATCH):
            resources, rows = zip(*pairs[first : first + BATCH], strict=True)
            self.store.load(models.Resource, resources)
            self.store.load(models.Device, rows)
