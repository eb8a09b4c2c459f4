# SPDX-License-Identifier: Apache-2.0
"""Commands for introspections."""

import argparse
import typing

from cliff import lister

from valence.client import rows
from valence.client.commands import base
from valence.client.commands import fields
from valence.db.models import introspection

COLUMNS = ("uuid", "state", "error", "started_at", "finished_at")


class ListIntrospections(base.Command, lister.Lister):
    """List introspections, the latest first"""

    example = "--state waiting --state processing --limit 10"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--long", action="store_true", help="Show all fields.")
        parser.add_argument(
            "--state",
            action="append",
            choices=introspection.STATES,
            default=[],
            metavar="STATE",
            help=f"Show only those in this state: {', '.join(introspection.STATES)}. Repeatable.",
        )
        parser.add_argument("--limit", type=fields.positive, metavar="N", help="Most rows to show.")
        parser.add_argument("--marker", metavar="UUID", help="Begin after this machine.")

    def take_action(self, parsed: argparse.Namespace) -> base.Listed:
        found = self.rack.introspections.list(state=parsed.state, limit=parsed.limit, marker=parsed.marker)
        return base.listed(parsed, COLUMNS, [*found])


class _OfMachine(base.Command):
    """A command about the introspection of one machine."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("machine", help="Name or UUID of the machine: a resource of type System or Node.")
        super().add_arguments(parser)


class ShowIntrospection(_OfMachine, base.One):
    """Show the last introspection of a machine"""

    example = "'System 1'"

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        return self.shown(self.rack.introspections.get(parsed.machine))


class StartIntrospection(_OfMachine, base.One):
    """Start the introspection of a machine"""

    example = "'System 1' --source redfish --wait"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--source",
            choices=("ramdisk", "redfish"),
            default="ramdisk",
            help="Who looks into the machine: a ramdisk that it boots, the default, or its pod manager.",
        )
        parser.add_argument(
            "--no-manage-boot",
            action="store_false",
            dest="manage_boot",
            help="Boot nothing: you boot the ramdisk.",
        )
        parser.add_argument("--wait", action="store_true", help="Wait until the introspection has ended.")
        base.add_timeout(parser)

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        introspections = self.rack.introspections
        token = introspections.start(parsed.machine, manage_boot=parsed.manage_boot, source=parsed.source)
        if token:
            # The ramdisk needs it while the command waits, and what follows may fail.
            self.app.stderr.write(f"token: {token}\n")
            self.app.stderr.flush()
        row = introspections.get(parsed.machine)
        if parsed.wait:
            with base.steps(self.app.stderr, _line) as told:
                row = introspections.wait(parsed.machine, timeout=parsed.timeout, progress=told)
        return self.shown(row, token=token)


class AbortIntrospection(_OfMachine):
    """End the introspection of a machine before its time"""

    example = "'System 1'"

    def take_action(self, parsed: argparse.Namespace) -> None:
        self.rack.introspections.abort(parsed.machine)


class ShowIntrospectionData(_OfMachine, base.One):
    """Show the document that the introspection of a machine made"""

    example = "'System 1' -f json"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--unprocessed", action="store_true", help="Show what the ramdisk sent, before hooks and rules."
        )
        parser.add_argument(
            "--document-version",
            type=fields.positive,
            metavar="N",
            help="An earlier version; by default the newest.",
        )

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        document: dict[str, typing.Any] = self.rack.introspections.data(
            parsed.machine, unprocessed=parsed.unprocessed, version=parsed.document_version
        )
        return self.shown(document)


def _line(row: rows.Row) -> str:
    return f"introspection: {row['state']}"
