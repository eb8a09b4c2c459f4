# SPDX-License-Identifier: Apache-2.0
"""Commands for flavors, and for quotas: what projects may have, and what they have."""

import abc
import argparse
import typing

from valence.client.commands import base
from valence.client.commands import fields
from valence.db import models
from valence.db.models import quota


class ListFlavors(base.List):
    """List flavors"""

    subject, model = "flavors", models.Flavor
    columns = ("uuid", "name", "properties", "policy")
    narrow = ("uuid", "name", "policy")
    empty = "Create one: {program} flavor create --help"
    example = "--sort name"


class ShowFlavor(base.Show):
    """Show a flavor"""

    subject = "flavors"
    example = "large"


class CreateFlavor(base.Create):
    """Create a flavor"""

    subject, model = "flavors", models.Flavor
    example = """large --properties '{"processor": {"total_cores": 8}}' --policy pack"""


class SetFlavor(base.Set):
    """Change a flavor; no node changes"""

    subject, model = "flavors", models.Flavor
    example = "large --description 'for databases'"


class UnsetFlavor(base.Unset):
    """Set fields of a flavor back to their defaults"""

    subject, model = "flavors", models.Flavor
    example = "large --policy"


class DeleteFlavor(base.Delete):
    """Remove flavors; no node changes"""

    subject = "flavors"
    example = "large"


class ListQuotas(base.List):
    """List the quotas of projects that have limits of their own"""

    subject, model = "quotas", models.QuotaWithUse
    columns = ("project_id", "effective_limits", "used")
    example = "-f json"


class ShowQuota(base.One):
    """Show what a project may have, and what it has"""

    subject = "quotas"
    example = "demo -f json"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "project", nargs="?", help="ID of the project; by default the one that you sign in to."
        )

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        own = None if parsed.project else self.rack.project_id()
        return self.shown(self.rows.get(parsed.project or quota.key_of(own or "")))


class _Change(base.One):
    """A command that changes limits of a project."""

    subject = "quotas"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "project", help="ID of the project; - is that of requests without authentication."
        )

    @abc.abstractmethod
    def limits(self, parsed: argparse.Namespace) -> dict[str, int | None]:
        """Return the limits to change."""

    def take_action(self, parsed: argparse.Namespace) -> base.Shown:
        limits: dict[str, typing.Any] = {**self.limits(parsed)}
        if not limits:
            raise ValueError("Nothing to change: name at least one limit.")
        return self.shown(self.rows.update(parsed.project, **limits))


class SetQuota(_Change):
    """Set limits of a project; what it has already stays, also above a limit"""

    example = "demo --nodes 10 --accelerators 4 --cores -1"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        for name, field in quota.Limits.fields.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(
                option, type=_limit, default=argparse.SUPPRESS, metavar=name.upper(), help=field.doc
            )

    def limits(self, parsed: argparse.Namespace) -> dict[str, int | None]:
        return {name: getattr(parsed, name) for name in quota.RESOURCES if hasattr(parsed, name)}


class UnsetQuota(_Change):
    """Let the limits of the site apply to a project again"""

    example = "demo --nodes"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        fields.add_flags(parser, quota.Limits)

    def limits(self, parsed: argparse.Namespace) -> dict[str, int | None]:
        return {name: None for name in quota.RESOURCES if getattr(parsed, name)}


def _limit(text: str) -> int | None:
    """Return a limit, None for null."""
    try:
        return None if text == "null" else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor null.") from None
