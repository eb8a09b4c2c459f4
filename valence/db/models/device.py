# SPDX-License-Identifier: Apache-2.0
"""Devices: what a node can be made of, as the last whole synchronization saw it. The details are never copied.

Both tables can be emptied at any time: the next whole synchronization fills them again.
"""

from valence.db import types
from valence.db.models import base
from valence.db.models import pod_manager
from valence.db.models import resource

DEVICE_TYPES = ("Compute", "Memory", "Storage", "Network", "Accelerator", "System")
#: a device that is not free is selected for no new node
FREE, IN_USE, RESERVED, UNHEALTHY, UNAVAILABLE, DIRTY = DEVICE_STATES = (
    "free", "in_use", "reserved", "unhealthy", "unavailable", "dirty",
)  # fmt: skip
#: what the reason of a device begins with that was not erased
UNERASED = "It was not erased after node "
#: ways in which a pod manager composes; devices of a zoning whose method is NONE are used alone, as they are
METHODS = ("blocks", "constrained", "manifest", "expand", "allocate", "none")
NONE = "none"

_STRINGS = {"type": "string"}


def _count(doc: str) -> types.Integer:
    return types.Integer(doc, min=0, default=0, write="never")


class Device(base.ModelBase):
    """A resource that becomes part of a node as a whole: a block, a pooled drive, or a system.

    Synchronizations write what the pod manager says. Claims alone write ``node_id`` and ``full``.
    """

    path = "devices"
    version = "1.1"
    fields = {
        "uuid": types.Reference("The resource.", resource.Resource, on_delete="cascade", key=True),
        "podm_id": types.Reference(
            "Its pod manager.", pod_manager.PodManager, on_delete="cascade", write="never"
        ),
        "device_type": types.Choice("What it contributes to a node.", DEVICE_TYPES, write="never"),
        "state": types.Choice(
            "Whether a node can get it; only free devices are selected.", DEVICE_STATES, example=FREE
        ),
        "reason": types.Text("Why it is not free.", default=None, write="never"),
        "node_id": types.Text(
            "The node that has it; one of them if it is shared.",
            max=36,
            default=None,
            write="never",
            index=True,
        ),
        "full": types.Boolean("Whether nodes have claimed all its slots.", default=False, write="never"),
        "slots": types.Integer("Nodes that can share it.", min=1, default=1, write="never"),
        "consumers": _count("Systems that use it, as the pod manager says."),
        "size": _count("The measure that leads for its type: cores, MiB, GiB, Mbps or accelerators."),
        "cores": _count("Cores of its CPUs."),
        "memory_mib": _count("Memory in MiB."),
        "storage_gib": _count("Capacity of its drives in GiB."),
        "accelerators": _count("Processors that are not CPUs."),
        "speed_mbps": _count("Speed of its fastest network interface in Mbps."),
        "model": types.Text("Model of the parts that lead for its type.", default=None, write="never"),
        "architecture": types.Text(
            "Instruction set of its CPUs, or ProcessorType of its accelerators.",
            max=64,
            default=None,
            write="never",
            example="x86-64",
        ),
        "media": types.Text("Media type of its drives.", max=32, default=None, write="never", example="SSD"),
        "zones": types.JSON(
            "UUIDs of the resource zones that it is in.",
            json_type="array",
            items=_STRINGS,
            default=[],
            write="never",
        ),
        "zoning": types.Text("Which devices it can be combined with.", max=80, default="", write="never"),
    }
    indexes = (
        ("device_type", "state", "full", "size", "uuid"),
        ("zoning", "device_type", "state", "full", "size", "uuid"),
        # Models are few: a selection goes from one to the next, and counts the devices of those that were asked for.
        ("device_type", "model", "state", "full", "size", "uuid"),
    )


class Zoning(base.ModelBase):
    """A set of resource zones that devices are in, and how their pod manager combines the devices."""

    path = "zonings"
    fields = {
        "id": types.Text("UUID of the pod manager, a slash, and a digest of the zones.", max=80, key=True),
        "podm_id": types.Reference(
            "Its pod manager.", pod_manager.PodManager, on_delete="cascade", write="never"
        ),
        "zones": types.JSON(
            "UUIDs of the zones; devices can be combined if they have one in common. Empty where there are none.",
            json_type="array",
            items=_STRINGS,
            default=[],
            write="never",
        ),
        "method": types.Choice("How its pod manager composes.", METHODS, default=NONE, write="never"),
        "limits": types.JSON(
            "ResourceBlockLimits of Redfish that all its zones keep, such as MaxStorage.",
            default={},
            write="never",
        ),
    }
