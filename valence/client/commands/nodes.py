# SPDX-License-Identifier: Apache-2.0
"""Commands for nodes."""

import argparse
import typing

from cliff import lister

from valence.client import rows
from valence.client.commands import base
from valence.client.commands import fields
from valence.db import models
from valence.db.models import flavor
from valence.db.models import node


class ListNodes(base.List):
    """List the nodes of your project"""

    subject, model = "nodes", models.NodeWithState
    columns = ("uuid", "name", "kind", "state", "power_state", "health")
    narrow = ("uuid", "name", "state", "power_state")
    empty = "Compose one, {program} node create --help, or adopt a system, {program} node manage --help"
    example = "--property state=composed --sort name"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--all-projects", action="store_true", help="List those of all projects.")

    def query(self, parsed: argparse.Namespace) -> dict[str, typing.Any]:
        return super().query(parsed) | {"all_projects": parsed.all_projects or None}


class ShowNode(base.Show):
    """Show a node"""

    subject = "nodes"
    example = "web-3"


class SetNode(base.Set):
    """Change the name or the description of a node"""

    subject, model = "nodes", models.Node
    example = "web-3 --description 'from October'"


class _New(base.Wait, base.One):
    """A command that makes a node."""

    subject = "nodes"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)

    def made(self, row: rows.Row, parsed: argparse.Namespace) -> base.Shown:
        """Return a new node, after its operation if that is waited for, else with the operation's UUID."""
        operation = self.rack.operation_of(row)
        if not parsed.wait or operation is None:
            return self.shown(row, operation=operation)
        self.end_of(operation, parsed)
        return self.shown(self.rows.get(row.id))


class CreateNode(_New):
    """Compose a node by requirements, by a flavor, or of named devices; without any of them, any machine"""

    example = """web-4 --properties '{"processor": {"total_cores": 4}}' --wait"""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        fields.add(parser, models.Node, "create")
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--flavor", help="Name or UUID of the flavor that it is made by.")
        way.add_argument(
            "--properties",
            type=fields.document,
            metavar="JSON",
            help="What it needs, as JSON or as @FILE with JSON.",
        )
        way.add_argument(
            "--device", action="append", metavar="UUID", help="Exactly these devices. Repeatable."
        )
        parser.add_argument(
            "--pod-manager", help="Name or UUID of the pod manager that its devices come from."
        )
        parser.add_argument("--zone", metavar="UUID", help="Zone that its devices come from.")
        parser.add_argument("--policy", choices=flavor.POLICIES, help="How devices are chosen.")
        parser.add_argument(
            "--boot",
            choices=node.BOOT_TARGETS,
            metavar="TARGET",
            help=f"Where it boots from the first time: {', '.join(node.BOOT_TARGETS)}.",
        )
        parser.add_argument(
            "--power",
            choices=node.POWER_ACTIONS,
            metavar="ACTION",
            help=f"What to do with its power once it is there: {', '.join(node.POWER_ACTIONS)}.",
        )
        parser.add_argument(
            "--explain",
            action="store_true",
            help="Make nothing; show what would be chosen, or why nothing fits.",
        )
        super().add_arguments(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        values = fields.values(parsed, models.Node) | {
            "flavor_id": parsed.flavor,
            "properties": parsed.properties,
            "resources": parsed.device,
            "podm_id": parsed.pod_manager and self.rack.pod_managers.find(parsed.pod_manager).id,
            "zone_id": parsed.zone,
            "policy": parsed.policy,
            "power": parsed.power,
            "boot": parsed.boot and {"target": parsed.boot},
        }
        given = {name: value for name, value in values.items() if value is not None}
        if parsed.explain:
            return self.shown(self.rack.nodes.explain(**given))
        return self.made(self.rows.create(idempotency_key=parsed.idempotency_key, **given), parsed)


class ManageNode(_New):
    """Adopt a system as it stands as a node, or a node that a pod manager of Intel RSD has"""

    example = "'System 3' --name web-3 --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("system", help="Name or UUID of the system, or of the node of Intel RSD.")
        fields.add(parser, models.Node, "update")
        super().add_arguments(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        values = fields.values(parsed, models.Node)
        machine = self._machine(parsed.system)
        node = self.rack.nodes.manage(machine, idempotency_key=parsed.idempotency_key, **values)
        return self.made(node, parsed)

    def _machine(self, name: str) -> rows.Row:
        """Return the system with a name or UUID, else the resource of the type Node; raise NotFound, Ambiguous."""
        from valence.client import collection  # noqa: PLC0415  --help needs no requests
        from valence.client import errors  # noqa: PLC0415

        try:
            return self.rack.systems.find(name)
        except errors.NotFound:
            named = ("uuid" if collection.is_uuid(name) else "name", f"eq:{name}")
            found = list(self.rack.resources.list(limit=2, filters=[("resource_type", "Node"), named]))
            if not found:
                raise
            if len(found) > 1:
                raise errors.Ambiguous(
                    f"Several nodes of Intel RSD have the name {name}.", hint="Use the UUID of one."
                ) from None
            return found[0]


class DeleteNode(base.Delete):
    """Release nodes: composed ones are taken apart, adopted ones stay as they are"""

    subject, has_force = "nodes", True
    example = "web-3 --erase --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--erase",
            action="store_true",
            help="Erase the storage devices before they are free again, also where the site does not by default.",
        )

    def delete(self, row: rows.Row, parsed: argparse.Namespace) -> rows.Row | None:
        return self.rack.nodes.delete(row, force=parsed.force, erase=parsed.erase)


class PowerNode(base.Operate):
    """Change the power of a node"""

    subject = "nodes"
    example = "web-3 force_off --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument(
            "action",
            choices=node.POWER_ACTIONS,
            metavar="action",
            help=f"What to do: {', '.join(node.POWER_ACTIONS)}.",
        )

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, power=parsed.action)


