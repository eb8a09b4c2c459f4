# SPDX-License-Identifier: Apache-2.0
"""Resources: one table of pointers to whatever pod managers hold, and beside it what change detection needs."""

from valence.db import types
from valence.db.models import base
from valence.db.models import pod_manager

RESOURCE_TYPES = (
    "System", "Chassis", "Rack", "Manager", "Processor", "Memory", "Storage", "Drive", "NVMe", "Volume",
    "Ethernet Interface", "Network Adapter", "Port", "Ethernet Port", "PCIe Device", "Fabric", "Switch",
    "Storage Service", "Resource Block", "Zone", "Node", "Power Supply", "StorageController", "PCIeFunction",
    "NetworkDeviceFunction", "FabricAdapter", "Endpoint", "MemoryChunks", "PowerDistribution", "PowerShelf", "Outlet",
    "CoolingUnit", "Pump", "Fan", "Battery", "Sensor",
)  # fmt: skip


class Resource(base.ModelBase):
    """A piece of hardware, and where its pod manager tells of it. Details are never copied."""

    version = "1.1"
    path = "resources"
    fields = {
        "uuid": types.UUID("Identifier; it stays when the resource moves.", key=True),
        "podm_id": types.Reference(
            "Its pod manager.", pod_manager.PodManager, on_delete="cascade", write="never"
        ),
        "resource_url": types.Text("Path on the pod manager.", max=500, write="never", index=True),
        "resource_type": types.Choice("What it is.", RESOURCE_TYPES, write="never", index=True),
    }
    indexes = (("podm_id", "uuid"), ("podm_id", "resource_url"), ("resource_type", "uuid"))


class ResourceState(base.ModelBase):
    """What was last seen of a resource; it can be thrown away, the next synchronization makes it again."""

    version = "1.1"
    path = "resource_states"
    fields = {
        "uuid": types.Reference("The resource.", Resource, on_delete="cascade", key=True),
        "name": types.Text("Name that the pod manager gives.", default=None, write="never", index=True),
        "health": types.Text(
            "Status.Health of Redfish.", max=32, default=None, write="never", index=True, example="OK"
        ),
        "state": types.Text(
            "Status.State of Redfish.", max=32, default=None, write="never", index=True, example="Enabled"
        ),
        "power_state": types.Text(
            "PowerState of Redfish.", max=32, default=None, write="never", index=True, example="On"
        ),
        "identity": types.Text(
            "Redfish UUID or serial number, by which a moved resource is known again.",
            default=None,
            write="never",
            public=False,
        ),
        "parent": types.Text(
            "URL of the resource that led to it; empty for the service root.",
            max=500,
            default=None,
            write="never",
            public=False,
        ),
        "etag": types.Text("ETag of the document last read.", default=None, write="never", public=False),
    }
    #: nodes are found by what an operating system calls its machine
    indexes = (("identity", "uuid"),)


class RemovedResource(base.ModelBase):
    """A resource that was removed lately: if it comes back, it gets its identifier again.

    One whose device was to be erased and was not is kept until its device is there again.
    """

    version = "1.1"
    path = "removed_resources"
    fields = {
        "uuid": types.UUID("Identifier that the resource had.", key=True),
        "podm_id": types.Reference(
            "Its pod manager.", pod_manager.PodManager, on_delete="cascade", write="never"
        ),
        "resource_url": types.Text("Path on the pod manager.", max=500, write="never"),
        "resource_type": types.Choice("What it was.", RESOURCE_TYPES, write="never"),
        "identity": types.Text("Redfish UUID or serial number.", default=None, write="never", public=False),
        "removed_at": types.DateTime("When it was removed.", write="never"),
        "unerased": types.Text(
            "The reason of its device that was dirty, null where it was not.",
            default=None,
            write="never",
            public=False,
        ),
    }
    indexes = (("podm_id", "uuid"),)


class ResourceWithState(base.ModelBase):
    """A resource with what was last seen of it, as the API shows it."""

    version = "1.1"
    path = "resources"
    joins = (Resource, ResourceState)
    fields = Resource.fields | {name: field for name, field in ResourceState.fields.items() if name != "uuid"}
