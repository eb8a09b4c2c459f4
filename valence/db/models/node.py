# SPDX-License-Identifier: Apache-2.0
"""Nodes: machines that projects have, and the claims that say which hardware belongs to which node."""

from valence.db import types
from valence.db.models import base
from valence.db.models import pod_manager

#: states of a node; ``error`` says why in the field of that name
COMPOSING, COMPOSED, CHANGING, DECOMPOSING, ERROR = STATES = (
    "composing",
    "composed",
    "changing",
    "decomposing",
    "error",
)
#: most characters of ``error``
ERROR_LENGTH = 1024
#: what the error of a failed claim begins with whose device the node's machine has lost
LOST = "The machine of its node does not have it any more"
#: kinds of nodes: made of blocks, allocated by the pod manager, or a system as it stands
KINDS = ("composed", "allocated", "system")
#: what a machine can be asked to do with its power: Redfish's ResetType, in snake case
POWER_ACTIONS = (
    "on",
    "force_off",
    "graceful_shutdown",
    "graceful_restart",
    "force_restart",
    "nmi",
    "force_on",
    "push_power_button",
    "power_cycle",
    "suspend",
    "pause",
    "resume",
    "full_power_cycle",
)
#: what a machine can be asked to boot from: Redfish's BootSource, in snake case, and "disk" for its Hdd
BOOT_TARGETS = (
    "none",
    "pxe",
    "disk",
    "cd",
    "usb",
    "bios_setup",
    "uefi_http",
    "uefi_target",
    "uefi_shell",
    "uefi_boot_next",
    "remote_drive",
    "sd_card",
    "floppy",
    "diags",
    "utilities",
)
#: how long a machine boots from that: the next time, each time, not any more
BOOT_ENABLED = ("once", "continuous", "disabled")
BOOT_MODES = ("uefi", "legacy")


class Node(base.ModelBaseWithTimestamp):
    """A machine that a project has."""

    path = "nodes"
    version = "1.1"
    fields = {
        "uuid": types.UUID("Identifier.", key=True),
        "name": types.Text("Name; several nodes may have the same.", min=1, index=True, example="web-3"),
        "description": types.Text("What its owner wants to remember of it.", max=1024, default=""),
        "project_id": types.Text(
            "Project that has it; empty without authentication.", max=64, default="", write="never"
        ),
        "podm_id": types.Reference(
            "Its pod manager.", pod_manager.PodManager, on_delete="restrict", write="never"
        ),
        "kind": types.Choice(
            "Whether it was composed of blocks, allocated by its pod manager, or is a system as it stands.",
            KINDS,
            default="composed",
            write="never",
        ),
        "state": types.Choice("Where it stands.", STATES, default=COMPOSING, write="never", index=True),
        "goal": types.Choice(
            "Whether it is wanted, or being taken apart.",
            ["present", "absent"],
            default="present",
            write="never",
            index=True,
        ),
        "error": types.Text(
            "Why its state is error, or which of its devices have failed.",
            max=1024,
            default=None,
            write="never",
        ),
        "requirements": types.JSON("What it was requested with.", default={}, write="never"),
        "flavor_id": types.Text(
            "Flavor it was requested with; the flavor may be gone.",
            max=36,
            format="uuid",
            default=None,
            write="never",
        ),
        "resource_url": types.Text(
            "Path of its system on the pod manager; null until there is one.",
            max=500,
            default=None,
            write="never",
        ),
        "managed_by": types.Text(
            "Service that manages it now, such as ironic.", max=64, default=None, write="never"
        ),
        "power_seen": types.Text(
            "PowerState that the last operation on its machine saw; it is shown until the inventory has the machine.",
            max=32,
            default=None,
            write="never",
            public=False,
        ),
        "handle": types.JSON(
            "What is under way on the hardware, for the conductor that continues it.",
            default={},
            write="never",
            public=False,
        ),
    }
    indexes = (("project_id", "uuid"), ("podm_id", "resource_url"))


class Claim(base.ModelBase):
    """The right of a node to a device. Its key is unique, so that two nodes cannot have the same slot."""

    path = "claims"
    version = "1.1"
    fields = {
        "id": types.Text("<uuid of the device>/<slot>; slots are counted from 1.", max=48, key=True),
        "node_id": types.Reference("The node.", Node, on_delete="cascade", write="never"),
        "device_id": types.Text(
            "The device: uuid of a resource, which may be gone.",
            max=36,
            format="uuid",
            write="never",
            index=True,
        ),
        "podm_id": types.Text("Its pod manager.", max=36, format="uuid", write="never", index=True),
        "part": types.Text("What it is for.", max=64, write="never", example="storage/0"),
        "state": types.Choice(
            "Where it stands.",
            ["claimed", "attaching", "attached", "detaching", "failed"],
            default="claimed",
            write="never",
        ),
        "error": types.Text(
            "Why its state is failed, or why its removal has to be tried again.",
            max=1024,
            default=None,
            write="never",
        ),
        "counted": types.JSON(
            "What the device counts for in the quota of the project: the measures that it had when it was claimed. "
            "Null where an older version claimed it, and where it was not known: then its present ones count.",
            default=None,
            write="never",
            example={"cores": 0, "memory_mib": 0, "storage_gib": 0, "accelerators": 1},
        ),
    }
    indexes = (("node_id", "id"),)


class NodeWithState(base.ModelBase):
    """A node with the state of its system as the last synchronization saw it; the form in which clients see nodes."""

    path = "nodes"
    kind = "node"
    version = "1.1"
    unfiltered = frozenset(("resource_id", "power_state", "health"))
    fields = Node.fields | {
        "resource_id": types.UUID("Its system among the resources.", default=None, write="never"),
        "power_state": types.Text(
            "PowerState of Redfish.", max=32, default=None, write="never", example="On"
        ),
        "health": types.Text("Status.Health of Redfish.", max=32, default=None, write="never", example="OK"),
    }


class NodeDevice(base.ModelBase):
    """A claim of a node with what its device is; the form in which clients see the devices of a node."""

    path = "node_devices"
    version = "1.2"
    fields = Claim.fields | {
        "device_type": types.Text(
            "What it contributes; null once the device is gone.", max=32, default=None, write="never"
        ),
        "model": types.Text("Model of the device.", default=None, write="never"),
        "identity": types.Text(
            "Redfish UUID or serial number, by which an operating system may find it; of a resource block that of its "
            "only part, null if it has several.",
            default=None,
            write="never",
        ),
        "parts": types.JSON(
            "What a resource block consists of: resource_id, resource_type, name and identity of each part.",
            default=[],
            write="never",
        ),
    }
