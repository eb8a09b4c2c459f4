# SPDX-License-Identifier: Apache-2.0
"""Commands for hardware, and for the conductors that read it."""

import argparse
import typing

from valence.client import rows
from valence.client.commands import base
from valence.db import models
from valence.db.models import device

SEEN = ("uuid", "name", "health", "state", "power_state", "podm_id")
NARROW = ("uuid", "name", "health", "power_state")
#: what to do where there is no hardware
NO_HARDWARE = "Register a pod manager: {program} pod manager create --help"


class ListResources(base.List):
    """List hardware of all kinds"""

    subject, model = "resources", models.ResourceWithState
    columns = ("uuid", "resource_type", *SEEN[1:])
    narrow = ("uuid", "resource_type", "name")
    empty = NO_HARDWARE
    example = "--property resource_type=Rack"


class ShowResource(base.Show):
    """Show a piece of hardware"""

    subject, has_detail = "resources", True
    example = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class ListSystems(base.List):
    """List systems"""

    subject, model, columns = "systems", models.ResourceWithState, SEEN
    narrow = NARROW
    empty = NO_HARDWARE
    example = "--property health=OK --sort name -f json"


class ShowSystem(base.Show):
    """Show a system"""

    subject, has_detail = "systems", True
    example = "'System 1' --detail -f json"


class ListRacks(base.List):
    """List racks"""

    subject, model, columns = "racks", models.ResourceWithState, SEEN
    narrow = NARROW
    empty = NO_HARDWARE
    example = "--long"


class ShowRack(base.Show):
    """Show a rack"""

    subject, has_detail = "racks", True
    example = "'Rack 1'"


class ListDevices(base.List):
    """List what nodes can be made of"""

    subject, model = "devices", models.Device
    columns = ("uuid", "device_type", "state", "size", "model", "node_id")
    narrow = ("uuid", "device_type", "state", "size")
    empty = NO_HARDWARE
    example = "--property state=free --property size=gte:8 --sort size:desc --limit 5"

    def cell(self, row: rows.Row, name: str) -> typing.Any:
        """Return the value of a column; a size has the unit of its type, as far as that is listed, too."""
        return base.Size(row[name], row.get("device_type")) if name == "size" else super().cell(row, name)


class ShowDevice(base.Show):
    """Show a device"""

    subject, has_detail = "devices", True
    example = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11"


class SetDevice(base.Command):
    """Free a device that could not be erased: a dirty one becomes free"""

    subject = "devices"
    example = "5b5c2d6e-3c0f-4ce6-9d1c-0f6e3a2b7c11 --state free"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        base.add_name(parser, self.subject)
        parser.add_argument(
            "--state", required=True, choices=(device.FREE,), help=models.Device.fields["state"].doc
        )

    def take_action(self, parsed: argparse.Namespace) -> None:
        # Without the row: devices have no revision that a change could be compared with.
        self.rows.update(self.rows.find(parsed.name).id, state=parsed.state)


class ListConductors(base.List):
    """List the conductors"""

    subject, model = "conductors", models.Conductor
    columns = tuple(models.Conductor.public_fields())[:4]
    example = "-f yaml"


class ShowConductor(base.Show):
    """Show a conductor"""

    subject = "conductors"
    example = "host-1"