class BootNode(base.Operate):
    """Choose what a node boots from"""

    subject = "nodes"
    example = "web-3 pxe --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument(
            "target",
            choices=node.BOOT_TARGETS,
            metavar="target",
            help=f"Where it boots from: {', '.join(node.BOOT_TARGETS)}.",
        )
        parser.add_argument(
            "--enabled", choices=node.BOOT_ENABLED, default="once", help="How long; by default once."
        )
        parser.add_argument("--mode", choices=node.BOOT_MODES, help="Firmware interface.")

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        boot = {"target": parsed.target, "enabled": parsed.enabled, "mode": parsed.mode}
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, boot=boot)


class RegisterNode(base.Operate):
    """Register a node in Ironic, which then manages its power and its deployment"""

    subject = "nodes"
    example = "web-3 --resource-class gpu --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument("--driver", help="Hardware type of Ironic; by default redfish.")
        parser.add_argument(
            "--driver-info",
            type=fields.document,
            metavar="JSON",
            help="How Ironic reaches the machine where that differs from the pod manager, as JSON or as @FILE with "
            "JSON. Use a file for passwords.",
        )
        parser.add_argument(
            "--mac",
            action="append",
            metavar="ADDRESS",
            help="MAC address of a port, instead of those of the machine. Repeatable.",
        )
        parser.add_argument("--resource-class", help="Resource class of the node in Ironic.")
        parser.add_argument(
            "--fields",
            type=fields.document,
            metavar="JSON",
            help="Further fields of the node in Ironic, as JSON or as @FILE with JSON.",
        )

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        more = {} if parsed.fields is None else parsed.fields
        if not isinstance(more, dict):
            raise ValueError('--fields must be a JSON object, such as {"owner": "web"}.')
        named = {name: getattr(parsed, name) for name in ("driver", "driver_info", "mac", "resource_class")}
        values = more | {name: value for name, value in named.items() if value is not None}
        return self.rack.nodes.register(parsed.name, idempotency_key=parsed.idempotency_key, **values)


class UnregisterNode(base.Operate):
    """Remove a node from Ironic, so that Valence manages it again"""

    subject = "nodes"
    example = "web-3 --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        return self.rack.nodes.unregister(parsed.name, idempotency_key=parsed.idempotency_key)


class _ChangeDevices(base.Operate):
    """A command that adds a device to a node or removes one."""

    subject = "nodes"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument(
            "--power-off", action="store_true", help="Switch the machine off first; it stays off."
        )

    def change(self, parsed: argparse.Namespace, wanted: dict[str, typing.Any]) -> dict[str, typing.Any]:
        """Return what an action is about, with the options of the command."""
        return wanted | ({"power_off": True} if parsed.power_off else {})


class AttachDevice(_ChangeDevices):
    """Add a device to a composed node"""

    example = """web-3 --properties '{"storage": {"capacity_gib": 100}}' --wait"""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--device", metavar="UUID", help="Exactly this device.")
        way.add_argument(
            "--properties",
            type=fields.document,
            metavar="JSON",
            help="What the device must be, as JSON or as @FILE with JSON.",
        )

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        wanted = {"device_id": parsed.device} if parsed.device else parsed.properties
        if not isinstance(wanted, dict):
            raise ValueError(
                '--properties must be a JSON object, such as {"storage": {"capacity_gib": 100}}.'
            )
        attach = self.change(parsed, wanted)
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, attach=attach)


class DetachDevice(_ChangeDevices):
    """Remove a device from a composed node"""

    example = "web-3 5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11 --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("device", metavar="UUID", help="The device, one of node device list.")
        parser.add_argument(
            "--erase",
            action="store_true",
            help="Erase a storage device before it is free again, also where the site does not by default.",
        )

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        detach = self.change(parsed, {"device_id": parsed.device}) | ({"erase": True} if parsed.erase else {})
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, detach=detach)


class EraseNode(base.Operate):
    """Erase the storage devices of a composed node, or one of them; the machine is switched off and stays off"""

    subject = "nodes"
    example = "web-3 --device 5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11 --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument(
            "--device", metavar="UUID", help="This device only, one of node device list; by default all."
        )

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        erase = {"device_id": parsed.device} if parsed.device else {}
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, erase=erase)


class ListNodeDevices(base.Command, lister.Lister):
    """List the devices that a node has"""

    subject = "nodes"
    columns = ("device_id", "part", "state", "device_type", "model", "identity", "error")
    narrow = ("device_id", "part", "state")
    example = "web-3"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        base.add_name(parser, self.subject)
        parser.add_argument("--long", action="store_true", help="Show all fields.")

    def take_action(self, parsed: argparse.Namespace) -> base.Listed:
        columns = self.narrow if base.is_narrow(self.app.stdout, parsed) else self.columns
        return base.listed(parsed, columns, list(self.rack.nodes.devices(parsed.name)))
