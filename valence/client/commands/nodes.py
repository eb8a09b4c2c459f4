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
        parser.add_argument("--boot", choices=node.BOOT_TARGETS, help="Where it boots from the first time.")
        parser.add_argument(
            "--power", choices=node.POWER_ACTIONS, help="What to do with its power once it is there."
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
    """Adopt a system as it stands as a node"""

    example = "'System 3' --name web-3 --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("system", help="Name or UUID of the system.")
        fields.add(parser, models.Node, "update")
        super().add_arguments(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        values = fields.values(parsed, models.Node)
        system = self.rack.systems.find(parsed.system)
        node = self.rack.nodes.manage(system, idempotency_key=parsed.idempotency_key, **values)
        return self.made(node, parsed)


class DeleteNode(base.Delete):
    """Release nodes: composed ones are taken apart, adopted ones stay as they are"""

    subject, has_force = "nodes", True
    example = "web-3 --wait"


class PowerNode(base.Operate):
    """Change the power of a node"""

    subject = "nodes"
    example = "web-3 force_off --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument("action", choices=node.POWER_ACTIONS, help="What to do.")

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, power=parsed.action)


class BootNode(base.Operate):
    """Choose what a node boots from"""

    subject = "nodes"
    example = "web-3 pxe --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        base.add_key(parser)
        parser.add_argument("target", choices=node.BOOT_TARGETS, help="Where it boots from.")
        parser.add_argument(
            "--enabled", choices=node.BOOT_ENABLED, default="once", help="How long; by default once."
        )
        parser.add_argument("--mode", choices=node.BOOT_MODES, help="Firmware interface.")

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        boot = {"target": parsed.target, "enabled": parsed.enabled, "mode": parsed.mode}
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, boot=boot)


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

    def start(self, parsed: argparse.Namespace) -> rows.Row:
        detach = self.change(parsed, {"device_id": parsed.device})
        return self.rack.nodes.act(parsed.name, idempotency_key=parsed.idempotency_key, detach=detach)


class ListNodeDevices(base.Command, lister.Lister):
    """List the devices that a node has"""

    subject = "nodes"
    example = "web-3"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        base.add_name(parser, self.subject)

    def take_action(self, parsed: argparse.Namespace) -> base.Listed:
        names = tuple(models.NodeDevice.public_fields())
        found = self.rack.nodes.devices(parsed.name)
        return names, (tuple(base.shown(row.get(name)) for name in names) for row in found)
